# SPDX-License-Identifier: GPL-2.0-or-later
"""R13: exactly one uplink forwards. Numbered broadcasts, multicasts and unicasts from each party (two guests, the
driver VM, the peer on the wire) to every other, in both modes and across switch-overs: each frame arrives at most once,
and exactly once outside a switch-over. A third guest's TCP goes both ways meanwhile and loses no byte."""
import re
import time

import image
import pytest
from conftest import Load
from run import NIC_MAC

FRAMES = image.OUT / 'dvm/frames'
BROADCAST, MULTICAST = 'ff:ff:ff:ff:ff:ff', '03:00:00:00:88:b5'
SILENCE_S = 3 # then a stream that lacks frames is over
PER_SECOND = 40
PER_SECOND_MOVING = 100 # the moments in which a frame could go both ways are short
FRAME_BITS = 60 * 8
IFF_PROMISC = 0x100
# report: its number, by which a line is recognised that the console shows twice.
RESULT = re.compile(r'sink: done report=(\d+) src=(\S+) dst=(\S+) stream=(\d+) frames=(\d+).*? lost=(\d+) late=(\d+) '
                    r'repeated=(\d+) damaged=(\d+) first=(\d+).* last=(\d+)')


class Party:
    """Who sends and receives. flood(): one stream to each address; text(): what its sink has printed."""

    def __init__(self, name, mac):
        self.name, self.mac, self.streams, self.floods = name, mac, 0, 0

    def targets(self, parties):
        return [BROADCAST, MULTICAST, *(p.mac for p in parties if p is not self)]

    def flood(self, parties, count, rate):
        targets = self.targets(parties)
        first, self.streams = self.streams, self.streams + len(targets)
        self.send(targets, count, rate, first)
        self.floods += 1
        return {(self.mac, dst, first + i) for i, dst in enumerate(targets)}


class Guest(Party):
    def __init__(self, s, number):
        super().__init__(f'g{number}', image.guest_mac(number))
        self.s, self.number = s, number

    def send(self, targets, count, rate, first):
        self.s.machine.type(' '.join(f'flood={t} count={count} len=60 bw={rate * FRAME_BITS}' for t in targets),
                            self.number + 1)

    def is_sending(self):
        return self.text().count('flood: done') < self.streams

    def text(self):
        return self.s.machine.console.text(self.name)


class DriverVm(Party):
    """Its programs write to a file: the shell's own words would get between lines of the console."""

    def __init__(self, s):
        super().__init__('dvm', NIC_MAC)
        self.s, self.lines = s, {}
        s.dvm(f'(frames sink br0 {SILENCE_S}000 >>/tmp/sink &); until grep -q listening /tmp/sink; do usleep 20000; done')

    def send(self, targets, count, rate, first):
        self.s.dvm(f'(frames flood br0 {count} {rate} {first} {" ".join(targets)} >>/tmp/flood &)')

    def is_sending(self):
        self.s.dvm(f'until [ "$(grep -c done /tmp/flood)" = {self.floods} ]; do usleep 50000; done')
        return False

    def text(self):
        """Fetches the lines that are new. The console cuts a line when another source writes, and shows it again."""
        for m in RESULT.finditer(self.s.dvm(f'tail -n +{len(self.lines) + 2} /tmp/sink')):
            self.lines[m[1]] = max(self.lines.get(m[1], ''), m[0], key=len)
        return '\n'.join(self.lines.values())


class Wire(Party):
    def __init__(self, s, folder):
        mac = s.peer.run('cat', f'/sys/class/net/{s.peer.tap}/address').strip()
        super().__init__('peer', mac)
        self.peer, self.log, self.sent = s.peer, folder / 'sink', []
        s.peer.background('sh', '-c', f'exec {FRAMES} sink {s.peer.tap} {SILENCE_S}000 >{self.log}')
        while not self.log.exists() or 'listening' not in self.log.read_text():
            time.sleep(0.05)

    def send(self, targets, count, rate, first):
        self.sent.append(self.peer.background(FRAMES, 'flood', self.peer.tap, count, rate, first, *targets))

    def is_sending(self):
        return any(b.process.poll() is None for b in self.sent)

    def text(self):
        return self.log.read_text()


