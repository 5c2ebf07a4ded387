# SPDX-License-Identifier: GPL-2.0-or-later
"""What the counting plugin (scripts/profile/machine.c) wrote between two marks: how many instructions, and whose."""
import bisect
import re
from collections import Counter
from dataclasses import dataclass, field

# Marks: begin and end of a window, as files of the plugin end.
GENERATOR = '.0001', '.0002' # of the load generator in the measured Linux
MONITOR = '.4c58', '.4c58'   # of the hypervisor's monitor
USER_END = 0x800000000000
IMAGE_BASE = 0x20000000000 # boot/layout_abi.h
TWIN_BASE = 0x20040000000
TWIN_END = TWIN_BASE + 0x40000
PAGE_SHIFT = 12
# Routines of the kernel that the hypervisor has itself, and the buffers they hand out (hv/twin/native*.c, pool.c)
NATIVES = re.compile(r'(native|skb|pool)_')


@dataclass
class Window:
    """Sums. insns: instructions, a repeated string instruction once; rep: its further iterations; switches: VMRUNs.
    parts: instructions by who ran them."""
    insns: int = 0
    rep: int = 0
    switches: int = 0
    parts: Counter = field(default_factory=Counter)

    def minus(self, other):
        """What this one has more."""
        parts = Counter(self.parts)
        parts.subtract(other.parts)
        return Window(self.insns - other.insns, self.rep - other.rep, self.switches - other.switches, parts)


def parse(text):
    """(vmruns, {(guest, address, page, rep): count}) of a file of the plugin."""
    head, *lines = text.splitlines()
    m = re.fullmatch(r'# vmruns (\d+) hlts \d+', head)
    if not m:
        raise ValueError(f'not a file of the counting plugin: {head!r}')
    counts = {}
    for line in lines:
        guest, address, page, rep, count = line.split()
        counts[int(guest), int(address, 16), int(page, 16), int(rep)] = int(count)
    return int(m.group(1)), counts


def difference(before, after, whose):
    """The Window between two parsed files. whose(guest, address, page): name of the part."""
    w, seen = Window(switches=after[0] - before[0]), {}
    for key, count in after[1].items():
        n = count - before[1].get(key, 0)
        if not n:
            continue
        guest, address, page, rep = key
        if rep:
            w.rep += n
            continue
        w.insns += n
        if key not in seen:
            seen[key] = whose(guest, address, page)
        w.parts[seen[key]] += n
    return w


class Kernel:
    """Parts of one Linux: user programs, kernel, its modules. ranges: {module: (start, end)}; shown: modules that are parts of
    their own, the others belong to the kernel."""

    def __init__(self, prefix='', ranges=(), shown=('e1000',)):
        self._prefix = prefix
        self._ranges = {n: r for n, r in dict(ranges).items() if n in shown}

    def part(self, address):
        if address < USER_END:
            return f'{self._prefix}user'
        for name, (start, end) in self._ranges.items():
            if start <= address < end:
                return f'{self._prefix}{name}'
        return f'{self._prefix}kernel'


class Layers:
    """Parts of a machine that another hypervisor runs. l1: {module: (start, end)} of the Linux that has the card; l2: of one
    behind a VMRUN; xen: its own range. Guests of Xen without a VMRUN have dom0's addresses and count with it."""
    SHOWN = ('e1000', 'bridge', 'kvm', 'kvm_amd', 'vhost', 'vhost_net', 'tun', 'xen_netback', 'xen')

    def __init__(self, l1, l2=(), xen=()):
        self._l1, self._l2 = Kernel('', {**l1, **dict(xen)}, self.SHOWN), Kernel('guest ', l2, ())

    def part(self, guest, address, page):
        del page
        return (self._l2 if guest else self._l1).part(address)


class Hypervisor:
    """Parts of a machine that Pollux runs: hv, twin, natives, and the VMs by where their RAM is.

    symbols: text of pollux.sym. dvm_pages: the driver VM's RAM begins at 0 and has so many pages. functions: each function of
    the hypervisor is a part."""

    def __init__(self, symbols, dvm_pages, driver=(), functions=False):
        rows = sorted((int(f[0], 16), f[2]) for f in (line.split() for line in symbols.splitlines()))
        self._starts, self._names = [r[0] for r in rows], [r[1] for r in rows]
        self._dvm_pages, self._functions = dvm_pages, functions
        self._dvm, self._guest = Kernel('dvm ', driver), Kernel('guest ')
        self._first = None # where the machine's RAM begins in the emulator, in pages

    def learn(self, counts):
        """The hypervisor's image lies at its physical address behind IMAGE_BASE: so any block of it tells where RAM begins."""
        for guest, address, page, _ in counts:
            if not guest and IMAGE_BASE <= address < TWIN_BASE:
                self._first = page - ((address - IMAGE_BASE) >> PAGE_SHIFT)
                return
        raise ValueError('no instruction of the hypervisor was counted')

    def part(self, guest, address, page):
        if guest:
            kernel = self._dvm if 0 <= page - self._first < self._dvm_pages else self._guest
            return kernel.part(address)
        if TWIN_BASE <= address < TWIN_END:
            return 'twin'
        i = bisect.bisect_right(self._starts, address) - 1
        name = self._names[i] if i >= 0 else '?'
        part = 'natives' if NATIVES.match(name) else 'hv'
        return f'{part} {name}' if self._functions else part
