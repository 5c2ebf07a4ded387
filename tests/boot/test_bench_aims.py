# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's aims (scripts/bench/aims.py), of made-up results."""
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import aims # noqa: E402
import fairness # noqa: E402
import results # noqa: E402
import workloads # noqa: E402

TCP_TX, UDP_TX = 'TCP transmit, offloads on', 'UDP transmit, 64 B'


def made_up(**costs):
    """Every workload costs the same. costs: by system, `_` for `-`."""
    doc = {}
    for face, n in costs.items():
        for w in workloads.ALL:
            if w.command != workloads.HTTP_LWIP:
                results.add(doc, face.replace('_', '-'), w, {'median': n})
    return doc


def judged(doc, group):
    """{what: (figure, state)} of the groups whose name begins so."""
    return {a['what']: (a['measured'] and round(a['measured'], 3), a['state']) for a in aims.judge(doc)
            if a['group'].startswith(group)}


def test_an_aim_is_met_or_missed_or_not_measured():
    doc = made_up(twin=1000, native=949)
    assert judged(doc, 'twin against native')[TCP_TX] == (0.949, aims.MISSED)
    assert judged(doc, 'twin against native')[UDP_TX] == (0.949, aims.MET)
    assert judged(doc, 'twin against KVM')[UDP_TX] == (None, aims.NOT_MEASURED)
    assert judged(made_up(twin=1000, native=950), 'twin against native')[TCP_TX] == (0.95, aims.MET), 'a bar belongs to it'


def test_without_figures_no_aim_is_met():
    assert {a['state'] for a in aims.judge({})} == {aims.NOT_MEASURED}


def test_the_better_of_two_counts_and_both_must_be_there():
    group = 'twin against the better'
    assert judged(made_up(twin=100, bridge=300, xen_domu=159), group)[TCP_TX] == (1.59, aims.MISSED)
    assert judged(made_up(twin=100, bridge=161, xen_domu=300), group)[TCP_TX] == (1.61, aims.MET)
    assert judged(made_up(twin=100, bridge=300), group)[TCP_TX] == (None, aims.NOT_MEASURED)


def test_the_least_of_all_workloads_needs_all_of_them():
    group, what = 'bridge against Xen', 'the least of all workloads'
    doc = made_up(bridge=100, xen_domu=120)
    assert judged(doc, group)[what] == (1.2, aims.MET)
    doc['xen-domu']['http']['on'] = {'median': 90}
    assert judged(doc, group)[what] == (0.9, aims.MISSED)
    del doc['xen-domu']['http']
    assert judged(doc, group)[what] == (None, aims.NOT_MEASURED)


@pytest.mark.parametrize('switches, value, state', [([0.5, 0.1, 0.9], 0.857, aims.MISSED), ([0.5, 0.2], 0.769, aims.MET)])
def test_kvm_is_taken_at_its_best_batching(switches, value, state):
    doc = made_up(twin=9000, kvm=20000)
    doc['kvm']['udp_tx']['on']['windows'] = [[20000, n] for n in switches]
    what = next(w for w in judged(doc, 'twin against KVM') if 'batching' in w)
    assert judged(doc, 'twin against KVM')[what] == (value, state)


def test_the_driver_vm_and_derived_code_have_bars():
    rows = judged(made_up(dvm_attached=100, dvm_detached=79), 'driver VM')
    assert len(rows) == 4 and set(rows.values()) == {(0.79, aims.MISSED)}
    for found, state in (1.09, aims.MET), (1.11, aims.MISSED):
        assert list(judged({results.DERIVED: {'window': found, 'stlb': 3}}, 'derived').values()) == [(round(1 / found, 3), state)]


def test_shares_have_a_bar_and_round_trips_none():
    doc = {'twin': {'ping': {'on': {'median': 1, 'trip_us': {'p50': 80}}}}, 'native': {'ping': {'on': {'median': 1}}},
           'bridge': {'ping': {'on': {'median': 1, 'trip_us': {'p50': 100}}}},
           fairness.KEY: {'twin-2': {'tcp_tx_on': {'share': {'median': 0.39}}, 'tcp_rx_on': {'share': {'median': 0.4}}}}}
    assert [s for _, s in judged(doc, "a guest's TCP").values()] == [aims.MISSED, aims.MET]
    assert judged(doc, 'a lone frame') == {'twin against bridge': (1.25, aims.NO_BAR),
                                           'twin against native': (None, aims.NOT_MEASURED)}


def test_the_table_says_what_is_missed():
    doc = made_up(twin=1000, native=949)
    rows = results.table_of_aims({**doc, 'aims': aims.judge(doc)})
    assert ['twin against native', TCP_TX, 'at least 0.95', '0.949', '**missed**'] in rows
    assert ['', UDP_TX, 'at least 0.65', '0.949', 'met'] in rows
    assert '| - | not measured |' in results.report({'aims': aims.judge(doc)})
