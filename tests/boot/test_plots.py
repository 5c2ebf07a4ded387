# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's pictures (scripts/bench/plots.py), of made-up results."""
import copy
import json
import subprocess
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))
pytest.importorskip('matplotlib')

import plots # noqa: E402
import results # noqa: E402
import workloads # noqa: E402

TOOL = image.ROOT / 'scripts/bench/plots.py'
OVERHEAD = {'engine': 'window', 'level': 'slots', 'hot_overhead': 1.077,
            'windows': [{'title': 'TCP < $out', 'hot_overhead': 1.061}]}


def record(cost, **parts):
    """Of so many instruction-equivalents a unit."""
    return {'min': cost * 0.9, 'median': cost, 'max': cost * 1.25, 'insns': sum(parts.values()), 'parts': parts}


def made_up():
    """Three systems of the six; one has no UDP."""
    doc = {}
    for w in workloads.ALL:
        results.add(doc, 'native', w, record(1000.0, kernel=900.0, user=10.0, e1000=50.0))
        results.add(doc, 'twin', w, record(2000.0, **{'guest kernel': 1000.0, 'hv': 700.0, 'natives': 60.0, 'twin': 80.0}))
        if w.unit != 'packet':
            results.add(doc, 'xen-domu', w, record(4000.0, kernel=2500.0, xen=1200.0, xen_netback=100.0, strange=77.0))
    return doc


def files(folder):
    return {f.name: f.read_bytes() for f in folder.iterdir()}


def run(source, target):
    return subprocess.run([TOOL, '--input', source, '--output', target], capture_output=True, text=True, timeout=120, check=False)


def test_pictures_say_what_they_show(tmp_path):
    assert plots.draw(made_up(), [OVERHEAD], tmp_path) == ['throughput', 'components', 'http', 'engines']
    text = {name: data.decode() for name, data in files(tmp_path).items()}
    for words in 'CPU-scaled throughput', 'Mb/s', 'thousand packets/s', 'native Linux', 'Xen domU (PV)':
        assert words in text['throughput.svg'], words
    # native TCP: 1e9 / 1000 KiB in a second; UDP: 1e9 / 1000 packets
    assert '>8,192<' in text['throughput.svg'] and '>1,000<' in text['throughput.svg']
    for words in 'instructions per packet', 'instructions per KiB', 'natives', 'not told apart', 'other', '>3,877<':
        assert words in text['components.svg'], words
    assert 'requests/s' in text['http.svg'] and '>500,000<' in text['http.svg'] # of the twin
    assert all(w in text['engines.svg'] for w in ('window, slots', 'TCP &lt; $out', '>1.061<', 'e1000.ko itself'))
    assert not any(results.TITLES[s] in t for s in ('kvm', 'bridge', 'twin-stlb') for t in text.values())


def test_the_same_results_give_the_same_bytes(tmp_path):
    (tmp_path / 'bench.json').write_text(json.dumps(made_up()))
    (tmp_path / 'overhead.json').write_text(json.dumps(OVERHEAD))
    for name in 'a', 'b':
        r = run(tmp_path, tmp_path / name)
        assert r.returncode == 0, r.stderr
    assert len(files(tmp_path / 'a')) == 4
    assert files(tmp_path / 'a') == files(tmp_path / 'b')


def test_whiskers_reach_from_the_highest_cost_to_the_lowest():
    w = plots.workload('tcp_tx_on')
    low, value, high = next(cells[0] for label, _, cells in plots.throughput(made_up(), [w]) if label == 'native Linux')
    assert (low, value, high) == pytest.approx((8192 / 1.25, 8192, 8192 / 0.9))


def test_each_instruction_belongs_to_a_component():
    for system in plots.SYSTEMS:
        parts = dict.fromkeys([*plots.PARTS, 'strange'], 1.5)
        assert sum(plots.components(system, parts).values()) == 1.5 * len(parts)
    assert plots.components('native', {'kernel': 2})[plots.GUEST] == 2
    assert plots.components('kvm', {'kernel': 2})[plots.HOST] == 2
    assert plots.components('xen-domu', {'kernel': 2})[plots.BOTH] == 2


def test_engines_are_those_of_the_benchmark_and_of_other_files(tmp_path):
    doc = {'derived_vs_original': {'window': 1.05, 'stlb': 3.1}, 'derived_windows': {'stlb': {'UDP': 3.125}}}
    strict = {**OVERHEAD, 'level': 'strict', 'hot_overhead': 1.103}
    assert plots.engines(doc, [OVERHEAD, strict]) == {
        'window, slots': {'all windows': 1.05, 'TCP < $out': 1.061}, 'stlb, slots': {'all windows': 3.1, 'UDP': 3.125},
        'window, strict': {'all windows': 1.103, 'TCP < $out': 1.061}}
    assert plots.draw(doc, [OVERHEAD, strict], tmp_path) == ['engines']
    text = (tmp_path / 'engines.svg').read_text()
    assert all(f'>{n}<' in text for n in ('1.050', '3.125', '1.103', '1.061')) and '1.077' not in text


