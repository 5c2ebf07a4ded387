#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the benchmark's results: out/bench.json and out/overhead*.json become docs/plots/*.svg.

What was not measured is left out. The same results give the same bytes, so that a picture changes only with its figures.
Needs Debian's python3-matplotlib (scripts/bench/setup.sh plots).

Exit status: 0, or 1 when there is nothing to draw or a file is not what bench.py or overhead.py writes.
"""
import argparse
import json
import sys
import textwrap
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import image # noqa: E402
import results # noqa: E402
import workloads # noqa: E402

# Text stays text, a `$` in it too, and names of shapes do not depend on chance.
matplotlib.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'pollux', 'text.parse_math': False, 'font.size': 9,
                            'axes.titlesize': 10, 'axes.spines.top': False, 'axes.spines.right': False})
SYSTEMS = {'native': '#8c8c8c', 'twin': '#1f4e9c', 'twin-stlb': '#7b5aa6', 'bridge': '#7fb2e5', 'xen-domu': '#d9822b',
           'kvm': '#3f9b4f'}
ENGINES = ['#1f4e9c', '#7b5aa6', '#d9822b', '#3f9b4f', '#8c8c8c']

ALL_WINDOWS, LEVEL = 'all windows', 'slots'
CURVES = {'udp_tx': '#1f4e9c', 'udp_rx': '#7fb2e5', 'udp_rr': '#d9822b'}

# Who ran an instruction, from the bottom of a stack to its top.
USER, GUEST, BOTH, HOST, DRIVER, NATIVES, HV, OTHER_HV, OTHER = COMPONENTS = [
    'user programs', 'kernel that is measured', "dom0's and domU's kernels, not told apart",
    'kernel of driver VM or host, its bridge and back end', 'driver: e1000.ko or twin', 'natives', 'hv', 'Xen, KVM', 'other']
COLOURS = dict(zip(COMPONENTS, ['#c9c9c9', '#8fa8c8', '#b9a06c', '#e0b07a', '#b23a48', '#6fb58a', '#1f4e9c', '#3c3c3c',
                                '#f0e442']))
PARTS = {'user': USER, 'guest user': USER, 'dvm user': USER, 'guest kernel': GUEST, 'hv': HV, 'natives': NATIVES,
         **dict.fromkeys(['twin', 'e1000', 'dvm e1000'], DRIVER), **dict.fromkeys(['xen', 'kvm', 'kvm_amd'], OTHER_HV),
         **dict.fromkeys(['dvm kernel', 'kernel', 'bridge', 'tun', 'vhost', 'vhost_net', 'xen_netback'], HOST)}
# Where `kernel` is another one than the host's.
KERNELS = {'native': GUEST, 'xen-domu': BOTH}


class PlotError(Exception):
    """What is wrong with the results, in words for the user."""


def is_number(value, least=0):
    return isinstance(value, (int, float)) and least <= value <= 1e12


def is_record(c):
    return (isinstance(c, dict) and all(is_number(c.get(k), 1e-3) for k in ('min', 'median', 'max', 'insns'))
            and c['min'] <= c['median'] <= c['max']
            and isinstance(c.get('parts'), dict) and all(map(is_number, c['parts'].values())))


def workload(key):
    return next(w for w in workloads.ALL if w.key == key)


def read(path):
    try:
        doc = json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise PlotError(f'{path}: {e}') from e
    if not isinstance(doc, dict):
        raise PlotError(f'{path}: not a file of results')
    return doc


def check(doc):
    """Each record that is there must be whole."""
    for s in SYSTEMS:
        for w in workloads.ALL:
            try:
                c = results.figure(doc, s, w)
            except AttributeError as e:
                raise PlotError(f'{s}: no results of a system') from e
            if c is not None and not is_record(c):
                raise PlotError(f'{s}, {w.title}: not a record')


def throughput(doc, chosen):
    """Series of grouped(): what each system carries of these workloads."""
    return [(results.TITLES[s], colour,
             [c and tuple(results.carried(w, c[k]) for k in ('max', 'median', 'min')) # the highest cost carries least
              for w in chosen for c in [results.figure(doc, s, w)]]) for s, colour in SYSTEMS.items()]


def grouped(axes, names, series, style='{:,.0f}'):
    """Bars in groups, a bar of each series that has one. series: [(label, colour, [(low, value, high) or None, of each
    group])]. Returns whether anything was drawn."""
    series = [s for s in series if any(s[2])]
    width = 0.86 / max(len(series), 1)
    for i, (label, colour, cells) in enumerate(series):
        at = [(x + (i - (len(series) - 1) / 2) * width, c) for x, c in enumerate(cells) if c]
        axes.bar([x for x, _ in at], [c[1] for _, c in at], width * 0.92, color=colour, label=label)
        for x, (low, value, high) in at:
            if low < high:
                axes.errorbar(x, value, [[value - low], [high - value]], color='black', capsize=2, linewidth=0.8)
            axes.annotate(style.format(value), (x, high), (0, 3), textcoords='offset points', rotation=90, ha='center',
                          va='bottom', fontsize=7)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis='x', length=0)
    axes.margins(y=0.22) # room for the figures above the bars
    return bool(series)


def save(figure, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f'{name}.svg', metadata={'Date': None, 'Creator': None}, bbox_inches='tight')
    return name


def legend_below(figure, columns):
    """One for all panels; a label that several have is there once."""
    found = {label: bar for axes in figure.axes for bar, label in zip(*axes.get_legend_handles_labels())}
    order = [c for c in COMPONENTS if c in found] or list(found)
    figure.legend([found[label] for label in order], order, loc='upper center', bbox_to_anchor=(0.5, 0), ncol=columns,
                  frameon=False)


def draw_throughput(doc, folder):
    figure, drawn = Figure(figsize=(10, 4), layout='constrained'), False
    tcp, udp = figure.subplots(1, 2, width_ratios=[2, 1])
    panels = [(tcp, 'TCP', 'Mb/s', ['tcp_tx_on', 'tcp_rx_on', 'tcp_tx_off', 'tcp_rx_off'],
               ['transmit,\noffloads on', 'receive,\noffloads on', 'transmit,\noffloads off', 'receive,\noffloads off']),
              (udp, 'UDP, 64 B', 'thousand packets/s', ['udp_tx', 'udp_rx'], ['transmit', 'receive'])]
    for axes, title, unit, keys, names in panels:
        axes.set_title(title)
        axes.set_ylabel(unit)
        drawn |= grouped(axes, names, throughput(doc, [workload(k) for k in keys]))
    figure.suptitle(f'CPU-scaled throughput: {results.UNIT_OF_CPU} (median, min to max)')
    legend_below(figure, 6)
    return drawn and save(figure, folder, 'throughput')


def draw_http(doc, folder):
    figure = Figure(figsize=(6, 3.6), layout='constrained')
    axes = figure.subplots()
    axes.set_title(f'Web server, 1 KiB, a connection each:\n{results.UNIT_OF_CPU}')
    axes.set_ylabel('requests/s')
    drawn = grouped(axes, [''], throughput(doc, [workload('http')]))
    legend_below(figure, 3)
    return drawn and save(figure, folder, 'http')


def components(system, parts):
    """{component: instructions} of a record's parts."""
    found = dict.fromkeys(COMPONENTS, 0)
    for part, n in parts.items():
        found[KERNELS.get(system, HOST) if part == 'kernel' else PARTS.get(part, OTHER)] += n
    return found


