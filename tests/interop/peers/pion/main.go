// Pion as a peer of the interop test: speaks the language of tests/interop/README.md.
//
//	pion-peer PEER_JSON
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

// The module whose version is told.
const stackModule = "github.com/pion/webrtc/v4"

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == stackModule {
				return module.Version
			}
		}
	}
	return "unknown"
}

// What we cannot do is written in the peer's own peer.json.
func tellHello(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var description struct {
		Cannot map[string]any `json:"cannot"`
	}
	if err := json.Unmarshal(content, &description); err != nil {
		return err
	}
	tell("hello", facts{"stack": "pion", "version": version(), "features": description.Cannot})
	return nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pion-peer PEER_JSON")
		os.Exit(2)
	}
	if err := tellHello(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pion-peer:", err)
		os.Exit(1)
	}
	peer := newPeer()
	defer peer.end()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20) // descriptions are long lines
	for lines.Scan() {
		var cmd command
		if err := json.Unmarshal(lines.Bytes(), &cmd); err != nil {
			tell("error", facts{"text": "not a command: " + err.Error()})
			continue
		}
		if cmd.Cmd == "quit" {
			return
		}
		peer.carryOut(&cmd)
	}
}
