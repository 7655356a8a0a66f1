package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"sigs.k8s.io/kustomize/kyaml/errors"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// abort ends a build from inside kustomize, which would otherwise wrap or swallow the reason.
type abort struct{ problem Problem }

type found struct {
	kind    string // file, directory, missing
	path    string // with symbolic links resolved
	content []byte
}

// A name in a listing that ends in "/" is a directory.
const directoryMark = "/"

// tree is the file system of one build: read-only, rooted at "/", answered by the parent; `made` lies over it.
type tree struct {
	wire   *wire
	mutex  sync.Mutex
	looked map[string]found
	// order is that of the first looks.
	order  []string
	listed map[string][]string
	made   map[string][]byte
	// checked says that a kustomization file names nothing remote.
	checked map[string]bool
}

func newTree(w *wire) *tree {
	return &tree{wire: w, looked: map[string]found{}, listed: map[string][]string{}, made: map[string][]byte{}, checked: map[string]bool{}}
}

func clean(name string) string {
	return path.Clean("/" + filepath.ToSlash(name))
}

func (t *tree) ask(kind, name string) (Head, []byte) {
	err := t.wire.send(Head{Kind: kind, Path: strings.TrimPrefix(name, "/")}, nil)
	if err == nil {
		var head Head
		var body []byte
		if head, body, err = t.wire.receive(); err == nil {
			if head.Problem != nil {
				panic(abort{*head.Problem})
			}
			return head, body
		}
	}
	// Without the parent there is nothing left to do.
	fmt.Fprintf(os.Stderr, "flotilla-kustomize: %v\n", err)
	os.Exit(0)
	return Head{}, nil
}

func (t *tree) look(name string) found {
	name = clean(name)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if content, ok := t.made[name]; ok {
		return found{kind: "file", path: name, content: content}
	}
	if known, ok := t.looked[name]; ok {
		return known
	}
	head, body := t.ask("look", name)
	result := found{kind: head.Found, path: clean(head.Path), content: body}
	t.looked[name] = result
	t.order = append(t.order, name)
	return result
}

func (t *tree) list(name string) []string {
	name = clean(name)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known, ok := t.listed[name]; ok {
		return known
	}
	head, _ := t.ask("list", name)
	t.listed[name] = head.Names
	return head.Names
}

func notFound(name string) error {
	return &fs.PathError{Op: "open", Path: strings.TrimPrefix(name, "/"), Err: syscall.ENOENT}
}

func (t *tree) Exists(name string) bool { return t.look(name).kind != "missing" }
func (t *tree) IsDir(name string) bool  { return t.look(name).kind == "directory" }

func (t *tree) ReadFile(name string) ([]byte, error) {
	result := t.look(name)
	switch result.kind {
	case "file":
		t.checkRemote(clean(name), result.content)
		return result.content, nil
	case "directory":
		return nil, &fs.PathError{Op: "read", Path: strings.TrimPrefix(clean(name), "/"), Err: syscall.EISDIR}
	default:
		return nil, notFound(clean(name))
	}
}

func (t *tree) ReadDir(name string) ([]string, error) {
	if !t.IsDir(name) {
		return nil, notFound(clean(name))
	}
	var names []string
	for _, child := range t.list(name) {
		names = append(names, strings.TrimSuffix(child, directoryMark))
	}
	return names, nil
}

func (t *tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	result := t.look(name)
	switch result.kind {
	case "directory":
		return filesys.ConfirmedDir(result.path), "", nil
	case "file":
		return filesys.ConfirmedDir(path.Dir(result.path)), path.Base(result.path), nil
	default:
		return "", "", errors.Errorf("'%s' does not exist", strings.TrimPrefix(clean(name), "/"))
	}
}

func (t *tree) Glob(pattern string) ([]string, error) {
	matches := []string{"/"}
	for _, part := range strings.Split(strings.TrimPrefix(clean(pattern), "/"), "/") {
		var next []string
		for _, directory := range matches {
			if !strings.ContainsAny(part, `*?[\`) {
				if candidate := path.Join(directory, part); t.Exists(candidate) {
					next = append(next, candidate)
				}
				continue
			}
			if !t.IsDir(directory) {
				continue
			}
			for _, child := range t.list(directory) {
				name := strings.TrimSuffix(child, directoryMark)
				if ok, err := path.Match(part, name); err != nil {
					return nil, err
				} else if ok {
					next = append(next, path.Join(directory, name))
				}
			}
		}
		matches = next
	}
	return matches, nil
}

// Walk visits in lexical order without looking into files. A link to a directory is not followed, as in filepath.Walk:
// this also keeps a walk from going in circles.
func (t *tree) Walk(root string, visit filepath.WalkFunc) error {
	root = clean(root)
	if !t.Exists(root) {
		return visit(root, nil, notFound(root))
	}
	err := t.walk(root, t.IsDir(root), visit)
	if err == filepath.SkipDir {
		return nil
	}
	return err
}

func (t *tree) walk(name string, directory bool, visit filepath.WalkFunc) error {
	err := visit(name, fileInfo{name: path.Base(name), directory: directory}, nil)
	if err != nil || !directory {
		if err == filepath.SkipDir && directory {
			return nil
		}
		return err
	}
	for _, child := range t.list(name) {
		err := t.walk(path.Join(name, child), strings.HasSuffix(child, directoryMark), visit)
		if err == filepath.SkipDir {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errReadOnly = errors.Errorf("the tree cannot be written to")

func (t *tree) Create(string) (filesys.File, error)    { return nil, errReadOnly }
func (t *tree) Mkdir(string) error                     { return errReadOnly }
func (t *tree) MkdirAll(string) error                  { return errReadOnly }
func (t *tree) RemoveAll(string) error                 { return errReadOnly }
func (t *tree) Open(name string) (filesys.File, error) { return nil, errReadOnly }
func (t *tree) WriteFile(string, []byte) error         { return errReadOnly }

type fileInfo struct {
	name      string
	directory bool
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return 0 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.directory }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) Mode() fs.FileMode {
	if i.directory {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
