# SPDX-License-Identifier: GPL-2.0-or-later
"""Soak: four guests, one of them Linux, send and receive without a pause while something happens in each step.

Nothing, a link flap, a switch-over, the interface down and up, in turn. Each step moves at least STEP_MB megabytes each
way for each guest and compares them to the byte, and lasts at least STEP_S seconds of the hypervisor's clock: the default
number of steps is 10 GB each way and an hour. From the first step to the last the twin dies of a fault every FAULT_S or so,
also before and behind an event; a step in which it lived for more than GAP_S by that clock fails.
At the end of each round of events the levels of the pool, of the driver VM's memory and of its slab are noted, and must
stay: memory as behind the second round, the pool full and not larger than by one ring. Each owner has as much of the
machine's RAM behind each step as before (`memory`).
"""
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from campaign import main
from lab import Load, Session, lab

from conftest import OOPS
from large_load import LargeLoad, large_frames, linux_initrd, up

GUESTS = 4 # the last is Linux, whose frames are lent and merged
STEP_MB = 8
STEP_S = 12
FAULT_S = 4
GAP_S = 10 # at most between two faults
DEATH_S = 60
STEPS = 10 * 1024 // (GUESTS * STEP_MB)
PATIENCE_S = 300
POOL = ('skb', 'head', 'frag', 'page')
DRIFT_KIB = {'MemFree': 8 * 1024, 'SUnreclaim': 2 * 1024} # of the driver VM, between rounds: caches of its own
RING = 256           # what the driver's own ring held at an attachment may be more in the pool
FRAMES = 64          # that may go to the driver VM before castor is asked for more
WORDS = 'verify-server'


class Faults:
    """The twin dies again and again. longest: seconds of the hypervisor's clock between two deaths."""

    def __init__(self, s):
        self.s = s
        self.last, self.looked = self.now(), time.monotonic()
        self.longest = 0.0

    def now(self):
        """Seconds of the hypervisor's clock."""
        return self.s.stats()['cpu']['up_us'] / 10 ** 6

    def strike(self):
        """One death, and the twin is back."""
        self.s.wait_attached()
        deaths, end = self.s.stats()['twin']['deaths'], time.monotonic() + DEATH_S
        self.s.machine.monitor('fault wild')
        while (twin := self.s.stats()['twin'])['deaths'] == deaths:
            assert time.monotonic() < end, 'the twin does not die'
            self.s.peer.ping(self.s.address(1), count=1) # if nobody else sends, it meets no frame
        self.note(twin['stop_at_us'] / 10 ** 6)
        self.s.wait_attached()

    def note(self, at):
        self.longest = max(self.longest, at - self.last)
        self.last, self.looked = at, time.monotonic()

    def longest_so_far(self):
        """Since this was called last; what goes on now counts as well."""
        longest, self.longest = max(self.longest, self.now() - self.last), 0.0
        return longest

    def keep(self):
        """A death if it is time for one; this machine's clock tells, not to ask the hypervisor all the time."""
        if time.monotonic() >= self.looked + FAULT_S:
            self.strike()


class Watchful:
    """Streams that look after the faults while they are waited for; stands before the kind of stream."""

    def __init__(self, faults, *words, **names):
        self.faults = faults
        super().__init__(*words, **names)

    def keep(self):
        super().keep()
        self.faults.keep()


class Stream(Watchful, Load):
    """Of an lwIP guest."""


class LargeStream(Watchful, LargeLoad):
    """Of the Linux guest."""


class Soak:
    """One boot; its steps are kept over a process."""

    def __init__(self, s):
        self.s = s
        s.attached()
        self.hash = s.whole()
        self.levels = []
        self.faults = Faults(s)

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

    def interface(self):
        self.s.dvm('ip link set eth0 down; ip link set eth0 up')

    EVENTS = (quiet, link_flap, switch_over, interface)

    def until_over(self, loads, begin):
        """Streams go on until the step's time is over, and the last ones end."""
        while self.faults.now() < begin + STEP_S:
            for load in loads:
                load.keep()
            time.sleep(0.2)
        while any(load.runs() for load in loads):
            self.faults.keep()
            time.sleep(0.2)

    def step(self, event):
        """The event under all guests' streams, and faults of the twin around it."""
        begin, before = self.faults.now(), large_frames(self.s)
        loads = [Stream(self.faults, self.s, n, n, STEP_MB, 5002 + n, PATIENCE_S) for n in range(1, GUESTS)]
        loads.append(LargeStream(self.faults, self.s, GUESTS, STEP_MB, 5002 + GUESTS, patience=PATIENCE_S))
        self.faults.strike()
        event(self)
        self.faults.strike()
        self.until_over(loads, begin)
        for load in loads:
            load.finish()
            self.faults.keep()
        self.sound()
        lent, merged = (b - a for a, b in zip(before, large_frames(self.s)))
        assert lent and merged, (lent, merged)
        return {'tally': {'megabytes_each_way': STEP_MB * sum(load.finished for load in loads) // 2, 'lent': lent,
                          'merged': merged}}

    def sound(self):
        """All is as it was, and all VMs run."""
        self.s.wait_attached()
        self.s.sound(self.hash)
        assert not re.search(OOPS, self.s.dvm('dmesg'))
        assert all(vm['state'] == 'running' for vm in self.s.stats()['vms'].values())

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
        """From the third round on as behind the first ones. It takes a while, so a fault comes before and behind it."""
        self.faults.strike()
        level = self.level()
        self.faults.strike()
        self.levels.append(level)
        if len(self.levels) > 2:
            for what, most in DRIFT_KIB.items():
                assert abs(level[what] - self.levels[1][what]) < most, self.levels
            assert all(-FRAMES <= now - then <= RING for now, then in zip(level['pool'], self.levels[0]['pool'])), self.levels
        return level


@contextmanager
def soak():
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder, \
            lab('soak', 'net=twin', [WORDS] * (GUESTS - 1), dvm_words='deaths=100000', linux=1,
                linux_initrd=linux_initrd(Path(folder))) as s:
        up(s, GUESTS)
        yield Soak(s)


SESSION = Session(soak)


def step(number, _rng):
    """One event."""
    event = Soak.EVENTS[number % len(Soak.EVENTS)]
    with SESSION.step() as bench:
        row = {'kind': event.__name__, 'intact': True, **bench.step(event)}
        if event is Soak.EVENTS[-1]:
            row.update(bench.note_level())
        stats, longest = bench.s.stats(), bench.faults.longest_so_far()
        row.update(deaths=stats['twin']['deaths'], up_s=stats['cpu']['up_us'] // 10 ** 6, longest_s=round(longest, 2))
        assert longest <= GAP_S, f'no fault for {longest:.1f} s'
    return row


if __name__ == '__main__':
    main('soak', STEPS, step, end=SESSION.end)
