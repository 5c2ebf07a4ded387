# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration itself, with short windows: its document is whole, and the driver VM is off the data path."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))

import demo_counters # noqa: E402
import demo_measure # noqa: E402
import image # noqa: E402
import overhead # noqa: E402
from demo_lab import DemoError # noqa: E402

LIMIT_S = 900
MEASURED = ('tcp_tx_mbps', 'tcp_rx_mbps', 'udp_tx_pps', 'udp_rx_pps', 'ping_ms', 'http_rps')
ANY_NETWORK = ('tcp_tx_mbps', 'tcp_rx_mbps', 'http_rps')
INSIDE = '''Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
  eth0:     640      10    0    0    0     0          0         0     640      20    0    0    0    0    0    0
   br0:     640       3    0
   br0:     640       3    0    0    0     0          0         0     640       4    0    0    0    0    0    0
softnet
00000010 00000000 00
00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
irqs
           CPU0
 11:         7   IO-APIC  11-fasteoi   castor
LOC:        99   Local timer interrupts
'''


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """(the finished process, its document)"""
    output = tmp_path_factory.mktemp('demo') / 'run.json'
    r = subprocess.run([ROOT / 'scripts/demo.py', '--quick', '--output', output], timeout=LIMIT_S, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return r, json.loads(output.read_text())


@pytest.mark.long
def test_everything_is_measured(run):
    process, document = run
    assert process.returncode == 0, process.stdout
    assert document['ok'] is True and document['failures'] == []
    whole = document['network'] == 'tap'
    for mode in ('bridge', 'twin'):
        assert set(MEASURED) <= set(document[mode])
        assert all(document[mode][k] > 0 for k in (MEASURED if whole else ANY_NETWORK))
        if whole:
            assert all(document[mode]['two_guests'][k] > 0 for k in MEASURED)


@pytest.mark.long
def test_table_has_each_measurement(run):
    for name, _, _, _, _ in demo_measure.ALL:
        assert f'\n{name}, ' in run[0].stdout


@pytest.mark.long
def test_driver_vm_is_off_the_data_path(run):
    counters = run[1]['counters']
    assert counters['twin_tx_packets'] > 0 and counters['twin_rx_packets'] > 0
    moved = counters['twin_tx_packets'] + counters['twin_rx_packets']
    assert counters['driver_vm_packets'] * 1000 <= moved
    assert {'total', 'interrupts', 'castor_rings', 'castor_upcall'} <= set(counters['driver_vm_entries'])
    assert set(counters['exits']) == {'dvm', 'g1', 'g2'}
    assert isinstance(counters['upcalls_steady'], dict) and counters['window_faults'] >= 0


@pytest.mark.long
def test_document_names_what_was_run(run):
    document = run[1]
    assert document['derive']['guards'] > 0
    assert 1.0 < document['derive']['hot_overhead'] <= overhead.BOUND
    assert document['kernel'] == (image.OUT / 'kernel/version').read_text().strip()
    assert 'QEMU' in document['qemu']
    assert document['e1000_sha256'] == (image.OUT / 'kernel/e1000.sha256').read_text().split()[0]


def test_interrupted_lines_count_once():
    assert demo_counters.parse_inside(INSIDE) == {
        'net/eth0': 30, 'net/br0': 7, 'softnet': 16, 'irq/castor': 7, 'irq/LOC': 99}


def test_wrong_http_answers_are_a_failure():
    good = 'Requests/sec:   1234.50\n'
    assert demo_measure.http_requests(good) == 1234.5
    for bad in ('', f'  Non-2xx or 3xx responses: 3\n{good}',
                f'  Socket errors: connect 0, read 5, write 0, timeout 0\n{good}'):
        with pytest.raises(DemoError):
            demo_measure.http_requests(bad)
