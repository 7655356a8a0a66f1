package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/kube"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/yaml"
)

const establishedWithin = 60 * time.Second

// applyCRDs brings the CustomResourceDefinitions of the chart's `crds` folders into the cluster as the policy says, and
// waits until they are served. None is ever deleted.
func (a *act) applyCRDs(serverSide bool) error {
	files, err := a.input.crds()
	if err != nil || len(files) == 0 {
		return err
	}
	var manifests bytes.Buffer
	for _, file := range files {
		for _, document := range releaseutil.SplitManifests(string(file.File.Data)) {
			head := headOf(document)
			switch {
			case head.Kind == "":
			case head.Kind != "CustomResourceDefinition":
				a.log.say(fmt.Sprintf("ignoring a %s in %s: only CustomResourceDefinitions belong there", head.Kind, file.Filename))
			case a.request.Options.CRDs == "Skip" || a.request.Options.CRDs == "":
				a.answer.CRDs = append(a.answer.CRDs, CRD{head.APIVersion, head.Metadata.Name, "skipped"})
			default:
				manifests.WriteString("---\n" + document + "\n")
			}
		}
	}
	if manifests.Len() == 0 {
		return nil
	}
	all, err := a.configuration.KubeClient.Build(&manifests, false)
	if err != nil {
		return fmt.Errorf("read the chart's CustomResourceDefinitions: %w", err)
	}
	var changed kube.ResourceList
	for _, crd := range all {
		did, err := a.applyCRD(crd, serverSide)
		if err != nil {
			return fmt.Errorf("apply CustomResourceDefinition %s: %w", crd.Name, err)
		}
		a.answer.CRDs = append(a.answer.CRDs, CRD{crd.Mapping.GroupVersionKind.GroupVersion().String(), crd.Name, did})
		if did == "created" || did == "replaced" {
			changed.Append(crd)
		}
	}
	return a.established(changed)
}

func (a *act) applyCRD(crd *resource.Info, serverSide bool) (did string, err error) {
	object, ok := crd.Object.(*unstructured.Unstructured)
	if !ok {
		return "", fmt.Errorf("it is a %T", crd.Object)
	}
	if labels := a.originLabels(); len(labels) > 0 {
		object.SetLabels(merged(object.GetLabels(), labels))
	}
	client := a.configuration.KubeClient
	existing, err := resource.NewHelper(crd.Client, crd.Mapping).Get("", crd.Name)
	switch {
	case apierrors.IsNotFound(err):
		_, err = client.Create(kube.ResourceList{crd}, kube.ClientCreateOptionServerSideApply(serverSide, false))
		return "created", err
	case err != nil:
		return "", err
	case a.request.Options.CRDs == "Create":
		return "kept", nil
	}
	original := &resource.Info{Client: crd.Client, Mapping: crd.Mapping, Name: crd.Name, Object: existing}
	_, err = client.Update(kube.ResourceList{original}, kube.ResourceList{crd},
		kube.ClientUpdateOptionServerSideApply(serverSide, serverSide),
		kube.ClientUpdateOptionForceReplace(!serverSide),
		kube.ClientUpdateOptionUpgradeClientSideFieldManager(serverSide))
	return "replaced", err
}

// established waits until the API server serves them, and lets Helm learn of them.
func (a *act) established(crds kube.ResourceList) error {
	if len(crds) == 0 {
		return nil
	}
	waiter, err := a.cluster.client.GetWaiterWithOptions(kube.StatusWatcherStrategy, a.waiting()...)
	if err != nil {
		return err
	}
	if err := waiter.Wait(crds, establishedWithin); err != nil {
		return fmt.Errorf("wait for the chart's CustomResourceDefinitions: %w", err)
	}
	a.cluster.forget()
	return nil
}

func (a *act) originLabels() map[string]string {
	if a.request.PostRender == nil {
		return nil
	}
	return a.request.PostRender.OriginLabels
}

func merged(under, over map[string]string) map[string]string {
	all := map[string]string{}
	for _, labels := range []map[string]string{under, over} {
		for key, value := range labels {
			all[key] = value
		}
	}
	return all
}

type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

func headOf(document string) (of head) {
	if strings.TrimSpace(document) == "" || yaml.Unmarshal([]byte(document), &of) != nil {
		return head{}
	}
	return of
}
