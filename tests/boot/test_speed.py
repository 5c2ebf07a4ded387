# SPDX-License-Identifier: GPL-2.0-or-later
"""What the hypervisor runs for a guest's packet must not grow unseen: instructions under icount, which repeat.

The reference holds instructions a unit by who ran them. The guest's own part is left out: it changes with Debian's kernel.
After a change that is meant: measure it with scripts/ab, say so in docs/decisions.md, and write the reference anew:

    POLLUX_SPEED_REFERENCE=1 python3 -m pytest tests/boot/test_speed.py
"""
import json
import os
import sys
from pathlib import Path

import image
import pytest

BENCH = image.ROOT / 'scripts/bench'
REFERENCE = Path(__file__).with_name('speed.json')
PARTS = ('hv', 'natives', 'twin')
WORKLOADS = ('udp_tx', 'udp_rx', 'udp_rr')
WINDOWS = 5


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    names = {f.stem for f in BENCH.glob('*.py')}
    yield
    for name in names & set(sys.modules):
        del sys.modules[name]


def measured():
    import booted
    import measure
    import systems
    import workloads
    system, found = systems.Pollux(), {}
    with booted.Booted(system) as b:
        dict(system.faces)['twin'](b.machine)
        for w in workloads.ALL:
            if w.key in WORKLOADS:
                parts = measure.measure(b, w, WINDOWS, True)['parts']
                found[w.key] = {p: round(parts[p], 1) for p in PARTS}
    return found


def test_instructions_for_a_packet(bench):
    found = measured()
    if os.environ.get('POLLUX_SPEED_REFERENCE'):
        old = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {'tolerance': {}}
        REFERENCE.write_text(json.dumps({**old, 'instructions': found}, indent=1) + '\n')
    reference = json.loads(REFERENCE.read_text())
    for key, parts in reference['instructions'].items():
        for part, expected in parts.items():
            limit = expected * (1 + reference['tolerance'][key])
            assert found[key][part] <= limit, \
                f'{key}: {part} runs {found[key][part]} instructions, {expected} before: {found}'
