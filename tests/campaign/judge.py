#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutated twins against the hypervisor's loader and judge (R7); those that are accepted run in an emulator.

A step is 2,000 images from number `first` on, with 100 invocations of each accepted one; what they are is in
docs/fuzzing.md. An escape fails its step, and names the image.
"""
import hashlib
import sys
from pathlib import Path

from campaign import main

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'fuzz/judge'))
from images import PROGRAM, TWINS, run_images # noqa: E402

IMAGES, INVOCATIONS = 2000, 100


def step(number, rng):
    """The record of some images."""
    del number
    first = rng.randrange(10 ** 12)
    tally, escapes = run_images(first, IMAGES, INVOCATIONS)
    if escapes:
        raise AssertionError('; '.join(escapes))
    return {'kind': 'images', 'first': first, 'tally': tally}


if __name__ == '__main__':
    main('judge', steps=500, step=step, every=5,
         of=hashlib.sha256(b''.join(p.read_bytes() for p in [PROGRAM, *TWINS])).hexdigest())
