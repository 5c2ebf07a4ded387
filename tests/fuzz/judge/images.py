# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the program of this folder over some images: for its tests and for the campaign."""
import json
import os
import pathlib
import subprocess

OUT = pathlib.Path(os.environ.get("O", "out"))
PROGRAM = OUT / "tests/fuzz/campaign"
TWINS = [OUT / "drivers/e1000.twin", OUT / "drivers/e1000-strict.twin"]


def run_images(first, images, invocations, disabled=(), aim=None):
    """(tally, lines of escapes) of some images; rules left out; all aimed at one rule, if any."""
    words = [PROGRAM, "-f", str(first), "-n", str(images), "-i", str(invocations)]
    for rule in disabled:
        words += ["-d", rule]
    if aim:
        words += ["-a", aim]
    done = subprocess.run([*words, *TWINS], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"images from {first} on: exit {done.returncode} {done.stderr}")
    return json.loads(done.stdout), done.stderr.splitlines()
