# SPDX-License-Identifier: GPL-2.0-or-later
"""What upcalls cost: routines that the hypervisor has itself are run in the driver VM, one more at each point of the curve."""
import cost
import measure
import systems
import workloads

KEY = 'upcalls' # of the curve's points in the results
# What the twin calls once for a packet of 64 bytes, and the kernel's own routine does the same: those that hand out, take or
# deliver buffers are not among them. The counters say how often they really were called.
NATIVES = {'udp_tx': ('is_vmalloc_addr', 'dma_map_page_attrs', 'dma_unmap_page_attrs', 'skb_clone_tx_timestamp'),
           'udp_rx': ('eth_type_trans', 'skb_put', 'dma_sync_single_for_cpu', 'memcpy')}
# One packet a call of the driver, and one each way a pair: so each is called once for a pair.
NATIVES['udp_rr'] = (*NATIVES['udp_tx'], *NATIVES['udp_rx'], 'dql_completed')
PACKETS = {'udp_tx': 'tx_packets', 'udp_rx': 'rx_to_guests', 'udp_rr': 'tx_packets'} # the twin's counters


class Forced(systems.Pollux):
    """A guest behind a twin that calls these routines in the driver VM."""
    name = 'pollux-upcalls'

    def force(self, machine, names):
        """The twin takes them with the next attachment."""
        self._turn(machine, 'bridge', 'g1')
        machine.monitor(' '.join(['upcalls', 'force', *names]))
        self._turn(machine, 'twin', 'g1')


def points():
    """(workload, names) of the curves: none, the first, the first two, .."""
    return [(w, NATIVES[w.name][:n]) for w in workloads.ALL if w.name in NATIVES for n in range(len(NATIVES[w.name]) + 1)]


def per_packet(w, before, after):
    """Upcalls of each name for a packet that the twin carried between two `stats`."""
    key = PACKETS[w.name]
    packets = after['twin'][key] - before['twin'][key]
    if packets <= 0:
        raise systems.BenchError(f'{w.title}: no packet went through the twin')
    calls = {name: n - before['upcalls'].get(name, 0) for name, n in after['upcalls'].items()}
    return {name: round(n / packets, 3) for name, n in calls.items() if n}


def find(doc, w, names):
    """Its record, or None."""
    return next((p for p in doc.get(KEY, []) if p['workload'] == w.name and p['names'] == list(names)), None)


def measure_point(running, w, names, windows, quick):
    """A record of the curve."""
    running.system.force(running.machine, names)
    measure.warm_up(running, w, quick)
    before = running.machine.stats()
    results = running.load(w, running.system.size(w, quick), windows)
    counted = per_packet(w, before, running.machine.stats())
    return {'names': list(names), 'upcalls_per_packet': round(sum(counted.values()), 3), 'counted': counted, 'workload': w.name,
            **cost.summary(w.unit, results, running.windows())}
