# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration's table, and the facts of the build that go into its JSON document."""
import json
import subprocess

import image
import inside
from demo_measure import ALL

DERIVE = image.OUT / 'drivers/derive/derive'
CONF = image.ROOT / 'drivers/e1000/e1000.twin.conf'
E1000 = 'kernel/drivers/net/ethernet/intel/e1000/e1000.ko'


def derive_facts():
    """Of `derive report`. hot_overhead is filled in when it has been counted (overhead.py)."""
    command = [DERIVE, 'report', '--json', image.OUT / 'kernel/modules' / E1000, '-c', CONF,
               '-k', image.OUT / 'kernel/vmlinux']
    total = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)['total']
    return {'guards': total['guards'], 'guards_removed': total['removed'],
            'replaced_by_hand': total['replaced_by_hand'],
            'instructions_before': total['before'], 'instructions_after': total['after'],
            'static_overhead': round(total['after'] / total['before'], 3), 'hot_overhead': None,
            'hot_overhead_windows': {}}


def packaged_sha256():
    return (image.OUT / 'kernel/e1000.sha256').read_text().split()[0]


def kernel_release():
    return (image.OUT / 'kernel/version').read_text().strip()


def qemu_version():
    out = subprocess.run(['qemu-system-x86_64', '--version'], capture_output=True, text=True, check=True).stdout
    return out.splitlines()[0]


def number(value):
    if value is None:
        return '-'
    return f'{value:,.2f}' if value < 10 else f'{value:,.0f}'


def ratio(twin, bridge):
    return f'{twin / bridge:.2f}' if twin and bridge else '-'


def columns(bridge, twin, key):
    b, t = (bridge or {}).get(key), (twin or {}).get(key)
    return f'{number(b):>10}{number(t):>10}{ratio(t, b):>8}'


def print_table(document):
    bridge, twin = document['bridge'], document['twin']
    head = f'{"bridge":>10}{"twin":>10}{"ratio":>8}'
    print(f'\n{"":32}{"one guest":^28}  {"two guests at once":^28}')
    print(f'{"":32}{head}  {head}')
    for name, unit, key, _, _ in ALL:
        both = columns(bridge.get('two_guests'), twin.get('two_guests'), key)
        print(f'{name + ", " + unit:32}{columns(bridge, twin, key)}  {both}')
    print('ratio: twin / bridge; of ping, less is better\n')


def pairs(numbers):
    return ', '.join(f'{k} {v:,}' for k, v in numbers.items() if v and not isinstance(v, dict)) or 'none'


def print_counters(document):
    c, d = document['counters'], document['derive']
    moved = c['twin_tx_packets'] + c['twin_rx_packets']
    entries = c['driver_vm_entries']
    woken = sum(inside.woken(entries).values())
    print(f'counters over the {len(c["windows"])} windows of twin mode')
    print(f'  packets by the twin     {c["twin_tx_packets"]:,} sent, {c["twin_rx_packets"]:,} received')
    print(f'  driver VM saw           {c["driver_vm_packets"]:,} of the guests\' frames (heard of groups: '
          f'{pairs(c["driver_vm_heard"])})')
    print(f'  driver VM entries       {pairs(entries)}: {woken * 1000 / max(moved, 1):.3f} for 1,000 packets beside its '
          f'timer')
    print(f'  upcalls                 {pairs(c["upcalls_steady"])}')
    print(f'  window faults           {c["window_faults"]:,}: {c["window_faults"] * 1000 / max(moved, 1):.3f} for 1,000 '
          f'packets')
    for vm, kinds in c['exits'].items():
        print(f'  exits of {vm:15}{pairs(kinds)}')
    print(f'derived twin: {d["guards"]} guards, {d["instructions_after"]:,} instructions from '
          f'{d["instructions_before"]:,} ({d["static_overhead"]:.3f}), {d["replaced_by_hand"]} replaced by hand')
    windows = ', '.join(f'{k} {v:.3f}' for k, v in d['hot_overhead_windows'].items())
    total = f'{d["hot_overhead"]:.3f}' if d['hot_overhead'] else 'not counted'
    print(f'hot_overhead {total} in executed instructions (docs/overhead.md): {windows}')
