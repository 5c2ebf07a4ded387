# SPDX-License-Identifier: GPL-2.0-or-later
"""Large frames: what a Linux guest leaves to the device to segment goes through the twin as one, and the card cuts it.

The guest and the driver VM send self-checking streams to the peer, which compares each byte; its kernel checks each sum.
"""
import re
import subprocess
import time

import image
import kill_lab
import pytest

from console import ConsoleError
from conftest import PATIENCE_S, PEER_IP, VMLINUX, System, initrd_with, unharmed, wait_for_link

SOURCE = image.ROOT / 'tests/guest-stub/verify_peer.c'
VMS = {'dvm': (1, 5201), 'g1': (2, 5202), 'g2': (3, 5203)} # number on the console, port of its stream
BYTES = 8 << 20
FLOW = 1 << 20
UNMET_S = 30 # of the host: an instruction is on no frame's way
TRIES = 5
SMALL_MTU = 600 # segments of 548 bytes at most: too small for the card


class Streams:
    """From a guest and the driver VM to the peer, both at once, or from those named. size 0: until finish()."""

    def __init__(self, s, size=0, names=('dvm', 'g1')):
        self.s, self.size, self.names = s, size, names
        self.ends = [s.listen(VMS[name][1]) for name in names]
        for name in names:
            port = VMS[name][1]
            self._shell(name, f'(/verify send {PEER_IP} {port} {size} {PATIENCE_S} >/verify.log 2>&1 &)')

    def _shell(self, name, command):
        status, text = self.s.machine.shell(command, name, VMS[name][0], PATIENCE_S)
        assert status == 0, f'{name}: {command}: {status}\n{text}'
        return text

    def received(self):
        """Bytes of each stream, as the peer's TCP counts."""
        text = self.s.peer.run('ss', '-tinH', 'state', 'established')
        found = {int(p): int(n) for p, n in re.findall(r'\S+:(\d+) +\S+:\d+ *\n\t.*bytes_received:(\d+)', text)}
        return [found.get(VMS[name][1], 0) for name in self.names]

    def flow(self):
        """Wait until each has carried some more."""
        before, end = self.received(), time.monotonic() + PATIENCE_S
        while min(now - then for now, then in zip(self.received(), before)) < FLOW:
            assert all(e.process.poll() is None for e in self.ends), [e.stop() for e in self.ends]
            assert time.monotonic() < end, f'traffic stands still: {self.s.machine.monitor("twin")}'
            time.sleep(0.2)

    def finish(self):
        """All that was sent came, and right; the senders say the same."""
        for name, end in zip(self.names, self.ends):
            if self.size:
                assert f'bytes={self.size} ' in end.finish(PATIENCE_S)
            else:
                self._shell(name, 'killall verify')
                end.finish(PATIENCE_S)
            says = self._shell(name, 'n=0; while pidof verify >/dev/null && [ $n -lt 600 ]; do usleep 100000; n=$((n + 1)); '
                                     'done; cat /verify.log')
            assert says.strip().endswith('right'), f'{name}: {says}'


def wrong_sums(s):
    """TCP segments whose checksum the peer's kernel found wrong."""
    names, values = re.findall(r'^Tcp: (.*)$', s.peer.run('cat', '/proc/net/snmp'), re.M)
    return int(dict(zip(names.split(), values.split()))['InCsumErrors'])


def counted(s, work):
    """What work() adds to the twin's counters."""
    before = s.stats()['twin']
    work()
    after = s.stats()['twin']
    return {k: after[k] - before[k] for k in ('tx_large', 'tx_queued', 'tx_wire', 'upcalls')}


def transfer(s):
    return counted(s, lambda: Streams(s, BYTES).finish())


def is_cut_by_card(c):
    """Most of the bytes went in large frames; how large they are is up to TCP's pace."""
    return c['tx_large'] > c['tx_queued'] / 2 and c['tx_wire'] > 2 * c['tx_queued']


def is_cut_by_hypervisor(c):
    return c['tx_large'] == 0 and c['tx_wire'] == c['tx_queued'] > BYTES // 1460


@pytest.fixture
def lab(boot, tmp_path):
    """lab(words of the driver VM) boots it and a Linux guest, each with the streams' program; the twin is attached."""
    program = tmp_path / 'verify'
    subprocess.run(['gcc', '-O2', '-static', '-I', image.ROOT, '-o', program, SOURCE], check=True)
    extra, folder = {'verify': program.read_bytes()}, tmp_path / 'guest'
    folder.mkdir()
    initrd, guest_initrd = initrd_with(tmp_path, extra), initrd_with(folder, extra, image.OUT / 'linux/initrd.img')

    def begin(words='', **spec):
        d = image.Description('net=twin').add_symbols().add_dvm(words, kernel=VMLINUX, initrd=initrd)
        s = System(boot(d.add_linux(1, initrd=guest_initrd).add_twin(), net='tap', **spec), 0).ready()
        s.machine.expect('g1', 'built-in commands', 120)
        s.attached()
        return s
    return begin


