# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign keeps each result at once, goes on where it was, and fails when a step failed."""
import json
import os
import subprocess
import sys
from pathlib import Path

CAMPAIGNS = Path(__file__).resolve().parents[1] / 'campaign'
SCRIPT = '''"""Odd steps fail."""
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from campaign import main

def step(number, rng):
    if os.environ.get('DIE') == str(number):
        os._exit(9)
    if number % 2:
        raise ValueError('odd')
    return {'kind': 'even', 'recovered': True, 'value': rng.random(), 'tally': {'n': number, 'by': {'two': number // 2}}}

main('try', steps=5, step=step, of=os.environ.get('OF', ''), kinds=('even', 'odd'))
'''


def run(folder, *words, **env):
    (folder / 'try.py').write_text(SCRIPT)
    return subprocess.run([sys.executable, folder / 'try.py', CAMPAIGNS, *words], capture_output=True, text=True,
                          env={**os.environ, 'O': str(folder), **env}, timeout=60, check=False)


def values(folder):
    rows = [json.loads(line) for line in (folder / 'campaign/try.jsonl').read_text().splitlines()]
    assert [r['step'] for r in rows] == list(range(len(rows)))
    return [r.get('value') for r in rows]


def test_goes_on_where_it_was(tmp_path):
    whole = run(tmp_path)
    assert whole.returncode == 1 and 'try: 5/5' in whole.stdout
    told = json.loads((tmp_path / 'campaign/try.json').read_text())
    assert told['done'] == 5 and told['failed'] == 2
    assert told['kinds']['even'] == {'steps': 3, 'failed': 0, 'recovered': 3, 'tally': {'n': 6, 'by': {'two': 3}}}
    expected = values(tmp_path)

    assert run(tmp_path, '--restart', DIE='3').returncode == 9
    kept = tmp_path / 'campaign/try.jsonl'
    assert values(tmp_path) == expected[:3]
    kept.write_text(kept.read_text() + '{"step": 3, "se')  # the process ended while it wrote
    again = run(tmp_path)
    assert 'try: 3 of 5 steps are there' in again.stdout
    assert values(tmp_path) == expected


def test_parts_make_a_whole(tmp_path):
    run(tmp_path)
    expected = values(tmp_path)
    kept, parts = tmp_path / 'campaign/try.jsonl', []
    for words in (['--first', '3'], ['--steps', '2']):
        run(tmp_path, '--restart', *words)
        parts.append(kept.read_text())
    # The second machine's end came while it wrote its last line.
    kept.write_text(parts[1] + parts[0] + parts[1][:20])
    whole = run(tmp_path)
    assert 'try: 4 of 5 steps are there' in whole.stdout and 'try: 5/5' in whole.stdout
    rows = {r['step']: r.get('value') for r in map(json.loads, kept.read_text().splitlines())}
    assert [rows[n] for n in range(5)] == expected
    assert json.loads((tmp_path / 'campaign/try.json').read_text())['done'] == 5


def test_one_kind_alone(tmp_path):
    alone = run(tmp_path, '--kind', 'even')
    assert alone.returncode == 0 and 'try: 3/3' in alone.stdout
    rows = [json.loads(line) for line in (tmp_path / 'campaign/try.jsonl').read_text().splitlines()]
    assert [r['step'] for r in rows] == [0, 2, 4]
    assert run(tmp_path, '--kind', 'other').returncode == 2
    whole = run(tmp_path)
    assert 'try: 3 of 5 steps are there' in whole.stdout and whole.returncode == 1


def test_another_seed_does_not_mix(tmp_path):
    run(tmp_path)
    before = values(tmp_path)
    refused = run(tmp_path, '--seed', '2')
    assert refused.returncode == 1 and 'was made with seed 1' in refused.stderr and '--restart' in refused.stderr
    assert values(tmp_path) == before
    run(tmp_path, '--seed', '2', '--restart')
    assert values(tmp_path) != before


def test_another_program_does_not_mix(tmp_path):
    run(tmp_path)
    before = values(tmp_path)
    refused = run(tmp_path, OF='another')
    assert refused.returncode == 1 and 'of other programs' in refused.stderr
    assert values(tmp_path) == before
    assert run(tmp_path, '--restart', OF='another').returncode == 1
    assert 'try: 5 of 5 steps are there' in run(tmp_path, OF='another').stdout


def test_help(tmp_path):
    told = run(tmp_path, '--help')
    assert told.returncode == 0 and 'Odd steps fail.' in told.stdout and '--restart' in told.stdout
