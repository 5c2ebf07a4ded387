# SPDX-License-Identifier: GPL-2.0-or-later
"""R10, fairness: the driver VM's own TCP and a guest's share the wire within 3:1, while both send and while both receive.

Counted are bytes of TCP between two moments in which both streams run. The first is when both have found their windows:
the driver VM's kernel has its share of the CPU from the beginning, but sends small pieces for the first seconds. Time is
counted in instructions (one a nanosecond): what a VM pays for its turns would else depend on what else the host does.
"""
import re
import time

import pytest

from conftest import DVM_IP, PEER_IP, unharmed

SETTLED = 8 << 20  # bytes of each, until its windows have grown
BYTES = 48 << 20    # of both, in the interval that counts
PATIENCE_S = 600
PORT = 5101 # of the driver VM's stream
SHARE = 3
COUNTER = {'send': 'bytes_received', 'receive': 'bytes_acked'} # of the peer's TCP


def both_send(s):
    s.peer.background('iperf', '-s')
    s.peer.background('iperf', '-s', '-p', PORT)
    time.sleep(0.3)
    s.machine.type(f'iperf-client={PEER_IP} time={PATIENCE_S}', 2)
    s.dvm(f'(iperf -c {PEER_IP} -p {PORT} -t {PATIENCE_S} >/dev/null 2>&1 &)')


def both_receive(s):
    s.dvm('(iperf -s >/dev/null 2>&1 &)')
    time.sleep(1)
    s.peer.background('iperf', '-c', DVM_IP, '-t', PATIENCE_S)
    s.peer.background('iperf', '-c', s.address(1), '-t', PATIENCE_S)


def carried(s, counter):
    """(bytes of the driver VM's streams, of guest 1's) so far."""
    text = s.peer.run('ss', '-tinH', 'state', 'established')

    def of(address):
        return sum(int(n) for n in re.findall(rf'{re.escape(address)}:\d+ *\n[^\n]* {counter}:(\d+)', text))
    return of(DVM_IP), of(s.address(1))


def in_interval(s, counter):
    """What each carried, from the moment that both have SETTLED until BYTES have passed."""
    end = time.monotonic() + PATIENCE_S
    first = begin = carried(s, counter)
    while True:
        now = carried(s, counter)
        own, guest = now[0] - begin[0], now[1] - begin[1]
        if begin == first and min(own, guest) > SETTLED:
            begin = now
        elif begin != first and own + guest > BYTES:
            return own, guest
        assert time.monotonic() < end, f'since the streams began: {now[0] - first[0]} and {now[1] - first[1]} bytes'
        time.sleep(0.2)


@pytest.mark.parametrize('way', ['send', 'receive'])
def test_r10_driver_vm_and_guest_share_the_wire(system, way):
    s = system('net=twin', ['echo iperf-server'], icount=0)
    s.attached()
    (both_send if way == 'send' else both_receive)(s)
    own, guest = in_interval(s, COUNTER[way])
    print(f'{way}: driver VM {own} bytes, guest {guest}')
    assert max(own, guest) <= SHARE * min(own, guest), (own, guest)
    unharmed(s)