def test_r17_large_frames_are_cut_by_the_card_if_it_may(lab):
    """With the interface's word, and without: both streams are right to the byte, and no checksum is wrong."""
    s = lab()
    c = transfer(s)
    assert is_cut_by_card(c) and c['upcalls'] == 0, c
    s.dvm('ethtool -K eth0 tso off')
    assert is_cut_by_hypervisor(c := transfer(s)), c
    s.dvm('ethtool -K eth0 tx off') # checksums too
    assert is_cut_by_hypervisor(c := transfer(s)), c
    s.dvm('ethtool -K eth0 tx on tso on')
    assert is_cut_by_card(c := transfer(s)), c
    s.dvm('ethtool -G eth0 tx 80') # the smallest ring: two such frames
    wait_for_link(s)
    assert is_cut_by_card(c := transfer(s)), c
    assert s.stats()['twin']['tx_stopped'] > 0
    s.machine.shell(f'ip link set v0 mtu {SMALL_MTU}', 'g1', 2)
    assert is_cut_by_hypervisor(c := transfer(s)), c
    twin = s.stats()['twin']
    assert twin['tx_lent'] > 100 and twin['loans'] == 0 and twin['pool_tied'] == 0, twin
    assert wrong_sums(s) == 0
    unharmed(s)
    s.quit()


class Deaths:
    """Of the twin."""

    def __init__(self, s):
        self.s, self.times = s, 0

    def _killed(self, seconds):
        try:
            return self.s.machine.expect('hv', 'twin killed: .*', seconds)
        except ConsoleError:
            return None

    def by(self, streams, fault, seconds=PATIENCE_S):
        """Whether it died of a fault within so many seconds of the host; then it is back, and the streams go on."""
        self.s.machine.console.skip('hv')
        self.s.machine.monitor(f'fault {fault}')
        if not self._killed(seconds):
            self.s.machine.monitor('fault at off')
            if not self._killed(0.1): # it may have been met just before
                return False
        self.times += 1
        self.s.attached(self.times + 1)
        streams.flow()
        return True


def left_in_rings(s):
    """Buffers that the driver's own instance had to free, so far."""
    return int(re.findall(r"twin's buffers: .* left in rings (\d+)", s.machine.console.text('hv'))[-1])


def test_r19_deaths_and_resets_with_large_frames_in_flight(lab):
    """The twin dies where it takes such frames and where it gives them back, in clean stops and in dirty ones, and the
    driver resets itself: the streams go on, and each page is accounted for."""
    code, calls = kill_lab.functions(image.TWIN), kill_lab.import_calls(image.TWIN)
    places = [n for n in calls if n in code['e1000_xmit_frame'] or n in code['e1000_unmap_and_free_tx_resource']]
    s = lab(f'deaths={len(places) + TRIES + 2}', extra=kill_lab.FAST_LINK)
    deaths, streams = Deaths(s), Streams(s, names=['g1'])
    streams.flow()
    for n in range(1, TRIES + 1): # before it is told of what the card has sent
        assert deaths.by(streams, f'at {code["e1000_intr"][0]} {n} kill')
    assert left_in_rings(s) > TRIES and s.stats()['twin']['loans_orphaned'] > 0
    streams.finish()
    streams = Streams(s)
    streams.flow()
    died = 0
    for n in places: # the first are on each frame's way, most of the later ones for what goes wrong
        died += deaths.by(streams, f'at {n} 3 kill', UNMET_S)
        if died == TRIES:
            break
    assert died == TRIES and s.stats()['twin']['pool_leaked'] > TRIES # of some frame pages too
    s.dvm('ethtool -r eth0')
    wait_for_link(s)
    streams.flow()
    s.dvm('ip link set eth0 mtu 2000') # it receives into pages: stops are dirty
    wait_for_link(s)
    streams.flow()
    for _ in range(2):
        assert deaths.by(streams, 'ud')
    assert s.stats()['twin']['stop'] == 'dirty'
    streams.finish()
    twin = s.stats()['twin']
    assert twin['tx_large'] > 100 and twin['loans_orphaned'] > 0, twin
    assert twin['loans'] == 0 and twin['pool_tied'] == 0, twin
    assert wrong_sums(s) == 0
    s.sound()
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', "twin's buffers: donated .*", 60)
    s.sound()