def stacked(axes, doc, w):
    """A bar of each system, of instructions by component."""
    records = [(s, c) for s in SYSTEMS if (c := results.figure(doc, s, w))]
    base, found = [0] * len(records), [components(s, c['parts']) for s, c in records]
    for name in COMPONENTS:
        heights = [f[name] for f in found]
        if any(h >= 1 for h in heights): # else it is no more than an empty row of the legend
            axes.bar(range(len(records)), heights, 0.65, base, color=COLOURS[name], label=name)
            base = [b + h for b, h in zip(base, heights)]
    for x, (_, c) in enumerate(records):
        axes.annotate(f'{c["insns"]:,.0f}', (x, base[x]), (0, 2), textcoords='offset points', ha='center', fontsize=8)
    axes.set_xticks(range(len(records)), [textwrap.fill(results.TITLES[s], 10) for s, _ in records])
    axes.margins(y=0.12)
    return bool(records)


def draw_components(doc, folder):
    figure, drawn = Figure(figsize=(10, 7), layout='constrained'), False
    for axes, key in zip(figure.subplots(2, 2).flat, ['udp_tx', 'udp_rx', 'tcp_tx_off', 'tcp_rx_off']):
        w = workload(key)
        axes.set_title(w.title)
        axes.set_ylabel(f'instructions per {w.unit}')
        drawn |= stacked(axes, doc, w)
    figure.suptitle('Who runs the instructions (without charges for world switches and REP iterations)')
    legend_below(figure, 3)
    return drawn and save(figure, folder, 'components')


def engines_of_files(overheads):
    """{(engine, level): {window: derived code over the module's own}} of what overhead.py wrote."""
    try:
        return {(o['engine'], o['level']): {ALL_WINDOWS: o['hot_overhead'],
                                            **{str(w['title']): w['hot_overhead'] for w in o['windows']}} for o in overheads}
    except (KeyError, TypeError) as e:
        raise PlotError(f'not a file of overhead.py: {e!r}') from e


