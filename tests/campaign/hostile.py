# SPDX-License-Identifier: GPL-2.0-or-later
"""10^6 operations of the hostile guest (tests/net/hostile) beside another guest's TCP, in both modes.

A step boots, lives LIVES lives of the hostile guest with seeds of its own and checks that nobody
else was hurt; its row has the operations, the lives and the reasons of their ends. The first steps
are the sweeps: all ports, MSRs and CPUID leaves.
"""
from campaign import FOLDER, main
from lab import Machine, Spec, System, image # noqa: F401 (paths too)
from conftest import Load
from hostile_guest import ALL, Hostile, bits, describe_hostile

import json
import tempfile
from pathlib import Path

LIVES, OPERATIONS = 150, 1000
SWEEPS = [('port-sweep', 256, 256 * 6), ('msr-sweep', 50, 512), ('cpuid-sweep', 4, 512)]
STEPS = 24


def lives(rng, number):
    """(seed, kinds, operations) of each life."""
    if number < 2:
        for name, n, operations in SWEEPS:
            yield from ((seed, bits(name), operations) for seed in range(n))
    else:
        yield from ((rng.randrange(10 ** 9), ALL, OPERATIONS) for _ in range(LIVES))


def step(number, rng):
    net = ('bridge', 'twin')[number % 2]
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        iso = image.make(Path(folder) / 'medium.iso', describe_hostile(f'net={net}', 'verify-server', net == 'twin'))
        with Machine(Spec(iso=iso, name='campaign-hostile', net='tap')) as m:
            m.expect('dvm', 'built-in commands', 180)
            m.expect('g1', r'^net: link=up', 30)
            s = System(m, 1)
            if net == 'twin':
                s.attached()
            h, transfers = Hostile(s), 0
            load = Load(s, receiver=1)
            for life in lives(rng, number):
                h.live(*life)
                if not load.runs():
                    load.finish()
                    transfers += 1
                    load = Load(s, receiver=1)
            load.finish()
            h.check()
            return {'kind': net, 'operations': h.operations, 'lives': h.lives, 'transfers': transfers + 1,
                    'reasons': h.reasons, 'alone': True}


def add_up():
    """Operations, lives and reasons of all steps, into the campaign's result."""
    path = FOLDER / 'hostile.json'
    rows = [json.loads(line) for line in (FOLDER / 'hostile.jsonl').read_text().splitlines()]
    total = json.loads(path.read_text())
    for key in ('operations', 'lives', 'transfers'):
        total[key] = sum(r.get(key, 0) for r in rows)
    total['reasons'] = {}
    for r in rows:
        for reason, n in r.get('reasons', {}).items():
            total['reasons'][reason] = total['reasons'].get(reason, 0) + n
    path.write_text(json.dumps(total, indent=1) + '\n')


if __name__ == '__main__':
    try:
        main('hostile', steps=STEPS, step=step)
    finally:
        if (FOLDER / 'hostile.json').exists():
            add_up()
