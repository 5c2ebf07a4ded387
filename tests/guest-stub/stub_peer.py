#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of the tests' connections, inside the namespace. A mismatch is exit status 1."""

import argparse
import random
import socket
import struct
import sys
import threading

RAW_TYPE = 0x88B5
RAW_MAGIC = 0x504C5831
SO_RCVBUFFORCE = 33  # not in Python's socket module


def tcp_echo(args):
    """Send random bytes, read them back, compare."""
    data = random.Random(args.bytes).randbytes(args.bytes)
    with socket.create_connection((args.addr, args.port), timeout=20) as s:
        s.settimeout(30)

        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = b"".join(iter(lambda: s.recv(65536), b""))
        sender.join()
    assert back == data, f"{len(back)} bytes came back of {len(data)}, or others"


def udp_echo(args):
    """Datagrams of all kinds of sizes, fragmented ones too, one after the other."""
    rng = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((args.addr, args.port))
        for size in [1, 2, 3, 17, 18, 19, 1471, 1472, 1473, 4000, 8000] + \
                [rng.randrange(1, 1473) for _ in range(args.count)]:
            data = rng.randbytes(size)
            s.send(data)
            assert s.recv(65536) == data, f"datagram of {size} bytes came back changed"


def frame(dst, src, sequence, total, stream=7, length=200):
    mac = bytes.fromhex(dst.replace(":", "")) + src
    head = mac + struct.pack("!HIIII", RAW_TYPE, RAW_MAGIC, stream, sequence, total)
    return head + bytes((sequence * 7 + i) & 0xFF for i in range(length - len(head)))


def raw_send(args):
    """Frames with the numbers given, e.g. "0 1 3 2 x4": x = damage that one."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((args.device, 0))
        src = s.getsockname()[4]
        for word in args.sequence:
            f = bytearray(frame(args.dst, src, int(word.lstrip("x")), args.total))
            if word.startswith("x"):
                f[-1] ^= 1
            s.send(f)


def raw_receive(args):
    """Check a flood that comes from a guest: every frame, in order, undamaged."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(RAW_TYPE)) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        s.bind((args.device, RAW_TYPE))
        s.settimeout(20)
        print("ready", flush=True)
        for sequence in range(args.total):
            f = s.recv(4096)
            _, _, stream, number, total = struct.unpack("!HIIII", f[12:30])
            assert (number, total) == (sequence, args.total), f"frame {number}, not {sequence}"
            assert f == frame(f[:6].hex(), f[6:12], number, total, stream, len(f)), "damaged"
    print(f"frames={args.total}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    sub = p.add_subparsers(required=True)

    def command(function, *arguments):
        c = sub.add_parser(function.__name__.replace("_", "-"), help=function.__doc__)
        c.set_defaults(function=function)
        for a in arguments:
            a(c)

    def opt(name, kind, default):
        return lambda c: c.add_argument(f"--{name}", type=kind, default=default)

    addr = opt("addr", str, "10.88.0.11")
    command(tcp_echo, addr, opt("port", int, 7), opt("bytes", int, 1 << 20))
    command(udp_echo, addr, opt("port", int, 7), opt("count", int, 200))
    raw = [opt("device", str, "br0"), opt("dst", str, "52:54:00:88:00:11"), opt("total", int, 10)]
    command(raw_send, *raw, lambda c: c.add_argument("sequence", nargs="*"))
    command(raw_receive, *raw)
    args = p.parse_args()
    args.function(args)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as e:
        sys.exit(f"peer: {e}")
