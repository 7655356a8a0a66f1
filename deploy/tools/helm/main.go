// Command flotilla-helm carries out Helm actions for its parent process: one JSON request per line on stdin, JSON lines on
// stdout, the last of them with the answer (protocol: proto/helm/protocol.ts). It ends when stdin closes.
//
// It is built from Helm's own packages, so that a release it makes is an ordinary Helm release. It acts as the user that the
// request names and as nobody else, talks to the API server of the request and to nothing else, and reads no file but the
// chart.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// fieldManager is how Flux's helm-controller calls itself too, so that releases pass to and fro. Persisted: do not change.
const fieldManager = "helm-controller"

const maxStack = 128 << 20

var errStopped = errors.New("the action was stopped before its end")

func main() {
	memoryBytes := flag.Int64("memory-bytes", 512<<20, "memory this process may use; it ends itself above")
	maxRequestBytes := flag.Int("max-request-bytes", 32<<20, "largest request")
	flag.Parse()

	watchMemory(*memoryBytes)
	debug.SetMaxStack(maxStack)
	out := silence()
	kube.ManagedFieldsManager = fieldManager

	ctx, stop := context.WithCancelCause(context.Background())
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		stop(errStopped)
	}()
	requests := read(os.Stdin, *maxRequestBytes, stop)
	for request := range requests {
		if !answer(ctx, request, requests, out) || ctx.Err() != nil {
			return
		}
	}
}

// read gives the lines of stdin. Its end stops the action under way: the parent is gone, and with it the right to go on.
func read(from io.Reader, limit int, stop context.CancelCauseFunc) <-chan []byte {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(from)
		scanner.Buffer(make([]byte, 0, 1<<16), limit)
		for scanner.Scan() {
			lines <- append([]byte(nil), scanner.Bytes()...)
		}
		stop(errStopped)
	}()
	return lines
}

// silence keeps libraries from writing where nobody reads, or where values of a release must not go, and from using a
// transport that is not ours. What it gives back is the only way to the parent.
func silence() io.Writer {
	out := os.Stdout
	os.Stdout = os.Stderr
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	http.DefaultTransport = refusingTransport{}
	return out
}

// answer carries out one request and says whether another may follow. Lines that come meanwhile answer what it asks.
func answer(ctx context.Context, line []byte, replies <-chan []byte, out io.Writer) bool {
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		// The parser's words would hold pieces of the request.
		return (&voice{out: out}).answer(Answer{Error: "the request cannot be read"})
	}
	voice := &voice{out: out, mask: maskOf(request)}
	return voice.answer(perform(ctx, request, voice, replies))
}
