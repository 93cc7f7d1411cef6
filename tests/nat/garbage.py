#!/usr/bin/env python3
"""A STUN server that answers garbage: garbage.py ADDRESS PORT. Every question gets one of each kind."""
import os
import socket
import struct
import sys

COOKIE = 0x2112A442


def answer(kind, transaction, *attributes):
    body = b"".join(struct.pack(">HH", number, len(value)) + value + bytes(-len(value) % 4)
                    for number, value in attributes)
    return struct.pack(">HHI", kind, len(body), COOKIE) + transaction + body


def mapped(family, port, address):
    return struct.pack(">BBH", 0, family, port ^ COOKIE >> 16) + address


def garbage(question):
    mine = question[8:20]
    yield os.urandom(len(question))
    yield b""
    yield question[:7]
    yield question  # a request, of all things
    yield answer(0x0101, os.urandom(12), (0x0020, mapped(1, 9, b"\0" * 4)))
    yield answer(0x0101, mine)[:-1]
    yield struct.pack(">HHI", 0x0101, 0xFFFC, COOKIE) + mine
    yield answer(0x0101, mine) + b"more"
    yield answer(0x0101, mine, (0x0020, mapped(1, 9, b"\0" * 3)))
    # Taken for an answer, and of no use: a family that there is not, a redirection, an unknown error,
    # a mapping that nobody can be reached at.
    yield [answer(0x0101, mine, (0x0020, mapped(7, 9, b"\0" * 4))),
           answer(0x0111, mine, (0x0009, b"\0\0\3\0"), (0x8023, b"\0\1\0\1\0\0\0\0")),
           answer(0x0111, mine, (0x0009, b"\0\0\6\x63?")),
           answer(0x0101, mine, (0x0020, mapped(1, 0, struct.pack(">I", COOKIE))))][mine[0] % 4]


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[1], int(sys.argv[2])))
    print("ready", flush=True)
    while True:
        question, whom = sock.recvfrom(2048)
        for datagram in garbage(question):
            sock.sendto(datagram, whom)
        print("answered", flush=True)


main()
