# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted system for a campaign, with the same driver VM, guests and peer as the tests of tests/net:

    with lab('soak', 'net=twin', ['verify-server'] * 4) as s:
        s.attached()

What it leaves behind is in out/run/NAME/.
"""
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'net'))

from conftest import Load, System, describe, image # noqa: E402
from run import Machine, Spec # noqa: E402

__all__ = ['Load', 'lab']


@contextmanager
def lab(name, words, guests, spec=None, **description):
    """A System that is ready, by its name; it ends with the block. spec: more for run.Spec;
    description: see describe()."""
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        iso = image.make(Path(folder) / 'medium.iso', describe(words, guests, **description))
        with Machine(Spec(iso=iso, name=name, net='tap', **(spec or {}))) as machine:
            yield System(machine, len(guests)).ready()
