#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The twin is killed in front of each instruction once (R19), under guests' TCP in both directions.

One step for one instruction, in an order that does not depend on the seed, so that the first steps are a sample of all
functions. Frames of 1,500 bytes and a wire without errors do not reach every instruction; `met` says which were.
"""
import random

from campaign import main
from kill_session import Session
from lab import image

import kill_lab

FUNCTIONS = kill_lab.functions(image.TWIN)
ORDER = [(name, offset) for name, offsets in FUNCTIONS.items() for offset in offsets]
random.Random('kill').shuffle(ORDER)


SESSION = Session('campaign-kill')


def step(number, rng):
    """The record of one instruction."""
    del rng
    name, offset = ORDER[number]
    try:
        campaign = SESSION.get()
        record = {'kind': name, 'offset': offset, 'met': False}
        if SESSION.enters(name, FUNCTIONS[name][0]):
            record.update(campaign.kill_at(offset))
    except BaseException:
        SESSION.drop()
        raise
    return record


if __name__ == '__main__':
    try:
        main('kill', steps=len(ORDER), step=step, every=10)
    finally:
        SESSION.end()
