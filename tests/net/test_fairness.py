# SPDX-License-Identifier: GPL-2.0-or-later
"""R10, fairness: the driver VM's own TCP and a guest's share the wire within 3:1 while both send.

Counted are bytes of TCP between two moments in which both streams run, so nothing depends on the machine's pace.
"""
import re
import time

from conftest import DVM_IP, PEER_IP, unharmed

BYTES = 24 << 20 # of both, in the interval that counts
PATIENCE_S = 120
PORT = 5101 # of the driver VM's stream
SHARE = 3


def carried(s):
    """(bytes of the driver VM's streams, of guest 1's) so far, as the peer's TCP counts what arrived."""
    text = s.peer.run('ss', '-tinH', 'state', 'established')

    def of(address):
        return sum(int(n) for n in re.findall(rf'{re.escape(address)}:\d+ *\n[^\n]* bytes_received:(\d+)', text))
    return of(DVM_IP), of(s.address(1))


def in_interval(s):
    """What each carried, from the moment that both do until BYTES have passed."""
    end = time.monotonic() + PATIENCE_S
    first = begin = carried(s)
    while True:
        now = carried(s)
        own, guest = now[0] - begin[0], now[1] - begin[1]
        if begin == first and min(own, guest) > 1 << 18:
            begin = now
        elif begin != first and own + guest > BYTES:
            return own, guest
        assert time.monotonic() < end, (own, guest)
        time.sleep(0.2)


def test_r10_driver_vm_and_guest_share_the_wire(system):
    s = system('net=twin', ['echo iperf-server'])
    s.attached()
    s.peer.background('iperf', '-s')
    s.peer.background('iperf', '-s', '-p', PORT)
    time.sleep(0.3)
    s.machine.type(f'iperf-client={PEER_IP} time={PATIENCE_S}', 2)
    s.dvm(f'(iperf -c {PEER_IP} -p {PORT} -t {PATIENCE_S} >/dev/null 2>&1 &)')
    own, guest = in_interval(s)
    print(f'driver VM {own} bytes, guest {guest}')
    assert max(own, guest) <= SHARE * min(own, guest), (own, guest)
    unharmed(s)
