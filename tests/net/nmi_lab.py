# SPDX-License-Identifier: GPL-2.0-or-later
"""NMIs at random times (monitor: `nmi COUNT SEED`), and what they hit (R18)."""
import time

PLACES = ('twin', 'native', 'miss', 'trap', 'upcall', 'vm', 'idle', 'hv')
STACK_BYTES = 8192
# One under the transmit lock, one on the receive side, where none is held.
FORCED = 'dma_map_page_attrs eth_type_trans'


class Nmis:
    """The NMIs of one booted machine, whose twin is attached."""

    def __init__(self, s):
        self.s = s
        self.hash = s.whole()
        self.before = self.counts()

    def counts(self):
        stats = self.s.stats()
        return {**stats['nmi'], **stats['nmi_source']}

    def start(self, number, seed):
        self.before = self.counts()
        self.s.machine.monitor(f'nmi {number} {seed}')

    def coming(self):
        return self.counts()['left'] > 0

    def finish(self, timeout=120):
        """All have come, none was lost, and each began where it must. How many hit what."""
        end = time.monotonic() + timeout
        while self.coming():
            assert time.monotonic() < end, self.counts()
            time.sleep(0.2)
        now = self.counts()
        came = {k: now[k] - self.before[k] for k in now}
        assert came['taken'] == came['fired'] + came['again'] == sum(came[p] for p in PLACES), came
        assert came['again'] == came['sent'] == now['fired'] // 16 - self.before['fired'] // 16, came
        assert came['late'] == 0 and came['off_stack'] == 0, came
        assert 0 < now['stack_bytes'] < STACK_BYTES // 2, now
        return came

    def unharmed(self, twin=True, deaths=False):
        """Everything is as before. twin: it is attached; deaths: it may have died."""
        self.s.sound(self.hash)
        stats = self.s.stats()
        assert (stats['twin']['state'] == 'attached') == twin
        assert deaths or stats['twin']['deaths'] == 0, stats['twin']['last_death']
        assert all(vm['state'] == 'running' for vm in stats['vms'].values())
