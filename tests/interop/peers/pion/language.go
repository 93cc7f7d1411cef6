package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
)

// The language of tests/interop/README.md: commands, events, the bytes of messages and the counting
// of streams. Nothing here knows of WebRTC.

// command is one line from the runner. What is absent on the line is nil where nought has a meaning.
type command struct {
	Cmd string `json:"cmd"`

	Name              string  `json:"name"`
	Label             *string `json:"label"`
	Protocol          *string `json:"protocol"`
	Ordered           *bool   `json:"ordered"`
	MaxRetransmits    *uint16 `json:"maxRetransmits"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	Negotiated        *bool   `json:"negotiated"`
	ID                *uint16 `json:"id"`

	Type string `json:"type"`
	SDP  string `json:"sdp"`

	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex"`
	UsernameFragment *string `json:"usernameFragment"`

	Kind  string `json:"kind"`
	Size  int    `json:"size"`
	Seed  int    `json:"seed"`
	Total int    `json:"total"`
	Piece int    `json:"piece"`
	On    bool   `json:"on"`
}

type facts map[string]any

var telling sync.Mutex

// tell says one event to the runner.
func tell(event string, about facts) {
	if about == nil {
		about = facts{}
	}
	about["event"] = event
	line, err := json.Marshal(about)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot tell", event, err)
		return
	}
	telling.Lock()
	defer telling.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func binaryOf(size, seed int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(seed*31 + i*7 + i>>8)
	}
	return data
}

func textOf(size, seed int) string {
	data := make([]byte, size)
	for i := range data {
		data[i] = "abcdefghijklmnopqrstuvwxyz"[(seed+i)%26]
	}
	return string(data)
}

// inbox is what comes on one channel: told message by message, or summed up while a stream is
// expected.
type inbox struct {
	mu       sync.Mutex
	name     string
	total    int
	bytes    int
	messages int
	hash     uint32
}

func (in *inbox) expect(total int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.total, in.bytes, in.messages, in.hash = total, 0, 0, 0
}

func (in *inbox) take(data []byte, isText bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.total == 0 {
		kind := "binary"
		if isText {
			kind = "text"
		}
		tell("message", facts{"name": in.name, "kind": kind, "size": len(data),
			"hash": hex(crc32.ChecksumIEEE(data))})
		return
	}
	in.messages++
	in.bytes += len(data)
	in.hash = crc32.Update(in.hash, crc32.IEEETable, data)
	if in.bytes >= in.total {
		in.total = 0
		tell("streaming", facts{"name": in.name, "messages": in.messages, "bytes": in.bytes,
			"hash": hex(in.hash)})
	}
}

func hex(hash uint32) string {
	return fmt.Sprintf("%08x", hash)
}
