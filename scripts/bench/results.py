# SPDX-License-Identifier: GPL-2.0-or-later
"""out/bench.json: every figure under system, workload, offload, and the ratios between systems. Also its tables."""
import json
import re

import workloads

# key: (first, second): how much more of the second's cost the first saves; above 1 the first is cheaper
RATIOS = {'twin_vs_native': ('twin', 'native'), 'twin_vs_bridge': ('twin', 'bridge'), 'twin_vs_xen': ('twin', 'xen-domu'),
          'twin_vs_kvm': ('twin', 'kvm'), 'bridge_vs_xen': ('bridge', 'xen-domu'),
          'twin_vs_native_stlb': ('twin-stlb', 'native'), 'dvm_attached_vs_detached': ('dvm-attached', 'dvm-detached')}
UNIT_OF_CPU = 'what a CPU carries that executes one instruction-equivalent per ns'
CHARGES = 'median', 'charged_0' # in a record: with 1,500 for a world switch, and without
# unit: (what it is told in, how many of that it is)
TOLD_IN = {'KiB': ('Mb', 1024 * 8 / 1e6), 'packet': ('thousand packets', 1e-3)}
DERIVED = 'derived_vs_original'
DERIVED_WINDOWS = 'derived_windows' # the same of each window
TITLES = {'native': 'native Linux', 'twin': 'guest, twin', 'bridge': 'guest, bridge', 'dvm-detached': 'driver VM, twin detached',
          'dvm-attached': 'driver VM, twin attached', 'kvm': 'KVM + vhost-net guest',
          'kvm-nopoll': 'KVM + vhost-net guest, halt_poll_ns=0', 'xen-dom0': 'Xen dom0',
          'xen-domu': 'Xen domU (PV)', 'twin-stlb': 'guest, twin (stlb)'}


def figure(doc, system, w):
    """The record of a workload, or None."""
    return doc.get(system, {}).get(w.name, {}).get(w.offload)


def add(doc, system, w, record):
    doc.setdefault(system, {}).setdefault(w.name, {})[w.offload] = record


def cost_of(record, charge=CHARGES[0]):
    """The median, or None where an old file has no such figure."""
    found = record and record.get(charge)
    return found['median'] if isinstance(found, dict) else found


def ratio(doc, first, second, w, charge=CHARGES[0]):
    """Throughput per unit of CPU of the first over the second, or None."""
    a, b = (cost_of(figure(doc, system, w), charge) for system in (first, second))
    return b / a if a and b else None


def carried(w, cost):
    """What that CPU carries in a second at so many ns a unit, in what it is told in."""
    return 1e9 / cost * TOLD_IN.get(w.unit, (w.unit, 1))[1]


def all_carried(doc, charge=CHARGES[0]):
    """{system: {workload: what is carried}}, of medians; told_in says in what."""
    found = {}
    for s in systems_of(doc):
        rows = {w.key: round(carried(w, n), 3) for w in workloads.ALL if (n := cost_of(figure(doc, s, w), charge))}
        if rows:
            found[s] = rows
    return found


def told_in(w):
    return f'{TOLD_IN.get(w.unit, (w.unit,))[0]}/s'


def derive(doc):
    """What is made of a run's figures, as out/bench.json has it beside them: _0 is without charge for switches."""
    return {'ratios': ratios(doc), 'ratios_0': ratios(doc, CHARGES[1]), 'carried': all_carried(doc),
            'carried_0': all_carried(doc, CHARGES[1]), 'carried_unit': {w.key: told_in(w) for w in workloads.ALL}}


def ratios(doc, charge=CHARGES[0]):
    """{key: {workload: throughput per unit of CPU of the first over the second}}, of what was measured; and what derived code
    costs by engine, {DERIVED: {engine: instructions of derived code over original}}."""
    found = {}
    for key, (first, second) in RATIOS.items():
        rows = {w.key: round(found_ratio, 3) for w in workloads.ALL if (found_ratio := ratio(doc, first, second, w, charge))}
        if rows:
            found[key] = rows
    if doc.get(DERIVED):
        found[DERIVED] = doc[DERIVED]
    return found


def write(path, doc):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix('.part')
    part.write_text(json.dumps(doc, indent=1) + '\n')
    part.rename(path)


def with_range(c):
    return f'{c["median"]:,.0f} [{c["min"]:,.0f}..{c["max"]:,.0f}]'


def duration(seconds):
    return f'{seconds // 3600} h {seconds % 3600 // 60} min' if seconds >= 3600 else f'{seconds // 60} min {seconds % 60} s'


