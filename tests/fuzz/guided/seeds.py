#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the coverage-guided fuzzers begin with, made from real inputs: out/fuzz/seeds/NAME/*.

Code and .twin files come from the golden tests of judge and derive and from e1000's twin, kernels
from the driver VM's and the guest stub, boot words from a real medium, accesses from what a driver
does. A harness's file says what its input looks like.
"""
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[3]
OUT = TOP / os.environ.get('O', 'out')
SEEDS = OUT / 'fuzz/seeds'
MAPS = (11, 12)  # tables of a .twin file that serve messages alone
TWIN_BASE = 0x20040000000
ELEMENT = (1, 1, 16, 32, 8, 40, 16, 16, 16, 24, 8, 12, 12)  # bytes of a table's elements


def table(twin, number):
    return struct.unpack_from('<II', twin, 256 + 8 * number)


# ---- code: golden cases of the judge, functions of e1000's twin ----

def golden_code():
    """(name, input) for judge.c of each golden case."""
    sys.path.insert(0, str(TOP / 'tests/golden/verify'))
    import test_verify  # pylint: disable=import-outside-toplevel
    # Where judge.c has them.
    test_verify.BASE, test_verify.SECOND_STACK = TWIN_BASE, 0xffff888005b50000 - 0x70000010000
    test_verify.SYMBOLS |= {name: (TWIN_BASE + 0x1000000 + at, 0, 0) for name, at in (
        ('native', 0), ('native_args', 64), ('gone', 0x10000), ('thunk', 0x20000))}
    for case in test_verify.CASES:
        code, labels = test_verify.assemble(case)
        entries = [v for k, v in labels.items() if k.startswith('entry')][:8]
        traps = sorted(v for k, v in labels.items() if k.startswith('warn'))[:4]
        yield case.name[:40], judge_input(code, entries, traps, [])


def judge_input(code, entries, traps, calls):
    head = bytes([len(entries), len(traps), len(calls)])
    head += b''.join(struct.pack('<H', x) for x in entries + traps)
    return head + b''.join(struct.pack('<HB', *c) for c in calls) + code


def twin_functions():
    """Each function of the strict twin by itself; calls go to one of the judge's natives."""
    twin = (OUT / 'drivers/e1000-strict.twin').read_bytes()
    text, (functions, count), (relocs, nr) = table(twin, 0)[0], table(twin, 5), table(twin, 2)
    for k in range(count):
        at, size = struct.unpack_from('<II', twin, functions + 40 * k + 20)
        code = bytearray(twin[text + at:text + at + size])
        calls = []
        for r in range(nr):
            where, kind, _, _ = struct.unpack_from('<IIIi', twin, relocs + 16 * r)
            if at <= where < at + size and kind == 3:
                calls.append((where - at, 0))
            elif at <= where < at + size:
                code[where - at:where - at + 4] = struct.pack('<i', -0x1000)
        yield f'e1000-{k}', judge_input(bytes(code), [0], [], calls[:64])


# ---- .twin files: what derive makes of its golden cases ----

def without_maps(twin):
    """Their tables are the last ones of the file and most of it."""
    twin = bytearray(twin)
    for number in MAPS:
        struct.pack_into('<II', twin, 256 + 8 * number, 0, 0)
    end = max(table(twin, n)[0] + ELEMENT[n] * table(twin, n)[1] for n in range(13))
    return bytes(twin[:end])


def golden_twins():
    sys.path.insert(0, str(TOP / 'tests/golden/derive'))
    import fakekernel  # pylint: disable=import-outside-toplevel
    import test_golden  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        fakekernel.write(tmp / 'vmlinux')
        for name, number, source, _ in test_golden.cases():
            (tmp / 'golden.twin').unlink(missing_ok=True)
            test_golden.run_case(source, str(tmp / 'vmlinux'), tmp)
            if (tmp / 'golden.twin').exists():
                twin = without_maps((tmp / 'golden.twin').read_bytes())
                for strict in (0, 1):
                    yield f'{name}-{number}-{strict}', bytes([strict]) + twin


# ---- kernels ----

def small_elf(path, note_at=0x1000):
    """The file with its own headers and note, but a page of each segment, from 1 MiB on."""
    whole = path.read_bytes()
    head = bytearray(whole[:64])
    count = struct.unpack_from('<H', head, 56)[0]
    segments, body, gpa = b'', b'', 0x100000
    for k in range(count):
        kind, flags, off, va, _, filesz, memsz, align = struct.unpack_from('<IIQQQQQQ', whole, 64 + 56 * k)
        filesz, memsz = min(filesz, 512), min(memsz, 0x1000)
        segments += struct.pack('<IIQQQQQQ', kind, flags, 64 + 56 * count + len(body), va, gpa, filesz, memsz, align)
        body += whole[off:off + filesz]
        gpa += 0x1000
    return bytes(head) + segments + body


