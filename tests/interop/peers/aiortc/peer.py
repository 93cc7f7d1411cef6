#!/usr/bin/python3
"""aiortc as a peer of the interop test: speaks the language of tests/interop/README.md.

    peer.py PEER_JSON

Debian's aiortc 1.4 is driven by this same program.
"""

import asyncio
import logging
import os
import sys

import aiortc
from aiortc.sdp import candidate_from_sdp

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import language  # noqa: E402
from language import tell  # noqa: E402

OPTIONS = ("protocol", "ordered", "maxRetransmits", "maxPacketLifeTime", "negotiated", "id")


class Peer:
    def __init__(self):
        self.connection = None
        self.channels = {}
        self.inboxes = {}
        self.echoing = False
        self.tasks = set()
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

    async def carry_out(self, command):
        try:
            act = self.commands[command["cmd"]]
            await act(command)
        except Exception as error:  # whatever the stack raises is the answer to this command
            tell("error", text=f"{command['cmd']}: {error!r}")

    # ---- The connection

    async def create(self, command):
        connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        self.connection = connection
        self.channels = {}
        self.inboxes = {}

        @connection.on("connectionstatechange")
        def state_changed():
            if connection.connectionState in ("connected", "failed", "closed"):
                tell("state", state=connection.connectionState)

        @connection.on("datachannel")
        def channel_opened_by_remote(channel):
            self.watch(channel.label, channel)
            tell(
                "channel",
                name=channel.label,
                label=channel.label,
                protocol=channel.protocol,
                ordered=channel.ordered,
                maxRetransmits=channel.maxRetransmits,
                maxPacketLifeTime=channel.maxPacketLifeTime,
                id=channel.id,
            )

    async def offer(self, command):
        await self.describe(await self.connection.createOffer())

    async def restart(self, command):
        raise NotImplementedError("aiortc has no ICE restart")

    async def description(self, command):
        remote = aiortc.RTCSessionDescription(sdp=command["sdp"], type=command["type"])
        await self.connection.setRemoteDescription(remote)
        if remote.type == "offer":
            await self.describe(await self.connection.createAnswer())

    async def describe(self, description):
        # All candidates are gathered in here, so they are in the description.
        await self.connection.setLocalDescription(description)
        local = self.connection.localDescription
        tell("description", type=local.type, sdp=local.sdp)

    async def candidate(self, command):
        candidate = None
        if command["candidate"]:
            candidate = candidate_from_sdp(command["candidate"].split(":", 1)[1])
            candidate.sdpMid = command.get("sdpMid")
            candidate.sdpMLineIndex = command.get("sdpMLineIndex")
        await self.connection.addIceCandidate(candidate)

    async def stats(self, command):
        facts = {}
        dtls = self.connection.sctp.transport if self.connection.sctp else None
        connection = dtls and getattr(dtls, "_ssl", None) or getattr(dtls, "ssl", None)
        if connection:
            facts = {
                "tls": connection.get_protocol_version_name(),
                "suite": connection.get_cipher_name(),
            }
        if dtls:
            for report in dtls._get_stats().values():
                facts["bytesSent"] = report.bytesSent
                facts["bytesReceived"] = report.bytesReceived
        tell("stats", **facts)

    async def hangup(self, command):
        await self.connection.close()

    # ---- Channels

    def watch(self, name, channel):
        self.channels[name] = channel
        self.inboxes[name] = inbox = language.Inbox(name)

        @channel.on("message")
        def message_came(data):
            if self.echoing:
                channel.send(data)
            else:
                inbox.take(data)

        @channel.on("close")
        def channel_closed():
            tell("closed", name=name)

    async def open(self, command):
        name = command["name"]
        options = {key: command[key] for key in OPTIONS if command.get(key) is not None}
        channel = self.connection.createDataChannel(command.get("label", name), **options)
        self.watch(name, channel)
        if channel.readyState == "open":  # a negotiated one on an association that is up
            tell("open", name=name, id=channel.id)
            return

        @channel.on("open")
        def channel_opened():
            tell("open", name=name, id=channel.id)

    async def send(self, command):
        self.channels[command["name"]].send(language.message_of(command))

    async def stream(self, command):
        task = asyncio.ensure_future(self.send_stream(command))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def send_stream(self, command):
        channel = self.channels[command["name"]]
        channel.bufferedAmountLowThreshold = language.LOW_WATER
        low = asyncio.Event()
        channel.on("bufferedamountlow", low.set)
        try:
            for piece in language.pieces_of(command):
                if channel.bufferedAmount > language.HIGH_WATER:
                    low.clear()
                    await low.wait()
                channel.send(piece)
            tell("streamed", name=command["name"])
        except Exception as error:
            tell("error", text=f"stream: {error!r}")
        finally:
            channel.remove_listener("bufferedamountlow", low.set)

    async def expect(self, command):
        self.inboxes[command["name"]].expect(command["total"])
        tell("expecting", name=command["name"])

    async def echo(self, command):
        self.echoing = command["on"]
        tell("ready", to="echo")

    async def close(self, command):
        self.channels[command["name"]].close()


async def main():
    logging.basicConfig(level=os.environ.get("PEER_LOG", "WARNING"), stream=sys.stderr)
    # Descriptions are long lines.
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    language.tell_hello("aiortc", aiortc.__version__, sys.argv[1])
    peer = Peer()
    while line := await reader.readline():
        command = language.command_of(line)
        if command is None:
            continue
        if command["cmd"] == "quit":
            break
        await peer.carry_out(command)
    if peer.connection:
        await peer.connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: peer.py PEER_JSON")
    asyncio.run(main())
