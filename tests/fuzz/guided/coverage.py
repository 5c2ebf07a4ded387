#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of the hypervisor's sources the inputs of a harness reach, by gcov.

  coverage.py NAME-coverage...     programs of `make fuzz-coverage`; no fuzzer may run meanwhile
"""
import os
import pathlib
import re
import subprocess
import sys

OUT = pathlib.Path(os.environ.get('O', 'out'))


def measure(program):
    """Runs a program over committed corpus and kept inputs, prints a line for each source."""
    name = program.name.removesuffix('-coverage')
    for old in program.parent.glob(f'{program.name}-*.gcda'):
        old.unlink()
    inputs = [p for p in (pathlib.Path('tests/fuzz/guided/corpus') / name, OUT / 'fuzz' / name) if p.exists()]
    subprocess.run([program, *inputs], check=True)
    data = sorted(program.parent.glob(f'{program.name}-*.gcda'))
    out = subprocess.run(['gcov', '-n', '-b', *data], capture_output=True, text=True, check=True).stdout
    pattern = (r"File '([^']*)'\nLines executed:([\d.]+)% of (\d+)\n"
               r"(?:Branches executed:[\d.]+% of \d+\nTaken at least once:([\d.]+)%)?")
    for file, lines, of, taken in re.findall(pattern, out):
        if re.match(r'(hv|boot|drivers)/.*\.c$', file):
            print(f'{name:8} {file:32} lines {lines:>6}% of {of:>4}, branches taken {taken or "-":>6}%')


if __name__ == '__main__':
    for path in sys.argv[1:]:
        measure(pathlib.Path(path))
