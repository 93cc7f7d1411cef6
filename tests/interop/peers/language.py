"""The language of tests/interop/README.md for peers written in Python.

It knows events, the bytes of messages and the counting of streams. It does not know any WebRTC stack.
"""

import json
import sys
import zlib

# Byte i of a message of seed 0; it repeats after 65536.
PATTERN = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(65536))
ALPHABET = "abcdefghijklmnopqrstuvwxyz"

# A stream waits when so many bytes wait in the stack, and goes on when so few are left.
HIGH_WATER = 1 << 20
LOW_WATER = 1 << 18


def tell(event, **facts):
    """Tell the runner of one event."""
    print(json.dumps({"event": event, **facts}), flush=True)


def tell_hello(stack, version, description_path):
    """Say who we are; what we cannot do is written in the peer's own peer.json."""
    with open(description_path, encoding="utf-8") as file:
        description = json.load(file)
    tell("hello", stack=stack, version=version, features=description.get("cannot", {}))


def binary_of(size, seed):
    """The `size` bytes of a binary message."""
    shift = seed * 31 & 0xFF
    moved = bytes((byte + shift) & 0xFF for byte in range(256))
    whole = PATTERN[: min(size, len(PATTERN))].translate(moved)
    return (whole * (size // len(PATTERN) + 1))[:size]


def text_of(size, seed):
    """The `size` letters of a text message."""
    start = seed % len(ALPHABET)
    return (ALPHABET * (size // len(ALPHABET) + 2))[start : start + size]


def message_of(command):
    """The message that a command `send` asks for: str for a text, bytes for a binary one."""
    make = text_of if command["kind"] == "text" else binary_of
    return make(command["size"], command["seed"])


def pieces_of(command):
    """The messages of a command `stream`, one after the other."""
    left, seed = command["total"], command["seed"]
    while left > 0:
        size = min(left, command["piece"])
        yield binary_of(size, seed)
        left -= size
        seed += 1


class Inbox:
    """What comes on one channel: told message by message, or summed up while a stream is expected."""

    def __init__(self, name):
        self.name = name
        self.total = 0
        self.bytes = self.messages = self.hash = 0

    def expect(self, total):
        self.total = total
        self.bytes = self.messages = self.hash = 0

    def take(self, data):
        kind = "text" if isinstance(data, str) else "binary"
        if kind == "text":
            data = data.encode()
        if self.total == 0:
            tell("message", name=self.name, kind=kind, size=len(data), hash=f"{zlib.crc32(data):08x}")
            return
        self.messages += 1
        self.bytes += len(data)
        self.hash = zlib.crc32(data, self.hash)
        if self.bytes >= self.total:
            self.total = 0
            tell(
                "streaming",
                name=self.name,
                messages=self.messages,
                bytes=self.bytes,
                hash=f"{self.hash:08x}",
            )


def command_of(line):
    """The command on a line, or None after telling why it is none."""
    try:
        command = json.loads(line)
        command["cmd"]
        return command
    except (ValueError, TypeError, KeyError) as error:
        tell("error", text=f"not a command: {error!r}")
        return None


def note(text):
    """Something for people to read."""
    print(text, file=sys.stderr, flush=True)
