# SPDX-License-Identifier: GPL-2.0-or-later
"""The pace of two guests' TCP, guest 1 to the peer and the peer to guest 2, by a clock that counts instructions.

Bytes are counted by the peer's kernel: what it received and what was acknowledged. Time is the hypervisor's clock
(`up_us`), which is instructions here (icount), and the host's only while nobody in the machine has anything to do.
"""
import time
from contextlib import contextmanager
from dataclasses import dataclass

from conftest import ENDLESS, PEER_IP, end_stream, tcp_bytes

FROM_GUEST = 5003
WINDOW_US = 300_000     # least time of a measurement
FLOW_BYTES = 500_000    # of each stream: it runs again
FLOW_S = 300            # of the host, no expectation
END_S = 240


def wait(condition, what, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@dataclass
class Sample:
    """What was until now. sent, received: bytes of guest 1's stream and of guest 2's."""
    up_us: int
    idle_us: int
    sent: int
    received: int

    def since(self, before):
        return Sample(*(getattr(self, k) - getattr(before, k) for k in ('up_us', 'idle_us', 'sent', 'received')))


class Streams:
    """Both of them, from now until end(): right to the byte."""

    def __init__(self, s):
        self.s = s
        wait(lambda: s.peer.ping(s.address(2), count=1)[0], 'guest 2 does not answer', FLOW_S)
        self.listening = s.listen(FROM_GUEST, FLOW_S)
        s.machine.type(f'verify-client={PEER_IP} bytes={ENDLESS} port={FROM_GUEST}', 2)
        self.sending = s.start_sending(2, patience=FLOW_S)
        self.flowing()

    def alive(self):
        for b in (self.listening, self.sending):
            if b.process.poll() is not None:
                raise AssertionError(f'a stream ended: {b.finish(1)}')

    def moved(self):
        """(from guest 1, to guest 2), by the peer's TCP."""
        return tcp_bytes(self.s, 1, 2, FROM_GUEST)

    def sample(self):
        """The peer's bytes at the hypervisor's time in the middle: the machine runs on while either is asked, and a tenth
        of a measurement goes by on a busy host."""
        before, moved, after = self.s.stats()['cpu'], self.moved(), self.s.stats()['cpu']
        return Sample(*((before[k] + after[k]) // 2 for k in ('up_us', 'idle_us')), *moved)

    def flowing(self, keep=lambda: None):
        """Wait until both run; since when is the caller's affair."""
        begin = self.moved()
        end = time.monotonic() + FLOW_S
        while min(n - b for n, b in zip(self.moved(), begin)) < FLOW_BYTES:
            self.alive()
            assert time.monotonic() < end, f'traffic stands still: {begin} {self.moved()}'
            keep()
            time.sleep(0.1)

    def measure(self, keep=lambda: None):
        """What was in a window. keep: called all the time."""
        before = now = self.sample()
        while now.up_us - before.up_us < WINDOW_US:
            self.alive()
            until = time.monotonic() + 1
            while time.monotonic() < until:
                keep()
                time.sleep(0.1)
            now = self.sample()
        return now.since(before)

    def end(self):
        """Guest 2's stream has the right hash, guest 1's was right so far."""
        self.alive()
        for b in (self.sending, self.listening):
            end_stream(b, END_S)


@contextmanager
def streams(s):
    """They end well with the block."""
    both = Streams(s)
    yield both
    both.end()
