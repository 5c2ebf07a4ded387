# SPDX-License-Identifier: GPL-2.0-or-later
"""From windows to what a unit of a workload costs. Pure arithmetic."""
import statistics

PER_REP = 0.25    # instructions charged for an iteration of a repeated string instruction
PER_SWITCH = 1500 # and for a world switch (facts of hardware, not of the emulator)


def charged(w, per_switch=PER_SWITCH):
    """Instruction-equivalents."""
    return w.insns + w.rep * PER_REP + w.switches * per_switch


def spread(values):
    return {'min': round(min(values), 1), 'median': round(statistics.median(values), 1), 'max': round(max(values), 1)}


def arrived(result):
    """Units of a window that count: what was lost on the way cost something and served nobody."""
    n = result['units'] - result['lost']
    if n <= 0:
        raise ValueError(f'nothing arrived: {result}')
    return n


def trips(results):
    """Round trips in us of the emulator's clock, if there were any: the medians of the windows' medians and 99th percentiles."""
    if not all('p99' in r for r in results):
        return {}
    return {'trip_us': {name: round(statistics.median(r[name] for r in results) / 1000, 1) for name in ('p50', 'p99')}}


def cycles(results):
    """Of the time stamp counter per unit, idle time and all: of use where a processor is what counts, not an emulator."""
    return spread([r['tsc'] / arrived(r) for r in results])


def summary(unit, results, found):
    """The record of a workload: per unit that arrived, over its windows. windows: [cost, switches] of each."""
    per = [(w, arrived(r)) for w, r in zip(found, results)]
    cost = [charged(w) / n for w, n in per]
    parts = sorted({p for w in found for p in w.parts})
    return {'unit': unit, 'n': len(found), **spread(cost),
            'insns': statistics.median(w.insns / n for w, n in per),
            'rep': statistics.median(w.rep / n for w, n in per),
            'switches': statistics.median(w.switches / n for w, n in per),
            'charged_0': spread([charged(w, 0) / n for w, n in per]),
            'windows': [[round(c, 1), round(w.switches / n, 4)] for c, (w, n) in zip(cost, per)],
            'wall_units_per_s': spread([arrived(r) * 1e9 / r['ns'] for r in results]),
            'lost': sum(r['lost'] for r in results), **trips(results),
            # A difference of two windows may leave a part a little below nothing.
            'parts': {p: max(0.0, statistics.median(w.parts[p] / n for w, n in per)) for p in parts}}
