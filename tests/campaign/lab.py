# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted system for a campaign, with the same driver VM, guests and peer as the tests of tests/net:

    with lab('soak', 'net=twin', ['verify-server'] * 4) as s:
        s.attached()

What it leaves behind is in out/run/NAME-BOOT/, boots counted from 1. Steps that share a system have a Session.
"""
import itertools
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'net'))

from conftest import Load, System, describe, image # noqa: E402
from run import Machine, Spec # noqa: E402

__all__ = ['Load', 'Session', 'lab']

BOOTS = itertools.count(1) # a failed one's logs are not the next one's


@contextmanager
def lab(name, words, guests, spec=None, early=lambda s: None, **description):
    """A System that is ready, by its name; it ends with the block. spec: more for run.Spec; early: called with it while
    it boots; description: see describe()."""
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        iso = image.make(Path(folder) / 'medium.iso', describe(words, guests, **description))
        with Machine(Spec(iso=iso, name=f'{name}-{next(BOOTS)}', net='tap', **(spec or {}))) as machine:
            s = System(machine, len(guests))
            early(s)
            yield s.ready()


class Session:
    """What many steps share, opened by the first of them; a new one after `steps` of them, after one that failed, and
    for a step that wants another kind: step()'s arguments go to what opens it.

        @contextmanager
        def bench():
            with lab('soak', 'net=twin', ['verify-server']) as s:
                yield Bench(s)          # what the steps get
                s.quit()                # at a good end only

        SESSION = Session(bench, steps=100)

        def step(number, rng):
            with SESSION.step() as bench: ...

        main('soak', STEPS, step, end=SESSION.end)
    """

    def __init__(self, opened, steps=None):
        self.opened, self.limit = opened, steps
        self.stack = ExitStack()
        self.shared, self.kind, self.steps = None, (), 0

    @contextmanager
    def step(self, *kind):
        if self.shared and (self.steps == self.limit or self.kind != kind):
            self.end()
        if not self.shared:
            self.shared, self.kind, self.steps = self.stack.enter_context(self.opened(*kind)), kind, 0
        self.steps += 1
        try:
            yield self.shared
        except BaseException as e:
            self.drop(e)
            raise

    def drop(self, why=None):
        """It is of no use any more; it does not come to its good end."""
        self.shared = None
        why = why or RuntimeError('the steps have no use for it')
        self.stack.__exit__(type(why), why, why.__traceback__)

    def end(self):
        """Let it come to its good end, if there is one."""
        self.shared = None
        self.stack.close()
