package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// lookups is a way to the API server that remembers what Secrets came along it: templates may put that anywhere.
type lookups struct {
	http.RoundTripper
	lock  sync.Mutex
	texts []string
}

type lookedUp struct {
	Data  map[string][]byte `json:"data"`
	Items []lookedUp        `json:"items"`
}

func (l *lookups) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusOK || !isOfSecrets(request.URL.Path) {
		return response, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var found lookedUp
	if err := json.Unmarshal(body, &found); err != nil {
		return nil, err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, secret := range append(found.Items, found) {
		for _, value := range secret.Data {
			l.texts = append(l.texts, string(value))
		}
	}
	return response, nil
}

// isOfSecrets is about /api/v1/secrets, /api/v1/namespaces/<namespace>/secrets and one of them.
func isOfSecrets(path string) bool {
	_, rest, found := strings.Cut(path, "/api/v1/")
	parts := strings.Split(rest, "/")
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	return found && parts[0] == "secrets"
}
