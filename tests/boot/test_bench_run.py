# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of the benchmark as a whole (scripts/bench/bench.py): what it keeps, what it tells of itself, without its machines."""
import gzip
import json
import subprocess
import sys
from types import SimpleNamespace

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import about # noqa: E402
import bench # noqa: E402
import booted # noqa: E402
import estimate # noqa: E402
import fairness # noqa: E402
import inputs # noqa: E402
import kvm # noqa: E402
import results # noqa: E402
import systems # noqa: E402
import upcalls # noqa: E402
import web # noqa: E402
import workloads # noqa: E402
import xen # noqa: E402

UDP_TX = next(w for w in workloads.ALL if w.name == 'udp_tx')
RECORD = {'median': 5, 'min': 4, 'max': 6}


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """The inputs: a file and a folder. A run of before has measured something of them. Its folder."""
    monkeypatch.setattr(bench, 'STATE', tmp_path / 'state.json')
    monkeypatch.setattr(inputs, 'files', lambda: [tmp_path / 'twin', tmp_path / 'absent'])
    (tmp_path / 'twin').write_text('one')
    begin().add('twin', UDP_TX, RECORD)
    return tmp_path


def begin(quick=True, fresh=False):
    return bench.Run(quick, fresh, lambda line: None)


def test_what_was_measured_is_kept(kept):
    assert begin().doc == {'twin': {'udp_tx': {'on': RECORD}}}


def test_what_was_measured_is_forgotten_on_demand(kept):
    assert not begin(fresh=True).doc


def test_what_was_measured_is_forgotten_when_an_input_changes(kept):
    assert not begin(quick=False).doc
    (kept / 'twin').write_text('two')
    assert not begin().doc
    (kept / 'twin').write_text('one')
    assert begin().doc
    (kept / 'absent').write_text('')
    assert not begin().doc, 'a file that came'


@pytest.mark.parametrize('text', ['', '{', '[]', '5', '{}', '{"fingerprint": "x"}'])
def test_a_file_that_is_no_state_is_nothing_measured(kept, text):
    (kept / 'state.json').write_text(text)
    assert not begin().doc


