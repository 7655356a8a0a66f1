// Command flotilla-kustomize builds kustomizations for its parent process, one at a time, for as long as stdin is open.
//
// It has no file system of its own: every look at a path is a question to the parent, so what a build read (and what it
// looked for in vain) is known exactly, and there is no host file to reach. See frame.go for the protocol.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	memoryBytes := flag.Int64("memory-bytes", 512<<20, "memory this process may use; it ends itself above")
	maxOutputBytes := flag.Int("max-output-bytes", 64<<20, "largest result of a build")
	flag.Parse()

	watchMemory := limitMemory(*memoryBytes)
	debug.SetMaxStack(128 << 20)
	refuseNetwork()

	wire := &wire{in: bufio.NewReaderSize(os.Stdin, 1<<16), out: bufio.NewWriterSize(os.Stdout, 1<<16)}
	warmUp()
	for {
		head, body, err := wire.receive()
		if err != nil {
			return
		}
		if head.Kind != "build" {
			fmt.Fprintf(os.Stderr, "flotilla-kustomize: a build was expected, got %q\n", head.Kind)
			os.Exit(2)
		}
		stopWatching := watchMemory()
		yaml, problem := build(wire, head.Path, body)
		stopWatching()
		if problem == nil && len(yaml) > *maxOutputBytes {
			problem = &Problem{Cause: "budget", Message: fmt.Sprintf("the result has %d bytes, %d are allowed", len(yaml), *maxOutputBytes)}
		}
		if problem != nil {
			err = wire.send(Head{Kind: "problem", Problem: problem}, nil)
		} else {
			err = wire.send(Head{Kind: "built"}, yaml)
		}
		if err != nil {
			return
		}
	}
}
