# SPDX-License-Identifier: GPL-2.0-or-later
"""The hypervisor's live page tables, read by the emulator from outside, and what rules R1 and R2 and W^X ask of them."""
import re
import struct

import image
import vmlinux

TIB = 1 << 40
DERIVED = 0x20040000000 # TWIN_BASE
LOWER_END = 1 << 47
PRESENT, WRITE, USER, LARGE, NX = 1, 2, 4, 1 << 7, 1 << 63
ADDRESS = 0x000ffffffffff000


def registers(machine):
    text = machine.hmp('info registers')
    return {k: int(v, 16) for k, v in re.findall(r'\b(RIP|CR0|CR3|CR4|EFER|RSP) *= *([0-9a-f]+)', text)}


def hypervisor_root(machine):
    """CR3 of the hypervisor, caught while it runs, not a VM: its instructions are above 1 TiB and in the lower half."""
    for _ in range(200):
        machine.hmp('stop')
        r = registers(machine)
        if TIB <= r['RIP'] < LOWER_END:
            return r
        machine.hmp('cont')
    raise AssertionError(f'never caught: {r}')


class Tables:
    """A walk of all four levels through the emulator's physical memory."""

    def __init__(self, machine, root, folder):
        self.machine, self.file = machine, folder / 'page'
        self.pages = list(self.walk(root & ADDRESS, 4, 0, PRESENT | WRITE, 0))

    def table(self, at):
        self.machine.hmp(f'pmemsave {at} 4096 "{self.file}"')
        return struct.unpack('<512Q', self.file.read_bytes())

    def walk(self, at, level, base, rights, nx):
        shift = 12 + 9 * (level - 1)
        for i, e in enumerate(self.table(at)):
            if not e & PRESENT:
                continue
            va = base | i << shift
            if level == 4 and i >= 256:
                va |= 0xffff << 48
            r, n = rights & e, nx | (e & NX)
            if level == 1 or e & LARGE and level < 4:
                pa = e & ADDRESS & -(1 << shift)
                yield va, pa, 1 << shift, bool(r & WRITE), not n, bool(e & USER)
            else:
                yield from self.walk(e & ADDRESS, level - 1, va, r, n)


def check(pages, window):
    """All of R2 that a reader of the tables can see."""
    assert pages
    for va, _, size, write, execute, user in pages:
        text = f'{va:x}+{size:x} w={write} x={execute} u={user}'
        assert not (write and execute), f'writable and executable: {text}'
        assert not user, f'for user mode: {text}'
        if va < LOWER_END:
            assert TIB <= va and va + size <= LOWER_END - TIB, f'too low or too high: {text}'
        else:
            assert window and not execute, f'in the upper half: {text}'
    assert any(execute for *_, execute, _ in pages), 'these are not the tables of running code'


def segments(elf):
    """(first address, end, writable, executable) of what the hypervisor's file says of its image, in whole pages."""
    head = vmlinux.EHDR.unpack_from(elf)
    found = []
    for i in range(head[10]):
        kind, flags, _, va, _, _, memory, _ = vmlinux.PHDR.unpack_from(elf, head[5] + i * head[9])
        if kind == vmlinux.PT_LOAD and va >= TIB: # what is below is only run before the tables are there
            found.append((va & -4096, va + memory + 4095 & -4096, bool(flags & 2), bool(flags & 1)))
    return found


def check_image(pages, parts):
    """Each segment is mapped whole with its own rights, and the image has no other page."""
    mapped = {va + off: (write, execute) for va, _, size, write, execute, _ in pages
              if min(p[0] for p in parts) <= va < DERIVED for off in range(0, size, 4096)}
    for start, end, write, execute in parts:
        assert not (write and execute), f'a segment is writable and executable: {start:x}'
        for va in range(start, end, 4096):
            assert mapped.pop(va, None) == (write, execute), f'not as its segment says: {va:x}'
    assert not mapped, f'in no segment: {[f"{va:x}" for va in mapped]}'


def writable_aliases(pages, derived):
    """Writable mappings, wherever they are, of frames that hold derived code."""
    frames = [pa + off for _, pa, size, *_ in derived for off in range(0, size, 4096)]
    return [f'{va:x}+{size:x} is {f:x}' for va, pa, size, write, *_ in pages if write
            for f in frames if pa <= f < pa + size]


def check_machine(machine, folder, window):
    """All of it in a machine that runs; returns the pages. window: whether a twin is at work."""
    r = hypervisor_root(machine)
    assert r['CR0'] & 1 << 16, 'CR0.WP'
    assert not r['CR4'] & 1 << 12, 'five levels (CR4.LA57)'
    assert r['EFER'] & 1 << 11, 'EFER.NXE'
    pages = Tables(machine, r['CR3'], folder).pages
    machine.hmp('cont')
    check(pages, window)
    check_image(pages, segments(image.HYPERVISOR.read_bytes()))
    return pages
