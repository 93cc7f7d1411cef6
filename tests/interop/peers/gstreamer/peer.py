#!/usr/bin/python3
"""GStreamer's webrtcbin as a peer of the interop test: speaks the language of tests/interop/README.md.

    peer.py PEER_JSON

GStreamer calls back on threads of its own. Every callback only hands over to the main loop, so all
that is decided and told here happens on one thread, in the order in which it came.
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import language  # noqa: E402
from language import tell  # noqa: E402

# webrtcbin speaks of four priorities, RFC 8831 section 6.4 of four numbers.
PRIORITIES = ((128, "VERY_LOW"), (256, "LOW"), (512, "MEDIUM"), (1024, "HIGH"))


def on_main_loop(act, *values):
    def once():
        act(*values)
        return GLib.SOURCE_REMOVE

    GLib.idle_add(once, priority=GLib.PRIORITY_DEFAULT)


def bounded(value):
    """A value that webrtcbin calls -1 when there is none."""
    return None if value < 0 else value


def sdp_of(text):
    result, message = GstSdp.SDPMessage.new_from_text(text)
    if result != GstSdp.SDPResult.OK:
        raise ValueError(f"not a description: {result}")
    return message


def options_of(command):
    """What create-data-channel takes for a command `open`."""
    options = Gst.Structure.new_empty("options")
    for name, key in (
        ("ordered", "ordered"),
        ("maxRetransmits", "max-retransmits"),
        ("maxPacketLifeTime", "max-packet-lifetime"),
        ("protocol", "protocol"),
        ("negotiated", "negotiated"),
        ("id", "id"),
    ):
        if command.get(name) is not None:
            options.set_value(key, command[name])
    if command.get("priority") is not None:
        names = [name for number, name in PRIORITIES if number <= command["priority"]]
        options.set_value("priority", getattr(GstWebRTC.WebRTCPriorityType, names[-1]))
    return options


class Line:
    """A channel, what comes on it, and the stream that goes out."""

    def __init__(self, peer, channel):
        self.peer = peer
        self.channel = channel
        self.name = None
        self.ours = False
        self.inbox = None
        self.pieces = None
        # Messages of a remote channel can come before webrtcbin has announced the channel.
        self.early = []
        channel.set_property("buffered-amount-low-threshold", language.LOW_WATER)
        channel.connect("on-open", lambda _: on_main_loop(self.opened))
        channel.connect("on-close", lambda _: on_main_loop(self.closed))
        # An empty message comes as None.
        channel.connect("on-message-string", lambda _, text: on_main_loop(self.came, text or ""))
        channel.connect(
            "on-message-data",
            lambda _, data: on_main_loop(self.came, data.get_data() if data else b""),
        )
        channel.connect("on-buffered-amount-low", lambda _: on_main_loop(self.pump))

    def become(self, name, ours):
        self.name = name
        self.ours = ours
        self.inbox = language.Inbox(name)
        self.peer.lines[name] = self
        early, self.early = self.early, []
        for message in early:
            self.came(message)

    def opened(self):
        if self.ours:
            tell("open", name=self.name, id=self.channel.get_property("id"))

    def closed(self):
        tell("closed", name=self.name)

    def came(self, message):
        if self.inbox is None:
            self.early.append(message)
        elif self.peer.echoing:
            self.send(message)
        else:
            self.inbox.take(message)

    def send(self, message):
        # Unlike the signals of the same purpose these raise an error.
        if isinstance(message, str):
            self.channel.send_string_full(message or None)
        else:
            self.channel.send_data_full(GLib.Bytes.new(message) if message else None)

    def pump(self):
        while self.pieces is not None:
            if self.channel.get_property("buffered-amount") > language.HIGH_WATER:
                return  # on-buffered-amount-low follows
            piece = next(self.pieces, None)
            if piece is None:
                self.pieces = None
                tell("streamed", name=self.name)
            else:
                self.send(piece)


class Peer:
    def __init__(self, loop):
        self.loop = loop
        self.pipeline = None
        self.webrtc = None
        self.lines = {}
        self.unnamed = []
        self.echoing = False
        self.describing = False
        self.candidates = []
        self.commands = {
            "create": self.create,
            "open": self.open,
            "offer": self.offer,
            "restart": self.restart,
            "description": self.description,
            "candidate": self.candidate,
            "send": self.send,
            "stream": self.stream,
            "expect": self.expect,
            "echo": self.echo,
            "close": self.close,
            "stats": self.stats,
            "hangup": self.hangup,
        }

    def carry_out(self, text):
        command = language.command_of(text)
        if command is None:
            return
        if command["cmd"] == "quit":
            self.loop.quit()
            return
        try:
            self.commands[command["cmd"]](command)
        except Exception as error:  # whatever the stack raises is the answer to this command
            tell("error", text=f"{command['cmd']}: {error!r}")

    # ---- The connection

    def create(self, command):
        self.lines = {}
        self.unnamed = []
        self.pipeline = Gst.Pipeline.new(None)
        self.webrtc = webrtc = Gst.ElementFactory.make("webrtcbin", None)
        webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(webrtc)
        webrtc.connect("prepare-data-channel", self.prepare)
        webrtc.connect(
            "on-data-channel", lambda _, channel: on_main_loop(self.announced, channel)
        )
        webrtc.connect(
            "on-ice-candidate", lambda _, index, text: on_main_loop(self.gathered, index, text)
        )
        webrtc.connect(
            "notify::ice-gathering-state", lambda *_: on_main_loop(self.gathering_changed)
        )
        webrtc.connect(
            "notify::connection-state", lambda *_: on_main_loop(self.state_changed, webrtc)
        )
        self.pipeline.set_state(Gst.State.PLAYING)

    def state_changed(self, webrtc):
        if webrtc is not self.webrtc:
            return  # what a connection says after its hangup
        state = webrtc.get_property("connection-state").value_nick
        if state in ("connected", "failed", "closed"):
            tell("state", state=state)

    def ask(self, signal, *values, then):
        """Emit a signal that answers with a promise; `then` gets the reply on the main loop."""

        def resolved(promise, *_):
            on_main_loop(self.answered, signal, promise, then)

        promise = Gst.Promise.new_with_change_func(resolved, None, None)
        self.webrtc.emit(signal, *values, promise)

    def answered(self, signal, promise, then):
        try:
            reply = promise.get_reply()
            if reply is not None and reply.has_field("error"):
                raise ValueError(reply.get_value("error").message)
            then(reply)
        except Exception as error:
            tell("error", text=f"{signal}: {error!r}")

    def offer(self, command):
        self.ask("create-offer", None, then=lambda reply: self.describe(reply.get_value("offer")))

    def restart(self, command):
        raise NotImplementedError("webrtcbin has no ICE restart")

    def description(self, command):
        kind = GstWebRTC.WebRTCSDPType
        kind = kind.OFFER if command["type"] == "offer" else kind.ANSWER
        remote = GstWebRTC.WebRTCSessionDescription.new(kind, sdp_of(command["sdp"]))

        def answer(reply):
            self.describe(reply.get_value("answer"))

        def applied(_):
            if kind == GstWebRTC.WebRTCSDPType.OFFER:
                self.ask("create-answer", None, then=answer)

        self.ask("set-remote-description", remote, then=applied)

    def describe(self, description):
        # Gathering starts before the description is told: candidates wait for it.
        self.describing = True
        kind = GstWebRTC.WebRTCSDPType.to_string(description.type)
        text = description.sdp.as_text()

        def applied(_):
            tell("description", type=kind, sdp=text)
            self.describing = False
            waiting, self.candidates = self.candidates, []
            for candidate in waiting:
                self.gathered(*candidate)

        self.ask("set-local-description", description, then=applied)

    def gathered(self, index, text):
        if self.describing:
            self.candidates.append((index, text))
            return
        # webrtcbin tells no section's name; a session of channels alone has one section.
        tell("candidate", candidate=text, sdpMid=None, sdpMLineIndex=index, usernameFragment=None)

    def gathering_changed(self):
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if self.webrtc and self.webrtc.get_property("ice-gathering-state") == complete:
            self.gathered(0, "")

    def candidate(self, command):
        # webrtcbin takes no end of candidates.
        if command["candidate"]:
            index = command.get("sdpMLineIndex") or 0
            self.webrtc.emit("add-ice-candidate", index, command["candidate"])

    def stats(self, command):
        def told(reply):
            facts = {}
            for index in range(reply.n_fields()):
                report = reply.get_value(reply.nth_field_name(index))
                if isinstance(report, Gst.Structure) and report.has_field("type"):
                    # Neither version nor suite is in any of them.
                    facts.setdefault("reports", []).append(report.get_value("type").value_nick)
            tell("stats", **facts)

        self.ask("get-stats", None, then=told)

    def hangup(self, command):
        self.webrtc = None
        self.pipeline.set_state(Gst.State.NULL)
        self.pipeline = None
        tell("state", state="closed")

    def end(self):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)

    # ---- Channels

    def prepare(self, _, channel, is_local):
        # On GStreamer's thread, and before anything can come on the channel.
        self.unnamed.append(Line(self, channel))

    def line_of(self, channel):
        line = next(line for line in self.unnamed if line.channel == channel)
        self.unnamed.remove(line)
        return line

    def announced(self, channel):
        line = self.line_of(channel)
        label = channel.get_property("label")
        tell(
            "channel",
            name=label,
            label=label,
            protocol=channel.get_property("protocol"),
            ordered=channel.get_property("ordered"),
            maxRetransmits=bounded(channel.get_property("max-retransmits")),
            maxPacketLifeTime=bounded(channel.get_property("max-packet-lifetime")),
            id=channel.get_property("id"),
        )
        line.become(label, ours=False)

    def open(self, command):
        name = command["name"]
        channel = self.webrtc.emit(
            "create-data-channel", command.get("label", name), options_of(command)
        )
        if channel is None:
            raise ValueError("webrtcbin makes no such channel")
        self.line_of(channel).become(name, ours=True)

    def send(self, command):
        self.lines[command["name"]].send(language.message_of(command))

    def stream(self, command):
        line = self.lines[command["name"]]
        line.pieces = language.pieces_of(command)
        line.pump()

    def expect(self, command):
        self.lines[command["name"]].inbox.expect(command["total"])
        tell("expecting", name=command["name"])

    def echo(self, command):
        self.echoing = command["on"]
        tell("ready", to="echo")

    def close(self, command):
        self.lines[command["name"]].channel.emit("close")


def read_commands(peer):
    for text in sys.stdin:
        on_main_loop(peer.carry_out, text)
    on_main_loop(peer.loop.quit)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: peer.py PEER_JSON")
    Gst.init(None)
    for element in ("webrtcbin", "sctpenc", "dtlsenc", "nicesrc"):
        if Gst.ElementFactory.find(element) is None:
            sys.exit(f"GStreamer has no {element} here")
    language.tell_hello("GStreamer webrtcbin", ".".join(map(str, Gst.version()[:3])), sys.argv[1])
    peer = Peer(GLib.MainLoop())
    threading.Thread(target=read_commands, args=(peer,), daemon=True).start()
    peer.loop.run()
    peer.end()


if __name__ == "__main__":
    main()