def engines_of_benchmark(doc):
    """The same of the benchmark, which measures the usual level of each engine; old results have the totals alone."""
    totals, parts = doc.get(results.DERIVED, {}), doc.get(results.DERIVED_WINDOWS, {})
    if not isinstance(parts, dict) or not all(isinstance(d, dict) for d in (totals, *parts.values())):
        raise PlotError(f'{results.DERIVED}: not {{engine: ratio}}')
    return {(engine, LEVEL): {ALL_WINDOWS: total, **parts.get(engine, {})} for engine, total in totals.items()}


def engines(doc, overheads):
    """{engine and level: {window: ratio}}: what the benchmark says, and what it does not say of overhead.py's files."""
    found = engines_of_files(overheads)
    for key, ratios in engines_of_benchmark(doc).items():
        found[key] = {**found.get(key, {}), **ratios}
    if not all(is_number(v, 1e-3) for r in found.values() for v in r.values()):
        raise PlotError(f'{results.DERIVED}: a ratio is no number')
    return {', '.join(map(str, key)): ratios for key, ratios in found.items()}


def draw_engines(doc, overheads, folder):
    figure = Figure(figsize=(9, 3.8), layout='constrained')
    axes, found = figure.subplots(), engines(doc, overheads)
    names = list(dict.fromkeys(name for ratios in found.values() for name in ratios))
    axes.axhline(1, color='black', linewidth=0.8, linestyle='--', label='e1000.ko itself')
    axes.set_title('The twin against the original driver, by engine: executed instructions, same path')
    axes.set_ylabel('twin / original')
    drawn = grouped(axes, [textwrap.fill(n, 14) for n in names],
                    [(engine, ENGINES[i % len(ENGINES)], [(ratios.get(n),) * 3 if n in ratios else None for n in names])
                     for i, (engine, ratios) in enumerate(found.items())], '{:.3f}')
    legend_below(figure, 4)
    return drawn and save(figure, folder, 'engines')


def curve(doc, w):
    """Points of (upcalls a unit, low, value, high), of throughput without any: 1. None where nothing was measured."""
    try:
        points = sorted(((p['upcalls_per_packet'], p) for p in doc.get('upcalls', []) if p['workload'] == w.name),
                        key=lambda point: point[0])
        if not all(is_number(x) and all(is_number(p[k], 1e-3) for k in ('min', 'median', 'max')) for x, p in points):
            raise PlotError(f'upcalls, {w.title}: a figure is no number')
        none = next((p['median'] for x, p in points if not p['names']), None)
        return [(x, none / p['max'], none / p['median'], none / p['min']) for x, p in points] if none else None
    except (AttributeError, KeyError, TypeError) as e:
        raise PlotError(f'upcalls: not points of a curve: {e!r}') from e


def draw_upcalls(doc, folder):
    figure, drawn = Figure(figsize=(6, 4), layout='constrained'), False
    axes = figure.subplots()
    axes.set_title('Throughput per unit of CPU by routines that run in the driver VM')
    axes.set_xlabel('forced upcalls for a packet, or for a pair of packets, one each way')
    axes.set_ylabel('against none')
    for key, colour in CURVES.items():
        w = workload(key)
        if found := curve(doc, w):
            x, low, value, high = zip(*found)
            whiskers = [[v - l for v, l in zip(value, low)], [h - v for h, v in zip(high, value)]]
            axes.errorbar(x, value, whiskers, color=colour, marker='o', markersize=3, capsize=2, linewidth=1, label=w.title)
            axes.annotate(f'{value[-1]:.2f}', (x[-1], value[-1]), (4, 4), textcoords='offset points', fontsize=8)
            drawn = True
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(0, 10))
    legend_below(figure, 3)
    return drawn and save(figure, folder, 'upcalls')


def draw(doc, overheads, folder):
    """Writes what can be drawn; returns the names. doc: of bench.py; overheads: of overhead.py."""
    check(doc)
    return list(filter(None, [draw_throughput(doc, folder), draw_components(doc, folder), draw_http(doc, folder),
                              draw_engines(doc, overheads, folder), draw_upcalls(doc, folder)]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--input', type=Path, default=image.OUT, metavar='DIR', help='where results are (default: out)')
    p.add_argument('--output', type=Path, default=image.ROOT / 'docs/plots', metavar='DIR', help='default: docs/plots')
    args = p.parse_args()
    try:
        overheads = sorted(args.input.glob('overhead*.json'), key=lambda f: f.stem)
        drawn = draw(read(args.input / 'bench.json'), [read(f) for f in overheads], args.output)
    except PlotError as e:
        sys.exit(f'plots: {e}')
    for name in drawn:
        print(args.output / f'{name}.svg')
    if not drawn:
        sys.exit('plots: nothing to draw: make bench, make overhead')


if __name__ == '__main__':
    main()
