package main

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// Options are those of a Flux Kustomization that change what is built.
type Options struct {
	TargetNamespace string `json:"targetNamespace"`
	NamePrefix      string `json:"namePrefix"`
	NameSuffix      string `json:"nameSuffix"`
	CommonMetadata  struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"commonMetadata"`
	Patches []struct {
		Patch  string  `json:"patch"`
		Target *Target `json:"target"`
	} `json:"patches"`
	Images []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
		Digest  string `json:"digest"`
	} `json:"images"`
	Components []string `json:"components"`
}

// Target selects the objects of a patch.
type Target struct {
	Group              string `json:"group"`
	Version            string `json:"version"`
	Kind               string `json:"kind"`
	Name               string `json:"name"`
	Namespace          string `json:"namespace"`
	LabelSelector      string `json:"labelSelector"`
	AnnotationSelector string `json:"annotationSelector"`
}

// prepare lays the kustomization file of `directory` over the tree: the one that is there, or one that names all
// manifests below, with the options merged into it. The rules are those of Flux.
func (t *tree) prepare(directory string, options Options) error {
	name, kustomization, err := t.kustomizationOf(directory)
	if err != nil {
		return err
	}
	if err := merge(&kustomization, options); err != nil {
		return err
	}
	content, err := yaml.Marshal(kustomization)
	if err != nil {
		return err
	}
	t.made[name] = content
	return nil
}

func (t *tree) kustomizationOf(directory string) (string, types.Kustomization, error) {
	kustomization := types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}}
	if name := t.kustomizationFile(directory); name != "" {
		content, err := t.ReadFile(name)
		if err == nil {
			err = yaml.Unmarshal(content, &kustomization)
		}
		if err != nil {
			panic(abort{Problem{Cause: "build", Message: err.Error(), File: strings.TrimPrefix(name, "/"), Line: lineIn(err.Error())}})
		}
		return name, kustomization, nil
	}
	resources, err := t.manifestsBelow(directory)
	if err != nil {
		return "", kustomization, err
	}
	kustomization.Resources = resources
	if len(resources) == 0 {
		// kustomize refuses a file that says nothing; an empty directory is a valid, empty result.
		kustomization.Namespace = "_placeholder"
	}
	return path.Join(directory, konfig.DefaultKustomizationFileName()), kustomization, nil
}

func (t *tree) kustomizationFile(directory string) string {
	for _, known := range konfig.RecognizedKustomizationFileNames() {
		if name := path.Join(directory, known); t.look(name).kind == "file" {
			return name
		}
	}
	return ""
}

// manifestsBelow are the YAML files below a directory, and in their place the directories that have a kustomization file of their own.
func (t *tree) manifestsBelow(directory string) ([]string, error) {
	var resources []string
	add := func(name string) {
		resources = append(resources, "./"+strings.TrimPrefix(strings.TrimPrefix(name, directory), "/"))
	}
	err := t.Walk(directory, func(name string, info fs.FileInfo, err error) error {
		switch {
		case err != nil || name == directory:
			return err
		case info.IsDir():
			if t.kustomizationFile(name) == "" {
				return nil
			}
			add(name)
			return filepath.SkipDir
		case (path.Ext(name) == ".yaml" || path.Ext(name) == ".yml") && t.look(name).kind != "directory":
			add(name)
		}
		return nil
	})
	return resources, err
}

func merge(k *types.Kustomization, options Options) error {
	if options.TargetNamespace != "" {
		k.Namespace = options.TargetNamespace
	}
	if options.NamePrefix != "" {
		k.NamePrefix = options.NamePrefix
	}
	if options.NameSuffix != "" {
		k.NameSuffix = options.NameSuffix
	}
	for _, patch := range options.Patches {
		k.Patches = append(k.Patches, types.Patch{Patch: patch.Patch, Target: patch.Target.selector()})
	}
	mergeImages(k, options)
	for _, component := range options.Components {
		if path.IsAbs(component) || remote.MatchString(component) {
			return fmt.Errorf("component path %q must be local and relative", withoutUser(component))
		}
		k.Components = append(k.Components, component)
	}
	return nil
}

func mergeImages(k *types.Kustomization, options Options) {
next:
	for _, image := range options.Images {
		for i := range k.Images {
			if k.Images[i].Name != image.Name {
				continue
			}
			if image.NewName != "" {
				k.Images[i].NewName = image.NewName
			}
			// Tag and digest say the same thing in two ways, so they are replaced together.
			if image.NewTag != "" || image.Digest != "" {
				k.Images[i].NewTag, k.Images[i].Digest = image.NewTag, image.Digest
			}
			continue next
		}
		k.Images = append(k.Images, types.Image{Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest})
	}
}

func (t *Target) selector() *types.Selector {
	if t == nil {
		return nil
	}
	return &types.Selector{
		ResId: resid.ResId{
			Gvk:       resid.Gvk{Group: t.Group, Version: t.Version, Kind: t.Kind},
			Name:      t.Name,
			Namespace: t.Namespace,
		},
		LabelSelector:      t.LabelSelector,
		AnnotationSelector: t.AnnotationSelector,
	}
}
