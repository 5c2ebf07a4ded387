# SPDX-License-Identifier: GPL-2.0-or-later
"""A system that runs, its peer, and the windows that the counting plugin saw in it."""
import re
import tempfile
from pathlib import Path

import acks
import image
import systems
import window
from run import Machine

PLUGIN = image.OUT / 'profile/machine.so'
LOAD = image.OUT / 'bench/load'
WINDOW_S = 600    # a limit for slow machines
RESULT = re.compile(r'^load: (\S+) units=(\d+) bytes=(\d+) ns=(\d+) lost=(\d+) bad=(\d+)'
                    r'(?: tsc=(\d+))?(?: p50=(\d+) p99=(\d+))?$', re.M)


def parse_result(match):
    """What a match of RESULT says, by name."""
    names = 'units', 'bytes', 'ns', 'lost', 'bad', 'tsc', 'p50', 'p99'
    return {k: int(v) for k, v in zip(names, match.groups()[1:]) if v}


class Booted:
    """A running system, under TCG with its counting plugin, which KVM cannot have; use as a context manager."""

    def __init__(self, system, accel='tcg'):
        self.system = system
        self._folder = tempfile.TemporaryDirectory(prefix='pollux-bench-')
        self._counts = Path(self._folder.name, 'counts')
        spec = system.spec(Path(self._folder.name))
        spec.name, spec.net, spec.accel = f'bench-{system.name}', 'tap', accel
        if accel == 'tcg':
            spec.cpu, spec.icount = systems.CPU, system.icount
            # A mark of each of many guests would be a file of many MB.
            only = ',only=4c58' if system.marks == window.MONITOR else ''
            spec.extra = (*spec.extra, '-plugin', f'{PLUGIN},out={self._counts}{only}')
        self.machine = Machine(spec, say=lambda line: None)
        self._server = None

    def __enter__(self):
        try:
            self.machine.__enter__()
            acks.thin(self.machine.peer)
            self._server = self.machine.peer.background(LOAD, 'serve')
            self.system.boot(self.machine)
            self.system.learn(self.machine)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        if self._server:
            self._server.stop()
        self.machine.stop()
        self._folder.cleanup()

    def forget(self):
        """Marks so far."""
        for f in self._files():
            f.unlink()

    def _files(self):
        return sorted(self._counts.parent.glob('counts.*'), key=lambda f: int(f.suffixes[-2][1:]))

    def windows(self):
        """The Windows between the system's marks since forget(): begin, end, begin, end."""
        marks = self.system.marks
        files = [f for f in self._files() if f.suffix in marks]
        if [f.suffix for f in files] != list(marks) * (len(files) // 2):
            raise systems.BenchError(f'marks are not in pairs: {[f.name for f in files]}')
        found = []
        for begin, end in zip(files[::2], files[1::2]):
            before, after = window.parse(begin.read_text()), window.parse(end.read_text())
            found.append(window.difference(before, after, self.system.whose(after[1])))
        self.forget()
        return found

    def load(self, w, count, windows=1, check=False):
        """Runs the generator; its results, one dictionary a window."""
        text = self.system.run(self.machine, f'load {w.command} {systems.PEER_IP} {count} windows={windows}'
                               f'{" check" if check else ""}', WINDOW_S)
        found = [parse_result(m) for m in RESULT.finditer(text)]
        if len(found) != windows or any(f['bad'] for f in found):
            raise systems.BenchError(f'{self.system.name}: {w.title}: {text}')
        return found
