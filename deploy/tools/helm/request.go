package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Request is one action on one release; proto/helm/protocol.ts says what the fields mean.
type Request struct {
	Action     string          `json:"action"`
	Kube       Kube            `json:"kube"`
	Release    Target          `json:"release"`
	Chart      Chart           `json:"chart"`
	Values     json.RawMessage `json:"values"`
	Secrets    []string        `json:"secrets"`
	Options    Options         `json:"options"`
	PostRender *PostRender     `json:"postRender"`
}

type Kube struct {
	Server     string `json:"server"`
	CAData     string `json:"caData"`
	CertData   string `json:"certData"`
	KeyData    string `json:"keyData"`
	Token      string `json:"token"`
	ServerName string `json:"serverName"`
	Insecure   bool   `json:"insecure"`
	As         string `json:"as"`
}

type Target struct {
	Name             string `json:"name"`
	Namespace        string `json:"namespace"`
	StorageNamespace string `json:"storageNamespace"`
}

type Chart struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

type Options struct {
	TimeoutMs                int64        `json:"timeoutMs"`
	Wait                     string       `json:"wait"`
	WaitForJobs              bool         `json:"waitForJobs"`
	DisableHooks             bool         `json:"disableHooks"`
	ServerSideApply          string       `json:"serverSideApply"`
	Force                    bool         `json:"force"`
	CRDs                     string       `json:"crds"`
	TakeOwnership            bool         `json:"takeOwnership"`
	DisableOpenAPIValidation bool         `json:"disableOpenAPIValidation"`
	DisableSchemaValidation  bool         `json:"disableSchemaValidation"`
	Replace                  bool         `json:"replace"`
	CreateNamespace          bool         `json:"createNamespace"`
	CleanupOnFail            bool         `json:"cleanupOnFail"`
	PreserveValues           bool         `json:"preserveValues"`
	MaxHistory               int          `json:"maxHistory"`
	RollbackTo               int          `json:"rollbackTo"`
	KeepHistory              bool         `json:"keepHistory"`
	DeletionPropagation      string       `json:"deletionPropagation"`
	TestFilters              []TestFilter `json:"testFilters"`
	IsUpgrade                bool         `json:"isUpgrade"`
	Judged                   []Judged     `json:"judged"`
}

// Judged are objects that the parent judges in its own way; every kind of the group where none is named.
type Judged struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
}

type TestFilter struct {
	Name    string `json:"name"`
	Exclude bool   `json:"exclude"`
}

type PostRender struct {
	Strategy       string            `json:"strategy"`
	Kustomize      []Pass            `json:"kustomize"`
	OriginLabels   map[string]string `json:"originLabels"`
	CommonMetadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"commonMetadata"`
}

var serviceAccount = regexp.MustCompile(`^system:serviceaccount:[^:]+:[^:]+$`)

// check refuses a request that names nobody to act as: without that the parent's own rights would be used.
func (r Request) check() error {
	if !serviceAccount.MatchString(r.Kube.As) {
		return fmt.Errorf("no ServiceAccount was named to act as")
	}
	if r.Release.Name == "" || r.Release.Namespace == "" || r.Release.StorageNamespace == "" {
		return fmt.Errorf("the request does not say which release it is about")
	}
	return nil
}

func (o Options) isJudged(kind schema.GroupKind) bool {
	return slices.ContainsFunc(o.Judged, func(one Judged) bool {
		return one.Group == kind.Group && (one.Kind == "" || one.Kind == kind.Kind)
	})
}

func (o Options) timeout() time.Duration {
	return time.Duration(o.TimeoutMs) * time.Millisecond
}