def kernels():
    bzimage = (OUT / 'kernel/bzImage').read_bytes()[:0x800]
    small = bytearray(bzimage)
    small[0x1f1] = 1
    struct.pack_into('<Q', small, 0x258, 0x100000)
    struct.pack_into('<I', small, 0x260, 0x2000)
    stub, linux = OUT / 'guest-stub/guest.elf', OUT / 'kernel/vmlinux.boot'
    files = {'bzimage-real': bzimage, 'bzimage-small': bytes(small), 'stub-small': small_elf(stub),
             'linux-small': small_elf(linux), 'stub-real': stub.read_bytes()[:512]}
    for name, data in files.items():
        for choice in (0, 1, 2, 3, 8, 11, 16, 4):
            yield f'{name}-{choice}', bytes([choice]) + data


# ---- boot information ----

LINES = [
    ['net=twin judge=strict focus=g1 run=30', 'vm=dvm kind=dvm mem=256M -- console=ttyS0 acpi=off panic=-1',
     'initrd=dvm', 'vm=g1 kind=guest mem=16M mac=52:54:00:88:02:01 -- ip=10.0.0.1', 'twin=e1000', 'twin=e1000',
     'symbols'],
    ['net=bridge judge=normal', 'vm=g1 kind=guest mem=0x1000000 --', 'vm=g2 kind=guest mem=192M'],
    ['', 'symbols'], ['run=', 'vm=hv kind=guest mem=16M'], ['focus=g9', 'vm=g1 mem=1G kind=guest -- a=b'],
]


def boot_tags(lines):
    """Multiboot2 information, from its first tag on."""
    def tag(kind, body):
        body = struct.pack('<II', kind, 8 + len(body)) + body
        return body + bytes(-len(body) % 8)
    ranges = struct.pack('<QQII', 0, 0x9fc00, 1, 0) + struct.pack('<QQII', 0x100000, 0x1ff00000, 1, 0)
    tags = tag(1, lines[0].encode() + b'\0')
    for k, line in enumerate(lines[1:]):
        tags += tag(3, struct.pack('<II', 0x1000000 * (k + 1), 0x1000000 * (k + 1) + 4096) + line.encode() + b'\0')
    tags += tag(14, b'RSD PTR ' + bytes(12)) + tag(15, b'RSD PTR ' + bytes(28))
    tags += tag(8, struct.pack('<QIIIBBH6B', 0x80000000, 5120, 1280, 800, 32, 1, 0, 16, 8, 8, 8, 0, 8))
    return tags + tag(6, struct.pack('<II', 24, 0) + ranges) + tag(0, b'')


def boots():
    for k, lines in enumerate(LINES):
        yield f'text-{k}', '\n'.join(lines).encode()
        yield f'tags-{k}', b'\xd6' + boot_tags(lines)


# ---- accesses of a driver ----

def cfg_out(off, size, value):
    return bytes([0, off, 8 | 16 | {1: 0, 2: 1, 4: 2}[size]]) + struct.pack('<I', value)


def io_out(off, size, value):
    return bytes([6, off, 8 | 16 | {1: 0, 2: 1, 4: 2}[size]]) + struct.pack('<I', value)


def io_in(off, size):
    return bytes([6, off, {1: 0, 2: 1, 4: 2}[size]])


def msix_out(off, value):
    return bytes([5, off, 8 | 16 | 2]) + struct.pack('<I', value)


def driver(msix):
    """Everything up to DRIVER_OK and a kick, as Linux does it."""
    steps = b''.join(bytes([0, off, 2]) for off in range(0, 256, 4))
    if msix:
        steps += b''.join(msix_out(off, 0xfee00000 if off % 16 == 0 else 0) for off in range(0, 32, 4))
        steps += cfg_out(0x9a, 2, 0x8000) + bytes([5, 0x80, 2])
    steps += io_out(0x14, 1, 0) + io_out(0x14, 1, 1) + io_out(0x14, 1, 3)
    for half, bits in ((0, 0x3001f86b if msix else 0), (1, 1)):
        steps += io_out(0x00, 4, half) + io_in(0x04, 4) + io_out(0x08, 4, half) + io_out(0x0c, 4, bits)
    steps += io_out(0x14, 1, 11) + io_in(0x14, 1) + io_out(0x10, 2, 0)
    for queue in (0, 1):
        ring = 0x10000 + 0x4000 * queue
        steps += io_out(0x16, 2, queue) + io_in(0x18, 2) + io_out(0x1a, 2, queue)
        for k, part in enumerate((ring, ring + 0x1000, ring + 0x2000)):
            steps += io_out(0x20 + 8 * k, 4, part) + io_out(0x24 + 8 * k, 4, 0)
        steps += io_out(0x1c, 2, 1)
    steps += io_out(0x14, 1, 15) + io_out(0x64, 2, 1) + io_in(0x40, 1)
    return steps + bytes([0xf0, 4, 0xf0, 0, 0xf0, 13, 0xf0, 2, 0xf0, 3])


def pcis():
    yield 'intx', driver(False)
    yield 'msix', driver(True)
    yield 'window', cfg_out(0x88, 1, 0) + cfg_out(0x8c, 4, 0x14) + cfg_out(0x90, 4, 1) + cfg_out(0x94, 4, 1)