def table_of_about(doc):
    """What the figures hold for."""
    a = doc.get('about', {})
    tree = {True: '', False: ', with changes that are not committed'}.get(a.get('clean'), '')
    rows = [('commit', a['commit'][:12] + tree if a.get('commit') else a and 'not told'), ('begun', a.get('begun')),
            ('duration', duration(a['seconds']) if 'seconds' in a else None),
            ('--quick', 'quick' in a and ('yes' if a['quick'] else 'no')),
            ('host', a.get('host_cpu') and f'{a["host_cpu"]}, {a["host_cpus"]} CPUs'), ('emulator', a.get('qemu')),
            ('its CPU', a.get('cpu')), ('kernel', a.get('kernel')), ('mitigations', a.get('mitigations')), ('Xen', a.get('xen')),
            ('web server', a.get('lighttpd') and f'lighttpd {a["lighttpd"]}'),
            ('charges', 'per_rep' in a and f'{a["per_rep"]} a REP iteration, {a["per_switch"]:,} a world switch')]
    return [['what the figures hold for', ''], *[[name, text] for name, text in rows if text]]


def table_of_aims(doc):
    """Bars and what was measured, a group's name at its first row."""
    rows, group = [['what', '', 'aim', 'measured', '']], None
    for a in doc.get('aims', []):
        aim = '-' if a['bar'] is None else f'at {"most" if a["at_most"] else "least"} {a["bar"]:.2f}'
        measured = '-' if a['measured'] is None else f'{a["measured"]:.3f}'
        rows.append([a['group'] if a['group'] != group else '', a['what'], aim, measured,
                     f'**{a["state"]}**' if a['state'] == 'missed' else a['state']])
        group = a['group']
    return rows


def table_of_costs(doc):
    """Instruction-equivalents per unit: median [min..max]."""
    rows = [['workload', 'unit', *[TITLES.get(s, s) for s in systems_of(doc)]]]
    for w in workloads.ALL:
        cells = [figure(doc, s, w) for s in systems_of(doc)]
        if any(cells):
            rows.append([w.title, w.unit, *[with_range(c) if c else '-' for c in cells]])
    return rows


def table_of_windows(doc):
    """What the cost is made of."""
    rows = [['system', 'workload', 'insns', 'rep', 'switches', 'charged', 'without charge for switches', 'lost',
             'TSC cycles']]
    for s in systems_of(doc):
        for w in workloads.ALL:
            if c := figure(doc, s, w):
                rows.append([TITLES.get(s, s), w.title, f'{c["insns"]:,.0f}', f'{c["rep"]:,.0f}', f'{c["switches"]:.3f}',
                             f'{c["median"]:,.0f}', f'{c["charged_0"]["median"]:,.0f}', f'{c["lost"]}',
                             with_range(c['tsc']) if c.get('tsc') else '-'])
    return rows


def table_of_parts(doc):
    """Instructions per unit by who ran them."""
    rows = []
    for s in systems_of(doc):
        for w in workloads.ALL:
            if c := figure(doc, s, w):
                parts = sorted(c['parts'].items(), key=lambda p: -p[1])
                rows.append([TITLES.get(s, s), w.title, ', '.join(f'{n} {v:,.0f}' for n, v in parts if v >= 1)])
    return [['system', 'workload', 'instructions per unit'], *rows]


def table_of_ratios(doc):
    """Each with and without a charge for switches."""
    rows = [['', 'a switch', *[w.key for w in workloads.ALL]]]
    for key, found in doc.get('ratios', {}).items():
        if key == DERIVED:
            continue
        for name, row, charge in (key, found, '1,500'), ('', doc.get('ratios_0', {}).get(key), '0'):
            if row:
                rows.append([name, charge, *[f'{row[w.key]:.2f}' if w.key in row else '-' for w in workloads.ALL]])
    return rows


def table_of_carried(doc):
    """Each with and without a charge for switches."""
    shown = systems_of(doc)
    rows = [['workload', 'unit', 'a switch', *[TITLES[s] for s in shown]]]
    for w in workloads.ALL:
        for name, key, charge in (w.title, 'carried', '1,500'), ('', 'carried_0', '0'):
            cells = [doc.get(key, {}).get(s, {}).get(w.key) for s in shown]
            if any(cells):
                rows.append([name, told_in(w) if name else '', charge, *[f'{c:,.0f}' if c else '-' for c in cells]])
    return rows


def table_of_engines(doc):
    """Derived code against the module's own on the same path, in instructions."""
    parts = doc.get(DERIVED_WINDOWS, {})
    titles = list(dict.fromkeys(title for ratios_ in parts.values() for title in ratios_))
    return [['SVM engine', 'all windows', *titles],
            *[[engine, f'{value:.3f}', *[f'{r:.3f}' if (r := parts.get(engine, {}).get(t)) else '-' for t in titles]]
              for engine, value in doc.get(DERIVED, {}).items()]]


def table_of_wall(doc):
    """What the emulator's clock says; says little."""
    rows = [['workload', 'unit/s', *[TITLES.get(s, s) for s in systems_of(doc)]]]
    for w in workloads.ALL:
        cells = [figure(doc, s, w) for s in systems_of(doc)]
        if any(cells):
            rows.append([w.title, f'{w.unit}/s',
                         *[f'{c["wall_units_per_s"]["median"]:,.0f}' if c else '-' for c in cells]])
    return rows


