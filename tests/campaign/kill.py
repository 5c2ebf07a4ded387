#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The twin is killed in front of each instruction once (R19), under guests' TCP in both directions.

One step for one instruction, in an order that does not depend on the seed, so that the first steps are a sample of all
functions. Frames of 1,500 bytes and a wire without errors do not reach every instruction; `met` says which were.
"""
import random

from campaign import main
from kill_session import STEPS_PER_BOOT, Entered, victim
from lab import Session, image

import kill_lab

FUNCTIONS = kill_lab.functions(image.TWIN)
ORDER = [(name, offset) for name, offsets in FUNCTIONS.items() for offset in offsets]
random.Random('kill').shuffle(ORDER)
SESSION = Session(lambda: victim('campaign-kill'), STEPS_PER_BOOT)
entered = Entered(FUNCTIONS)


def step(number, rng):
    """The record of one instruction."""
    del rng
    name, offset = ORDER[number]
    with SESSION.step() as campaign:
        record = {'kind': name, 'offset': offset, 'met': False}
        if entered(campaign, name):
            record.update(campaign.kill_at(offset))
    return record


if __name__ == '__main__':
    main('kill', steps=len(ORDER), step=step, every=10, end=SESSION.end)
