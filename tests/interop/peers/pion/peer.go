package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/pion/webrtc/v4"
)

// A stream waits when so many bytes wait in the stack, and goes on when so few are left.
const (
	highWater = 1 << 20
	lowWater  = 1 << 18
)

// peer carries out commands. Pion calls back on goroutines of its own, so what both sides touch is
// behind mu, which is never held while Pion is called.
type peer struct {
	connection *webrtc.PeerConnection
	acts       map[string]func(*command) error

	mu      sync.Mutex
	lines   map[string]*line
	echoing bool

	// While a description is made, candidates wait to be told after it.
	describing bool
	waiting    []facts
}

// line is a channel and what comes on it.
type line struct {
	channel *webrtc.DataChannel
	inbox   inbox
}

func newPeer() *peer {
	p := &peer{lines: map[string]*line{}}
	p.acts = map[string]func(*command) error{
		"create":      p.create,
		"open":        p.open,
		"offer":       func(*command) error { return p.offer(nil) },
		"restart":     func(*command) error { return p.offer(&webrtc.OfferOptions{ICERestart: true}) },
		"description": p.description,
		"candidate":   p.candidate,
		"send":        p.send,
		"stream":      p.stream,
		"expect":      p.expect,
		"echo":        p.echo,
		"close":       p.close,
		"stats":       p.stats,
		"hangup":      p.hangup,
	}
	return p
}

func (p *peer) carryOut(cmd *command) {
	act, ok := p.acts[cmd.Cmd]
	err := fmt.Errorf("no such command")
	if ok && p.connection == nil && cmd.Cmd != "create" {
		err = errors.New("create comes first")
	} else if ok {
		err = act(cmd)
	}
	if err != nil {
		tell("error", facts{"text": cmd.Cmd + ": " + err.Error()})
	}
}

func (p *peer) end() {
	if p.connection != nil {
		p.connection.Close()
	}
}

// ---- The connection

func (p *peer) create(*command) error {
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	p.connection = connection
	p.mu.Lock()
	p.lines = map[string]*line{}
	p.mu.Unlock()
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected, webrtc.PeerConnectionStateFailed,
			webrtc.PeerConnectionStateClosed:
			tell("state", facts{"state": state.String()})
		}
	})
	connection.OnICECandidate(p.tellCandidate)
	connection.OnDataChannel(func(channel *webrtc.DataChannel) {
		p.watch(channel.Label(), channel)
		channel.OnOpen(func() { // before that nothing can be sent on it
			tell("channel", facts{"name": channel.Label(), "label": channel.Label(),
				"protocol": channel.Protocol(), "ordered": channel.Ordered(),
				"maxRetransmits":    channel.MaxRetransmits(),
				"maxPacketLifeTime": channel.MaxPacketLifeTime(), "id": channel.ID()})
		})
	})
	return nil
}

func (p *peer) tellCandidate(candidate *webrtc.ICECandidate) {
	about := facts{"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": nil}
	if candidate != nil {
		init := candidate.ToJSON()
		about = facts{"candidate": init.Candidate, "sdpMid": init.SDPMid,
			"sdpMLineIndex": init.SDPMLineIndex, "usernameFragment": init.UsernameFragment}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.describing {
		p.waiting = append(p.waiting, about)
	} else {
		tell("candidate", about)
	}
}

func (p *peer) offer(options *webrtc.OfferOptions) error {
	return p.describe(func() (webrtc.SessionDescription, error) {
		return p.connection.CreateOffer(options)
	})
}

func (p *peer) description(cmd *command) error {
	remote := webrtc.SessionDescription{Type: webrtc.NewSDPType(cmd.Type), SDP: cmd.SDP}
	if remote.Type != webrtc.SDPTypeOffer {
		return p.connection.SetRemoteDescription(remote)
	}
	return p.describe(func() (webrtc.SessionDescription, error) {
		if err := p.connection.SetRemoteDescription(remote); err != nil {
			return webrtc.SessionDescription{}, err
		}
		return p.connection.CreateAnswer(nil)
	})
}

// describe makes a description ours and tells it. A restart makes Pion gather before the new
// description is made, so what create does belongs to the time in which candidates wait.
func (p *peer) describe(create func() (webrtc.SessionDescription, error)) error {
	p.mu.Lock()
	p.describing = true
	p.mu.Unlock()
	description, err := create()
	if err == nil {
		err = p.connection.SetLocalDescription(description)
	}
	if err == nil {
		tell("description", facts{"type": description.Type.String(), "sdp": description.SDP})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.describing = false
	for _, about := range p.waiting {
		tell("candidate", about)
	}
	p.waiting = nil
	return err
}

func (p *peer) candidate(cmd *command) error {
	return p.connection.AddICECandidate(webrtc.ICECandidateInit{Candidate: cmd.Candidate,
		SDPMid: cmd.SDPMid, SDPMLineIndex: cmd.SDPMLineIndex,
		UsernameFragment: cmd.UsernameFragment})
}

func (p *peer) stats(*command) error {
	about := facts{}
	for _, report := range p.connection.GetStats() {
		switch stats := report.(type) {
		case webrtc.TransportStats:
			about["suite"] = stats.DTLSCipher
			about["bytesSent"] = stats.BytesSent
			about["bytesReceived"] = stats.BytesReceived
			if stats.TLSVersion == "FEFD" {
				about["tls"] = "DTLSv1.2"
			} else {
				about["tls"] = stats.TLSVersion
			}
		case webrtc.SCTPTransportStats:
			about["roundTripTime"] = stats.SmoothedRoundTripTime
			about["congestionWindow"] = stats.CongestionWindow
			about["receiverWindow"] = stats.ReceiverWindow
		}
	}
	tell("stats", about)
	return nil
}

func (p *peer) hangup(*command) error {
	return p.connection.Close()
}

// ---- Channels

func (p *peer) watch(name string, channel *webrtc.DataChannel) *line {
	l := &line{channel: channel, inbox: inbox{name: name}}
	p.mu.Lock()
	p.lines[name] = l
	p.mu.Unlock()
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		p.mu.Lock()
		echoing := p.echoing
		p.mu.Unlock()
		if !echoing {
			l.inbox.take(message.Data, message.IsString)
		} else if err := send(channel, message); err != nil {
			tell("error", facts{"text": "echo: " + err.Error()})
		}
	})
	channel.OnClose(func() { tell("closed", facts{"name": name}) })
	return l
}

