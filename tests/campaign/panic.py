#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM dies again and again under guests' TCP both ways, a Linux guest's among it, and starts again each time
(R19, R20).

Every other step is a panic under at least 10,000 frames a second from the wire, behind which the card goes on receiving, with its
ring in the text of the kernel to come. Between them all other deaths of tests/net/death_lab.py, in turn. After each: the card
was quiet before the restart; the twin is attached again; the new kernel's text and the hypervisor's fingerprints are as they
were; all streams have the right hash; all VMs run. A boot lasts until a step fails, so what a restart leaves behind adds up.
"""
import tempfile
from contextlib import contextmanager
from pathlib import Path

from campaign import main
from lab import Session, lab

import death_lab
from conftest import initrd_with
from large_load import linux_initrd, up

STEPS = 40
LINUX = len(death_lab.GUESTS) + 1
OTHERS = [name for name in death_lab.DEATHS if name != 'panic']


@contextmanager
def opened():
    with tempfile.TemporaryDirectory() as folder:
        initrd = initrd_with(Path(folder), death_lab.files())
        with lab('campaign-panic', death_lab.WORDS, death_lab.GUESTS, initrd=initrd, linux=1,
                 linux_initrd=linux_initrd(Path(folder))) as s:
            up(s, LINUX)
            yield death_lab.Dying(s, LINUX)
            s.quit()


SESSION = Session(opened)


def step(number, _rng):
    """One death."""
    with SESSION.step() as dying:
        if number % 2 == 0:
            return dying.live_through('panic', flooded=True)
        return dying.live_through(OTHERS[number // 2 % len(OTHERS)])


if __name__ == '__main__':
    main('panic', STEPS, step, end=SESSION.end)
