# SPDX-License-Identifier: GPL-2.0-or-later
"""What the campaigns share: numbered steps with a seed, kept results, progress with the time left.

A campaign is a script beside this file:

    def step(number, rng):               # one step; rng is its own, from seed and number
        return {'kind': 'panic', 'recovered': True}

    if __name__ == '__main__':
        main('restart', steps=20, step=step)

Each result is a line of out/campaign/NAME.jsonl at once, so that a campaign which was interrupted
goes on with what is missing. Several machines may share one: each does a part, --first to --steps, and a last call
finds the lines of all in its file. At the end out/campaign/NAME.json holds counts by `kind` and by each key that
is true or false, and the sums of `tally`, a dict of numbers or of such dicts. A step that raises is
a failed one: it is kept with its error, and the exit status is 1. Seed, or what is tested, changed:
begin again with --restart.
"""
import argparse
import json
import os
import random
import sys
import time
import traceback
from pathlib import Path

FOLDER = Path(os.environ.get('O', 'out')) / 'campaign'


class Kept:
    """The results so far, in a file of one JSON object per line."""

    def __init__(self, path, seed, of, restart):
        self.path, self.seed, self.of = path, seed, of
        path.parent.mkdir(parents=True, exist_ok=True)
        if restart:
            path.unlink(missing_ok=True)
        self.rows = self.read() if path.exists() else []

    def read(self):
        """The rows, one for each step; a line that was cut off by the end of a process is dropped, from the file too."""
        rows = {}
        for line in self.path.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue # and its step is done again
            if row['seed'] != self.seed:
                sys.exit(f'campaign: {self.path} was made with seed {row["seed"]}; --seed {row["seed"]} goes on with '
                         'it, --restart begins again')
            if row.get('of', '') != self.of:
                sys.exit(f'campaign: {self.path} is of other programs or files; --restart begins again')
            rows[row['step']] = row
        self.path.write_text(''.join(f'{json.dumps(row)}\n' for row in rows.values()))
        return list(rows.values())

    def add(self, row):
        self.rows.append(row)
        with open(self.path, 'a', encoding='utf-8') as f:
            f.write(json.dumps(row) + '\n')


def add_up(total, part):
    """Add numbers, also those in dicts of dicts."""
    for key, value in part.items():
        if isinstance(value, dict):
            add_up(total.setdefault(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value


def summary(name, seed, steps, rows):
    """Counts by kind, of those the true ones by key, and the sums of tallies."""
    kinds = {}
    for row in rows:
        kind = kinds.setdefault(row.get('kind', name), {'steps': 0, 'failed': 0})
        kind['steps'] += 1
        kind['failed'] += 'error' in row
        add_up(kind, {key: value for key, value in row.items() if isinstance(value, bool) or key == 'tally'})
    return {'campaign': name, 'seed': seed, 'steps': steps, 'done': len(rows),
            'failed': sum('error' in r for r in rows), 'kinds': kinds}


def progress(name, done, total, began, now):
    """One line: how many, how much time is left when `now` of them took the time since `began`."""
    left = (time.monotonic() - began) / max(now, 1) * (total - done)
    print(f'{name}: {done}/{total}, {left // 60:.0f} min {left % 60:.0f} s left', flush=True)


def attempt(step, number, seed, of):
    """The row of one step."""
    row = {'step': number, 'seed': seed, **({'of': of} if of else {})}
    try:
        row.update(step(number, random.Random(f'{seed}/{number}')))
    except Exception as e:  # pylint: disable=broad-exception-caught
        row['error'] = f'{type(e).__name__}: {e}'.splitlines()[0][:300]
        traceback.print_exc()
    return row


def run_steps(kept, args, name, step, every, kinds):
    """All steps that are not there yet."""
    there = {row['step'] for row in kept.rows}
    wanted = [n for n in range(args.first, args.steps) if not args.kind or kinds[n % len(kinds)] == args.kind]
    missing = [number for number in wanted if number not in there]
    began, before = time.monotonic(), len(wanted) - len(missing)
    if before:
        print(f'{name}: {before} of {len(wanted)} steps are there')
    for now, number in enumerate(missing, 1):
        kept.add(attempt(step, number, args.seed, kept.of))
        if now % every == 0:
            progress(name, before + now, len(wanted), began, now)


def main(name, steps, step, every=1, end=None, of='', kinds=()):
    """Run a campaign: see above. every: steps between two lines of progress. end: what closes that which the steps
    share; it is called in any case, and fails the campaign when it raises. of: a digest of what is tested; results of
    something else are not gone on with. kinds: of the steps, in turn, so that those of one can be run alone."""
    p = argparse.ArgumentParser(description=sys.modules['__main__'].__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--seed', type=int, default=1, help='of all that is random (%(default)s)')
    p.add_argument('--first', type=int, default=0, help='number of the first one (%(default)s)')
    p.add_argument('--steps', type=int, default=steps, help='number behind the last one (%(default)s)')
    if kinds:
        p.add_argument('--kind', choices=kinds, help='its steps alone')
    p.set_defaults(kind=None)
    p.add_argument('--restart', action='store_true', help='forget what is kept, begin again')
    args = p.parse_args()
    kept = Kept(FOLDER / f'{name}.jsonl', args.seed, of, args.restart)
    try:
        run_steps(kept, args, name, step, every, kinds)
    finally:
        if end:
            end()
    result = summary(name, args.seed, args.steps, kept.rows)
    (FOLDER / f'{name}.json').write_text(json.dumps(result, indent=1) + '\n')
    print(json.dumps(result))
    sys.exit(1 if result['failed'] else 0)
