#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The twin is killed in front of each instruction once (R19), under guests' TCP in both directions.

One step for one instruction, in an order that does not depend on the seed, so that the first steps are a sample of all
functions. Frames of 1,500 bytes and a wire without errors do not reach every instruction; `met` says which were.
"""
import random
from contextlib import ExitStack

from campaign import main
from lab import image, lab

import kill_lab

STEPS_PER_BOOT = 150
SERVERS = 'echo verify-server'

FUNCTIONS = kill_lab.functions(image.TWIN)
ORDER = [(name, offset) for name, offsets in FUNCTIONS.items() for offset in offsets]
random.Random('kill').shuffle(ORDER)


class Session:
    """The machine that the steps share; a new one after so many, and after a step that failed."""

    def __init__(self, name):
        self.name = name
        self.stack = ExitStack()
        self.campaign = None
        self.steps = 0
        self.entered = {} # function -> whether traffic comes to it

    def get(self):
        if self.campaign and self.steps >= STEPS_PER_BOOT:
            self.end()
        if not self.campaign:
            s = self.stack.enter_context(lab(self.name, 'net=twin', [SERVERS, SERVERS], dvm_words='deaths=100000',
                                             spec={'extra': kill_lab.FAST_LINK}))
            self.campaign = kill_lab.Campaign(s)
            self.steps = 0
        self.steps += 1
        return self.campaign

    def end(self):
        """Streams and pool add up; a session that failed was dropped before."""
        campaign, self.campaign = self.campaign, None
        try:
            if campaign:
                campaign.finish()
        finally:
            self.stack.close()

    def drop(self):
        self.campaign = None
        self.stack.close()

    def enters(self, campaign, name):
        """Whether the function's first instruction is met: a fault that changes nothing."""
        if name not in self.entered:
            self.entered[name] = bool(campaign.inject(FUNCTIONS[name][0], 1, 'data', 0))
        return self.entered[name]


SESSION = Session('campaign-kill')


def step(number, rng):
    """The record of one instruction."""
    del rng
    name, offset = ORDER[number]
    try:
        campaign = SESSION.get()
        record = {'kind': name, 'offset': offset, 'met': False}
        if SESSION.enters(campaign, name):
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
