# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the peer's packets the benchmark lets through to the measured system (scripts/bench/acks.py)."""
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts/bench'))
import acks # noqa: E402
import peer # noqa: E402

OK, SHOT = 0, 2
ACK, PSH, FIN = 0x10, 0x08, 0x01


def verdict(program, frame):
    """A machine for the instructions that are used."""
    a = at = 0
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code == 0x06:
            return k
        if code == 0x28:
            a, = struct.unpack_from('>H', frame, k)
        elif code == 0x30:
            a = frame[k]
        else:
            at += jt if {0x15: a == k, 0x45: bool(a & k)}[code] else jf


def frame(flags=ACK, number=1, ethertype=0x0800, protocol=6, source=acks.PORT, payload=0, options=12):
    """number: the IP id."""
    ip = struct.pack('>BBHHHBBHII', 0x45, 0, 40 + options + payload, number, 0x4000, 64, protocol, 0, 1, 2)
    tcp = struct.pack('>HHIIBBHHH', source, 40000, 7, 8, (20 + options) // 4 << 4, flags, 99, 0, 0)
    return bytes(12) + struct.pack('>H', ethertype) + ip + tcp + bytes(options + payload)


def test_one_bare_acknowledgement_of_four_passes():
    program = acks.program()
    passed = [n for n in range(64) if verdict(program, frame(number=n)) == OK]
    assert passed == list(range(0, 64, acks.KEEP))


@pytest.mark.parametrize('other', [{'flags': ACK | PSH}, {'flags': ACK | FIN}, {'ethertype': 0x0806}, {'protocol': 17},
                                   {'source': 80}, {'payload': 8}, {'options': 24}], ids=str)
def test_what_says_more_than_that_passes(other):
    program = acks.program()
    assert all(verdict(program, frame(number=n, **other)) == OK for n in range(8))


@pytest.mark.skipif(not peer.is_available(), reason='needs root and the tun device')
def test_kernel_takes_the_program():
    with peer.Peer() as p:
        acks.thin(p)
        assert 'bpf' in p.run('tc', 'filter', 'show', 'dev', p.tap, 'egress')
