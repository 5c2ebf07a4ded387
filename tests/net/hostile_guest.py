# SPDX-License-Identifier: GPL-2.0-or-later
"""The hostile guest (tests/net/hostile), g2 if nothing else is said, beside guests whose TCP must not suffer.

    h = Hostile(system)
    life = h.live(seed=7, kinds=CHAINS | FRAMES, operations=2000)

A life ends with the guest's own reset, or earlier with a kill; either way the hypervisor says so in
one line, and the guest's counts are in registers of the dump or in its last line: its operations, how often it set its card
up, and how often that succeeded.
"""
import re

import image
from console import ConsoleError

ELF = image.OUT / 'tests/hostile/hostile.elf'
KINDS = ('ports', 'port-sweep', 'msr-sweep', 'cpuid-sweep', 'vmmcall', 'apic', 'control', 'outside', 'pci', 'registers',
         'features', 'chains', 'frames', 'kicks', 'vmmcall-user')
WORK = ('lies', 'offers', 'judge') # kinds that are a life alone: frames that leave work to the card
LIFE_S = 120    # a limit for slow machines
FEW = 20        # set-ups of the card: they tell nothing, as where lives end by the operator's kill
DONE = r'hostile: done operations=(\d+) exceptions=\d+ set-ups=(\d+) started=(\d+)'
DUMP = r'r13 ([0-9a-f]{16})(?:.|\n)*?r15 ([0-9a-f]{16})'


def bits(*names):
    return sum(1 << (KINDS + WORK).index(n) for n in names)


ALL = bits(*KINDS)


def describe_hostile(words, guest, twin, hostile=(2,)):
    """A medium: driver VM, g1 with these words, the hostile g2, more of them."""
    d = image.Description(words).add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add_guest(1, guest, memory='32M')
    for n in hostile:
        d.add_guest(n, '', memory='8M', elf=ELF, locked=True)
    return d.add_twin() if twin else d


def general(reason):
    """A reason without its numbers, to count by."""
    return re.sub(r'\b(0x)?[0-9a-f]*\d[0-9a-f]*\b', 'N', reason)


class Hostile:
    """The machine's guest of that number. Its first life waits for a line when the machine is up, and polls for it."""

    def __init__(self, s, number=2):
        self.s, self.machine = s, s.machine
        self.number, self.name = number, f'g{number}'
        self.begun = 0 # where the hypervisor's log tells of the present life
        self.guilty_from = 0 # and where begins what check() looks at
        self.fresh = True
        self.reasons = {}
        self.operations = self.lives = 0
        self.set_ups = self.started = 0

    def begin(self, seed, kinds, operations):
        """A life, not waited for."""
        if not self.fresh:
            self.machine.monitor(f'restart {self.name}')
        self.fresh = False
        self.machine.expect(self.name, 'hostile: ready', 60)
        self.machine.console.skip('hv')
        self.begun = len(self.machine.console.text('hv'))
        self.machine.type(f'{seed} {kinds:x} {operations}', self.number + 1)

    def is_over(self):
        """Has the life ended that was begun?"""
        return re.search(rf'{self.name} (killed|stopped): ', self.machine.console.text('hv')[self.begun:])

    def end(self):
        """(how, reason, operations) of the life that was begun."""
        m = self.machine.expect('hv', rf'{self.name} (killed|stopped): ([^\n]*)\n', LIFE_S)
        how, reason = m.group(1), m.group(2)
        if how == 'killed':
            set_ups, count = (int(r, 16) for r in self.machine.expect('hv', DUMP, 20).groups())
            tried, started = set_ups >> 32, set_ups & 0xffffffff
        else:
            done = re.findall(DONE, self.machine.console.text(self.name))
            count, tried, started = map(int, done[-1] if done else (0, 0, 0))
        self.lives += 1
        self.operations += count
        self.set_ups += tried
        self.started += started
        key = f'{how}: {general(reason)}'
        self.reasons[key] = self.reasons.get(key, 0) + 1
        return how, reason, count

    def live(self, seed, kinds=ALL, operations=1000):
        self.begin(seed, kinds, operations)
        try:
            return self.end()
        except ConsoleError as e:
            raise ConsoleError(f'seed {seed} kinds {kinds:x}: {e}') from None

    def not_guilty_so_far(self):
        """What was until now was somebody else's doing."""
        self.guilty_from = len(self.machine.console.text('hv'))

    def check(self):
        """Nobody else was hurt, and nothing that must not work has worked. What the guest did to its card's rings it did to
        a card that runs, most times."""
        few = self.set_ups < FEW
        assert few or 2 * self.started >= self.set_ups, f'{self.started} of {self.set_ups} set-ups of the card were accepted'
        assert 'FAILED' not in self.machine.console.text(self.name)
        states = {w[1]: w[3] for w in (line.split() for line in self.machine.monitor('vms').splitlines())
                  if w and w[0].isdigit()}
        assert states['dvm'] == states['g1'] == 'running', states
        log = self.machine.console.text('hv')[self.guilty_from:]
        assert not re.search(r'(dvm|g1) (killed|stopped)|twin killed', log)
        self.s.sound()
