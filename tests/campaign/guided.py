#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage-guided fuzzers of tests/fuzz/guided, a minute of one core each in turn.

What they learned is kept in out/fuzz/NAME and taken up by their next minute. A finding is a failed
step: the input lies in out/fuzz/found. 80 steps are ten minutes for each fuzzer.
"""
import os
import re
import resource
import subprocess
from pathlib import Path

import campaign

OUT = Path(os.environ.get('O', 'out'))
GUIDED = Path('tests/fuzz/guided')
NAMES = ['judge', 'twin', 'kernel', 'boot', 'net', 'pci', 'pass', 'coalesce']
SECONDS = 60  # of processor time
MAX_LEN = {'judge': 4096, 'twin': 6000, 'kernel': 3000, 'boot': 4096, 'net': 1500, 'pci': 600, 'pass': 800, 'coalesce': 1000}


def words(name, rng):
    """The command line of one minute."""
    corpus, found = OUT / 'fuzz' / name, OUT / 'fuzz/found'
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    dictionary = GUIDED / f'{name}.dict'
    return [str(OUT / 'tests/fuzz/guided' / name), f'-seed={rng.randrange(1, 1 << 31)}', f'-max_len={MAX_LEN[name]}',
            f'-artifact_prefix={found}/{name}-', '-timeout=60', '-rss_limit_mb=2048', '-print_final_stats=1',
            *([f'-dict={dictionary}'] if dictionary.exists() else []), str(corpus),
            *[str(p) for p in (GUIDED / 'corpus' / name, OUT / 'fuzz/seeds' / name) if p.exists()]]


def processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(name, rng):
    """(output, seconds of processor time) of one minute; on a busy machine it is longer on the clock."""
    before, out = processor_time(), ''
    while SECONDS - (processor_time() - before) > 1:
        left = SECONDS - (processor_time() - before)
        done = subprocess.run([*words(name, rng), f'-max_total_time={round(left)}'],
                              capture_output=True, text=True, errors='replace', check=False)
        out += done.stderr
        if done.returncode:
            raise RuntimeError(f'{name}: ' + next((line for line in done.stderr.splitlines() if re.search(
                'ERROR|runtime error|does not hold|does not return|Test unit written', line)), done.stderr[-200:]))
    return out, processor_time() - before


def step(number, rng):
    name = NAMES[number % len(NAMES)]
    out, seconds = run(name, rng)
    coverage, features, inputs = re.findall(r'cov: (\d+) ft: (\d+) corp: (\d+)', out)[-1]
    return {'kind': name, 'clean': True, 'seconds': round(seconds, 1),
            'executions': sum(int(n) for n in re.findall(r'number_of_executed_units: (\d+)', out)),
            'coverage': int(coverage), 'features': int(features), 'inputs': int(inputs)}


if __name__ == '__main__':
    campaign.main('guided', steps=10 * len(NAMES), step=step, every=1)
