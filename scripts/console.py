# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the one serial console of a machine apart: lines `NAME| text` go to NAME's text and log file.

What has no such prefix (firmware, GRUB, a kernel that runs without the hypervisor) belongs to the
source `raw`.
"""
import re
import threading
import time

# GRUB leaves terminal control sequences in front of the hypervisor's first line.
LINE = re.compile(r'(?:\x1b\[[0-9;]*[A-Za-z])*([a-z][a-z0-9_-]{0,14})\| ?(.*)', re.S)
RAW = 'raw'
CTRL_A = b'\x01'


class ConsoleError(Exception):
    """What was expected did not come; holds the last lines of the console."""


class Console:
    """Thread-safe: one thread feeds, others wait. `folder` gets NAME.log and console.log."""

    def __init__(self, folder, echo=None):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob('*.log'):
            old.unlink()
        self._folder = folder
        self._echo = echo
        self._all = open(folder / 'console.log', 'wb')
        self._files = {}
        self._changed = threading.Condition()
        self._text = {}     # source -> its whole lines
        self._searched = {} # source -> position behind the last match
        self._pending = ''  # unfinished line
        self.ended = False

    def feed(self, data):
        """Bytes that came from the machine."""
        self._all.write(data)
        self._all.flush()
        if self._echo:
            self._echo(data)
        text = data.decode('utf-8', errors='replace').replace('\r', '')
        with self._changed:
            *lines, self._pending = (self._pending + text).split('\n')
            for line in lines:
                self._add(*self._split(line))
            self._changed.notify_all()

    def end(self):
        """No more will come."""
        with self._changed:
            if self._pending:
                self._add(*self._split(self._pending))
                self._pending = ''
            self.ended = True
            for f in [*self._files.values(), self._all]:
                f.close()
            self._changed.notify_all()

    @staticmethod
    def _split(line):
        m = LINE.match(line)
        return (m.group(1), m.group(2)) if m else (RAW, line)

    def _add(self, name, line):
        if name not in self._files:
            self._files[name] = open(self._folder / f'{name}.log', 'w', encoding='utf-8')
            self._text[name] = ''
        self._files[name].write(line + '\n')
        self._files[name].flush()
        self._text[name] += line + '\n'

    def text(self, name):
        """All text of a source, an unfinished line included."""
        with self._changed:
            return self._now(name)

    def _now(self, name):
        pending_name, line = self._split(self._pending)
        return self._text.get(name, '') + (line if pending_name == name else '')

    def skip(self, name):
        """The next expect() looks only at what comes from now on."""
        with self._changed:
            self._searched[name] = len(self._now(name))

    def expect(self, name, pattern, timeout):
        """The match of pattern in the source's text behind the last match. Raises ConsoleError."""
        regex = re.compile(pattern, re.M)
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                text = self._now(name)
                m = regex.search(text, self._searched.get(name, 0))
                if m:
                    self._searched[name] = m.end()
                    return m
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    why = 'the machine ended' if self.ended else f'{timeout} s passed'
                    raise ConsoleError(f"{name}: no '{pattern}': {why}\n{self._tail()}")
                self._changed.wait(left)

    def _tail(self):
        parts = []
        for name, text in sorted(self._text.items()):
            parts += [f'--- {name}', *text.splitlines()[-25:]]
        return '\n'.join([*parts, '--- unfinished', self._pending])


def select(number):
    """The bytes that give the input to a source: 0 the monitor, 1.. the VMs in boot order, 24 at most."""
    return CTRL_A + '0123456789abcdefghijklmno'[number].encode()
