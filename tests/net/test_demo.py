# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration itself, with short windows: its document is whole, it fails when the driver VM is on the data path,
says what failed, and leaves nothing behind.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))

import demo # noqa: E402
import demo_counters # noqa: E402
import demo_measure # noqa: E402
import image # noqa: E402
import inside # noqa: E402
import overhead # noqa: E402
import peer # noqa: E402
from demo_lab import DemoError # noqa: E402

LIMIT_S = 900
MODE = {'tcp_tx_mbps', 'tcp_rx_mbps', 'udp_tx_pps', 'udp_rx_pps', 'raw_tx_fps', 'raw_rx_fps', 'ping_ms', 'http_rps'}
ANY_NETWORK = {'tcp_tx_mbps', 'tcp_rx_mbps', 'http_rps'}
WINDOW = {'twin_tx_packets', 'twin_rx_packets', 'driver_vm_entries', 'castor_events', 'upcalls_steady', 'window_faults',
          'exits'}
COUNTERS = WINDOW | {'driver_vm_packets', 'driver_vm_heard', 'seconds', 'windows'}
DERIVE = {'guards', 'guards_removed', 'replaced_by_hand', 'instructions_before', 'instructions_after',
          'static_overhead', 'hot_overhead', 'hot_overhead_windows'}
DOCUMENT = {'ok', 'failures', 'window_s', 'seconds', 'parts', 'network', 'kernel', 'qemu', 'e1000_sha256', 'derive',
            'bridge', 'twin', 'counters'}
