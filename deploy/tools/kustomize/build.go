package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// build is one kustomization of the parent's tree as YAML, or the problem it has.
func build(w *wire, directory string, request []byte) (yaml []byte, problem *Problem) {
	// kustomize panics on some invalid objects; a bad manifest must not end the process.
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case abort:
			yaml, problem = nil, &cause.problem
		default:
			yaml, problem = nil, &Problem{Cause: "build", Message: fmt.Sprintf("kustomize panicked: %v", cause)}
		}
	}()
	var options Options
	if err := json.Unmarshal(request, &options); err != nil {
		return nil, &Problem{Cause: "build", Message: fmt.Sprintf("the options cannot be read: %v", err)}
	}
	t := newTree(w)
	root := clean(directory)
	switch t.look(root).kind {
	case "missing":
		return nil, &Problem{Cause: "path", Message: fmt.Sprintf("kustomization path not found: %s: no such directory in the source", directory)}
	case "file":
		return nil, &Problem{Cause: "path", Message: fmt.Sprintf("kustomization path not found: %s is a file, not a directory", directory)}
	}
	root = t.look(root).path
	if err := t.prepare(root, options); err != nil {
		result := t.problemIn(err)
		return nil, &result
	}
	resources, err := run(t, root)
	if err == nil {
		if err = setCommonMetadata(resources, options); err == nil {
			yaml, err = resources.AsYaml()
		}
	}
	if err != nil {
		result := t.problemIn(err)
		return nil, &result
	}
	return yaml, nil
}

func run(fileSystem filesys.FileSystem, root string) (resmap.ResMap, error) {
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(fileSystem, root)
}

func setCommonMetadata(resources resmap.ResMap, options Options) error {
	for _, resource := range resources.Resources() {
		if set := options.CommonMetadata.Labels; len(set) > 0 {
			labels := resource.GetLabels()
			maps.Copy(labels, set)
			if err := resource.SetLabels(labels); err != nil {
				return err
			}
		}
		if set := options.CommonMetadata.Annotations; len(set) > 0 {
			annotations := resource.GetAnnotations()
			maps.Copy(annotations, set)
			if err := resource.SetAnnotations(annotations); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	malformedIn = regexp.MustCompile(`in File: (\S+)`)
	resourceAt  = regexp.MustCompile(`accumulating resources from '([^']+)'`)
	lineAt      = regexp.MustCompile(`\bline (\d+)`)
	// kustomize tries a file that it cannot use as a directory too, and says so at length.
	triedAsDirectory = regexp.MustCompile(`accumulation err='(accumulating resources from '[^']+': .+?)': must build at directory: .*`)
)

// problemIn finds file and line in kustomize's words.
func (t *tree) problemIn(err error) Problem {
	text := triedAsDirectory.ReplaceAllString(strings.TrimSpace(err.Error()), "$1")
	resources := resourceAt.FindAllStringSubmatch(text, -1)
	if strings.Contains(text, "no 'git' program on path") && resources != nil {
		return remoteProblem(resources[len(resources)-1][1], "")
	}
	result := Problem{Cause: "build", Message: text, Line: lineIn(text)}
	if match := malformedIn.FindStringSubmatch(text); match != nil {
		result.File = t.lastLookedAt(match[1])
	} else if resources != nil {
		result.File = t.lastLookedAt(resources[len(resources)-1][1])
	}
	return result
}

func lineIn(text string) int {
	line := 0
	if match := lineAt.FindStringSubmatch(text); match != nil {
		line, _ = strconv.Atoi(match[1])
	}
	return line
}

// lastLookedAt is the path in the tree that kustomize names relative to some directory; empty when it is a directory.
func (t *tree) lastLookedAt(relative string) string {
	suffix := clean(relative)
	for i := len(t.order) - 1; i >= 0; i-- {
		if name := t.order[i]; name == suffix || strings.HasSuffix(name, suffix) {
			if t.looked[name].kind == "directory" {
				return ""
			}
			return strings.TrimPrefix(name, "/")
		}
	}
	return ""
}

// warmUp parses the schemas of Kubernetes, which takes a quarter of a second, before the first build asks for them.
func warmUp() {
	memory := filesys.MakeFsInMemory()
	const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
	_ = memory.WriteFile("/cm.yaml", []byte(manifest))
	_ = memory.WriteFile("/kustomization.yaml", []byte("resources: [cm.yaml]\npatches:\n- patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}}'\n"))
	_, _ = run(memory, "/")
}
