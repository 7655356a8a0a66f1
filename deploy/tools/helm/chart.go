package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v6"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// input is what the templates see. Helm changes charts and values as it goes, so each use reads its own.
type input struct {
	archive []byte
	version string
	raw     []byte
}

func readInput(request Request) (*input, error) {
	archive, err := os.ReadFile(request.Chart.Path)
	if err != nil {
		return nil, errors.New("the chart's archive cannot be read")
	}
	return &input{archive, request.Chart.Version, request.Values}, nil
}

func (i *input) chart() (*chart.Chart, error) {
	loaded, err := loader.LoadArchive(bytes.NewReader(i.archive))
	if err != nil {
		return nil, fmt.Errorf("the chart cannot be loaded: %w", err)
	}
	if err := loaded.Validate(); err != nil {
		return nil, fmt.Errorf("the chart is not valid: %w", err)
	}
	switch loaded.Metadata.Type {
	case "", "application":
	default:
		return nil, fmt.Errorf("a chart of type %q cannot be installed", loaded.Metadata.Type)
	}
	if err := missingDependencies(loaded); err != nil {
		return nil, err
	}
	if i.version != "" {
		loaded.Metadata.Version = i.version
	}
	return loaded, nil
}

func (i *input) values() (map[string]any, error) {
	values := map[string]any{}
	if err := json.Unmarshal(i.raw, &values); len(i.raw) > 0 && err != nil {
		return nil, errors.New("the values cannot be read")
	}
	return values, nil
}

// crds are the files of the `crds` folders, those of disabled subcharts left out.
func (i *input) crds() ([]chart.CRD, error) {
	loaded, err := i.chart()
	if err != nil {
		return nil, err
	}
	values, err := i.values()
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return nil, fmt.Errorf("chart dependencies processing failed: %w", err)
	}
	return loaded.CRDObjects(), nil
}

func missingDependencies(of *chart.Chart) error {
	there := map[string]bool{}
	for _, dependency := range of.Dependencies() {
		there[dependency.Name()] = true
	}
	for _, wanted := range of.Metadata.Dependencies {
		if !there[wanted.Name] {
			return fmt.Errorf("the chart depends on %q, which its charts folder does not hold", wanted.Name)
		}
	}
	return nil
}

// schemasStayInside refuses a values schema that refers to anything outside itself: Helm would read files of this machine
// and fetch URLs for it.
func schemasStayInside(of *chart.Chart) error {
	if of.Schema != nil {
		if err := schemaStaysInside(of.Schema); err != nil {
			return fmt.Errorf("values.schema.json of chart %q: %w", of.Name(), err)
		}
	}
	for _, dependency := range of.Dependencies() {
		if err := schemasStayInside(dependency); err != nil {
			return err
		}
	}
	return nil
}

func schemaStaysInside(text []byte) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(refusingLoader{})
	const at = "file:///values.schema.json"
	if err := compiler.AddResource(at, schema); err != nil {
		return err
	}
	_, err = compiler.Compile(at)
	return err
}

type refusingLoader struct{}

func (refusingLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the chart and is not read", url)
}