def upcalls(*points):
    return {'upcalls': [{'workload': w, 'names': ['a'] * n, 'upcalls_per_packet': n * 0.99, 'min': cost * 0.8, 'median': cost,
                         'max': cost * 1.25} for w, n, cost in points]}


def test_upcalls_are_curves_of_throughput_against_none(tmp_path):
    doc = upcalls(('udp_tx', 2, 400.0), ('udp_tx', 0, 100.0), ('udp_rr', 0, 50.0), ('udp_rr', 9, 500.0), ('udp_rx', 1, 9.0))
    found = plots.curve(doc, plots.workload('udp_tx'))
    assert found[0] == (0, 0.8, 1, 1.25) and found[1] == pytest.approx((1.98, 0.2, 0.25, 0.3125))
    assert plots.curve(doc, plots.workload('udp_rx')) is None, 'there is no point without'
    assert plots.draw(doc, [], tmp_path) == ['upcalls']
    text = (tmp_path / 'upcalls.svg').read_text()
    for words in 'against none', '>0.25<', '>0.10<', 'UDP request/response, 64 B', 'UDP transmit, 64 B':
        assert words in text, words
    assert 'UDP receive' not in text


@pytest.mark.parametrize('points', [5, [5], [{}], [{'workload': 'udp_tx', 'names': [], 'upcalls_per_packet': 0}],
                                    [{**upcalls(('udp_tx', 0, 1.0))['upcalls'][0], 'median': 0}],
                                    [{**upcalls(('udp_tx', 0, 1.0))['upcalls'][0], 'upcalls_per_packet': None}]])
def test_points_that_are_none_are_refused(tmp_path, points):
    with pytest.raises(plots.PlotError, match='upcalls'):
        plots.draw({'upcalls': points}, [], tmp_path)


def test_without_results_it_says_how_to_get_them(tmp_path):
    r = run(tmp_path, tmp_path / 'plots')
    assert r.returncode == 1 and 'bench.json' in r.stderr and 'Traceback' not in r.stderr
    (tmp_path / 'bench.json').write_text('{}')
    r = run(tmp_path, tmp_path / 'plots')
    assert r.returncode == 1 and 'nothing to draw: make bench' in r.stderr
    assert not (tmp_path / 'plots').exists()


@pytest.mark.parametrize('text', ['{', '[]', '"x"', '\xff'])
def test_a_file_that_is_no_result_is_named(tmp_path, text):
    (tmp_path / 'bench.json').write_bytes(text.encode('latin-1'))
    r = run(tmp_path, tmp_path / 'plots')
    assert r.returncode == 1 and r.stderr.startswith(f'plots: {tmp_path}/bench.json: '), r.stderr


@pytest.mark.parametrize('key, value', [
    ('median', 0), ('median', None), ('median', '5'), ('median', float('nan')), ('max', float('inf')), ('max', 10**400),
    ('min', 1500.0), ('min', -1), ('insns', []), ('parts', None), ('parts', {'kernel': None}), ('parts', {'kernel': -1})])
def test_a_record_that_is_not_whole_is_named(tmp_path, key, value):
    doc = made_up()
    doc['native'] = copy.deepcopy(doc['native'])
    doc['native']['http']['on'][key] = value
    with pytest.raises(plots.PlotError, match='native, HTTP, 1 KiB: not a record'):
        plots.draw(doc, [], tmp_path)


@pytest.mark.parametrize('system', [5, [], {'http': 5}, {'http': {'on': 5}}])
def test_a_system_must_have_records(tmp_path, system):
    with pytest.raises(plots.PlotError, match='^native'):
        plots.draw({'native': system}, [], tmp_path)


@pytest.mark.parametrize('doc, overheads', [
    ({'derived_vs_original': 5}, []), ({'derived_vs_original': {'window': 'x'}}, []),
    ({'derived_vs_original': {'window': 1}, 'derived_windows': {'window': {'UDP': 0}}}, []),
    ({'derived_vs_original': {'window': 1}, 'derived_windows': 5}, []), ({'derived_windows': {'window': 5}}, []),
    ({}, [{}]), ({}, [{**OVERHEAD, 'windows': 5}]),
    ({}, [{**OVERHEAD, 'windows': [5]}]), ({}, [{**OVERHEAD, 'hot_overhead': None}])])
def test_ratios_of_engines_must_be_numbers(tmp_path, doc, overheads):
    with pytest.raises(plots.PlotError):
        plots.draw(doc, overheads, tmp_path)
