#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each routine of a packet's way as an upcall, 10^5 times, while the driver VM floods its own transmit queue (R15).

Each step is one routine alone, with a guest's TCP both ways. Afterwards: the streams have the right hash, nothing has
died, the pool adds up, the driver VM's log has no complaint, and its own frames were sent.
"""
from contextlib import contextmanager

from campaign import main
from lab import Session, lab

from test_upcalls import HOT, call_often

CALLS = 100000
MEGABYTES = 32 # of a stream


@contextmanager
def bench():
    with lab('campaign-upcall', 'net=twin', ['verify-server']) as s:
        s.attached()
        yield s
        s.quit()


SESSION = Session(bench)


def step(number, rng):
    """The routines in turn; rng, which a step may use, is not needed."""
    del rng
    with SESSION.step() as s:
        return {'kind': HOT[number], 'tcp_right': True, **call_often(s, HOT[number], CALLS, MEGABYTES)}


if __name__ == '__main__':
    main('upcall', len(HOT), step, end=SESSION.end)
