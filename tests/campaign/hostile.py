# SPDX-License-Identifier: GPL-2.0-or-later
"""10^6 operations of the hostile guest (tests/net/hostile) on its card beside another guest's TCP, in both modes;
10^5 of all kinds; and the sweeps: all ports, MSRs and CPUID leaves.

A step lives lives of the hostile guest with seeds of its own until it has done so many operations, and checks that
nobody else was hurt; its row has the operations, the lives and the reasons of their ends, how often the card was set up, and
of these how often it was `started`: fewer than half would be a failure, as operations on rings mean nothing to a card that
does not run.
"""
from contextlib import contextmanager
from functools import partial

from campaign import FOLDER, main
from lab import Machine, Session, Spec, System, image # noqa: F401 (paths too)
from conftest import Load
from hostile_guest import ALL, Hostile, bits, describe_hostile

import json
import tempfile
from pathlib import Path

CARD = bits('pci', 'registers', 'features', 'chains', 'frames', 'kicks')
LIFE = 5000                      # operations, if it is not killed before
CARD_STEPS, CARD_EACH = 50, 20000
ALL_STEPS, ALL_EACH = 10, 10000
BLOCK = 5                        # steps in a row in one mode, with one machine
PATIENCE_S = 240
# (name, lives, operations of each): a life's seed says where its part of the sweep begins.
SWEEPS = [('port-sweep', range(0, 256, 8), 8 * 256 * 6), ('msr-sweep', range(0, 50, 10), 10 * 512),
          ('cpuid-sweep', range(4), 512)]


class Bench:
    """The hostile guest beside a guest whose TCP goes on in both directions."""

    def __init__(self, s):
        self.guest, self.load = Hostile(s), Load(s, receiver=1, megabytes=2, patience=PATIENCE_S)

    def live(self, *life):
        end = self.guest.live(*life)
        self.load.keep()
        return end

    def row(self):
        """What was since the last row."""
        self.guest.check()
        g, load = self.guest, self.load
        row = {'operations': g.operations, 'lives': g.lives, 'streams': load.finished, 'set_ups': g.set_ups,
               'started': g.started, 'reasons': g.reasons}
        g.operations = g.lives = g.set_ups = g.started = 0
        g.reasons, load.ended = {}, [0, 0]
        return row


@contextmanager
def bench(net):
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        iso = image.make(Path(folder) / 'medium.iso', describe_hostile(f'net={net}', 'verify-server', net == 'twin'))
        with Machine(Spec(iso=iso, name='campaign-hostile', net='tap')) as m:
            s = System(m, 1).ready()
            if net == 'twin':
                s.attached()
            b = Bench(s)
            yield b
            b.load.finish()
            b.guest.check()


SESSIONS = {net: Session(partial(bench, net)) for net in ('bridge', 'twin')}


def sweep(b):
    for name, seeds, operations in SWEEPS:
        for seed in seeds:
            how, reason, done = b.live(seed, bits(name), operations)
            assert how == 'stopped' and done >= operations, f'{name} {seed}: {how}: {reason}, {done} operations'


def step(number, rng):
    net = ('bridge', 'twin')[number // BLOCK % 2]
    SESSIONS['twin' if net == 'bridge' else 'bridge'].end()
    with SESSIONS[net].step() as b:
        kind = 'sweeps' if number % BLOCK == 0 and number < 2 * BLOCK else 'card'
        if kind == 'sweeps':
            sweep(b)
        else:
            kinds, each = (CARD, CARD_EACH)
            if number >= CARD_STEPS + 2:
                kind, kinds, each = 'all', ALL, ALL_EACH
            begun = b.guest.operations
            while b.guest.operations - begun < each:
                b.live(rng.randrange(10 ** 9), kinds, LIFE)
        return {'kind': f'{kind}, {net}', **b.row(), 'alone': True}


def end():
    for session in SESSIONS.values():
        session.end()


def add_up():
    """Operations, lives and reasons of all steps, into the campaign's result."""
    path = FOLDER / 'hostile.json'
    rows = [json.loads(line) for line in (FOLDER / 'hostile.jsonl').read_text().splitlines()]
    total = json.loads(path.read_text())
    total['operations'], total['reasons'] = {}, {}
    for key in ('lives', 'streams', 'set_ups', 'started'):
        total[key] = sum(r.get(key, 0) for r in rows)
    for r in rows:
        kind = r.get('kind', 'failed')
        total['operations'][kind] = total['operations'].get(kind, 0) + r.get('operations', 0)
        for reason, n in r.get('reasons', {}).items():
            total['reasons'][reason] = total['reasons'].get(reason, 0) + n
    path.write_text(json.dumps(total, indent=1) + '\n')


if __name__ == '__main__':
    try:
        main('hostile', steps=CARD_STEPS + ALL_STEPS + 2, step=step, end=end)
    finally:
        if (FOLDER / 'hostile.json').exists():
            add_up()
