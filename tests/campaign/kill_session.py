# SPDX-License-Identifier: GPL-2.0-or-later
"""What the campaigns against the twin share: one machine for many steps."""
from contextlib import contextmanager

from lab import lab

import kill_lab

STEPS_PER_BOOT = 150
SERVERS = 'echo verify-server'


@contextmanager
def victim(name):
    """A kill_lab.Campaign; streams and pool add up at its end."""
    with lab(name, 'net=twin', [SERVERS, SERVERS], dvm_words='deaths=100000',
             spec={'extra': kill_lab.FAST_LINK}) as s:
        campaign = kill_lab.Campaign(s)
        yield campaign
        campaign.finish()


class Entered:
    """Which functions traffic comes to; found once in a process."""

    def __init__(self, functions):
        self.functions = functions
        self.known = {}

    def __call__(self, campaign, name):
        """Whether the function's first instruction is met: a fault that changes nothing."""
        if name not in self.known:
            self.known[name] = bool(campaign.inject(self.functions[name][0], 1, 'data', 0))
        return self.known[name]
