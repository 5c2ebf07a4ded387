# SPDX-License-Identifier: GPL-2.0-or-later
"""What the campaigns against the twin share: one machine for many steps."""
from contextlib import ExitStack

from lab import lab

import kill_lab

STEPS_PER_BOOT = 150
SERVERS = 'echo verify-server'


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

    def enters(self, name, entry):
        """Whether the function's first instruction is met: a fault that changes nothing."""
        if name not in self.entered:
            self.entered[name] = bool(self.campaign.inject(entry, 1, 'data', 0))
        return self.entered[name]