PARTS = {'facts', 'boot', 'mode bridge', 'mode twin', 'end', 'hot_overhead'}
INSIDE = '''Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     640      10    0    0    0     0          0         0     640      20    0    0    0    0    0    0
  eth0:     640      10    0    0    0     0          0         0     640      20    0    0    0    0    0    0
   br0:     640       3    0    0    0     0          0         0     640       4    0    0    0    0    0    0
softnet
00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
witness eth0=1/1 br0=0/1 v0=0/0 end
witness eth0=1/2 br0=0/3 v0=4/0 end
'''
GOOD = {'twin_tx_packets': 60000, 'twin_rx_packets': 40000, 'driver_vm_packets': 0, 'driver_vm_heard': {'v0': 3},
        'driver_vm_entries': {'timer': 5000, 'card': 60, 'castor': 40}, 'upcalls_steady': {}, 'window_faults': 100,
        'seconds': 50.0}


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """(the finished process, its document)"""
    output = tmp_path_factory.mktemp('demo') / 'run.json'
    r = subprocess.run([ROOT / 'scripts/demo.py', '--quick', '--output', output], timeout=LIMIT_S, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return r, json.loads(output.read_text())


def test_everything_is_measured(run):
    process, document = run
    assert process.returncode == 0, process.stdout
    assert document['ok'] is True and document['failures'] == []
    whole = document['network'] == 'tap'
    for mode in ('bridge', 'twin'):
        assert MODE <= set(document[mode])
        assert all(document[mode][k] > 0 for k in (MODE if whole else ANY_NETWORK))
        if whole:
            assert all(document[mode]['two_guests'][k] > 0 for k in MODE)


def test_document_has_every_key(run):
    document = run[1]
    assert set(document) == DOCUMENT and set(document['parts']) == PARTS
    assert set(document['derive']) == DERIVE and set(document['counters']) == COUNTERS
    for window in document['counters']['windows']:
        assert set(window) == WINDOW | {'name'}
    whole = document['network'] == 'tap'
    assert len(document['counters']['windows']) == (2 * len(demo_measure.ALL) if whole else len(ANY_NETWORK))
    assert document['seconds'] > sum(document['parts'].values()) * 0.9


def test_table_has_each_measurement(run):
    for name, _, _, _, _ in demo_measure.ALL:
        assert f'\n{name}, ' in run[0].stdout


def test_driver_vm_is_off_the_data_path(run):
    counters = run[1]['counters']
    assert demo_counters.faults(counters) == []
    assert counters['driver_vm_entries']['timer'] > 0 and 'entries' not in counters['driver_vm_entries']
    assert set(counters['exits']) == {'dvm', 'g1', 'g2'}
    for kinds in counters['exits'].values():
        assert kinds['hlt'] > 0 and kinds['intr'] > 0
    # Every entry is an exit, but for the one that is under way at each end.
    for w in counters['windows']:
        assert abs(sum(w['driver_vm_entries'].values()) - sum(w['exits']['dvm'].values())) <= 1, w


def test_document_names_what_was_run(run):
    document = run[1]
    assert document['derive']['guards'] > 0
    assert 1.0 < document['derive']['hot_overhead'] <= overhead.BOUND
    assert document['kernel'] == (image.OUT / 'kernel/version').read_text().strip()
    assert 'QEMU' in document['qemu']
    assert document['e1000_sha256'] == (image.OUT / 'kernel/e1000.sha256').read_text().split()[0]


def test_what_the_driver_vm_saw_is_read():
    assert inside.parse(INSIDE) == {'unicast': 5, 'group': 5, 'br0': 7, 'softnet': 16}


@pytest.mark.parametrize('change, words', [
    ({}, None),
    ({'driver_vm_packets': 1}, "1 of the guests' frames"),
    ({'driver_vm_heard': {'v0': 3, 'softnet': 21}}, "more than 20 frames were heard .*{'softnet': 21}"),
    ({'driver_vm_entries': {'timer': 5000, 'resumed': 5000, 'card': 60, 'castor': 40}}, None),
    ({'driver_vm_entries': {'timer': 5000, 'card': 61, 'castor': 40}}, "more than 1 entry .*'card': 61, 'castor': 40"),
    ({'upcalls_steady': {'dma_unmap_page_attrs': 1}}, "upcalls in steady state: {'dma_unmap_page_attrs': 1}"),
    ({'window_faults': 101}, 'more than 1 window fault .* 101 for 100,000'),
    ({'twin_tx_packets': 0, 'twin_rx_packets': 200000}, 'no packets went through the twin'),
])
def test_driver_vm_on_the_data_path_is_a_failure(change, words):
    bad = demo_counters.faults({**GOOD, **change})
    assert len(bad) == (1 if words else 0)
    assert not words or re.search(words, bad[0]), bad


@pytest.mark.parametrize('ratio, words', [(overhead.BOUND, []),
                                          (1.12, ['hot_overhead: 1.120 over all windows, bound 1.10'])])
def test_overhead_above_the_bound_is_a_failure(ratio, words, monkeypatch):
    counted = {'hot_overhead': ratio, 'windows': [{'key': 'ping', 'hot_overhead': 2.0}]}
    monkeypatch.setattr(overhead, 'measure', lambda say, quick: counted)
    document, failures = {'parts': {}, 'derive': {}}, []
    demo.count_overhead(document, failures)
    assert failures == words
    assert document['derive'] == {'hot_overhead': ratio, 'hot_overhead_windows': {'ping': 2.0}}


@pytest.mark.parametrize('vm, deaths, words', [
    ({}, 0, []),
    ({'state': 'killed', 'reason': 'triple fault'}, 0, ['VM dvm: killed triple fault']),
    ({'restarts': 2}, 0, ['VM dvm: died and was restarted 2 times']),
    ({}, 1, ['the twin died: ud']),
])
def test_death_is_a_failure_even_if_it_was_repaired(vm, deaths, words):
    class Machine: # pylint: disable=too-few-public-methods
        @staticmethod
        def stats():
            good = {'state': 'running', 'reason': '', 'restarts': 0}
            return {'vms': {'dvm': {**good, **vm}, 'g1': good}, 'twin': {'deaths': deaths, 'last_death': 'ud'}}
    class Lab: # pylint: disable=too-few-public-methods
        machine = Machine
    assert demo.check_end(Lab) == words


def test_wrong_http_answers_are_a_failure():
    good = 'Requests/sec:   1234.50\n'
    assert demo_measure.http_requests(good) == 1234.5
    for bad in ('', f'  Non-2xx or 3xx responses: 3\n{good}',
                f'  Socket errors: connect 0, read 5, write 0, timeout 0\n{good}'):
        with pytest.raises(DemoError):
            demo_measure.http_requests(bad)


def test_frames_may_get_lost_and_nothing_else():
    good = {'frames': '30', 'lost': '10', 'late': '0', 'repeated': '0', 'damaged': '0'}
    demo_measure.check_frames('sink', [good])
    assert demo_measure.lost_part([good, good]) == 0.25
    for k in ('late', 'repeated', 'damaged'):
        with pytest.raises(DemoError, match=f"'{k}': '1'"):
            demo_measure.check_frames('sink', [good, {**good, k: '1'}])


class NoLab:
    """A machine that boots nothing."""
    reduced = False
    __enter__ = lambda self: self # noqa: E731
    __exit__ = lambda *_: None # noqa: E731


def no_facts():
    return {}['kernel']


def fails_with(error):
    def fail(*_):
        raise error
    return fail


@pytest.mark.parametrize('where, fail, parts, words', [
    ('boot', fails_with(peer.PeerError('iperf: exit 1')), {'facts', 'boot'}, 'boot: iperf: exit 1'),
    ('measure_bridge', fails_with(IndexError('empty')), {'facts', 'boot', 'mode bridge'},
     r'mode bridge: IndexError: empty \(test_demo.py:\d+\)'),
    ('facts', no_facts, {'facts'}, r"facts: KeyError: 'kernel' \(test_demo.py:\d+\)"),
    ('Lab', fails_with(RecursionError('deep')), {'facts'}, r'deep'),
    ('run', fails_with(AttributeError('none')), {'facts'}, r'AttributeError: none \(test_demo.py:\d+\)'),
])
def test_failure_is_named_and_the_document_whole(where, fail, parts, words, tmp_path, monkeypatch, capsys):
    """Whatever fails, also what nobody thought of: a part by its name, and every key, null if nothing is known."""
    monkeypatch.setattr(demo, 'Lab', lambda say: NoLab())
    monkeypatch.setattr(demo, 'boot', lambda *_: None)
    monkeypatch.setattr(demo, where, fail)
    assert demo.demonstrate(1, tmp_path / 'run.json') == 1
    document = json.loads((tmp_path / 'run.json').read_text())
    assert document['ok'] is False and len(document['failures']) == 1
    assert re.fullmatch(words, document['failures'][0])
    assert set(document) == DOCUMENT and set(document['parts']) == parts
    assert document['bridge'] is None and document['counters'] is None
    assert f'demo: failed: {document["failures"][0]}\n' in capsys.readouterr().err


def started_by(process):
    """Command lines of a process's children, grandchildren and so on."""
    children = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(process)], capture_output=True, text=True, check=False)
    found = []
    for pid in map(int, children.stdout.split()):
        found += [(pid, Path(f'/proc/{pid}/cmdline').read_text().replace('\0', ' ')), *started_by(pid)]
    return found


def test_interrupted_run_leaves_nothing(tmp_path):
    """Ctrl-C in the middle of a window: no machine, no peers, no namespace, no results, neither new nor old ones."""
    if not peer.is_available():
        pytest.skip('network namespaces and taps need root')
    output = tmp_path / 'run.json'
    output.write_text('{"ok": true}')
    p = subprocess.Popen([ROOT / 'scripts/demo.py', '--quick', '--output', output], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ''
    while 'bridge, TCP transmit' not in said:
        line = p.stdout.readline()
        assert line, said
        said += line
    running = started_by(p.pid)
    assert any('qemu-system' in command for _, command in running), running
    p.send_signal(signal.SIGINT)
    said += p.communicate(timeout=LIMIT_S)[0]
    assert p.returncode == 130 and 'Traceback' not in said, said
    end = time.monotonic() + 20 # what ran in the namespace is ended, not waited for
    while left := [command for pid, command in running if Path(f'/proc/{pid}').exists()]:
        assert time.monotonic() < end, left
        time.sleep(0.1)
    assert not [n for n in os.listdir('/run/netns') if n.startswith(f'{peer.PREFIX}{p.pid}-')]
    assert list(tmp_path.iterdir()) == []