func send(channel *webrtc.DataChannel, message webrtc.DataChannelMessage) error {
	if message.IsString {
		return channel.SendText(string(message.Data))
	}
	return channel.Send(message.Data)
}

func (p *peer) open(cmd *command) error {
	label := cmd.Name
	if cmd.Label != nil {
		label = *cmd.Label
	}
	channel, err := p.connection.CreateDataChannel(label, &webrtc.DataChannelInit{
		Protocol: cmd.Protocol, Ordered: cmd.Ordered, MaxRetransmits: cmd.MaxRetransmits,
		MaxPacketLifeTime: cmd.MaxPacketLifeTime, Negotiated: cmd.Negotiated, ID: cmd.ID})
	if err != nil {
		return err
	}
	name := cmd.Name
	p.watch(name, channel)
	channel.OnOpen(func() { tell("open", facts{"name": name, "id": channel.ID()}) })
	return nil
}

func (p *peer) find(name string) (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.lines[name]; ok {
		return l, nil
	}
	return nil, fmt.Errorf("no channel %q", name)
}

func (p *peer) send(cmd *command) error {
	l, err := p.find(cmd.Name)
	if err != nil {
		return err
	}
	if cmd.Kind == "text" {
		return l.channel.SendText(textOf(cmd.Size, cmd.Seed))
	}
	return l.channel.Send(binaryOf(cmd.Size, cmd.Seed))
}

// stream sends on a goroutine of its own, since it may wait and other commands must not.
func (p *peer) stream(cmd *command) error {
	l, err := p.find(cmd.Name)
	if err != nil {
		return err
	}
	go func(cmd command) {
		if err := sendStream(l.channel, &cmd); err != nil {
			tell("error", facts{"text": "stream: " + err.Error()})
			return
		}
		tell("streamed", facts{"name": cmd.Name})
	}(*cmd)
	return nil
}

func sendStream(channel *webrtc.DataChannel, cmd *command) error {
	low := make(chan struct{}, 1)
	channel.SetBufferedAmountLowThreshold(lowWater)
	channel.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	for sent, seed := 0, cmd.Seed; sent < cmd.Total; seed++ {
		// A wake-up from before costs one more look.
		for channel.BufferedAmount() > highWater {
			<-low
		}
		size := min(cmd.Piece, cmd.Total-sent)
		if err := channel.Send(binaryOf(size, seed)); err != nil {
			return err
		}
		sent += size
	}
	return nil
}

func (p *peer) expect(cmd *command) error {
	l, err := p.find(cmd.Name)
	if err != nil {
		return err
	}
	l.inbox.expect(cmd.Total)
	tell("expecting", facts{"name": cmd.Name})
	return nil
}

func (p *peer) echo(cmd *command) error {
	p.mu.Lock()
	p.echoing = cmd.On
	p.mu.Unlock()
	tell("ready", facts{"to": "echo"})
	return nil
}

func (p *peer) close(cmd *command) error {
	l, err := p.find(cmd.Name)
	if err != nil {
		return err
	}
	return l.channel.Close()
}