def functions():
    """QEMU's e1000, and one with the capabilities of a newer card."""
    e1000 = bytearray(256)
    struct.pack_into('<HHHHII', e1000, 0, 0x8086, 0x100e, 0x103, 0x230, 0x02000003, 0)
    struct.pack_into('<II', e1000, 0x10, 0xfebc0000, 0xc001)
    struct.pack_into('<HHI', e1000, 0x2c, 0x1af4, 0x1100, 0xfeb80000)
    e1000[0x34], e1000[0x3c], e1000[0x3d] = 0xdc, 11, 1
    e1000[0xdc:0xe4] = bytes.fromhex('01e4220007e40000')
    e1000[0xe4:0xec] = bytes.fromhex('07f0020000000000')
    newer = bytearray(e1000)
    newer[0x34] = 0x40
    newer[0x40:0x54] = bytes.fromhex('1060020000000000') + bytes(12)  # PCI Express
    newer[0x60:0x6c] = bytes.fromhex('1170040001000000') + struct.pack('<I', 0x2001)  # MSI-X
    newer[0x70:0x80] = bytes.fromhex('0500800000000000') + bytes(8)  # MSI
    accesses = b''.join(bytes([off, 2]) for off in range(0, 256, 4))
    accesses += b''.join(bytes([off, 8 | 16 | 2]) + struct.pack('<I', 0xffffffff) for off in range(0, 256, 4))
    for name, cfg in (('e1000', e1000), ('newer', newer)):
        yield name, b'\0' + bytes(cfg) + bytes([13, 2, 8, 8, 8, 8]) + accesses


def nets():
    """Steps of net.c: frames both ways with and without offloads, descriptors, a race, an end."""
    header = struct.pack('<BBHHHHH', 1, 1, 54, 1000, 34, 16, 0)
    ip = bytes.fromhex('08004500057800004000400600000a0000010a000002') + bytes(38)
    plain, tso = bytes(12) + b'\x88\xb5', header + ip[:60]
    send = bytes([6]) + bytes([3, 30]) + struct.pack('<H', 100) + plain
    send_tso = bytes([6]) + bytes([9 | 2, 80]) + struct.pack('<H', 4000) + tso
    turn, kick, talk = bytes([7, 1]), bytes([9, 1]), bytes([12, 1]) + bytes([12, 0])
    race = bytes([5, 3]) + struct.pack('<HH', 0x5002, 0xffff)
    over_the_end = bytes([0, 2, 1, 100, 0]) + struct.pack('<HBB', 1000, 0, 0) + bytes([2, 1, 0])
    yield 'end-of-ram', struct.pack('<I', 0x2000) + over_the_end + kick + turn + talk
    for name, start in (('all', 0x2000), ('simple', 0x30008002), ('few', 0x2)):
        begin = struct.pack('<I', start)
        yield f'{name}-plain', begin + send + kick + turn + talk + send + turn
        yield f'{name}-tso', begin + send_tso + kick + turn + talk
        yield f'{name}-race', begin + send + race + kick + turn + talk + bytes([11]) + begin + send + turn
        yield f'{name}-end', begin + send + kick + bytes([13, 1]) + turn + bytes([11]) + begin + talk


def rows():
    """Segments of coalesce.c: rows of one connection and of several, that end and begin, with each kind of harm."""
    def row(connections, count, *how):
        return b''.join(bytes([n % connections, *how]) for n in range(count))
    plain, harm = bytes(8), bytes([16 | 64, 40, 1])
    payload = bytes([8]) + struct.pack('<H', 1400)
    yield 'row', plain + row(1, 30, 0) + b'\x80\0' + row(1, 3, 1)
    yield 'rows', bytes(range(0, 32, 4)) + row(8, 60, 0) + row(8, 16, 4)
    yield 'large', plain + row(1, 1, *payload) + row(1, 60, 0)
    for at in (*range(12, 54), 60, 100):
        yield f'harm-{at}', plain + row(1, 3, 0) + bytes([0, 16 | 64, at, 1]) + row(1, 3, 0) + b'\x80\0'
    yield 'unsealed', plain + row(2, 4, 0) + bytes([0, 16, 80, 9, 0, 16 | 2, 80, 9]) + row(2, 4, 2)
    yield 'cut', plain + row(1, 2, 0) + bytes([0, 32, 1, 0, 0, 32, 120, 0]) + row(1, 2, 128) + row(1, 2, *harm)


def main():
    makers = {'judge': (golden_code, twin_functions), 'twin': (golden_twins,), 'kernel': (kernels,), 'boot': (boots,),
              'net': (nets,), 'pci': (pcis,), 'pass': (functions,), 'coalesce': (rows,)}
    for name, parts in makers.items():
        folder = SEEDS / name
        subprocess.run(['rm', '-rf', folder], check=True)
        folder.mkdir(parents=True)
        files = [file for part in parts for file in part()]
        for title, data in files:
            (folder / re.sub(r'[^a-zA-Z0-9.]+', '-', title)).write_bytes(data)
        print(f'seeds: {name}: {len(files)}')


if __name__ == '__main__':
    main()
