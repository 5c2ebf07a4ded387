# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters around the windows of one mode: the hypervisor's own, and what the driver VM's kernel has seen (inside.py).

The driver VM is asked before the first and behind the last window, so that asking does not count as its entries.
"""
import time
from collections import Counter

import inside

SETTLE_S = 1 # then the shell that was asked sleeps
# Of packets that the twin moved. Its own timer enters the driver VM as often as it likes.
ENTRIES_PER_1000 = 1
# A miss of the window is filled, and no fault of the twin's; in steady state there are few new pages.
MISSES_PER_1000 = 1


def flatten(tree, path=''):
    """All numbers of a tree, by path."""
    numbers = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            numbers.update(flatten(value, f'{path}{key}/'))
        elif isinstance(value, int) and not isinstance(value, bool):
            numbers[f'{path}{key}'] = value
    return numbers


def below(numbers, path):
    return {k[len(path):]: v for k, v in sorted(numbers.items()) if k.startswith(path)}


class Windows:
    """Collects the counters of a mode's windows. Use as a context manager; document() is whole at its end."""

    def __init__(self, machine):
        self._machine = machine
        self._windows = [] # (name, what became of the hypervisor's numbers)

    def __enter__(self):
        self._seen = inside.read(self._machine)
        self._start = time.monotonic()
        time.sleep(SETTLE_S)
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        time.sleep(SETTLE_S) # frames under way
        self._seen = inside.difference(self._seen, inside.read(self._machine))
        self._seconds = time.monotonic() - self._start

    def measure(self, name, work):
        """Run work() with counters around it; returns its result. A window that raises is not counted."""
        before = flatten(self._machine.stats())
        result = work()
        self._windows.append((name, inside.difference(before, flatten(self._machine.stats()))))
        return result

    def document(self):
        """One of the JSON document's `counters`."""
        total = Counter()
        for _, numbers in self._windows:
            total.update(numbers)
        heard = {k: n for k, n in self._seen.items() if k != 'unicast'}
        return {'driver_vm_packets': self._seen.get('unicast', 0), 'driver_vm_heard': heard,
                'seconds': round(self._seconds, 1), **summary(total),
                'windows': [{'name': name, **summary(numbers)} for name, numbers in self._windows]}


def summary(hv):
    """hv: what became of the hypervisor's numbers, by path."""
    hv = Counter(hv)
    vms = sorted({key.split('/')[1] for key in hv if key.startswith('vms/')})
    return {'twin_tx_packets': hv['twin/tx_packets'],
            'twin_rx_packets': hv['twin/rx_packets'],
            'driver_vm_entries': below(hv, 'vms/dvm/entries_by_cause/'),
            'castor_events': below(hv, 'castor/'),
            'upcalls_steady': below(hv, 'upcalls/'),
            'window_faults': hv['twin/window_faults'],
            'exits': {vm: below(hv, f'vms/{vm}/exits/') for vm in vms}}


def faults(counters):
    """What the counters of twin mode must not show; returns the failures."""
    moved = counters['twin_tx_packets'] + counters['twin_rx_packets']
    entries = inside.woken(counters['driver_vm_entries'])
    bad = inside.faults({'unicast': counters['driver_vm_packets'], **counters['driver_vm_heard']}, counters['seconds'])
    if not counters['twin_tx_packets'] or not counters['twin_rx_packets']:
        bad.append('no packets went through the twin')
    if sum(entries.values()) * 1000 > ENTRIES_PER_1000 * moved:
        bad.append(f'more than {ENTRIES_PER_1000} entry of the driver VM in 1,000 packets, beside its timer and those resumed: '
                   f'{entries} for {moved:,} packets')
    if counters['upcalls_steady']:
        bad.append(f'upcalls in steady state: {counters["upcalls_steady"]}')
    if counters['window_faults'] * 1000 > MISSES_PER_1000 * moved:
        bad.append(f'more than {MISSES_PER_1000} window fault in 1,000 packets: {counters["window_faults"]} for '
                   f'{moved:,} packets')
    return bad
