# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters around a window: the hypervisor's own, and what the driver VM's kernel has seen.

The driver VM is asked outside the hypervisor's two snapshots, so that asking does not count as an entry.
"""
import json
import re
from collections import Counter

from console import ConsoleError

STATS_S = 60
TRIES = 3
INSIDE = "cat /proc/net/dev; echo softnet; cat /proc/net/softnet_stat; echo irqs; grep -v ' 0  ' /proc/interrupts"


def read_stats(machine):
    """The hypervisor's document of all counters."""
    for _ in range(TRIES):
        start = len(machine.console.text('json'))
        machine.monitor('stats', STATS_S)
        try:
            return json.loads(machine.console.text('json')[start:].replace('\n', ''))
        except json.JSONDecodeError as e:
            error = e
    raise ConsoleError(f'monitor: stats: {error}')


def flatten(tree, path=''):
    """All numbers of a tree, by path."""
    numbers = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            numbers.update(flatten(value, f'{path}{key}/'))
        elif isinstance(value, int) and not isinstance(value, bool):
            numbers[f'{path}{key}'] = value
    return numbers


def parse_inside(text):
    """Counters seen inside the driver VM: packets by interface (both ways), softnet, interrupts by name.

    A line that another source interrupted is there in part, then again as a whole: parts are too short, or replaced.
    """
    numbers = Counter()
    part = 'net'
    for line in text.splitlines():
        fields = line.replace(':', ' ').split()
        if line in ('softnet', 'irqs'):
            part = line
        elif part == 'net' and ':' in line and len(fields) >= 17:
            numbers[f'net/{fields[0]}'] = int(fields[2]) + int(fields[10])
        elif part == 'softnet' and len(fields) >= 11:
            numbers['softnet'] += int(fields[0], 16)
        elif part == 'irqs' and len(fields) > 2 and fields[1].isdigit():
            name = re.sub(r'.*-(fasteoi|edge|level)\s*', '', ' '.join(fields[2:]))
            numbers[f'irq/{fields[0] if fields[0].isalpha() else name}'] = int(fields[1])
    return dict(numbers)


def read_inside(machine):
    status, text = machine.shell(INSIDE, timeout=STATS_S)
    numbers = parse_inside(text)
    if status not in (0, 1) or 'net/eth0' not in numbers:
        raise ConsoleError(f'dvm: its counters cannot be read:\n{text}')
    return numbers


def difference(before, after):
    return {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}


class Windows:
    """Collects the counters of windows."""

    def __init__(self, machine):
        self._machine = machine
        self.windows = [] # (name, hypervisor's differences, driver VM's differences)

    def measure(self, name, work):
        """Run work() with counters around it; returns its result."""
        inside = read_inside(self._machine)
        stats = flatten(read_stats(self._machine))
        result = work()
        stats = difference(stats, flatten(read_stats(self._machine)))
        self.windows.append((name, stats, difference(inside, read_inside(self._machine))))
        return result

    def summary(self):
        """The JSON document's `counters`."""
        return {**summarize(self.windows),
                'windows': [{'name': w[0], **summarize([w])} for w in self.windows]}


def below(numbers, path):
    return {k[len(path):]: v for k, v in sorted(numbers.items()) if k.startswith(path)}


def summarize(windows):
    """The sum over windows. driver_vm_packets counts each interface but the twin's own, both ways, so a packet that
    a bridge forwards or delivers counts more than once."""
    hv, inside = Counter(), Counter()
    for _, stats, seen in windows:
        hv.update(stats)
        inside.update(seen)
    vms = {key.split('/')[1] for key in hv if key.startswith('vms/')}
    # ttyS0: the asking itself, around the window.
    interrupts = {k: v for k, v in below(inside, 'irq/').items() if k != 'ttyS0'}
    seen = {k: v for k, v in below(inside, 'net/').items() if k not in ('eth0', 'lo')}
    return {
        'twin_tx_packets': hv['twin/tx_packets'],
        'twin_rx_packets': hv['twin/rx_packets'],
        'driver_vm_packets': sum(seen.values()),
        'driver_vm_packets_by_interface': seen,
        'driver_vm_softnet': inside['softnet'],
        'driver_vm_entries': {
            'total': hv['vms/dvm/entries'],
            'castor_interrupts': hv['castor/interrupts'],
            **{f'castor_{k}': hv[f'castor/{k}'] for k in ('upcall', 'rings', 'killed', 'wake', 'mode')},
            'card_v0_interrupts': hv['net/ports/dvm/interrupts'],
            'interrupts': interrupts,
        },
        'upcalls_steady': below(hv, 'upcalls/'),
        'window_faults': hv['twin/window_faults'],
        'exits': {vm: below(hv, f'vms/{vm}/exits/') for vm in sorted(vms)},
    }
