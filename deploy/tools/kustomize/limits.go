package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

// exitOutOfMemory is how the parent knows why the program ended.
const exitOutOfMemory = 77

// limitMemory ends the process above the limit. The soft limit of the runtime bounds nothing, and near it a hopeless
// build spends its time collecting; an eager collector leaves room instead. The limit on address space is the last
// resort between two looks. What it gives back watches one build: an idle process looks at nothing.
func limitMemory(limit int64) (watch func() (stop func())) {
	debug.SetGCPercent(50)
	// The runtime reserves address space it never uses, so this one is wide.
	wide := uint64(limit)*2 + 2<<30
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: wide, Max: wide})
	return func() func() {
		done := make(chan struct{})
		go look(limit, done)
		return func() { close(done) }
	}
}

func look(limit int64, done <-chan struct{}) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		metrics.Read(sample)
		if used := sample[0].Value.Uint64() - sample[1].Value.Uint64(); used > uint64(limit) {
			fmt.Fprintf(os.Stderr, "flotilla-kustomize: %d bytes of memory used, %d are allowed\n", used, limit)
			os.Exit(exitOutOfMemory)
		}
	}
}

type refusingTransport struct{}

func (refusingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	panic(abort{remoteProblem(request.URL.Redacted(), "")})
}

// refuseNetwork replaces the transport that every http.Client without one of its own uses.
func refuseNetwork() {
	http.DefaultTransport = refusingTransport{}
}
