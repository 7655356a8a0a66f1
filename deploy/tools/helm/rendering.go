package main

import (
	"errors"
	"io"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	releaser "helm.sh/helm/v4/pkg/release"
	"k8s.io/apimachinery/pkg/api/meta"
)

// charted is a chart with its values, for one use.
type charted struct {
	chart  *chart.Chart
	values map[string]any
}

// render loads chart and values, and does with them what an action does.
func (a *act) render(do func(*charted) (releaser.Releaser, error)) (releaser.Releaser, error) {
	if a.input == nil {
		return nil, errors.New("the request names no chart")
	}
	loaded, err := a.input.chart()
	if err != nil {
		return nil, err
	}
	values, err := a.input.values()
	if err != nil {
		return nil, err
	}
	if !a.request.Options.DisableSchemaValidation {
		if err := schemasStayInside(loaded); err != nil {
			return nil, err
		}
	}
	return do(&charted{loaded, values})
}

func (a *act) newInstall() *action.Install {
	options := a.request.Options
	install := action.NewInstall(a.configuration)
	install.ReleaseName = a.request.Release.Name
	install.Namespace = a.request.Release.Namespace
	install.DisableOpenAPIValidation = options.DisableOpenAPIValidation
	install.SkipSchemaValidation = options.DisableSchemaValidation
	// They are applied by the release's policy before.
	install.SkipCRDs = true
	install.PostRenderer, install.PostRenderStrategy = rendererOf(a.request.PostRender), a.renderStrategy()
	return install
}

func (a *act) newUpgrade() *action.Upgrade {
	options := a.request.Options
	upgrade := action.NewUpgrade(a.configuration)
	upgrade.Namespace = a.request.Release.Namespace
	upgrade.DisableOpenAPIValidation = options.DisableOpenAPIValidation
	upgrade.SkipSchemaValidation = options.DisableSchemaValidation
	upgrade.SkipCRDs = true
	upgrade.ResetValues, upgrade.ReuseValues = !options.PreserveValues, options.PreserveValues
	upgrade.PostRenderer, upgrade.PostRenderStrategy = rendererOf(a.request.PostRender), a.renderStrategy()
	return upgrade
}

func (a *act) renderStrategy() action.PostRenderStrategy {
	if a.request.PostRender == nil {
		return action.PostRenderStrategyNoHooks
	}
	return action.PostRenderStrategy(a.request.PostRender.Strategy)
}

// foresighted lets a dry run see objects of kinds that are not served yet: an install would bring their
// CustomResourceDefinitions first. What it leaves out, Helm would only look for owners of.
type foresighted struct {
	kube.Interface
}

func (f foresighted) Build(manifests io.Reader, validate bool) (kube.ResourceList, error) {
	built, err := f.Interface.Build(manifests, validate)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	return built, err
}
