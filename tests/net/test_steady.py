# SPDX-License-Identifier: GPL-2.0-or-later
"""Steady state of twin mode: 100,000 packets each way without an upcall, hardly an entry of the driver VM, the pool as
full as before, and not one of the guests' frames seen inside the driver VM.
"""
import time

import inside
from inside import difference

from conftest import PEER_IP

PACKETS = 100000 # of a window, in its direction
BURST = 30000
BURST_S = 4
UDP = 'iperf-server verify-server'
POOL = ('pool_skb', 'pool_head', 'pool_frag')


def send_burst(s):
    """UDP of 64 bytes from the guest, as fast as its ring takes it; the peer's report may be what is lost."""
    s.guest(1, f'iperf-client={PEER_IP} udp bw=0 len=64 bytes={BURST * 64}',
            'iperf-client: (?:done|error no report) proto=udp', 120)


def receive_burst(s):
    """UDP of 64 bytes to the guest; what the card cannot take in time is lost, and not counted."""
    s.peer.run('iperf', '-u', '-c', s.address(1), '-l', 64, '-b', '8M', '-t', BURST_S, timeout=120)


def window(s, direction, work):
    """Run work until so many packets went by; asserts what must hold over the window and returns a line about it."""
    seen = inside.read(s.machine)
    time.sleep(1) # its shell sleeps again
    a = s.stats()
    start = time.monotonic()
    while (b := s.stats())['twin'][direction] - a['twin'][direction] < PACKETS:
        assert time.monotonic() - start < 240, 'too slow'
        work(s)
    time.sleep(1) # the last frames are out, their buffers back
    b = s.stats()
    seen = difference(seen, inside.read(s.machine))
    entries = difference(*(x['vms']['dvm']['entries_by_cause'] for x in (a, b)))
    packets = sum(b['twin'][d] - a['twin'][d] for d in ('tx_packets', 'rx_packets'))
    text = f'{direction}: {packets} packets, entries of the driver VM {entries}, seen inside {seen}'
    print(text)
    assert sum(inside.woken(entries).values()) * 1000 <= packets, text
    assert a['upcalls'] == b['upcalls'], (a['upcalls'], b['upcalls'])
    assert a['twin']['deaths'] == b['twin']['deaths'] == 0
    assert all(b['twin'][k] >= a['twin'][k] for k in POOL), (a['twin'], b['twin'])
    assert inside.faults(seen, time.monotonic() - start) == [], text
    return text


def test_r15_steady_state(system, record_property):
    s = system('net=twin', [UDP])
    s.attached()
    inside.start_witness(s.machine, [1])
    server = s.peer.background('sh', '-c', 'exec iperf -s -u >/dev/null 2>&1')
    s.iperf_to_guest(1, 1)
    s.iperf_to_peer(1, 1)
    send_burst(s)
    receive_burst(s)
    for direction, work in (('tx_packets', send_burst), ('rx_packets', receive_burst)):
        record_property(direction, window(s, direction, work))
    s.iperf_to_guest(1, 1)
    server.stop()
    check_that_it_can_fail(s)
    s.quit()


def check_that_it_can_fail(s):
    """The same means, on the path through the driver VM."""
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 30)
    assert s.peer.ping(s.address(1), count=10)[0] >= 5
    seen, a = inside.read(s.machine), s.stats()
    assert s.peer.ping(s.address(1), count=10)[0] == 10
    b = s.stats()
    seen = difference(seen, inside.read(s.machine))
    assert seen['unicast'] >= 40 and seen['v0'] >= 20, seen # ten each way through both of its cards
    assert inside.faults(seen, 1)
    entries = difference(*(x['vms']['dvm']['entries_by_cause'] for x in (a, b)))
    assert entries['nic'] >= 10 and entries['card'] >= 10, entries
