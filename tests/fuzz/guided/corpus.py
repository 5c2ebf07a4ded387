#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the committed corpora anew: of all inputs that are at hand (seeds, what the fuzzers have kept, the
committed ones) a small set that reaches the same code. Inputs of findings, named found-*, stay.

  corpus.py NAME...
"""
import os
import pathlib
import shutil
import subprocess
import sys

OUT = pathlib.Path(os.environ.get('O', 'out'))
CORPUS = pathlib.Path('tests/fuzz/guided/corpus')


def gather(folder, sources):
    """All inputs in one folder; a fuzzer that runs meanwhile may take one away."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in sources:
        for file in source.iterdir() if source.exists() else ():
            try:
                shutil.copy(file, folder / file.name)
            except FileNotFoundError:
                pass


def remake(name):
    every, new, committed = OUT / 'fuzz' / f'{name}.all', OUT / 'fuzz' / f'{name}.new', CORPUS / name
    gather(every, [committed, OUT / 'fuzz/seeds' / name, OUT / 'fuzz' / name])
    gather(new, [])
    # Edges alone: how often one was taken would make a set of hundreds.
    subprocess.run([OUT / 'tests/fuzz/guided' / name, '-set_cover_merge=1', '-use_counters=0', new, every],
                   capture_output=True, check=True)
    committed.mkdir(parents=True, exist_ok=True)
    for old in committed.iterdir():
        if not old.name.startswith('found-'):
            old.unlink()
    for file in new.iterdir():
        shutil.copy(file, committed / file.name[:12])
    for folder in (every, new):
        shutil.rmtree(folder)
    files = list(committed.iterdir())
    print(f'corpus: {name}: {len(files)} files, {sum(f.stat().st_size for f in files)} bytes')


if __name__ == '__main__':
    for harness in sys.argv[1:]:
        remake(harness)
