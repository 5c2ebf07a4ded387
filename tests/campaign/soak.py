# SPDX-License-Identifier: GPL-2.0-or-later
"""Soak: four guests send and receive without a pause while something happens in each step.

Link flaps, switch-overs, faults of the twin, the interface down and up, all in turn. Each step moves
STEP_MB megabytes each way for each guest and compares them to the byte; 10 GB each way are the default
number of steps. At the end of each round of events pool, driver VM's memory and slab are noted, and the
last round must be where the second one was.
"""
import re
import time
from contextlib import contextmanager

from campaign import main
from lab import Load, Session, lab

GUESTS = 4
STEP_MB = 4
STEPS = 10 * 1024 // (GUESTS * STEP_MB)
ATTACH_S = 60
DVM_KIB = 8 * 1024   # the driver VM's memory may differ by so much between rounds: caches of its own
WORDS = 'verify-server'


class Soak:
    """One boot; its steps are kept over a process."""

    def __init__(self, s):
        self.s = s
        s.attached()
        self.fingerprints = s.machine.monitor('hash')
        self.levels = []

    # Events: each leaves the system as it was.

    def quiet(self):
        """Nothing happens."""

    def link_flap(self):
        self.s.machine.hmp('set_link wire off')
        time.sleep(0.5)
        self.s.machine.hmp('set_link wire on')

    def switch_over(self):
        self.s.machine.monitor('mode bridge')
        time.sleep(1)
        self.s.machine.monitor('mode twin')

    def fault(self):
        self.s.machine.monitor('fault wild')
        self.s.machine.expect('hv', 'twin killed: ', 60)

    def interface(self):
        self.s.dvm('ip link set eth0 down; ip link set eth0 up')

    EVENTS = (quiet, link_flap, switch_over, fault, interface)

    def back(self):
        """Twin mode again."""
        end = time.monotonic() + ATTACH_S
        while not self.s.machine.monitor('twin').startswith('attached'):
            assert time.monotonic() < end, self.s.machine.monitor('twin')
            time.sleep(1)

    def level(self):
        """What must not grow or shrink, with nothing under way."""
        text = self.s.dvm('echo 3 > /proc/sys/vm/drop_caches; sleep 1; cat /proc/meminfo')
        kib = {k: int(v) for k, v in re.findall(r'^(MemFree|SUnreclaim):\s+(\d+)', text, re.M)}
        return kib

    def step(self, event):
        loads = [Load(self.s, n, n, STEP_MB, 5002 + n) for n in range(1, GUESTS + 1)]
        time.sleep(0.5)
        event(self)
        for load in loads:
            load.finish(300)
        self.back()
        text = self.s.machine.console.text('hv')
        assert 'DOES NOT ADD UP' not in text
        assert not re.search('Oops|BUG:|Call Trace', self.s.dvm('dmesg'))
        assert self.s.machine.monitor('hash') == self.fingerprints
        assert all(vm['state'] == 'running' for vm in self.s.stats()['vms'].values())


    def note_level(self):
        """Memory's levels behind a round; from the third on as behind the second."""
        level = self.level()
        self.levels.append(level)
        if len(self.levels) > 2:
            assert abs(level['MemFree'] - self.levels[1]['MemFree']) < DVM_KIB, self.levels
        return level


@contextmanager
def soak():
    with lab('soak', 'net=twin', [WORDS] * GUESTS, dvm_words=f'deaths={STEPS}') as s:
        yield Soak(s)


SESSION = Session(soak)


def step(number, _rng):
    """One event."""
    event = Soak.EVENTS[number % len(Soak.EVENTS)]
    with SESSION.step() as bench:
        bench.step(event)
        row = {'kind': event.__name__, 'intact': True}
        if event is Soak.EVENTS[-1]:
            row.update(bench.note_level())
    return row


if __name__ == '__main__':
    main('soak', STEPS, step, end=SESSION.end)
