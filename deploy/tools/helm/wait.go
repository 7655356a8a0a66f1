package main

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"helm.sh/helm/v4/pkg/kube"
	releaser "helm.sh/helm/v4/pkg/release"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
)

// errHandedOver ends an action after which nothing is left but to wait and to record how that ended: the parent does both.
var errHandedOver = errors.New("the wait is the parent's")

// originLabel is on everything that a release of a HelmRelease holds. Persisted: do not change.
const originLabel = "helm.toolkit.fluxcd.io/name"

// Waiting is a release that is pending in the storage until the parent records it as deployed or failed.
type Waiting struct {
	Version int `json:"version"`
	// Former is the version that this one takes the place of, 0 where there is none.
	Former  int       `json:"former,omitempty"`
	Objects []Awaited `json:"objects"`
}

// Awaited is an object as it was applied that was not ready at once.
type Awaited struct {
	APIVersion      string `json:"apiVersion"`
	Kind            string `json:"kind"`
	Namespace       string `json:"namespace,omitempty"`
	Name            string `json:"name"`
	ResourceVersion string `json:"resourceVersion"`
	// IsLabelled says that it has the label of its origin.
	IsLabelled bool `json:"isLabelled"`
}

// patient is Helm's client where the parent waits for what was applied. Helm itself waits for hooks and for what is deleted.
type patient struct {
	*kube.Client
	act *act
}

func (p patient) GetWaiter(strategy kube.WaitStrategy) (kube.Waiter, error) {
	return p.GetWaiterWithOptions(strategy)
}

func (p patient) GetWaiterWithOptions(strategy kube.WaitStrategy, options ...kube.WaitOption) (kube.Waiter, error) {
	waiter, err := p.Client.GetWaiterWithOptions(strategy, options...)
	if err != nil {
		return nil, err
	}
	return parental{waiter, p.act}, nil
}

type parental struct {
	kube.Waiter
	act *act
}

func (p parental) Wait(resources kube.ResourceList, _ time.Duration) error {
	return p.act.await(resources, false)
}

func (p parental) WaitWithJobs(resources kube.ResourceList, _ time.Duration) error {
	return p.act.await(resources, true)
}

// await leaves the wait to the parent: for good where only the record follows, else for as long as it takes.
func (a *act) await(resources kube.ResourceList, withJobs bool) error {
	late, err := a.late(resources, withJobs)
	if err != nil || len(late) == 0 {
		return err
	}
	if a.record.isLast(a.request.Options) {
		a.record.handOver(late)
		return errHandedOver
	}
	return a.ask(late)
}

// late are the objects that are not ready as the API server gave them back. A paused Deployment is never waited for.
func (a *act) late(resources kube.ResourceList, withJobs bool) ([]Awaited, error) {
	var late []Awaited
	for _, info := range resources {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(info.Object)
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{Object: content}
		kind := info.Mapping.GroupVersionKind
		if paused, _, _ := unstructured.NestedBool(content, "spec", "paused"); paused && kind.GroupKind() == deployments {
			continue
		}
		if a.request.Options.isJudged(kind.GroupKind()) || (withJobs && kind.GroupKind() == jobs) || !isCurrent(object) {
			late = append(late, awaitedOf(info, object))
		}
	}
	return late, nil
}

var (
	deployments = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	jobs        = schema.GroupKind{Group: "batch", Kind: "Job"}
)

func isCurrent(object *unstructured.Unstructured) bool {
	result, err := status.Compute(object)
	return err == nil && result.Status == status.CurrentStatus
}

func awaitedOf(info *resource.Info, object *unstructured.Unstructured) Awaited {
	kind := info.Mapping.GroupVersionKind
	_, isLabelled := object.GetLabels()[originLabel]
	return Awaited{
		APIVersion:      kind.GroupVersion().String(),
		Kind:            kind.Kind,
		Namespace:       info.Namespace,
		Name:            info.Name,
		ResourceVersion: object.GetResourceVersion(),
		IsLabelled:      isLabelled,
	}
}

// ask has the parent wait, and goes on with its answer.
func (a *act) ask(late []Awaited) error {
	a.log.line(struct {
		Wait []Awaited `json:"wait"`
	}{late})
	select {
	case <-a.ctx.Done():
		return a.ctx.Err()
	case line := <-a.replies:
		var reply struct {
			Waited *string `json:"waited"`
		}
		if err := json.Unmarshal(line, &reply); err != nil || reply.Waited == nil {
			return errors.New("the answer to a wait cannot be read")
		}
		if *reply.Waited != "" {
			return errors.New(*reply.Waited)
		}
		return nil
	}
}

// record is Helm's storage. Once a wait is handed over nothing more is written: Helm takes that for a failure.
type record struct {
	driver.Driver
	lock    sync.Mutex
	made    *release.Release
	waiting *Waiting
}

func (r *record) Create(key string, made releaser.Releaser) error {
	if err := r.Driver.Create(key, made); err != nil {
		return err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.made, _ = made.(*release.Release)
	return nil
}

func (r *record) Update(key string, changed releaser.Releaser) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.waiting == nil {
		return r.Driver.Update(key, changed)
	}
	// What Helm writes beside the release that failed is the one that stands while it fails.
	if former, ok := changed.(*release.Release); ok && former.Version != r.waiting.Version {
		r.waiting.Former = former.Version
	}
	return nil
}

// isLast says whether the wait is the last of an action but for the record: no hooks follow, and nothing is cleaned up.
func (r *record) isLast(options Options) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.made == nil || options.CleanupOnFail {
		return false
	}
	return options.DisableHooks || !slices.ContainsFunc(r.made.Hooks, isAfter)
}

func (r *record) handOver(late []Awaited) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.waiting = &Waiting{Version: r.made.Version, Objects: late}
}

// handedOver is what the parent has to wait for, nil where the action came to its end.
func (r *record) handedOver() *Waiting {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.waiting
}

func isAfter(hook *release.Hook) bool {
	return slices.ContainsFunc(hook.Events, func(event release.HookEvent) bool {
		return event == release.HookPostInstall || event == release.HookPostUpgrade || event == release.HookPostRollback
	})
}