def test_duration_is_the_sum_of_all_parts(kept, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(bench.time, 'monotonic', lambda: clock[0])
    state = json.loads((kept / 'state.json').read_text())
    (kept / 'state.json').write_text(json.dumps({**state, 'seconds': 50.5, 'begun': 'then'}))
    run = begin()
    clock[0] += 7
    assert (run.seconds, run.begun) == (57.5, 'then')
    run.add('twin', UDP_TX, RECORD)
    assert begin().seconds == 57.5, 'a pause is not counted'
    assert begin(fresh=True).seconds == 0


@pytest.mark.parametrize('doc', [None, 5, 'text'])
def test_a_state_whose_figures_are_none_is_nothing_measured(kept, doc):
    state = json.loads((kept / 'state.json').read_text())
    (kept / 'state.json').write_text(json.dumps({**state, 'doc': doc}))
    assert not begin().doc


def test_figures_depend_on_programs_kernel_xen_and_what_measures():
    found = inputs.files()
    scripts = [image.ROOT / 'scripts/bench' / n for n in ('cost.py', 'kvm.py', 'init', 'xen_host', 'load/serve.c')]
    for f in (image.HYPERVISOR, image.TWIN, image.TWIN_STLB, image.KERNEL, booted.LOAD, booted.PLUGIN, xen.XEN, *scripts):
        assert f in found, f
    assert image.ROOT / 'scripts/bench/plots.py' not in found, 'it only shows them'
    assert not web.SERVER.is_dir() or web.SERVER / web.PROGRAM in found


def test_the_commit_and_changes_that_are_not_committed(monkeypatch, tmp_path):
    monkeypatch.setattr(image, 'ROOT', tmp_path)
    monkeypatch.setenv('GIT_CEILING_DIRECTORIES', str(tmp_path.parent))
    assert about.commit() == (None, None)
    git = ['git', '-c', 'user.name=x', '-c', 'user.email=x', '-C', tmp_path]
    for words in 'init -q', 'commit -q --allow-empty -m first':
        subprocess.run([*git, *words.split()], check=True)
    head, clean = about.commit()
    assert len(head) == 40 and clean
    (tmp_path / 'new').write_text('')
    assert about.commit() == (head, False)


def test_versions_are_those_of_what_was_unpacked(tmp_path):
    folder = tmp_path / 'usr/share/doc/xen-hypervisor-4.17-amd64'
    folder.mkdir(parents=True)
    (folder / 'changelog.Debian.gz').write_bytes(gzip.compress(b'xen (4.17.7-0+deb12u1) bookworm; urgency=medium\n'))
    assert about.package_version(tmp_path, 'xen-hypervisor-*') == '4.17.7-0+deb12u1'
    assert about.package_version(tmp_path, 'lighttpd') is None


def test_figures_say_what_they_hold_for():
    assert about.processor('processor\t: 0\nmodel name\t: EPYC 7B13\nmodel name\t: other\n') == 'EPYC 7B13'
    found = about.about(True, '2026-01-02 03:04 UTC', 3725.4)
    assert {'kernel', 'qemu', 'xen', 'lighttpd', 'mitigations', 'commit', 'clean'} <= set(found)
    rows = dict(results.table_of_about({'about': {**found, 'commit': 'a' * 40, 'clean': False, 'host_cpu': 'Z80'}}))
    assert rows['commit'] == 'a' * 12 + ', with changes that are not committed' and rows['duration'] == '1 h 2 min'
    assert rows['host'].startswith('Z80, ') and rows['kernel'] == found['kernel'] and '1,500 a world switch' in rows['charges']
    assert rows['--quick'] == 'yes' and len(results.table_of_about({})) == 1
    assert ['commit', 'not told'] in results.table_of_about({'about': {'kernel': '6'}})


def test_engines_are_kept_with_their_windows(kept, monkeypatch):
    document = {'hot_overhead': 1.07, 'windows': [{'title': 'ping', 'hot_overhead': 1.1, 'twin': {}}]}
    monkeypatch.setattr(bench.overhead, 'measure', lambda say, quick, file: document)
    run = begin(quick=False)
    bench.measure_engines(run)
    assert run.doc[results.DERIVED] == {'window': 1.07, 'stlb': 1.07}
    assert results.table_of_engines(run.doc) == [['SVM engine', 'all windows', 'ping'], ['window', '1.070', '1.100'],
                                                 ['stlb', '1.070', '1.100']]
    monkeypatch.setattr(bench.overhead, 'measure', lambda *_: pytest.fail('it is measured already'))
    bench.measure_engines(begin(quick=False))


def names(wanted=None, quick=False):
    return [s.name for s in bench.chosen_systems(wanted, bench.GUESTS[quick], quick)]


def test_without_quick_everything_is_measured():
    assert set(bench.NOT_QUICK) <= set(names()) and set(names()) - set(names(quick=True)) >= set(bench.NOT_QUICK)
    assert {f'pollux-{n}' for n in (1, 2, 4, 8, 16)} <= set(names())
    assert 'kvm-nopoll' not in names() and 'kvm-nopoll' in names(['kvm-nopoll'])
    assert 'pollux-lwip' in names(['twin'], quick=True), 'what is asked for is not left out'


def asked(systems=None, quick=False, more=()):
    flags = {'upcalls': False, 'fairness': False, **dict.fromkeys(more, True)}
    return bench.asked_for(SimpleNamespace(systems=systems, quick=quick, **flags))


def test_upcalls_belong_to_what_is_not_quick():
    assert asked() == {'upcalls', 'fairness', results.DERIVED} and asked(quick=True) == {'fairness', results.DERIVED}
    assert asked('twin') == set() and asked('none', quick=True, more=['upcalls']) == {'upcalls'}


def test_windows_of_slow_systems_are_smaller_when_quick():
    assert [kvm.Kvm().size(UDP_TX, q) for q in (True, False)] == [UDP_TX.quick // 2, UDP_TX.count]
    assert [systems.Native().size(UDP_TX, q) for q in (True, False)] == [UDP_TX.quick, UDP_TX.count]


def test_each_boot_has_an_expected_time():
    everything = bench.all_systems((1, 16))
    assert all(estimate.of_boot(s.name, 1, 3, 1) > 0 for s in everything)
    assert {fairness.Pair().name, upcalls.Forced().name} <= set(estimate.TIMES)


def expected(run, quick, named=None):
    return bench.expected_seconds(run, named, workloads.ALL, bench.GUESTS[quick], asked(named, quick))


def test_quick_is_about_ten_minutes(kept, monkeypatch):
    monkeypatch.setattr(kvm.Kvm, 'missing', lambda *_: None)
    monkeypatch.setattr(xen.Dom0, 'missing', lambda *_: None)
    monkeypatch.setattr(xen.DomU, 'missing', lambda *_: None)
    whole, quick = expected(begin(False, True), False), expected(begin(True, True), True)
    assert 8 * 60 < quick < 12 * 60 and whole > 4 * quick
    assert estimate.in_words(quick).startswith(f'about {round(quick / 60)} min')


def test_what_is_measured_takes_no_time_any_more(kept):
    run = begin(True, True)
    before = expected(run, True, ['native'])
    for w in workloads.ALL:
        run.add('native', w, RECORD)
    assert before > 0 and expected(run, True, ['native']) == 0


def test_the_expected_time_is_said_first(kept, monkeypatch):
    said = []
    monkeypatch.setattr(bench, 'measure_all', lambda *_: said.append('begins'))
    monkeypatch.setattr(bench, 'measure_all_cycles', lambda *_: None)
    bench.measure_everything(bench.Run(True, True, said.append), ['native'], workloads.ALL, (4,), set())
    assert said[0].startswith('this takes about 1 min') and said[1] == 'begins'


def test_help_says_what_quick_leaves_out():
    command = [sys.executable, image.ROOT / 'scripts/bench/bench.py', '--help']
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for words in '10 minutes', "Xen's dom0", "lwIP's web server", '3 of each instead of 9', 'upcalls', 'guests but 4':
        assert words in out.replace('\n', ' '), words
