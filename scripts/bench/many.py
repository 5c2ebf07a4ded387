# SPDX-License-Identifier: GPL-2.0-or-later
"""So many Linux guests of Pollux, which all run the same workload at the same time.

What is counted lies between two marks of the hypervisor's monitor, with all that the machine does: the guests' connections
and warm-up too, and each guest begins as its command arrives. All that is in a small run as in a large one, so the record is
of their difference. Units are what arrived: so many senders at once may well lose datagrams."""
import statistics

import booted
import cost
import image
import initramfs
import systems
import window
import workloads

FACES = ('twin', 'bridge')
COMMANDS = ('tcp-tx', 'tcp-rx', 'udp-tx', 'udp-rx')
GUEST_MIB = 112
MOST = 23 # the hypervisor's limit of 24 VMs, without the driver VM
ALL_TIMES = 4 # what all together do is at least so much of a window's size, and no guest does less than half of one
CROWD = 4      # more guests than these are as many samples themselves: half of the windows do, but no fewer than ...
FEWEST = 3
SMALL = 16     # the small run is so much smaller; with less of a difference a connection's luck would weigh too much
# The medium in the emulator's memory is in it: a kernel and an initrd for all, and their copies for each.
MACHINE_MIB, MACHINE_MIB_EACH = 576, 168
WORK_S = 600


class Guests(systems.Pollux):
    """Its faces are twin-N and bridge-N."""
    marks = window.MONITOR

    def __init__(self, guests):
        super().__init__(guests=guests)
        self.name = f'pollux-{guests}'

    @property
    def faces(self):
        return [(f'{face}-{self._guests}', turn) for face, turn in super().faces if face in FACES]

    @property
    def consoles(self):
        """(its name as a source, its number) of each guest's."""
        return [(f'g{n}', n + 1) for n in range(1, self._guests + 1)]

    def can(self, w, face):
        del face
        return w.command in COMMANDS and w.offload == 'on'

    def offloads(self, machine, on):
        """As kernels have them: there is no tool to change them, and can() takes only that."""

    def _add_guests(self, d, folder):
        initrd = folder / 'guest.img'
        initrd.write_bytes(initramfs.build(image.OUT / 'kernel', 'linux', [], [booted.LOAD], tools=()))
        for n in range(1, self._guests + 1):
            d.add_linux(n, memory=f'{GUEST_MIB}M', words=self._mitigations, initrd=initrd)
        return MACHINE_MIB + MACHINE_MIB_EACH * self._guests

    def _reachable(self):
        return [image.guest_address(n) for n in range(1, self._guests + 1)]


def run_all(running, w, count, check=False):
    """A run of so many units in each guest; the guests' results."""
    m, found = running.machine, []
    for source, _ in running.system.consoles:
        m.console.skip(source)
    running.system.mark(m, 1)
    for _, number in running.system.consoles:
        m.type(f'load {w.command} {systems.PEER_IP} {count}{" check" if check else ""}', number)
    for source, _ in running.system.consoles:
        found.append(booted.parse_result(m.expect(source, booted.RESULT.pattern, WORK_S)))
    running.system.mark(m, 2)
    if any(f['bad'] for f in found):
        raise systems.BenchError(f'{running.system.name}: {w.title}: damaged: {found}')
    return found


def arrived(results):
    return sum(r['units'] - r['lost'] for r in results)


def difference(small, large):
    """One result for a pair of runs: what the guests together did more in the large one, and with it all that was lost, so that
    units without lost ones are what counts. ns: of the slowest guests."""
    units, lost = arrived(large) - arrived(small), sum(r['lost'] for r in [*small, *large])
    if units <= 0:
        raise systems.BenchError(f'no more arrived in a large run than in a small one: {small} {large}')
    ns = max(r['ns'] for r in large) - max(r['ns'] for r in small)
    return {'units': units + lost, 'lost': lost, 'ns': max(ns, 1000)}


def shares(results):
    """(least, most) of what one guest got, 1 being an equal part. By the pace of each over its own window, which ends with its
    last unit: a guest that is done early leaves its part to the others, so an unfair share shows a little less than it is."""
    paces = [arrived([r]) / r['ns'] for r in results]
    fair = sum(paces) / len(paces)
    return min(paces) / fair, max(paces) / fair


def size(system, w, quick):
    """Of the large run, for each guest."""
    guests, window_of_one = len(system.consoles), system.size(w, quick)
    return max(window_of_one // 2, window_of_one * ALL_TIMES // guests)


def windows_of(guests, windows):
    """How many of those that a lone guest gets."""
    return windows if guests <= CROWD else max(FEWEST, windows // 2)


def measure(running, w, windows, quick):
    """The record, behind a run in which each byte is compared, and one that warms up. share: of the large runs, medians."""
    guests = len(running.system.consoles)
    large = size(running.system, w, quick)
    run_all(running, w, workloads.CHECKS[w.unit], check=True)
    run_all(running, w, large // SMALL)
    running.forget()
    results, found, parts = [], [], []
    for _ in range(windows_of(guests, windows)):
        small, whole = run_all(running, w, large // SMALL), run_all(running, w, large)
        results.append(difference(small, whole))
        parts.append(shares(whole))
        a, b = running.windows() # at once: their files are large
        found.append(b.minus(a))
    least, most = map(statistics.median, zip(*parts))
    return {**cost.summary(w.unit, results, found), 'share': {'least': round(least, 3), 'most': round(most, 3)}}
