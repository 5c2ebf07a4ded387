#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What takes too long for `make test`, one step each: the tests of tests/net that are marked `long`, tests of rules that ask
for so many times, and all natives called 10^6 times each (R14).

A test that is skipped was not run, and fails its step.
"""
import hashlib
import os
import re
import subprocess
import sys
import time
from functools import cache

from campaign import main
from lab import image

PYTEST = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider']
FOLDER = 'tests/net'
# Not marked, as `make test` runs them too; here because their numbers are those of the rules.
COUNTED = ['test_rules.py::test_r4_the_window_follows_the_driver_vms_mappings', 'test_storm.py', 'test_fairness.py']
NATIVES = [image.OUT / 'tests/unit/twin/native_fuzz_test', '9', '30000000'] # 25 natives
KEPT = 2000 # characters of what a failed one said


def run(*command):
    """(exit status, output) of a program, in the environment of the long tests."""
    done = subprocess.run([*map(str, command)], cwd=image.ROOT, env={**os.environ, 'POLLUX_LONG': '1'}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', check=False)
    return done.returncode, done.stdout


def collected(*words):
    """Names of tests, in the order of their files."""
    status, text = run(*PYTEST, '--collect-only', *words)
    names = re.findall(rf'^{FOLDER}/(\S+::.+)$', text, re.M)
    assert status == 0 and names, text
    return names


@cache
def steps():
    marked = collected('-m', 'long', FOLDER)
    counted = collected(*(f'{FOLDER}/{name}' for name in COUNTED))
    return ['natives', *dict.fromkeys(marked + counted)]


def pytest(name):
    status, text = run(*PYTEST, f'{FOLDER}/{name}')
    assert status == 0 and re.search(r'^1 passed', text, re.M), text[-KEPT:]
    return {}


def natives():
    status, text = run(*NATIVES)
    calls = {name: int(a) + int(b) for name, a, b in re.findall(r'^(\w+) +returned +(\d+) ended +(\d+)$', text, re.M)}
    assert status == 0 and min(calls.values(), default=0) >= 10 ** 6, text[-KEPT:]
    return {'tally': {'natives': len(calls), 'calls': sum(calls.values())}}


def step(number, _rng):
    name, begin = steps()[number], time.monotonic()
    row = natives() if name == 'natives' else pytest(name)
    return {'kind': name, 'passed': True, 'seconds': round(time.monotonic() - begin), **row}


if __name__ == '__main__':
    main('long', len(steps()), step, of=hashlib.sha256('\n'.join(steps()).encode()).hexdigest())
