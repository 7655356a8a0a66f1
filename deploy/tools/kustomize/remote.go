package main

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"
)

// What kustomize would take for a URL or a git repository.
var remote = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://|^git::|^[\w.-]+@[\w.-]+:|^(github\.com|gitlab\.com|bitbucket\.org)[:/]|(\.git|_git/.*)(\?|//|$)`)

func remoteProblem(name, file string) Problem {
	return Problem{
		Cause:   "remote",
		File:    strings.TrimPrefix(file, "/"),
		Message: fmt.Sprintf("remote resource %q is refused: a build reads nothing but its source; commit a copy, or make it a source of its own", withoutUser(name)),
	}
}

var userInfo = regexp.MustCompile(`://[^/@]*@`)

func withoutUser(name string) string { return userInfo.ReplaceAllString(name, "://") }

// checkRemote ends the build where a kustomization file names something that is not in the tree, before kustomize tries to fetch it.
func (t *tree) checkRemote(name string, content []byte) {
	if t.checked[name] || !isKustomizationName(path.Base(name)) {
		return
	}
	t.checked[name] = true
	var file struct {
		Resources, Bases, Components, Crds, Configurations, Generators, Transformers, Validators []string
	}
	if yaml.Unmarshal(content, &file) != nil {
		return
	}
	for _, list := range [][]string{file.Resources, file.Bases, file.Components, file.Crds, file.Configurations, file.Generators, file.Transformers, file.Validators} {
		for _, entry := range list {
			if !strings.Contains(entry, "\n") && remote.MatchString(entry) && !t.Exists(path.Join(path.Dir(name), entry)) {
				panic(abort{remoteProblem(entry, name)})
			}
		}
	}
}

func isKustomizationName(name string) bool {
	for _, known := range konfig.RecognizedKustomizationFileNames() {
		if name == known {
			return true
		}
	}
	return false
}
