# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of the benchmark as a whole (scripts/bench/bench.py): what it keeps, what it tells of itself, without its machines."""
import json
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import bench # noqa: E402
import booted # noqa: E402
import inputs # noqa: E402
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
