#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random faults of the twin by kind, each at a random instruction, under guests' TCP in both directions.

Kinds: reg (bits of a register), load (what an instruction has loaded), data (the operand in the driver VM's memory, for
good), argument (a register argument at a call of a native or an upcall), time (the instruction over and over). A fault
counts only when traffic came to its instruction: others are drawn until one is met. Then the twin dies and comes back, or
it goes on: both are `recovered`; `dvm_restarted`: the driver VM crashed on its own data and was started again (R20). An
error of the step is: no twin again, a stream broke, the hypervisor's fingerprints changed, the pool does not add up.
"""
from campaign import main
from kill_session import STEPS_PER_BOOT, Entered, victim
from lab import Session, image

import kill_lab

KINDS = ('reg', 'load', 'data', 'argument', 'time')
TRIES = 20
# Not rsp (4): the judge takes it as given, and the hypervisor's own stack is there.
REGISTERS = [r for r in range(16) if r != 4]
ARGUMENTS = [7, 6, 2, 1] # rdi, rsi, rdx, rcx
FUNCTIONS = kill_lab.functions(image.TWIN)
CALLS = kill_lab.import_calls(image.TWIN)
SESSION = Session(lambda: victim('campaign-fault'), STEPS_PER_BOOT)
entered = Entered(FUNCTIONS)


def flip(rng):
    """One bit, a byte of bits, or all 64 at random."""
    return rng.choice([1 << rng.randrange(64), rng.randrange(256), rng.getrandbits(64)])


def words(kind, rng):
    """Offset and action."""
    name = rng.choice([n for n in FUNCTIONS if entered.known.get(n, True)])
    offset = rng.choice(CALLS if kind == 'argument' else FUNCTIONS[name])
    return name, offset, {'reg': ['reg', rng.choice(REGISTERS), flip(rng)], 'load': ['load', flip(rng)],
                          'data': ['data', flip(rng)], 'argument': ['reg', rng.choice(ARGUMENTS), flip(rng)],
                          'time': ['loop']}[kind]


def try_once(campaign, kind, rng):
    """The record of a fault that was met and changed something, or None."""
    name, offset, action = words(kind, rng)
    if kind != 'argument' and not entered(campaign, name):
        return None
    count = rng.randrange(1, 20)
    line = campaign.inject(offset, count, *action)
    if not line or 'nothing to change' in line:
        return None
    return {'offset': offset, 'count': count, 'action': action, 'line': line, **campaign.outcome()}


def step(number, rng):
    """One fault that was met."""
    kind = KINDS[number % len(KINDS)]
    with SESSION.step() as campaign:
        for _ in range(TRIES):
            record = try_once(campaign, kind, rng)
            if record:
                break
    if record and record.get('dvm_restarted'): # its budget is three; the next step begins afresh
        SESSION.end()
    return {'kind': kind, 'met': bool(record), **(record or {})}


if __name__ == '__main__':
    main('fault', steps=1000, step=step, every=5, end=SESSION.end)
