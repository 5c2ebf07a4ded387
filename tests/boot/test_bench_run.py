# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of the benchmark as a whole (scripts/bench/bench.py): what it keeps, what it tells of itself, without its machines."""
import gzip
import json
import subprocess
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import about # noqa: E402
import bench # noqa: E402
import booted # noqa: E402
import inputs # noqa: E402
import results # noqa: E402
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
    for words in ['init', '-q'], ['commit', '-q', '--allow-empty', '-m', 'first']:
        subprocess.run([*git, *words], check=True)
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
    assert rows['left out'].startswith('what') and len(results.table_of_about({})) == 1


def test_engines_are_kept_with_their_windows(kept, monkeypatch):
    document = {'hot_overhead': 1.07, 'windows': [{'title': 'ping', 'hot_overhead': 1.1, 'twin': {}}]}
    monkeypatch.setattr(bench.overhead, 'measure', lambda say, quick, file: document)
    run = begin()
    bench.measure_engines(run)
    assert run.doc[results.DERIVED] == {'window': 1.07, 'stlb': 1.07}
    assert results.table_of_engines(run.doc) == [['SVM engine', 'all windows', 'ping'], ['window', '1.070', '1.100'],
                                                 ['stlb', '1.070', '1.100']]
    monkeypatch.setattr(bench.overhead, 'measure', lambda *_: pytest.fail('it is measured already'))
    bench.measure_engines(begin())
