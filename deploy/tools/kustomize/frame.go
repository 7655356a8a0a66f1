package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
)

// Head is the JSON part of a frame. A frame is the length of the head and of the body (32 bits each, big-endian),
// then head and body.
//
//	parent → program   build{path} body: options as JSON     answer{found, path?, names?, problem?} body: content of a file
//	program → parent   look{path}  list{path}                built{} body: YAML     problem{problem}
type Head struct {
	Kind    string   `json:"kind"`
	Path    string   `json:"path,omitempty"`
	Found   string   `json:"found,omitempty"`
	Names   []string `json:"names,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Problem says why there is no result. Cause is one of "path", "budget", "remote", "build".
type Problem struct {
	Cause   string `json:"cause"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

type wire struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func (w *wire) receive() (Head, []byte, error) {
	var head Head
	var sizes [8]byte
	if _, err := io.ReadFull(w.in, sizes[:]); err != nil {
		return head, nil, err
	}
	buffer := make([]byte, int(binary.BigEndian.Uint32(sizes[:4]))+int(binary.BigEndian.Uint32(sizes[4:])))
	if _, err := io.ReadFull(w.in, buffer); err != nil {
		return head, nil, err
	}
	headSize := binary.BigEndian.Uint32(sizes[:4])
	err := json.Unmarshal(buffer[:headSize], &head)
	return head, buffer[headSize:], err
}

func (w *wire) send(head Head, body []byte) error {
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	var sizes [8]byte
	binary.BigEndian.PutUint32(sizes[:4], uint32(len(text)))
	binary.BigEndian.PutUint32(sizes[4:], uint32(len(body)))
	for _, part := range [][]byte{sizes[:], text, body} {
		if _, err := w.out.Write(part); err != nil {
			return err
		}
	}
	return w.out.Flush()
}
