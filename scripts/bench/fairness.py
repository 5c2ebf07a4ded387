# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest's TCP keeps of its pace while another guest sends datagrams as fast as it can.

Its part is half of its pace alone. Both are of the emulator's clock, an instruction a nanosecond, but alone the machine waits
for the peer, which is real time: so time alone is the instructions that were executed, and no idling makes the part smaller."""
import statistics

import cost
import many
import systems
import window
import workloads

KEY = 'fairness' # of the records in the results
GUESTS = 2
FLOOD = 'g2', 3 # its name as a source, number; the stream is g1's
KEYS = 'tcp_tx_on', 'tcp_rx_on'
KIB = {True: 32768, False: 131072} # of the stream in a window; True: quick
ENDLESS = 1 << 40 # datagrams
LEAST_FLOOD = 1000 # datagrams in a window, else it was none


class Pair(many.Guests):
    """Marks are those of the generator, so that a window is the stream's alone."""
    marks = window.GENERATOR

    def __init__(self):
        super().__init__(GUESTS)
        self.name = 'pollux-fairness'

    def begin_flood(self, machine):
        self._flood(machine, f'load udp-tx {systems.PEER_IP} {ENDLESS} >/run/flood 2>&1 & echo $! >/run/flood.pid; sleep 1; '
                    'kill -0 $(cat /run/flood.pid)')

    def end_flood(self, machine):
        self._flood(machine, 'kill $(cat /run/flood.pid)')

    @staticmethod
    def _flood(machine, command):
        status, text = machine.shell(command, *FLOOD, 60)
        if status:
            raise systems.BenchError(f'no flood: {text}')


def wanted(chosen):
    return [w for w in chosen if w.key in KEYS]


def find(doc, face, w):
    """The record, or None."""
    return doc.get(KEY, {}).get(face, {}).get(w.key)


def floods(machine):
    """Frames of the flood so far."""
    return machine.stats()['net']['ports'][FLOOD[0]]['tx']['packets']


def stream_alone(running, w, windows, quick):
    """Units a second in each window, by instructions."""
    running.load(w, workloads.CHECKS[w.unit], check=True)
    running.load(w, KIB[quick])
    running.forget()
    results = running.load(w, KIB[quick], windows)
    return [r['units'] * 1e9 / (f.insns + f.rep) for r, f in zip(results, running.windows())]


def stream_beside(running, w, windows, quick):
    """(units a second in each window, datagrams of the flood for each of the stream's units)"""
    running.system.begin_flood(running.machine)
    before = floods(running.machine)
    results = running.load(w, KIB[quick], windows)
    sent = floods(running.machine) - before
    running.system.end_flood(running.machine)
    running.forget()
    if sent < LEAST_FLOOD * windows:
        raise systems.BenchError(f'{w.title}: a flood of {sent} datagrams is none')
    return [r['units'] * 1e9 / r['ns'] for r in results], sent / sum(r['units'] for r in results)


def measure(running, w, windows, quick):
    """The record: share is what is kept of half of the pace alone."""
    alone = stream_alone(running, w, windows, quick)
    beside, datagrams = stream_beside(running, w, windows, quick)
    half = statistics.median(alone) / GUESTS
    return {'unit': w.unit, 'n': windows, 'alone_units_per_s': cost.spread(alone), 'beside_units_per_s': cost.spread(beside),
            'datagrams_per_unit': round(datagrams, 3),
            'share': {k: round(f(beside) / half, 3) for k, f in (('min', min), ('median', statistics.median), ('max', max))}}
