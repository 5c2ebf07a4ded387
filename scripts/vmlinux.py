#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the uncompressed kernel out of a bzImage.

VMLINUX gets the ELF file as it is (derive and kernel_abi.py read its BTF). BOOT gets what a boot loader
needs of it and nothing else: program headers and their bytes, without the section table, without the
zeros that a segment ends with (the loader clears them: p_memsz stays), without holes for alignment.
"""
import argparse
import lzma
import struct
import subprocess
import sys
from pathlib import Path

XZ_MAGIC = b'\xfd7zXZ\x00'
LZ4_MAGIC = b'\x02\x21\x4c\x18' # its legacy format
SIZE_BYTES = 4 # behind an lz4 payload: how large it becomes
PAGE = 4096
PT_LOAD = 1
EHDR = struct.Struct('<16sHHIQQQIHHHHHH')
PHDR = struct.Struct('<IIQQQQQQ')


class KernelError(Exception):
    """What is wrong, in words for the user."""


def payload(bzimage):
    """The decompressed payload; Documentation/x86/boot.rst of Linux, payload_offset."""
    if bzimage[0x202:0x206] != b'HdrS':
        raise KernelError('not a bzImage')
    start = (bzimage[0x1f1] + 1) * 512 + struct.unpack_from('<I', bzimage, 0x248)[0]
    data = bzimage[start:start + struct.unpack_from('<I', bzimage, 0x24c)[0]]
    if data.startswith(XZ_MAGIC):
        elf = lzma.LZMADecompressor().decompress(data)
    elif data.startswith(LZ4_MAGIC):
        elf = subprocess.run(['lz4', '-dc'], input=data[:-SIZE_BYTES], stdout=subprocess.PIPE, check=True).stdout
    else:
        raise KernelError('its payload is neither xz nor lz4')
    if elf[:4] != b'\x7fELF':
        raise KernelError('its payload is not an ELF file')
    return elf


def boot_image(elf):
    """The ELF file with only what loading needs."""
    head = list(EHDR.unpack_from(elf))
    phoff, phnum = head[5], head[10]
    out = bytearray(-(-(EHDR.size + phnum * PHDR.size) // PAGE) * PAGE)
    moved = []  # (old file offset, old size, new file offset) of each loaded segment
    headers = [list(PHDR.unpack_from(elf, phoff + i * PHDR.size)) for i in range(phnum)]
    for h in headers:
        if h[0] != PT_LOAD:
            continue
        data = elf[h[2]:h[2] + h[5]].rstrip(b'\0')
        moved.append((h[2], h[5], len(out)))
        h[2], h[5], h[7] = len(out), len(data), PAGE
        out += data + bytes(-len(data) % PAGE)
    for h in headers:
        if h[0] == PT_LOAD:
            continue
        old = next((m for m in moved if m[0] <= h[2] and h[2] + h[5] <= m[0] + m[1]), None)
        if not old:
            raise KernelError('a segment of its ELF file is not part of a loaded one')
        h[2] += old[2] - old[0]
    head[5], head[6], head[11], head[12], head[13] = EHDR.size, 0, 0, 0, 0
    EHDR.pack_into(out, 0, *head)
    for i, h in enumerate(headers):
        PHDR.pack_into(out, EHDR.size + i * PHDR.size, *h)
    return bytes(out)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('bzimage', type=Path)
    p.add_argument('vmlinux', type=Path)
    p.add_argument('boot', type=Path)
    args = p.parse_args()
    try:
        elf = payload(args.bzimage.read_bytes())
        args.vmlinux.write_bytes(elf)
        args.boot.write_bytes(boot_image(elf))
    except (KernelError, lzma.LZMAError, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f'{args.bzimage}: {e}')


if __name__ == '__main__':
    main()
