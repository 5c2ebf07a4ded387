#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a font of GRUB's format and writes its printable ASCII characters as a C header of 8x16 glyphs.

    font.py --font /usr/share/grub/ascii.pf2 --output out/hv/font.h

Format (grub-core/font/font.c of GRUB): sections of a name, a big-endian length, and bytes.
"""
import argparse
import struct
import sys
from pathlib import Path

FONT = Path('/usr/share/grub/ascii.pf2') # Debian package grub-common: GNU Unifont, GPL-2.0-or-later
WIDTH, HEIGHT = 8, 16
FIRST, LAST = 0x20, 0x7e
INDEX = struct.Struct('>IBI')    # code point, flags, place of the glyph in the file
GLYPH = struct.Struct('>HHhhh')  # width, height, left and bottom edge, advance


class FontError(Exception):
    """What is wrong with the file."""


def sections(data):
    """{name: content}; that of DATA, the last, is not bounded."""
    at, found = 0, {}
    while at + 8 <= len(data):
        name, size = data[at:at + 4].decode('latin-1'), int.from_bytes(data[at + 4:at + 8], 'big')
        if name == 'DATA':
            return found
        found[name] = data[at + 8:at + 8 + size]
        at += 8 + size
    raise FontError('it has no glyphs')


def glyph(data, at, ascent):
    """16 rows of a byte each, the leftmost pixel in bit 7."""
    width, height, left, bottom, _ = GLYPH.unpack_from(data, at)
    top = ascent - bottom - height
    if not (0 <= left and left + width <= WIDTH and 0 <= top and top + height <= HEIGHT):
        raise FontError(f'a glyph of {width}x{height} at {left},{top} does not fit into {WIDTH}x{HEIGHT}')
    bits = data[at + GLYPH.size:]
    rows = [0] * HEIGHT
    for i in range(width * height):
        if bits[i // 8] >> (7 - i % 8) & 1:
            rows[top + i // width] |= 0x80 >> (left + i % width)
    return bytes(rows)


def read(path=FONT):
    """{character: rows}. Raises FontError."""
    data = path.read_bytes()
    found = sections(data)
    if found.get('FILE') != b'PFF2':
        raise FontError('it is no font of GRUB')
    ascent = int.from_bytes(found['ASCE'], 'big')
    index = {code: at for code, _, at in INDEX.iter_unpack(found['CHIX'])}
    missing = [chr(c) for c in range(FIRST, LAST + 1) if c not in index]
    if missing:
        raise FontError(f'it lacks {missing}')
    return {chr(c): glyph(data, index[c], ascent) for c in range(FIRST, LAST + 1)}


def header(glyphs):
    rows = [f'\t{{ {", ".join(f"0x{b:02x}" for b in g)} }},' for g in glyphs.values()]
    return '\n'.join([f'#define FONT_FIRST {FIRST:#x}', f'#define FONT_LAST {LAST:#x}',
                      f'static const uint8_t font[][{HEIGHT}] = {{', *rows, '};', ''])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--font', type=Path, default=FONT)
    p.add_argument('--output', type=Path, required=True)
    args = p.parse_args()
    try:
        args.output.write_text(header(read(args.font)))
    except (FontError, OSError, KeyError, IndexError, struct.error) as e:
        sys.exit(f'font: {args.font}: {e!r}')


if __name__ == '__main__':
    main()