class Lab:
    """All parties of a booted system, and what they have received so far."""

    def __init__(self, s, folder):
        self.s = s
        self.parties = [Guest(s, 1), Guest(s, 2), DriverVm(s), Wire(s, folder)]

    def results(self, party):
        """{(source, destination, stream): [(frames, lost, late, repeated, damaged, first, last), ..]}"""
        reports = {}
        for m in RESULT.finditer(party.text()):
            # The console cuts a line, and shows it again whole, when another source writes meanwhile.
            if m[1] not in reports or len(m[0]) > len(reports[m[1]][0]):
                reports[m[1]] = m
        found = {}
        for m in reports.values():
            found.setdefault((m[2], m[3], int(m[4])), []).append(tuple(map(int, m.groups()[4:])))
        return found

    def flood(self, count, rate):
        """Everybody sends to everybody; {receiver: streams that it should get}."""
        sent = {key for p in self.parties for key in p.flood(self.parties, count, rate)}
        return {p: {k for k in sent if k[0] != p.mac and k[1] in (BROADCAST, MULTICAST, p.mac)} for p in self.parties}

    def exactly_once(self, count):
        """Outside a switch-over: every frame, in order, once."""
        expected = self.flood(count, PER_SECOND)
        end = time.monotonic() + 60
        for p, keys in expected.items():
            while missing := keys - self.results(p).keys():
                assert time.monotonic() < end, (p.name, sorted(missing))
                time.sleep(0.2)
        for p, keys in expected.items():
            got = self.results(p)
            for k in keys:
                assert got[k] == [(count, 0, 0, 0, 0, 0, count - 1)], (p.name, k, got[k])

    def at_most_once(self):
        """All that anybody has received since the beginning: nothing twice, even where silence has cut a stream."""
        for p in self.parties:
            for key, parts in self.results(p).items():
                assert key[0] != p.mac, f'{p.name} got back its own {key}'
                assert key[1] in (BROADCAST, MULTICAST, p.mac), (p.name, key)
                assert all(r[3] == r[4] == 0 for r in parts), (p.name, key, parts)
                assert all(a[6] < b[5] for a, b in zip(parts, parts[1:])), (p.name, key, parts)

    def switch(self, mode, attachment):
        """Everybody sends while the uplink moves; returns when castor has done its part."""
        during = self.flood(PER_SECOND_MOVING * 3 // 2, PER_SECOND_MOVING)
        time.sleep(0.5)
        self.s.machine.monitor(f'mode {mode}')
        if mode == 'twin':
            self.s.attached(attachment)
        else:
            self.s.machine.expect('hv', 'twin detached', 20)
        isolated = int(mode == 'twin')
        self.s.dvm(f'while [ "$(cat /sys/class/net/*/brport/isolated | sort -u)" != {isolated} ]; do usleep 20000; done')
        # A guest that prints its results does not take frames meanwhile: not too many at once.
        end = time.monotonic() + 60
        while any(p.is_sending() for p in self.parties):
            assert time.monotonic() < end
            time.sleep(0.1)
        return during


def run(system, folder, switches):
    s = system('net=twin', [f'sink time={SILENCE_S}', f'sink time={SILENCE_S}', 'echo verify-server'])
    s.attached()
    lab, load = Lab(s, folder), Load(s, sender=3, receiver=3)
    lab.exactly_once(40)
    attachment, moved = 1, []
    for n in range(switches):
        mode = 'twin' if n % 2 else 'bridge'
        attachment += n % 2
        moved.append(lab.switch(mode, attachment))
        load.flows()
        lab.exactly_once(20)
    load.finish()
    time.sleep(SILENCE_S + 1)
    lab.at_most_once()
    # The floods did reach into the switch-overs: most of their frames arrived, too.
    for during in moved:
        for p, keys in during.items():
            assert sum(r[0] for k in keys for r in lab.results(p).get(k, [])) > len(keys) * PER_SECOND_MOVING / 2, p.name
    assert 'DOES NOT ADD UP' not in s.machine.console.text('hv')


def test_r13_each_frame_once_in_both_modes(system, tmp_path):
    run(system, tmp_path, 4)


@pytest.mark.long
def test_r13_each_frame_once_over_20_switches(system, tmp_path):
    run(system, tmp_path, 20)


def without_promiscuity(lab, count):
    """The wire's multicasts, unicasts to guests, and guests' answers, with the card's filter at work."""
    s = lab.s
    assert not int(s.dvm('cat /sys/class/net/eth0/flags'), 16) & IFF_PROMISC
    wire, guests = lab.parties[3], lab.parties[:2]
    sent = wire.flood([wire, *guests], count, PER_SECOND)
    for g in guests:
        keys = {k for k in sent if k[1] in (BROADCAST, MULTICAST, g.mac)}
        end = time.monotonic() + 60
        while missing := keys - lab.results(g).keys():
            assert time.monotonic() < end, (g.name, sorted(missing))
            time.sleep(0.2)
        for k in keys:
            assert lab.results(g)[k] == [(count, 0, 0, 0, 0, 0, count - 1)], (g.name, k, lab.results(g)[k])
        assert s.peer.ping(s.address(g.number))[0] == 5


def test_r12_wire_reaches_guests_without_promiscuity(system, tmp_path):
    """R12: with eth0 outside of the bridge its receive filter is on; it lets guests' addresses and groups in, also
    after the driver reset itself, and after the twin died."""
    s = system('net=twin', [f'echo sink time={SILENCE_S}'] * 2)
    s.attached()
    lab = Lab(s, tmp_path)
    s.dvm('ip link set eth0 nomaster')
    without_promiscuity(lab, 20)
    s.dvm('ethtool -r eth0; n=0; until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done')
    without_promiscuity(lab, 20)
    s.machine.monitor('fault ud')
    s.peer.ping(s.address(1), count=1)
    s.machine.expect('hv', 'twin killed: ', 20)
    s.attached(2)
    s.dvm('until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done')
    without_promiscuity(lab, 20)


def test_r13_port_that_joins_the_bridge_is_isolated(system):
    """While the twin is attached no moment is open in which the bridge forwards as well."""
    s = system('net=twin', ['echo'])
    s.attached()
    for card in ('v0', 'eth0'):
        s.dvm(f'ip link set {card} nomaster')
        assert s.dvm(f'ip link set {card} master br0; cat /sys/class/net/{card}/brport/isolated').strip() == '1'
    assert s.peer.ping(s.address(1))[0] == 5
