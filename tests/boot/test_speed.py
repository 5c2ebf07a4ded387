# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest's packet costs must not grow unseen: instructions under icount, which repeat, and world switches.

The reference holds both a unit, instructions by who ran them, of several boots: how far these lie apart is what a boot may lie
above their median. The guest's kernel may have a twentieth more, as Debian's changes; that is less than an interrupt. After a
change that is meant: measure it with scripts/ab, say so in docs/decisions.md, and write the reference anew, here of five boots,
in about eight minutes:

    make all && PYTHONPATH=scripts POLLUX_SPEED_REFERENCE=5 python3 -m pytest tests/boot/test_speed.py
"""
import json
import os
import statistics
import sys
from pathlib import Path

import image
import pytest

BENCH = image.ROOT / 'scripts/bench'
REFERENCE = Path(__file__).with_name('speed.json')
BOOTS = int(os.environ.get('POLLUX_SPEED_REFERENCE', 0)) # of a new reference; 0: compare with the one that is there
SWITCHES, GUEST = 'switches', 'guest kernel'
PARTS = ('hv', 'natives', 'twin', GUEST)
WORKLOADS = ('udp_tx', 'udp_rx', 'udp_rr')
WINDOWS = 5
MARGIN = 2       # spreads that a boot may lie above the median: few boots do not show all that there is
LEAST = 0.01     # of the median, where boots hardly differ
LEAST_GUEST = 0.05
LEAST_SWITCHES = 0.01 # one more for a hundred packets


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    names = {f.stem for f in BENCH.glob('*.py')}
    yield
    for name in names & set(sys.modules):
        del sys.modules[name]


def measured():
    """{workload: {part: instructions a unit, SWITCHES: world switches}} of a boot."""
    import booted
    import measure
    import systems
    import workloads
    system, found = systems.Pollux(), {}
    with booted.Booted(system) as b:
        dict(system.faces)['twin'](b.machine)
        for w in workloads.ALL:
            if w.key in WORKLOADS:
                record = measure.measure(b, w, WINDOWS, True)
                found[w.key] = {**{p: round(record['parts'][p], 1) for p in PARTS}, SWITCHES: round(record['switches'], 4)}
    return found


def reference_of(boots):
    """{workload: {part: its median, least and most}} of what measured() gave, once a boot."""
    def over(values):
        return {'median': round(statistics.median(values), 4), 'min': min(values), 'max': max(values)}
    return {key: {part: over([b[key][part] for b in boots]) for part in parts} for key, parts in boots[0].items()}


def limit(part, r):
    """For one part of one boot."""
    least = {SWITCHES: LEAST_SWITCHES, GUEST: LEAST_GUEST * r['median']}.get(part, LEAST * r['median'])
    return r['median'] + max(MARGIN * (r['max'] - r['min']), least)


def excesses(found, reference):
    """A line for each part that has more than it may."""
    return [f'{key}: {part}: {found[key][part]}, {r["median"]} [{r["min"]}..{r["max"]}] before, at most {limit(part, r):.3f}'
            for key, parts in reference.items() for part, r in parts.items() if found[key][part] > limit(part, r)]


def test_a_boot_may_lie_as_far_above_the_median_as_boots_lie_apart():
    boots = [{'udp_tx': {'hv': hv, 'twin': 100.0}} for hv in (800.0, 820.0, 810.0)]
    reference = reference_of(boots)
    assert reference == {'udp_tx': {'hv': {'median': 810.0, 'min': 800.0, 'max': 820.0},
                                    'twin': {'median': 100.0, 'min': 100.0, 'max': 100.0}}}
    assert not excesses({'udp_tx': {'hv': 850.0, 'twin': 101.0}}, reference)
    assert [line.rsplit(': ', 1)[0] for line in excesses({'udp_tx': {'hv': 850.1, 'twin': 101.1}}, reference)] == \
        ['udp_tx: hv', 'udp_tx: twin']


def test_an_exit_or_an_interrupt_more_for_a_packet_is_seen():
    reference = reference_of([{'udp_tx': {GUEST: 5000.0, SWITCHES: n}} for n in (0.027, 0.027, 0.029)])
    assert not excesses({'udp_tx': {GUEST: 5250.0, SWITCHES: 0.0369}}, reference)
    assert [line.rsplit(': ', 1)[0] for line in excesses({'udp_tx': {GUEST: 5250.1, SWITCHES: 0.0371}}, reference)] == \
        [f'udp_tx: {GUEST}', f'udp_tx: {SWITCHES}']
    reference = reference_of([{'udp_tx': {SWITCHES: n}} for n in (0.02, 0.03, 0.04)])
    assert not excesses({'udp_tx': {SWITCHES: 0.0699}}, reference) and excesses({'udp_tx': {SWITCHES: 0.0701}}, reference)


def test_instructions_for_a_packet(bench):
    if BOOTS:
        REFERENCE.write_text(json.dumps(reference_of([measured() for _ in range(BOOTS)]), indent=1) + '\n')
    found, reference = measured(), json.loads(REFERENCE.read_text())
    assert set(reference) == set(WORKLOADS) and all(set(parts) == {*PARTS, SWITCHES} for parts in reference.values())
    assert not (more := excesses(found, reference)), '\n'.join([*more, str(found)])
