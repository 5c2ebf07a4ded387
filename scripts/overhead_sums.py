# SPDX-License-Identifier: GPL-2.0-or-later
"""From counted instructions (scripts/profile/count.c) to the overhead of derived code. Pure arithmetic.

What is compared, function by function:

    twin      instructions that ran in the twin's code, measured in twin mode
    original  instructions that the module's own code has on the very same path: each of its instructions counts as
              often as the instruction that derive made of it ran in the twin
    module    instructions that ran in the module's own code inside the driver VM, measured in bridge mode

`twin / original` compares the same work whatever the batches were. `module` is what the driver VM really ran for the
same packets: where a function has one path the two agree call by call, and test_overhead.py checks that they do.

Counted as the twin's, beside its functions: thunks (indirect calls with their table), upcall stubs, with engine stlb
miss routines of lookups (saved registers), and the gate that enters and leaves the twin (stacks, saved registers). Of
the original only the module's own instructions count: not the kernel's retpolines and return thunks that it calls or
jumps to.
"""
import bisect
import re

TWIN_BASE = 0x20040000000 # boot/layout_abi.h
IMAGE_BASE = 0x20000000000
MODULES = (0xffffffffa0000000, 0xffffffffff000000) # where any x86-64 Linux puts modules, with KASLR or without
RANGES = ((IMAGE_BASE, TWIN_BASE + 0x40000), MODULES)
# Symbols of hv/twin/enter.S
GATE = r'twin_(enter|leave|abort)$'
THUNKS = r'twin_thunks?(_\w+)?$'
STUBS = r'(twin_upcall_stubs|upcall_common|twin_misses|miss_common)$'
# The hypervisor's own work around an invocation; not the twin's, printed beside.
AROUND = {'call and time bound': r'(run_(call|invocation|tick)|twin_call)$', 'window upkeep': r'window_revalidate$',
          'window faults': r'(run_trap|window_fill)$', 'misses of lookups': r'(twin_miss|stlb_fill|window_page)$'}


def parse_counts(text):
    """{address: count} of a file of the plugin."""
    return {int(a, 16): int(n) for a, n in (line.split() for line in text.splitlines())}


def difference(before, after):
    return {a: n - before.get(a, 0) for a, n in after.items() if n != before.get(a, 0)}


class Symbols:
    """Sums by the hypervisor's symbols, from pollux.sym (the text of nm -n)."""

    def __init__(self, text):
        rows = sorted((int(f[0], 16), f[2]) for f in (line.split() for line in text.splitlines()))
        self._starts = [r[0] for r in rows]
        self._names = [r[1] for r in rows]

    def sums(self, counts):
        """{symbol: instructions} of the hypervisor's image."""
        found = {}
        for address, n in counts.items():
            i = bisect.bisect_right(self._starts, address) - 1
            if i >= 0 and IMAGE_BASE <= address < TWIN_BASE:
                found[self._names[i]] = found.get(self._names[i], 0) + n
        return found


def matching(sums, pattern):
    return sum(n for name, n in sums.items() if re.match(pattern, name))


def original_on_path(twin, function, counts):
    """What the module's function would have run on the path that its twin took.

    An instruction that derive dropped has no counterpart. Credited are the one at the entry (__fentry__, a nop at run
    time), which runs once a call, and those of a stack canary: derive names one that runs exactly as often.
    """
    total = 0
    for where in function.module:
        if where in twin.dropped:
            total += counts.get(TWIN_BASE + function.twin_entry, 0) if where == function.module_entry else 0
        elif where in twin.canary:
            total += counts.get(TWIN_BASE + twin.canary[where], 0)
        else:
            total += counts.get(TWIN_BASE + twin.first[where], 0)
    return total


def twin_window(twin, symbols, counts):
    """All of a window in twin mode: {'functions': {name: row}, 'twin', 'original', 'thunks', 'stubs', 'gate', ...}."""
    functions = {}
    for f in twin.functions:
        functions[f.name] = {'calls': counts.get(TWIN_BASE + f.twin_entry, 0),
                             'twin': sum(counts.get(TWIN_BASE + o, 0) for o in f.twin),
                             'original': original_on_path(twin, f, counts)}
    hv = symbols.sums(counts)
    return {'functions': functions, **{k: sum(f[k] for f in functions.values()) for k in ('twin', 'original')},
            'thunks': matching(hv, THUNKS), 'stubs': matching(hv, STUBS), 'gate': matching(hv, GATE),
            'around': {k: matching(hv, p) for k, p in AROUND.items()}}


def module_window(twin, sections, counts):
    """The same functions in the driver VM. sections: {name: address} of the loaded module."""
    functions = {}
    for f in twin.functions:
        section, offset = f.module_entry
        functions[f.name] = {'calls': counts.get(sections[section] + offset, 0),
                             'module': sum(counts.get(sections[s] + o, 0) for s, o in f.module)}
    return {'functions': functions, 'module': sum(f['module'] for f in functions.values())}


def ratio(part, whole):
    return round(part / whole, 4) if whole else None


def window_ratio(w):
    """Everything the twin executed, natives and upcall bodies excepted, over the original."""
    return ratio(w['twin'] + w['thunks'] + w['stubs'] + w['gate'], w['original'])


def add(windows):
    """The sum of windows of one kind (all of twin_window, or all of module_window)."""
    total = {'functions': {}, 'around': {}}
    for w in windows:
        for key, value in w.items():
            if isinstance(value, int):
                total[key] = total.get(key, 0) + value
        for part in ('functions', 'around'):
            for name, value in w.get(part, {}).items():
                if isinstance(value, int):
                    total[part][name] = total[part].get(name, 0) + value
                else:
                    row = total[part].setdefault(name, {})
                    row.update({k: row.get(k, 0) + n for k, n in value.items()})
    return total


def function_rows(twin_sum, module_sum):
    """[{name, calls, twin, original, ratio, module_calls, module}]: instructions per call; only what ran."""
    rows = []
    for name, t in twin_sum['functions'].items():
        m = module_sum['functions'].get(name, {'calls': 0, 'module': 0})
        if t['calls'] or m['calls']:
            rows.append({'name': name, 'calls': t['calls'], 'twin_per_call': ratio(t['twin'], t['calls']),
                         'original_per_call': ratio(t['original'], t['calls']), 'ratio': ratio(t['twin'], t['original']),
                         'module_calls': m['calls'], 'module_per_call': ratio(m['module'], m['calls'])})
    return rows
