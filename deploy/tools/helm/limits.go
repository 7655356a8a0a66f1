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

// watchMemory ends the process above the limit. The runtime's own limit bounds nothing, it only makes the collector work
// harder near it; the limit on address space is the last resort between two looks.
func watchMemory(limit int64) {
	debug.SetMemoryLimit(limit - limit/8)
	// The runtime reserves address space it never uses, so this one is wide.
	wide := uint64(limit)*2 + 2<<30
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: wide, Max: wide})
	go look(limit)
}

func look(limit int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(20 * time.Millisecond) {
		metrics.Read(sample)
		if used := sample[0].Value.Uint64() - sample[1].Value.Uint64(); used > uint64(limit) {
			fmt.Fprintf(os.Stderr, "flotilla-helm: %d bytes of memory used, %d are allowed\n", used, limit)
			os.Exit(exitOutOfMemory)
		}
	}
}

// refusingTransport is what every http.Client without a transport of its own gets.
type refusingTransport struct{}

func (refusingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s is not the API server, and nothing else is talked to", request.URL.Host)
}
