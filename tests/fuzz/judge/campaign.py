#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the campaign against loader and judge in pieces, and keeps the sum in a JSON file.

Goes on where the file ends when program, twins and settings are the same; starts again when not.
An escape ends the run: its image's number is printed and kept.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

OUT = pathlib.Path(os.environ.get("O", "out"))
PROGRAM = OUT / "tests/fuzz/campaign"
TWINS = [OUT / "drivers/e1000.twin", OUT / "drivers/e1000-strict.twin"]
PIECE = 2000


def run_piece(first, images, invocations, disabled=()):
    """(tally, lines of escapes) of some images."""
    words = [PROGRAM, "-f", str(first), "-n", str(images), "-i", str(invocations)]
    for rule in disabled:
        words += ["-d", rule]
    done = subprocess.run([*words, *TWINS], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"campaign: images from {first} on: exit {done.returncode} {done.stderr}")
    return json.loads(done.stdout), done.stderr.splitlines()


def add(total, part):
    for key, value in part.items():
        if isinstance(value, dict):
            add(total.setdefault(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value


def same_as(settings, path):
    """The state in the file if it is one of the same campaign, else a new one."""
    try:
        state = json.loads(path.read_text())
        if state["settings"] == settings:
            return state
    except (OSError, ValueError, KeyError):
        pass
    return {"settings": settings, "done": 0, "seconds": 0.0, "tally": {}, "escaped": []}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000000)
    parser.add_argument("--first", type=int, default=0, help="number of the first image: the seed")
    parser.add_argument("--invocations", type=int, default=100)
    parser.add_argument("--output", type=pathlib.Path, default=OUT / "campaign/judge.json")
    args = parser.parse_args()
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in [PROGRAM, *TWINS])).hexdigest()
    settings = {"first": args.first, "invocations": args.invocations, "inputs": digest}
    state = same_as(settings, args.output)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    while state["done"] < args.images and not state["escaped"]:
        start = time.monotonic()
        piece = min(PIECE, args.images - state["done"])
        part, state["escaped"] = run_piece(args.first + state["done"], piece, args.invocations)
        add(state["tally"], part)
        state["done"] += piece
        state["seconds"] = round(state["seconds"] + time.monotonic() - start, 1)
        fresh = args.output.with_suffix(".new")
        fresh.write_text(json.dumps(state, indent=1) + "\n")
        fresh.replace(args.output)
        left = state["seconds"] / state["done"] * (args.images - state["done"])
        print(f"judge: {state['done']} of {args.images} images, "
              f"{sum(state['tally']['accepted'].values())} accepted, "
              f"{state['tally']['invocations']} invocations, "
              f"{state['tally']['escapes']} escapes, {left / 60:.0f} min left", flush=True)
    for line in state["escaped"]:
        print(line)
    return 1 if state["escaped"] else 0


if __name__ == "__main__":
    sys.exit(main())
