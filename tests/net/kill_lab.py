# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults at chosen instructions of the twin while guests' TCP runs both ways, and what came of each.

The system is to have two guests with `verify-server`, and its driver VM the word `deaths=` for so many deaths. What is
reached and how long a thing takes is told by counters and by the virtual clock, not by this machine's.
"""
import re
import struct
import time

from conftest import Load
from console import ConsoleError
from overhead_twin import TABLES_OFFSET, Twin, table

RELOCS, CALL32 = 2, 3 # enum twin_table_id, enum twin_reloc_type
RELOC = struct.Struct('<IIIi')
MEGABYTES = 8
PATIENCE_S = 240
# Frames in each direction without the instruction being met: traffic does not reach it.
UNMET_FRAMES = 200
DEATH = '(?:twin killed|twin taken off): '
# The card's link is up again at once: what is tried here is the death, not the wire's negotiation.
FAST_LINK = ('-global', 'e1000.autonegotiation=off')


def functions(path):
    """name -> offsets of every derived instruction; the first is the function's entry."""
    return {f.name: [f.twin_entry, *sorted(set(f.twin) - {f.twin_entry})] for f in Twin(path.read_bytes()).functions}


def import_calls(path):
    """Offsets of the calls of natives and upcalls: e8, and a relocation for where it leads."""
    data = path.read_bytes()
    text = struct.unpack_from('<I', data, TABLES_OFFSET)[0]
    return [where - 1 for where, kind, _, _ in table(data, RELOCS, RELOC)
            if kind == CALL32 and data[text + where - 1] == 0xe8]


class Campaign:
    """One booted machine. fingerprints: of the hypervisor with the twin attached; they never change."""

    def __init__(self, s):
        self.s = s
        self.attachments = 1
        s.attached()
        self.load = Load(s, megabytes=MEGABYTES, patience=PATIENCE_S)
        self.fingerprints = self._hash()

    def _frames(self):
        twin = self.s.stats()['twin']
        return twin['tx_packets'], twin['rx_to_guests']

    def _met(self, pattern):
        """Wait for a line of the log until so many frames went both ways without it."""
        before = self._frames()
        while True:
            try:
                return self.s.machine.expect('hv', pattern, 0.5)
            except ConsoleError:
                if self.s.machine.process.poll() is not None:
                    raise
            self.load.keep()
            if min(b - a for a, b in zip(before, self._frames())) > UNMET_FRAMES:
                return None

    def inject(self, offset, count, *words):
        """Arm a fault; whether traffic reached it."""
        if self._died():  # of an earlier fault, after its step had gone on
            self.recovered()
        self.load.keep()
        self.s.machine.console.skip('hv')
        self.s.machine.monitor(' '.join(map(str, ['fault at', offset, count, *words])))
        met = self._met(r"twin's step: .*\n")
        if not met:
            self.s.machine.monitor('fault at off')
        return met and met.group(0).strip()

    def recovered(self):
        """After a death: attached again, and everything as it was. How long that took, in virtual us.

        A driver VM that died of it, of what the twin left in its memory, is another matter: it was restarted (R20).
        """
        self.attachments += 1
        self.s.machine.expect('hv', rf'twin attached \({self.attachments}\. time\)', PATIENCE_S)
        self.check()
        life = self.s.machine.console.text('hv').rsplit('twin killed: ', 1)[-1]
        m = re.search(r'twin is back (\d+) us after its death, driver reset after (\d+) us', life)
        if not m:
            assert 'starts again' in life
            return {'recovered': True, 'dvm_restarted': True}
        return {'recovered': True, 'back_us': int(m.group(1)), 'reset_us': int(m.group(2))}

    def _died(self):
        return len(re.findall(DEATH, self.s.machine.console.text('hv'))) >= self.attachments

    def _hash(self):
        return self.s.machine.monitor('hash').strip()

    def check(self):
        self._compare(self._hash())

    def _compare(self, now):
        assert now == self.fingerprints, f'the hypervisor changed: {self.fingerprints}, now {now}'
        assert 'DOES NOT ADD UP' not in self.s.machine.console.text('hv')

    def kill_at(self, offset, count=1):
        """One record: met, and then that the twin died there and came back."""
        record = {'offset': offset, 'met': bool(self.inject(offset, count, 'kill'))}
        if record['met']:
            place = self.s.machine.expect('hv', r'twin killed: killed at a step at (\S+) \(twin\+0x(\w+)\)', 60)
            assert int(place.group(2), 16) == offset, place.group(0)
            record['place'] = place.group(1)
            record.update(self.recovered())
        return record

    def outcome(self):
        """After a fault that need not kill: wait until traffic goes on, or the twin died and came back."""
        before = self._frames()
        while not self._died():
            self.load.keep()
            time.sleep(0.3)
            if min(b - a for a, b in zip(before, self._frames())) <= UNMET_FRAMES:
                continue
            now = self._hash()
            if not self._died():  # it may die of the fault just now; then its own mapping is gone
                self._compare(now)
                return {'killed': False, 'recovered': True}
        why = re.findall(f'{DEATH}(.*)', self.s.machine.console.text('hv'))[-1]
        return {'killed': True, 'why': why.strip(), **self.recovered()}

    def finish(self):
        """All streams end right, and the pool's equation holds at the last detachment as well."""
        self.load.finish()
        self.s.machine.monitor('mode bridge')
        self.s.machine.expect('hv', 'twin detached', 60)
        assert 'DOES NOT ADD UP' not in self.s.machine.console.text('hv')