def table_of_trips(doc):
    """Of pings, by the emulator's clock: instructions at 1 ns each, and the host's clock while the machine waits for the peer."""
    rows = [['system', 'median, us', '99th percentile, us']]
    for s in systems_of(doc):
        for w in workloads.ALL:
            if (c := figure(doc, s, w)) and 'trip_us' in c:
                rows.append([TITLES.get(s, s), f'{c["trip_us"]["p50"]:,.1f}', f'{c["trip_us"]["p99"]:,.1f}'])
    return rows


def guests_of(doc):
    """Numbers of guests that worked at the same time."""
    found = [re.fullmatch(r'(twin|bridge)-(\d+)', face) for face in doc]
    return sorted({int(m[2]) for m in found if m})


def table_by_guests(doc, counts, show):
    """A column for each number of guests. show: a record as text."""
    rows = [['workload', 'unit', 'path', *[f'{n} guest{"s" if n > 1 else ""}' for n in counts]]]
    for w in workloads.ALL:
        for path in ('twin', 'bridge'):
            cells = [figure(doc, f'{path}-{n}', w) for n in counts]
            if any(cells):
                rows.append([w.title, w.unit, path, *[show(c) if c else '-' for c in cells]])
    return rows


def table_of_guests(doc):
    """Instruction-equivalents per unit by the number of guests that work at the same time."""
    return table_by_guests(doc, guests_of(doc), with_range)


def table_of_shares(doc):
    """What the guest that got least and the one that got most had, 1.00 being an equal part."""
    return table_by_guests(doc, [n for n in guests_of(doc) if n > 1],
                           lambda c: f'{c["share"]["least"]:.2f}..{c["share"]["most"]:.2f}')


def table_of_fairness(doc):
    """TCP of a guest alone and beside another one's flood of datagrams."""
    rows = [['path', 'workload', 'alone, KiB/s', 'beside a flood, KiB/s', 'of half of its pace alone', 'datagrams per KiB']]
    for face, found in doc.get('fairness', {}).items():
        for w in workloads.ALL:
            if c := found.get(w.key):
                share = c['share']
                rows.append([face, w.title, with_range(c['alone_units_per_s']), with_range(c['beside_units_per_s']),
                             f'{share["median"]:.2f} [{share["min"]:.2f}..{share["max"]:.2f}]', f'{c["datagrams_per_unit"]:.2f}'])
    return rows


def table_of_upcalls(doc):
    """Cost and throughput by upcalls for each packet; throughput relative to the point without."""
    rows = [['workload', 'in the driver VM', 'upcalls per packet, or pair', 'instruction-equivalents', 'switches',
             'throughput per unit of CPU', 'lost']]
    for w in workloads.ALL:
        points = [p for p in doc.get('upcalls', []) if p['workload'] == w.name]
        first = next((p for p in points if not p['names']), None)
        for p in points:
            relative = f'{first["median"] / p["median"]:.2f}' if first else '-'
            rows.append([w.title, ', '.join(p['names']) or '-', f'{p["upcalls_per_packet"]:.2f}', with_range(p),
                         f'{p["switches"]:.2f}', relative, p['lost']])
    return rows


def systems_of(doc):
    return [s for s in TITLES if s in doc]


def markdown(rows):
    head, *body = rows
    return '\n'.join('| ' + ' | '.join(map(str, r)) + ' |' for r in [head, ['---'] * len(head), *body])


def report(doc):
    """All tables that are not empty, as Markdown."""
    parts = [('What the figures hold for', table_of_about(doc)),
             ('Aims: throughput per unit of CPU of the first over the second, where nothing else is said', table_of_aims(doc)),
             ('Instruction-equivalents per unit: instructions + REP iterations / 4 + 1,500 per world switch',
              table_of_costs(doc)),
             (f'CPU-scaled throughput: {UNIT_OF_CPU}', table_of_carried(doc)),
             ('Throughput per unit of CPU: first over second', table_of_ratios(doc)),
             ('What it is made of, medians per unit', table_of_windows(doc)),
             ('Who runs the instructions', table_of_parts(doc)),
             ('Derived code against original, executed instructions', table_of_engines(doc)),
             ("Round trips of a ping, one at a time, by the emulator's clock", table_of_trips(doc)),
             ('Guests that do the same at once: instruction-equivalents per unit', table_of_guests(doc)),
             ('Their shares, the least and the most, of an equal part', table_of_shares(doc)),
             ("A guest's TCP beside another guest's flood of datagrams, by the emulator's clock", table_of_fairness(doc)),
             ('Upcalls for each packet, or pair', table_of_upcalls(doc)),
             ('Wall-clock of the emulator, medians: no measure of anything else', table_of_wall(doc))]
    return '\n\n'.join(f'### {title}\n\n{markdown(rows)}' for title, rows in parts if len(rows) > 1) + '\n'
