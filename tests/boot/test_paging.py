# SPDX-License-Identifier: GPL-2.0-or-later
"""The hypervisor's live page tables, read by the emulator from outside (rules R1 and R2)."""
import re
import struct

import image

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


def writable_aliases(pages, derived):
    """Writable mappings, wherever they are, of frames that hold derived code."""
    frames = [pa + off for _, pa, size, *_ in derived for off in range(0, size, 4096)]
    return [f'{va:x}+{size:x} is {f:x}' for va, pa, size, write, *_ in pages if write
            for f in frames if pa <= f < pa + size]


def boot_it(boot, words, **more):
    d = image.Description(words).add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add_guest(1, 'echo', memory='32M')
    if 'twin' in words:
        d.add_twin()
    m = boot(d, **more)
    m.expect('dvm', 'dvm ready', 180)
    return m


def test_r2_bridge_has_an_empty_upper_half(boot, tmp_path):
    m = boot_it(boot, 'net=bridge')
    r = hypervisor_root(m)
    assert r['CR0'] & 1 << 16, 'CR0.WP'
    assert not r['CR4'] & 1 << 12, 'five levels (CR4.LA57)'
    assert r['EFER'] & 1 << 11, 'EFER.NXE'
    check(Tables(m, r['CR3'], tmp_path).pages, window=False)


def test_r2_twin_adds_window_pages_only(boot, tmp_path):
    """With the twin at work the upper half has pages, none executable; derived code is not writable anywhere."""
    m = boot_it(boot, 'net=twin', net='tap')
    m.expect('hv', 'twin attached', 60)
    assert m.peer.ping(image.guest_address(1))[0] == 5
    r = hypervisor_root(m)
    pages = Tables(m, r['CR3'], tmp_path).pages
    check(pages, window=True)
    assert any(va >= LOWER_END for va, *_ in pages), 'the window is empty: the twin did not run'
    derived = [p for p in pages if p[0] >= DERIVED and p[4]]
    assert derived, 'no derived code'
    frames = {pa for _, pa, *_ in derived}
    assert {p[0] for p in pages if p[1] in frames} > {p[0] for p in derived}, 'the direct map does not have these frames'
    assert not writable_aliases(pages, derived)
    m.hmp('cont')


def test_check_can_fail():
    """Each wrong page is noticed."""
    good = (2 * TIB, 4096, 4096, False, True, False)
    check([good], False)
    for bad in [(3 * TIB, 0, 4096, True, True, False), (3 * TIB, 0, 4096, True, False, True),
                (TIB - 4096, 0, 4096, False, False, False), (127 * TIB, 0, 4096, True, False, False),
                (0xffff888000000000, 0, 4096, True, False, False)]:
        try:
            check([good, bad], False)
        except AssertionError:
            continue
        raise ValueError(f'not noticed: {bad}')
    check([good, (0xffff888000000000, 0, 4096, True, False, False)], True)
    alias = (3 * TIB, 0, 1 << 21, True, False, False) # a large page around the frame
    assert writable_aliases([good, alias], [good])
    assert not writable_aliases([good, alias[:3] + (False, *alias[4:])], [good])
