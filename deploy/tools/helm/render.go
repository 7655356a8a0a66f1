package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/postrenderer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Pass is one kustomization over what was rendered.
type Pass struct {
	Patches []Patch       `json:"patches"`
	Images  []types.Image `json:"images"`
}

type Patch struct {
	Patch  string          `json:"patch"`
	Target *types.Selector `json:"target"`
}

// rendererOf is the post-renderer of a request: the passes in their order, then the origin, then the common metadata.
func rendererOf(request *PostRender) postrenderer.PostRenderer {
	if request == nil {
		return nil
	}
	return renderer{*request}
}

type renderer struct {
	PostRender
}

func (r renderer) Run(rendered *bytes.Buffer) (result *bytes.Buffer, err error) {
	// kustomize panics on some invalid objects.
	defer func() {
		if cause := recover(); cause != nil {
			result, err = nil, fmt.Errorf("kustomize panicked: %v", cause)
		}
	}()
	text := rendered.Bytes()
	for _, pass := range r.Kustomize {
		if text, err = kustomize(text, pass); err != nil {
			return nil, err
		}
	}
	nodes, err := kio.ParseAll(string(text))
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		if err := r.mark(node); err != nil {
			return nil, err
		}
	}
	all, err := kio.StringAll(nodes)
	return bytes.NewBufferString(all), err
}

// kustomize runs one pass, in memory. Helm's output is its only file.
func kustomize(text []byte, pass Pass) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return text, nil
	}
	const input = "rendered.yaml"
	kustomization := types.Kustomization{
		TypeMeta:  types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
		Resources: []string{input},
		Images:    pass.Images,
	}
	for _, patch := range pass.Patches {
		kustomization.Patches = append(kustomization.Patches, types.Patch{Patch: patch.Patch, Target: patch.Target})
	}
	file, err := json.Marshal(kustomization)
	if err != nil {
		return nil, err
	}
	memory := filesys.MakeFsInMemory()
	if err := memory.WriteFile(input, text); err != nil {
		return nil, err
	}
	if err := memory.WriteFile("kustomization.yaml", file); err != nil {
		return nil, err
	}
	options := &krusty.Options{LoadRestrictions: types.LoadRestrictionsRootOnly, PluginConfig: types.DisabledPluginConfig()}
	built, err := krusty.MakeKustomizer(options).Run(memory, ".")
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}

func (r renderer) mark(node *yaml.RNode) error {
	if items := node.Field("items"); items != nil && strings.HasSuffix(node.GetKind(), "List") {
		return items.Value.VisitElements(r.mark)
	}
	if node.IsNilOrEmpty() {
		return nil
	}
	for _, labels := range []map[string]string{r.OriginLabels, r.CommonMetadata.Labels} {
		for key, value := range labels {
			if err := node.PipeE(yaml.SetLabel(key, value)); err != nil {
				return err
			}
		}
	}
	for key, value := range r.CommonMetadata.Annotations {
		if err := node.PipeE(yaml.SetAnnotation(key, value)); err != nil {
			return err
		}
	}
	return nil
}
