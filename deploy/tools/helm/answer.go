package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	release "helm.sh/helm/v4/pkg/release/v1"
)

// Answer is the last line about a request.
type Answer struct {
	OK       bool      `json:"ok"`
	Error    string    `json:"error,omitempty"`
	Release  *Facts    `json:"release,omitempty"`
	CRDs     []CRD     `json:"crds,omitempty"`
	Rendered *Rendered `json:"rendered,omitempty"`
	Waiting  *Waiting  `json:"waiting,omitempty"`
}

// Facts is a release without its values and manifests.
type Facts struct {
	Version     int        `json:"version"`
	Status      string     `json:"status"`
	Description string     `json:"description"`
	Namespace   string     `json:"namespace"`
	Chart       ChartFacts `json:"chart"`
	ApplyMethod string     `json:"applyMethod,omitempty"`
	Hooks       []HookRun  `json:"hooks"`
}

type ChartFacts struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	AppVersion string `json:"appVersion,omitempty"`
}

type HookRun struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Events      []string `json:"events"`
	Phase       string   `json:"phase"`
	StartedAt   string   `json:"startedAt,omitempty"`
	CompletedAt string   `json:"completedAt,omitempty"`
}

type CRD struct {
	APIVersion string `json:"apiVersion"`
	Name       string `json:"name"`
	Did        string `json:"did"`
}

type Rendered struct {
	Manifest string         `json:"manifest"`
	Hooks    []RenderedHook `json:"hooks"`
	// Secrets are texts out of Secrets that `lookup` read.
	Secrets []string `json:"secrets,omitempty"`
}

type RenderedHook struct {
	Name     string   `json:"name"`
	Events   []string `json:"events"`
	Manifest string   `json:"manifest"`
}

func factsOf(rel *release.Release) *Facts {
	if rel == nil {
		return nil
	}
	facts := &Facts{Version: rel.Version, Namespace: rel.Namespace, ApplyMethod: rel.ApplyMethod, Hooks: []HookRun{}}
	if rel.Info != nil {
		facts.Status, facts.Description = string(rel.Info.Status), rel.Info.Description
	}
	if rel.Chart != nil && rel.Chart.Metadata != nil {
		about := rel.Chart.Metadata
		facts.Chart = ChartFacts{Name: about.Name, Version: about.Version, AppVersion: about.AppVersion}
	}
	for _, hook := range rel.Hooks {
		facts.Hooks = append(facts.Hooks, HookRun{
			Name:        hook.Name,
			Kind:        hook.Kind,
			Events:      eventsOf(hook),
			Phase:       string(hook.LastRun.Phase),
			StartedAt:   instant(hook.LastRun.StartedAt),
			CompletedAt: instant(hook.LastRun.CompletedAt),
		})
	}
	return facts
}

func renderedOf(rel *release.Release) *Rendered {
	rendered := &Rendered{Manifest: rel.Manifest, Hooks: []RenderedHook{}}
	for _, hook := range rel.Hooks {
		rendered.Hooks = append(rendered.Hooks, RenderedHook{Name: hook.Name, Events: eventsOf(hook), Manifest: hook.Manifest})
	}
	return rendered
}

func eventsOf(hook *release.Hook) []string {
	events := make([]string, 0, len(hook.Events))
	for _, event := range hook.Events {
		events = append(events, string(event))
	}
	return events
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

const (
	maxLogBytes   = 1000
	maxErrorBytes = 16 << 10
)

// voice is the only way out of the program; what must stay inside is masked here. It is also Helm's log.
type voice struct {
	out  io.Writer
	mask mask
	lock sync.Mutex
}

func (v *voice) answer(answer Answer) bool {
	answer.Error = v.shown(answer.Error, maxErrorBytes)
	if answer.Release != nil {
		answer.Release.Description = v.shown(answer.Release.Description, maxErrorBytes)
	}
	return v.line(answer)
}

func (v *voice) say(text string) {
	v.line(struct {
		Log string `json:"log"`
	}{v.shown(text, maxLogBytes)})
}

func (v *voice) shown(text string, limit int) string {
	text = strings.TrimSpace(v.mask.hide(text))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

func (v *voice) line(of any) bool {
	line, err := json.Marshal(of)
	if err != nil {
		return false
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	_, err = v.out.Write(append(line, '\n'))
	return err == nil
}

func (v *voice) Enabled(context.Context, slog.Level) bool { return true }
func (v *voice) WithAttrs([]slog.Attr) slog.Handler       { return v }
func (v *voice) WithGroup(string) slog.Handler            { return v }

func (v *voice) Handle(_ context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(record.Message)
	record.Attrs(func(attr slog.Attr) bool {
		text.WriteString(" " + attr.Key + "=" + attr.Value.String())
		return true
	})
	v.say(text.String())
	return nil
}
