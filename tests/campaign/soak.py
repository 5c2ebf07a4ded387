# SPDX-License-Identifier: GPL-2.0-or-later
"""Soak: four guests send and receive without a pause while something happens in each step.

Nothing, a link flap, a switch-over, the interface down and up, in turn, and behind each a fault of the twin. Each step
moves at least STEP_MB megabytes each way for each guest and compares them to the byte, and lasts at least STEP_S
seconds of the hypervisor's clock, with a fault each FAULT_S: the default number of steps is 10 GB each way and an hour.
At the end of each round of events the levels of the pool, of the driver VM's memory and of its slab are noted, and must
stay: memory as behind the second round, the pool full and not larger than by one ring. Each owner has as much of the
machine's RAM behind each step as before (`memory`).
"""
import re
import time
from contextlib import contextmanager

from campaign import main
from lab import Load, Session, lab

from conftest import OOPS

GUESTS = 4
STEP_MB = 8
STEP_S = 12
FAULT_S = 5 # within a step; what lies between two has none
STEPS = 10 * 1024 // (GUESTS * STEP_MB)
PATIENCE_S = 300
POOL = ('skb', 'head', 'frag', 'page')
DRIFT_KIB = {'MemFree': 8 * 1024, 'SUnreclaim': 2 * 1024} # of the driver VM, between rounds: caches of its own
RING = 256           # what the driver's own ring held at an attachment may be more in the pool
FRAMES = 64          # that may go to the driver VM before castor is asked for more
WORDS = 'verify-server'


class Soak:
    """One boot; its steps are kept over a process."""

    def __init__(self, s):
        self.s = s
        s.attached()
        self.hash = s.whole()
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

    EVENTS = (quiet, link_flap, switch_over, interface)

    def now(self):
        """Seconds of the hypervisor's clock."""
        return self.s.stats()['cpu']['up_us'] / 10 ** 6

    def faults(self, loads, begin):
        """One after the other until the step's time is over and the last streams have ended; until then all go on."""
        while True:
            self.s.wait_attached()
            self.fault()
            last = self.now()
            while (now := self.now()) < last + FAULT_S:
                if now < begin + STEP_S:
                    for load in loads:
                        load.keep()
                elif not any(load.runs() for load in loads):
                    return
                time.sleep(0.2)

    def step(self, event):
        """The event under all guests' streams, and faults of the twin behind it."""
        begin = self.now()
        loads = [Load(self.s, n, n, STEP_MB, 5002 + n, PATIENCE_S) for n in range(1, GUESTS + 1)]
        event(self)
        self.faults(loads, begin)
        for load in loads:
            load.finish()
        self.s.wait_attached()
        self.s.sound(self.hash)
        assert not re.search(OOPS, self.s.dvm('dmesg'))
        stats = self.s.stats()
        assert all(vm['state'] == 'running' for vm in stats['vms'].values())
        return {'deaths': stats['twin']['deaths'], 'up_s': stats['cpu']['up_us'] // 10 ** 6,
                'tally': {'megabytes_each_way': STEP_MB * sum(load.finished for load in loads) // 2}}

    def pool(self):
        """Buffers in it, with nothing under way."""
        twin = self.s.stats()['twin']
        return [twin[f'pool_{kind}'] for kind in POOL]

    def level(self):
        """What must not grow or shrink."""
        text = self.s.dvm('echo 3 > /proc/sys/vm/drop_caches; sleep 1; cat /proc/meminfo')
        kib = {k: int(v) for k, v in re.findall(r'^(MemFree|SUnreclaim):\s+(\d+)', text, re.M)}
        return {**kib, 'pool': self.pool()}

    def note_level(self):
        """From the third round on as behind the first ones."""
        level = self.level()
        self.levels.append(level)
        if len(self.levels) > 2:
            for what, most in DRIFT_KIB.items():
                assert abs(level[what] - self.levels[1][what]) < most, self.levels
            assert all(-FRAMES <= now - then <= RING for now, then in zip(level['pool'], self.levels[0]['pool'])), self.levels
        return level


@contextmanager
def soak():
    with lab('soak', 'net=twin', [WORDS] * GUESTS, dvm_words='deaths=100000') as s:
        yield Soak(s)


SESSION = Session(soak)


def step(number, _rng):
    """One event."""
    event = Soak.EVENTS[number % len(Soak.EVENTS)]
    with SESSION.step() as bench:
        row = {'kind': event.__name__, 'intact': True, **bench.step(event)}
        if event is Soak.EVENTS[-1]:
            row.update(bench.note_level())
    return row


if __name__ == '__main__':
    main('soak', STEPS, step, end=SESSION.end)
