# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of a run's wire: a network namespace with a tap, and the programs that run in it.

The namespace's name holds the number of the process that made it, so that one left over by a killed run is
recognised and removed by the next.
"""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

PREFIX = 'pollux-'
NETNS_FOLDER = Path('/run/netns')
ADDRESS = '10.88.0.1/24'
# A burst must not be lost in the host while the emulator is not scheduled.
TAP_QUEUE = 10000
IPERF_PORT = 5001


class PeerError(Exception):
    """A program of the peer failed; holds what it printed."""


def is_available():
    """Namespaces and taps need root and the tun device."""
    return os.geteuid() == 0 and os.access('/dev/net/tun', os.W_OK)


def remove_stale():
    """Remove the namespaces of runs whose process is gone."""
    if not NETNS_FOLDER.is_dir():
        return
    for ns in NETNS_FOLDER.iterdir():
        m = re.fullmatch(PREFIX + r'(\d+)(-\d+)?', ns.name)
        if m and not Path('/proc', m.group(1)).exists():
            subprocess.run(['ip', 'netns', 'del', ns.name], check=False)


class Background:
    """A program that runs in the namespace until its end or until stop()."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self, timeout):
        """Wait for its own end; returns what it printed. Raises PeerError when it fails or takes longer."""
        try:
            out, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            out = self.stop()
            raise PeerError(f'{self.command}: no end within {timeout} s\n{out}') from None
        if self.process.returncode != 0:
            raise PeerError(f'{self.command}: exit {self.process.returncode}\n{out}')
        return out

    def stop(self):
        """End it politely, so that tcpdump and iperf print their sums; returns what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=5)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0]


class Peer:
    """Use as a context manager: namespace and everything in it are gone afterwards."""
    _count = 0

    def __init__(self, address=ADDRESS):
        Peer._count += 1
        self.name = f'{PREFIX}{os.getpid()}-{Peer._count}'
        self.address = address
        self.tap = 'tap0'
        self._running = []

    @property
    def ip_address(self):
        return self.address.split('/')[0]

    def __enter__(self):
        remove_stale()
        subprocess.run(['ip', 'netns', 'add', self.name], check=True)
        try:
            self.ip('link set lo up')
            self.ip(f'tuntap add {self.tap} mode tap')
            self.ip(f'link set {self.tap} txqueuelen {TAP_QUEUE}')
            # No router solicitations and the like: every frame on the wire is one that a test asked for.
            self.run('sysctl', '-q', '-w', f'net.ipv6.conf.{self.tap}.disable_ipv6=1')
            self.ip(f'addr add {self.address} dev {self.tap}')
            self.ip(f'link set {self.tap} up')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for b in self._running:
            b.stop()
        self._running.clear()
        subprocess.run(['ip', 'netns', 'del', self.name], check=False)

    def ip(self, line):
        subprocess.run(['ip', '-n', self.name, *line.split()], check=True, timeout=20)

    def command(self, args):
        """The command line that runs args inside the namespace."""
        return ['ip', 'netns', 'exec', self.name, *map(str, args)]

    def run(self, *args, timeout=60, check=True):
        """Run a program inside; returns what it printed. Raises PeerError when it fails or takes too long."""
        try:
            r = subprocess.run(self.command(args), timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired as e:
            raise PeerError(f'{args}: no end within {timeout} s\n{e.output}') from None
        if check and r.returncode != 0:
            raise PeerError(f'{args}: exit {r.returncode}\n{r.stdout}')
        return r.stdout

    def background(self, *args):
        self._running.append(Background(self.command(args)))
        return self._running[-1]

    def serve(self, port, *args):
        """A server in the background, once something listens on its TCP port."""
        server = self.background(*args)
        self.run('sh', '-c', f'until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done', timeout=20)
        return server

    def iperf_server(self):
        return self.serve(IPERF_PORT, 'iperf', '-s', '-f', 'm')

    def iperf(self, address, seconds=2):
        """TCP to iperf's server there; returns Mb/s. It says that it listens before it does, and the client ends with 0."""
        end = time.monotonic() + 20
        while True:
            out = self.run('iperf', '-c', address, '-t', seconds, '-f', 'm', timeout=60)
            if rate := re.search(r'([\d.]+) Mbits/sec', out):
                return float(rate.group(1))
            if 'connect failed' not in out or time.monotonic() > end:
                raise PeerError(f'iperf to {address}: no rate\n{out}')

    def ping(self, address, count=5, interval=0.2, size=56):
        """(received, average round trip in ms or None)."""
        out = self.run('ping', '-n', '-c', count, '-i', interval, '-s', size, '-W', 2, address,
                       timeout=count * (interval + 2) + 10, check=False)
        received = re.search(r'(\d+) received', out)
        rtt = re.search(r'= [\d.]+/([\d.]+)/', out)
        return int(received.group(1)) if received else 0, float(rtt.group(1)) if rtt else None

    def capture(self, expression='', count=None):
        """tcpdump on the tap, one line a frame with its MAC addresses; stop() returns them."""
        args = ['tcpdump', '-i', self.tap, '-n', '-e', '-l', '--immediate-mode']
        if count:
            args += ['-c', count]
        b = self.background(*args, *expression.split())
        # It prints "listening on" once frames are captured.
        while 'listening on' not in b.process.stdout.readline():
            if b.process.poll() is not None:
                raise PeerError('tcpdump does not run')
        return b
