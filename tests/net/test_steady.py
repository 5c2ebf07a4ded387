# SPDX-License-Identifier: GPL-2.0-or-later
"""Steady state of twin mode: 100,000 packets each way without an upcall, hardly an entry of the driver VM, the pool as
full as before, and not one of the guests' frames seen inside the driver VM.
"""
import re
import time

import image

from conftest import PEER_IP

PACKETS = 100000 # of a window, in its direction
BURST = 30000
BURST_S = 4
UDP = 'iperf-server verify-server'
GROUP_MAX = 20   # address resolution: what every station on a wire hears
POOL = ('pool_skb', 'pool_head', 'pool_frag')


def witness(s):
    """{interface: (unicast, group)} frames from or to a guest that the driver VM's kernel gave to packet sockets."""
    line = s.dvm('cat /run/witness').splitlines()[-1]
    assert line.startswith('witness ') and line.endswith(' end'), line
    return {w.split('=')[0]: tuple(map(int, w.split('=')[1].split('/'))) for w in line.split()[1:-1]}


def inside(s):
    """What the driver VM itself counts: packets of each interface but eth0 and lo, softnet, the packet sockets."""
    numbers = {}
    for line in s.dvm('cat /proc/net/dev').splitlines():
        m = re.match(r'\s*(\w+):(.*)', line)
        if m and m.group(1) not in ('eth0', 'lo'):
            fields = m.group(2).split()
            numbers[m.group(1)] = int(fields[1]) + int(fields[9])
    softnet = s.dvm('cat /proc/net/softnet_stat').split()[0]
    seen = witness(s)
    return {**numbers, 'softnet': int(softnet, 16), 'unicast': sum(u for u, _ in seen.values()),
            'group': sum(g for _, g in seen.values())}


def start_witness(s, guests):
    s.dvm('witness ' + ' '.join(image.guest_mac(n) for n in guests))


def difference(a, b):
    return {k: v - a[k] for k, v in b.items() if v != a[k]}


def send_burst(s):
    """UDP of 64 bytes from the guest, as fast as its ring takes it; the peer's report may be what is lost."""
    s.guest(1, f'iperf-client={PEER_IP} udp bw=0 len=64 bytes={BURST * 64}',
            'iperf-client: (?:done|error no report) proto=udp', 120)


def receive_burst(s):
    """UDP of 64 bytes to the guest; what the card cannot take in time is lost, and not counted."""
    s.peer.run('iperf', '-u', '-c', s.address(1), '-l', 64, '-b', '8M', '-t', BURST_S, timeout=120)


def window(s, direction, work):
    """Run work until so many packets went by; asserts what must hold over the window and returns a line about it."""
    seen = inside(s)
    time.sleep(1) # its shell sleeps again
    a = s.stats()
    start = time.monotonic()
    while (b := s.stats())['twin'][direction] - a['twin'][direction] < PACKETS:
        assert time.monotonic() - start < 240, 'too slow'
        work(s)
    time.sleep(1) # the last frames are out, their buffers back
    b = s.stats()
    seen = difference(seen, inside(s))
    entries = difference(*(x['vms']['dvm']['entries_by_cause'] for x in (a, b)))
    packets = sum(b['twin'][d] - a['twin'][d] for d in ('tx_packets', 'rx_packets'))
    text = f'{direction}: {packets} packets, entries of the driver VM {entries}, seen inside {seen}'
    print(text)
    assert sum(n for cause, n in entries.items() if cause != 'timer') * 1000 <= packets, text
    assert a['upcalls'] == b['upcalls'], (a['upcalls'], b['upcalls'])
    assert a['twin']['deaths'] == b['twin']['deaths'] == 0
    assert all(b['twin'][k] >= a['twin'][k] for k in POOL), (a['twin'], b['twin'])
    assert seen.pop('unicast', 0) == 0, text
    assert all(n <= GROUP_MAX for n in seen.values()), text
    return text


def test_steady_state(system, record_property):
    s = system('net=twin', [UDP])
    s.attached()
    start_witness(s, [1])
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
    seen, a = witness(s), s.stats()
    assert s.peer.ping(s.address(1), count=10)[0] == 10
    b = s.stats()
    after = witness(s)
    for card in ('eth0', 'v0'):
        assert after[card][0] - seen[card][0] >= 20, (seen, after)
    entries = difference(*(x['vms']['dvm']['entries_by_cause'] for x in (a, b)))
    assert entries['nic'] >= 10 and entries['card'] >= 10, entries
