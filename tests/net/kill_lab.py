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
GONE = r'(?:twin killed: |twin taken off: |twin detached).*\n'
STEP = r"twin's step: .*\n"
ATTACHED = r'twin attached \(\d+\. time\)'
DEATHS_IN_A_ROW = 20 # that one fault may be followed by
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
    """One booted machine whose twin is attached. beside: what runs beside the streams, renewed by its keep().

    fingerprints: of the hypervisor with the twin attached; they never change.
    """

    def __init__(self, s, beside=None):
        self.s, self.beside = s, beside
        self.restarts = 0 # of the driver VM
        # Where the hypervisor's log tells of the attachment that lasts.
        self.attached_at = [m.end() for m in re.finditer(ATTACHED, self._log())][-1]
        self.settle()
        self.load = Load(s, megabytes=MEGABYTES, patience=PATIENCE_S)
        self.fingerprints = self.s.whole()

    def _log(self):
        return self.s.machine.console.text('hv')

    def keep(self):
        self.load.keep()
        if self.beside:
            self.beside.keep()

    def frames(self):
        """Those of guests so far, (to the wire, from it)."""
        twin = self.s.stats()['twin']
        return twin['tx_packets'], twin['rx_to_guests']

    def flows(self, until=lambda: False):
        """Wait until both streams run, or something else has happened.

        Else frames that are sent again would be what meets the next fault, and die of it, again and again, and TCP
        would wait longer each time.
        """
        self.load.flows(until, self.keep)

    def _met(self, pattern, unmet):
        """Wait for a line of the log until `unmet` frames went both ways without it."""
        before = last = self.frames()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                return self.s.machine.expect('hv', pattern, 0.5)
            except ConsoleError:
                if self.s.machine.process.poll() is not None:
                    raise
            self.keep()
            now = self.frames()
            if min(b - a for a, b in zip(before, now)) > unmet:
                return None
            if now != last:
                last, end = now, time.monotonic() + PATIENCE_S
        raise ConsoleError(f'traffic stands still: {before}, {last}, {self.s.machine.monitor("twin")}')

    def _arm(self, words):
        """`fault` with the twin attached; an earlier fault may kill it just before."""
        self.keep()
        while True:
            self.settle()
            self.s.machine.console.skip('hv')
            try:
                return self.s.machine.monitor(' '.join(map(str, ['fault', *words])))
            except ConsoleError:
                if not self.gone():
                    raise

    def inject(self, offset, count, *words, unmet=UNMET_FRAMES):
        """Arm a fault; the line that says that traffic reached it, or None after so many frames in each direction."""
        self._arm(['at', offset, count, *words])
        met = self._met(STEP, unmet)
        if not met:
            self.s.machine.monitor('fault at off')
            met = self._just_met()
        return met and met.group(0).strip()

    def _just_met(self):
        """Behind a command of the monitor: that it was met is in the log, if it was."""
        try:
            return self.s.machine.expect('hv', STEP, 0.1)
        except ConsoleError:
            return None

    def inject_code(self, offset, byte, flip):
        """Change a byte of that instruction; the line that says that traffic reached it."""
        self._arm(['at', offset, 1, 'data', 0]) # changes nothing: it says when the instruction is met
        try:
            self.s.machine.monitor(f'fault code {offset + byte} {flip}')
        except ConsoleError:
            if self.gone(): # of an earlier fault; its code comes back as it was
                return None
            raise
        met = self._met(STEP, UNMET_FRAMES)
        return met and met.group(0).strip()

    def noticed(self):
        """After inject_code(): the twin dies of it, at the latest when the hypervisor looks at the code."""
        end = time.monotonic() + PATIENCE_S
        while not self.gone():
            assert time.monotonic() < end, 'nobody noticed that the code is another'
            self.keep()
            time.sleep(0.1)
        return {'killed': True, **self.recovered()}

    def gone(self):
        """The twin is no longer attached: the line of the log that says why, or None."""
        return re.compile(GONE).search(self._log(), self.attached_at)

    def back(self):
        """gone() says that it went: what came of it. Times in virtual us.

        A driver VM that died of it, of what the twin left in its memory, is another matter: it was restarted (R20).
        `down`: nobody died, but the driver took its interface down and up.
        """
        end = time.monotonic() + PATIENCE_S
        while not (gone := self.gone()): # its line may be on its way
            assert time.monotonic() < end, 'it has not gone'
            time.sleep(0.05)
        record = {'why': gone.group(0).split(': ', 1)[-1].strip(), 'down': gone.group(0).startswith('twin detached')}
        end = time.monotonic() + PATIENCE_S
        while not (again := re.compile(ATTACHED).search(self._log(), self.attached_at)):
            if time.monotonic() > end:
                return {**record, 'recovered': False, 'twin': self.s.machine.monitor('twin').splitlines()[0]}
            time.sleep(0.05)
        life = self._log()[self.attached_at:again.end()]
        self.attached_at = again.end()
        times = re.search(r'twin is back (\d+) us after its death, (?:driver reset|rings handed over) after (\d+) us', life)
        if times:
            record.update(back_us=int(times.group(1)), reset_us=int(times.group(2)))
        record['dvm_restarted'] = 'starts again' in life
        self.restarts += record['dvm_restarted']
        return {**record, 'recovered': True}

    def settle(self):
        """An earlier fault may show later: until the twin is attached. What came of it."""
        later = []
        while self.gone():
            later.append(self.back())
            assert later[-1]['recovered'], later
            assert len(later) < DEATHS_IN_A_ROW, later
        return later

    def check(self):
        """Hypervisor and pool are as they were. The twin's own mapping is there only while it is attached."""
        while (now := self.s.whole()) != self.fingerprints and self.gone():
            self.settle()
        assert now == self.fingerprints, f'the hypervisor changed: {self.fingerprints}, now {now}'
        assert 'DOES NOT ADD UP' not in self._log()

    def recovered(self):
        """The twin has gone: back again, and everything as it was."""
        record = self.back()
        if record['recovered']:
            self.flows()
            self.check()
        return record

    def kill_at(self, offset, count=1, unmet=UNMET_FRAMES):
        """One record: met, and then that the twin died there and came back."""
        record = {'offset': offset, 'met': bool(self.inject(offset, count, 'kill', unmet=unmet))}
        if record['met']:
            place = self.s.machine.expect('hv', r'twin killed: killed at a step at (\S+) \(twin\+0x(\w+)\)', 60)
            assert int(place.group(2), 16) == offset, place.group(0)
            record.update(place=place.group(1), killed=True)
            record.update(self.recovered())
        return record

    def outcome(self):
        """After a fault that need not kill: wait until traffic goes on, or the twin went and came back."""
        self.flows(until=self.gone)
        if not self.gone():
            self.check()
        if not self.gone():
            return {'killed': False, 'recovered': True}
        record = self.recovered()
        return {'killed': not record['down'], **record}

    def finish(self):
        """All streams end right, and the pool's equation holds at the last detachment as well."""
        self.load.finish()
        self.settle()
        self.s.machine.monitor('mode bridge')
        self.s.machine.expect('hv', 'twin detached', 60)
        assert 'DOES NOT ADD UP' not in self._log()
