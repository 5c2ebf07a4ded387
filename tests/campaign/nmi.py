#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NMIs at random times (R18), in six kinds of load, each under two guests' TCP: 10^5 and more of them in derived code,
its natives, misses of its window and upcalls.

Each step is so many NMIs. `traffic`: the twin as it always runs. `miss`: its window is empty at each activation.
`upcall`: that, and two natives run in the driver VM; two thirds of the NMIs hit what counts there, so most steps are of it.
`death`: the twin dies again and again. `bridge`: no twin. `instruction`: as `upcall`, in an emulator that looks for
interrupts behind each instruction, not only behind branches.
A step fails when an NMI is lost, begins elsewhere than on the top of its stack, a stream has another hash, a VM ends,
or the hypervisor's fingerprints change. Every 16th NMI sends itself another one while it is handled.
"""
from contextlib import contextmanager

from campaign import main
from lab import Load, Session, lab

import kill_lab
from nmi_lab import FORCED, PLACES, Nmis

NMIS = 5000
SERVERS = 'echo verify-server'
KINDS = [kind for kind, steps in (('traffic', 4), ('miss', 4), ('upcall', 40), ('death', 4), ('bridge', 4),
                                  ('instruction', 4)) for _ in range(steps)]
COMMANDS = {'miss': ['window cold on'], 'upcall': [f'upcalls force {FORCED}', 'window cold on'], 'death': ['window cold on']}
COMMANDS['instruction'] = COMMANDS['upcall']


@contextmanager
def bench():
    """A machine for the steps of the present kind."""
    with lab('campaign-nmi', 'net=bridge', [SERVERS, SERVERS], twin=True, dvm_words='deaths=100000',
             spec={'extra': kill_lab.FAST_LINK}) as s:
        for command in COMMANDS.get(present, []):
            s.machine.monitor(command)
        if present != 'bridge':
            s.machine.monitor('mode twin')
            s.attached()
        if present == 'instruction':
            # Now, as a boot with it takes ten minutes and more. What it does not know it says, and goes on.
            assert not s.machine.hmp('singlestep on')
        yield Nmis(s)


present = None
SESSION = Session(bench)


def die(s):
    """One death more, and the twin is back."""
    deaths = s.stats()['twin']['deaths']
    s.machine.monitor('fault wild')
    s.machine.expect('hv', 'twin killed: ', 60)
    s.attached(deaths + 2)


def loaded(nmis):
    """Streams, one after the other, until all NMIs have come."""
    s, streams = nmis.s, 0
    while nmis.coming():
        load = Load(s, megabytes=2, patience=kill_lab.PATIENCE_S)
        if present == 'death':
            die(s)
        load.finish()
        streams += load.finished
    return streams


def step(number, rng):
    """So many NMIs of one kind of load."""
    global present # pylint: disable=global-statement
    kind = KINDS[number % len(KINDS)]
    if kind != present:
        SESSION.end()
        present = kind
    with SESSION.step() as nmis:
        nmis.start(NMIS, rng.getrandbits(48) | 1)
        streams = loaded(nmis)
        came = nmis.finish()
        nmis.unharmed(twin=kind != 'bridge', deaths=kind == 'death')
    return {'kind': kind, 'intact': True, 'streams': streams,
            **{k: came[k] for k in ('taken', 'again', 'hlt_skipped', *PLACES)}}


if __name__ == '__main__':
    main('nmi', len(KINDS), step, end=SESSION.end)
