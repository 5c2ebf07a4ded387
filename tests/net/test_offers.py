# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest leaves its card to do, checksums and segmentation: done right for good frames, as programs of ours compute
anew at the peer and in another guest; and nobody's harm with bad ones. hostile/offers.c makes the frames.
"""
import re
import time

import image
import pytest

from conftest import Load, System
from hostile_guest import Hostile, bits, describe_hostile
from test_totals import flatten, guests_and_switch, snapshot, twin_equations

WIRE_JUDGE = image.OUT / 'tests/wire/wire-judge'
LIAR, JUDGE = 2, 3
LIES = 25000 # frames of a life
OFFERS = 6000
OTHERS = 20 # frames, broadcast meanwhile
STALL_S = 60 # of the host, which runs other tests as well: others' TCP carries 100 KB and more in that time
SIZES = ('frames', 'bytes', 'ends')

END = '''
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(bytes.fromhex(sys.argv[2].replace(':', '')) + s.getsockname()[4] + bytes.fromhex('88b5') + bytes(46))
'''


class Watch:
    """The peer's program that judges all that comes over the wire."""

    def __init__(self, s):
        known = [image.guest_mac(1), s.dvm('cat /sys/class/net/eth0/address').strip(),
                 s.dvm('cat /sys/class/net/v0/address').strip()]
        self.judge = s.peer.background(WIRE_JUDGE, s.peer.tap, image.guest_mac(LIAR), s.address(LIAR), *known)
        assert self.judge.process.stdout.readline() == 'judging\n'

    def verdict(self):
        text = self.judge.stop()
        v = {k: int(n) for k, n in re.findall(r'(\w+)=(\d+)', text.split('sample=')[0])}
        assert v['missed'] == 0 and v['foreign'] == v['spoofed'] == v['large'] == 0, text
        return v, text


@pytest.fixture
def machine(boot):
    """machine(net, judge) boots driver VM, g1 with verify-server, the liar g2, and with judge g3."""
    def begin(net, judge=False):
        numbers = (LIAR, JUDGE) if judge else (LIAR,)
        m = boot(describe_hostile(f'net={net}', 'verify-server', net == 'twin', numbers), net='tap')
        s = System(m, 1).ready()
        if net == 'twin':
            s.attached()
        return s
    return begin


def lie(h, load, frames, first_seed):
    """Lives of the liar until it has sent so many; g1's TCP goes on all the while."""
    seed = first_seed
    while h.operations < frames:
        try:
            h.begin(seed, bits('lies'), min(LIES, frames - h.operations))
            load.flows(until=h.is_over)
            how, reason, done = h.end()
            assert (how, reason) == ('stopped', 'reset by the VM itself') and done, f'{how}: {reason}'
        except Exception as e:
            raise AssertionError(f'seed {seed}: {e}') from e
        seed += 1


def equations(d, net, offered):
    """Each frame is somewhere. QEMU's e1000 sends an empty frame more behind a TSO packet whose payload is a multiple of
    the segment's."""
    yield 'liar', offered, d['g2_packets_in'] + d['g2_lost_in']
    yield from guests_and_switch(d, ['g1'])
    if net == 'twin':
        for name, a, b in flatten(twin_equations(d)):
            empty = b - a if name == 'twin and driver VM to card' and 0 <= b - a < d['twin_tx_large'] else 0
            yield name, a + empty, b


@pytest.mark.parametrize('net, frames', [
    ('twin', 100000), ('bridge', 20000),
    pytest.param('twin', 1000000, marks=pytest.mark.long), pytest.param('bridge', 100000, marks=pytest.mark.long)])
def test_lies_about_frames_harm_nobody(machine, net, frames):
    """Virtio headers and frames at random and good ones made bad: each one is sent or dropped and counted, without an
    upcall; none says on the wire that it is somebody else's; another guest's TCP never stands still."""
    s = machine(net)
    assert s.peer.ping(s.address(1))[0] == 5
    upcalls, before = s.stats()['upcalls'], snapshot(s, [1])
    watch, h, load = Watch(s), Hostile(s, LIAR), Load(s, receiver=1, patience=STALL_S)
    lie(h, load, frames, frames)
    load.finish()
    time.sleep(1)
    after = snapshot(s, [1])
    d = {k: v - before[k] for k, v in after.items()}
    verdict, _ = watch.verdict()
    drops = s.stats()['net']['ports']['g2']['drops']
    found = flatten(equations(d, net, h.operations))
    print(verdict, drops, '\n'.join(f'{name}: {a} = {b}' for name, a, b in found), sep='\n')
    assert [e for e in found if e[1] != e[2]] == [], '\n'.join(f'{k} {v}' for k, v in d.items())
    assert s.stats()['upcalls'] == upcalls
    assert all(drops[k] > frames / 1000 for k in ('spoof', 'spoof_ip', 'bad_request', 'length')), drops
    assert verdict['frames'] > frames / 10
    h.check()
    s.quit()


def triple(pattern, text):
    m = re.search(pattern, text)
    assert m, text
    return dict(zip(SIZES, map(int, m.groups()[-3:])))


def offers(s, seed):
    """(frames offered to the wire, to the judge) of a life of the sender, which was a good one."""
    h = Hostile(s, LIAR)
    h.fresh = seed == 0
    assert h.live(seed, bits('offers'), OFFERS)[:2] == ('stopped', 'reset by the VM itself')
    text = s.machine.console.text('g2')
    text = text[text.rindex('hostile: begins'):]
    return (triple(r'offered wire=(\d+) (\d+) (\d+)', text),
            triple(r'offered wire=.* judge=(\d+) (\d+) (\d+)', text))


@pytest.mark.parametrize('net', ['twin', 'bridge'])
def test_offers_are_done_right(machine, net):
    """TCP, UDP, IPv4, IPv6, tags, options, one to many pieces, segments of all sizes that do not divide: the right frames
    come, with right sums, over the wire and to a guest that leaves its card everything, and to one that does not."""
    s = machine(net, judge=True)
    for seed in (0, 1):
        watch, judge = Watch(s), Hostile(s, JUDGE)
        judge.fresh = seed == 0
        judge.begin(seed, bits('judge'), 1)
        s.machine.expect('g3', 'hostile: judges', 20)
        lost = s.stats()['net']['ports']['g3']['drops']['no_buffer']
        to_wire, to_judge = offers(s, seed)
        time.sleep(1)
        verdict, text = watch.verdict()
        same = SIZES if net == 'twin' else ('bytes',) # over the bridge others cut, too
        assert verdict['wrong'] == 0 and all(verdict[k] == to_wire[k] for k in same), (to_wire, text)
        lost = s.stats()['net']['ports']['g3']['drops']['no_buffer'] - lost
        s.peer.run('/usr/bin/python3', '-c', END, s.peer.tap, image.guest_mac(JUDGE))
        judge.end()
        text = s.machine.console.text('g3')
        text = text[text.rindex('hostile: begins'):]
        judged = triple(r'judged=(\d+) (\d+) (\d+) wrong=0 ', text)
        print(seed, to_wire, to_judge, judged, lost, text)
        others = judged['frames'] + lost - to_judge['frames'] # that were lost as well
        assert 0 <= others < OTHERS and judged['frames'] > to_judge['frames'] / 2
        assert lost or judged == to_judge
    assert s.stats()['twin']['upcalls'] == 0 or net == 'bridge'
    s.sound()
    s.quit()
