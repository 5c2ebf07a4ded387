# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace with a bridge, and guests under plain QEMU attached to it by taps.

Everything a test makes is inside its own namespace and is gone after it: `Lab` and `Guest` are
context managers, and each process has a time limit.
"""

import os
import re
import selectors
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ELF = ROOT / os.environ.get("O", "out") / "guest-stub" / "guest.elf"
PEER = Path(__file__).with_name("stub_peer.py")
VERIFY_PEER = ROOT / os.environ.get("O", "out") / "tests/guest-stub/verify-peer"

HOST_IP = "10.88.0.1"
HOST_MAC = "52:54:00:88:00:01"  # fixed: a bridge otherwise takes one of its members'
GUEST_LIFE_S = 120  # no QEMU lives longer


def guest_ip(n):
    return f"10.88.0.{10 + n}"


def guest_mac(n):
    return f"52:54:00:88:00:{10 + n}"


class Lab:
    """The namespace: bridge br0 at 10.88.0.1/24, which forwards at once (no spanning tree)."""

    def __init__(self):
        self.name = f"gstub-{os.getpid()}"

    def __enter__(self):
        self._run("ip", "netns", "add", self.name)
        self.ip("link set lo up")
        self.ip(f"link add br0 address {HOST_MAC} type bridge forward_delay 0")
        self.ip(f"addr add {HOST_IP}/24 dev br0")
        self.ip("link set br0 up")
        return self

    def __exit__(self, *exc):
        self._run("ip", "netns", "del", self.name)

    @staticmethod
    def _run(*args):
        subprocess.run(args, check=True, timeout=20)

    def ip(self, line):
        self._run("ip", "-n", self.name, *line.split())

    def command(self, *args):
        """The command line that runs args inside the namespace."""
        return ["ip", "netns", "exec", self.name, *map(str, args)]

    def run(self, *args, timeout=60, check=True):
        """Run a program inside and return its standard output and error as one text."""
        r = subprocess.run(self.command(*args), timeout=timeout, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not check or r.returncode == 0, f"{args}: exit {r.returncode}\n{r.stdout}"
        return r.stdout

    def peer(self, *args, **kwargs):
        return self.run("/usr/bin/python3", PEER, *args, **kwargs)

    def background(self, *args):
        """Start a program inside; use as a context manager, which ends it."""
        return Background(self.command(*args))

    def tap(self, n):
        name = f"tap{n}"
        self.ip(f"tuntap add {name} mode tap")
        # A flood must not be lost in the host while the receiving emulator is not scheduled.
        self.ip(f"link set {name} txqueuelen 50000 master br0 up")
        return name


class Background:
    def __init__(self, command):
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()

    def finish(self, timeout=30):
        """Wait for its own end and return what it printed."""
        out, _ = self.process.communicate(timeout=timeout)
        return out


class Guest:
    """One guest under QEMU; `words` is its command line but for the address, given by n."""

    def __init__(self, lab, words, n=1, ip=None, device="", machine="pc", extra=()):
        self.lab, self.n = lab, n
        self.address = guest_ip(n)
        address = f"ip={self.address}/24 gw={HOST_IP}" if ip is None else ip
        tap = lab.tap(n)
        # SIGTERM to timeout(1) ends the emulator; SIGKILL would leave it behind.
        qemu = ["timeout", "-k", 5, GUEST_LIFE_S, "qemu-system-x86_64",
                "-accel", "tcg", "-M", machine, "-m", 64, "-smp", 1, "-no-reboot",
                "-nodefaults", "-nographic", "-serial", "stdio",
                "-kernel", ELF, "-append", f"{address} {words}".strip(),
                "-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no",
                "-device", "virtio-net-pci,disable-legacy=on,romfile=,netdev=n0,"
                           f"mac={guest_mac(n)}{device}", *extra]
        self.process = subprocess.Popen(lab.command(*qemu), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.console = ""
        self._searched = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        self.lab.ip(f"link del tap{self.n}")

    def _read(self, timeout):
        """Append console output; returns False at its end."""
        with selectors.DefaultSelector() as s:
            s.register(self.process.stdout, selectors.EVENT_READ)
            if not s.select(timeout):
                return True
        data = self.process.stdout.read()
        self.console += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def wait_for(self, pattern, timeout=30):
        """The match of the next console text for pattern, behind what was matched before."""
        end = time.monotonic() + timeout
        alive = True
        while True:
            lines = self.console[:self.console.rfind("\n") + 1]  # complete ones only
            m = re.compile(pattern, re.M).search(lines, self._searched)
            if m:
                self._searched = m.end()
                return m
            left = end - time.monotonic()
            assert alive, f"guest ended without '{pattern}':\n{self.console}"
            assert left > 0, f"no '{pattern}' within {timeout} s:\n{self.console}"
            alive = self._read(left)

    def ready(self):
        """Wait until it has its address and the link is up."""
        self.wait_for(r"^net: ip=")
        self.wait_for(r"^net: link=up")
        return self

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait_exit(self, timeout=20):
        """Wait until the VM has powered itself off; returns the exit status."""
        end = time.monotonic() + timeout
        while self._read(max(0.0, end - time.monotonic())):
            assert time.monotonic() < end, f"still running:\n{self.console}"
        return self.process.wait(timeout=5)

    def values(self, pattern, timeout=30):
        """The key=value pairs of the next line that begins with pattern."""
        m = self.wait_for(rf"^{pattern}.*$", timeout)
        return dict(w.split("=", 1) for w in m.group(0).split() if "=" in w)

    def stats(self):
        """All "stats:" counters as {"tx": {"frames": 12, ...}, ...}."""
        self.type("stats")
        self.wait_for(r"^> stats$")
        found = {}
        while "tcp" not in found:
            m = self.wait_for(r"^stats: (\w+)(.*)$")
            text = m.group(2) if "=" not in m.group(1) else m.group(0)
            found[m.group(1)] = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", text)}
        return found
