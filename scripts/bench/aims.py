# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures are to reach, and whether they do. An aim whose figures are not all there is not measured, never met."""
from collections.abc import Callable
from dataclasses import dataclass

import fairness
import results
import workloads

MET, MISSED, NOT_MEASURED, NO_BAR = 'met', 'missed', 'not measured', 'no bar'
# KVM's instructions per datagram that a guest sends, by world switches per datagram: a line through nine windows of three boots.
# How many datagrams a switch carries is luck of its scheduling, so its best is what counts against the twin.
KVM_BASE, KVM_SWITCH = 9300, 12000


@dataclass(frozen=True)
class Aim:
    """find: results -> the figure, or None. bar: what it must be at least, or at most; None: it is only told."""
    group: str
    what: str
    bar: float | None
    find: Callable
    at_most: bool = False

    def judge(self, doc):
        value = self.find(doc)
        if value is None:
            state = NOT_MEASURED
        elif self.bar is None:
            state = NO_BAR
        else:
            state = MET if (value <= self.bar if self.at_most else value >= self.bar) else MISSED
        return {'group': self.group, 'what': self.what, 'bar': self.bar, 'at_most': self.at_most, 'measured': value,
                'state': state}


def workload(key):
    return next(w for w in workloads.ALL if w.key == key)


def least(values):
    """None when one of them is."""
    values = list(values)
    return None if None in values else min(values)


def against(first, *others):
    """Throughput per unit of CPU, against the best of the others."""
    return lambda key: lambda doc: least(results.ratio(doc, first, other, workload(key)) for other in others)


def compared(group, find, bars):
    """Aims of a group. find: key -> function of the results; bars: {key of a workload: bar}."""
    return [Aim(group, workload(key).title, bar, find(key)) for key, bar in bars.items()]


def of_all_workloads(first, second):
    """The least of those that a Linux can be asked for."""
    return lambda doc: least(results.ratio(doc, first, second, w) for w in workloads.ALL if w.command != workloads.HTTP_LWIP)


def over_kvms_line(doc):
    """The twin's cost over that of KVM where its own windows had the fewest switches."""
    w = workload('udp_tx')
    twin, kvm = (results.figure(doc, system, w) for system in ('twin', 'kvm'))
    if not twin or not kvm or 'windows' not in kvm:
        return None
    return twin['median'] / (KVM_BASE + KVM_SWITCH * min(switches for _, switches in kvm['windows']))


def original_over_derived(doc):
    found = doc.get(results.DERIVED, {}).get('window')
    return found and 1 / found


def round_trip(first, second):
    """Of a ping: the second's median over the first's, so above 1 the first is earlier."""
    def find(doc):
        records = [results.figure(doc, system, workload('ping')) for system in (first, second)]
        if not all(r and 'trip_us' in r for r in records):
            return None
        return records[1]['trip_us']['p50'] / records[0]['trip_us']['p50']
    return find


def share(key):
    def find(doc):
        record = fairness.find(doc, f'twin-{fairness.GUESTS}', workload(key))
        return record and record['share']['median']
    return find


TCP = 'tcp_tx_on', 'tcp_rx_on', 'tcp_tx_off', 'tcp_rx_off'
KVM = 'twin against KVM'
SHARE = "a guest's TCP beside another one's flood of datagrams, of its share"
LONE = 'a lone frame: median round trip of a ping'
AIMS = [
    *compared('twin against the better of bridge and Xen domU', against('twin', 'bridge', 'xen-domu'),
              {'tcp_tx_off': 2.4, 'tcp_rx_off': 2.1, 'tcp_tx_on': 1.6, 'tcp_rx_on': 1.6}),
    Aim('bridge against Xen domU', 'the least of all workloads', 1 / 1.1, of_all_workloads('bridge', 'xen-domu')),
    *compared('twin against native', against('twin', 'native'),
              {'tcp_tx_on': 0.95, 'tcp_rx_on': 0.95, 'tcp_tx_off': 0.82, 'tcp_rx_off': 0.82, 'udp_tx': 0.65, 'udp_rx': 0.70}),
    *compared(KVM, against('twin', 'kvm'), {'udp_tx': 2.0, 'udp_rr': 2.0}),
    Aim(KVM, f'cost of UDP transmit over {KVM_BASE:,} + {KVM_SWITCH:,} x switches a packet, at KVM\'s own best batching', 0.85,
        over_kvms_line, at_most=True),
    *compared('driver VM with the twin attached against detached', against('dvm-attached', 'dvm-detached'),
              dict.fromkeys(TCP, 0.80)),
    Aim('derived code against original', 'engine window, executed instructions', 1 / 1.1, original_over_derived),
    *compared(SHARE, share, {'tcp_tx_on': 0.40, 'tcp_rx_on': 0.40}),
    Aim(LONE, 'twin against bridge', None, round_trip('twin', 'bridge')),
    Aim(LONE, 'twin against native', None, round_trip('twin', 'native')),
]


def judge(doc):
    """All, as out/bench.json has them. doc: of the measured figures."""
    return [aim.judge(doc) for aim in AIMS]
