# SPDX-License-Identifier: GPL-2.0-or-later
"""From marks and results to the benchmark's figures, without the machines that it measures."""
import contextlib
import importlib.machinery
import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import bench # noqa: E402
import booted # noqa: E402
import cost # noqa: E402
import fairness # noqa: E402
import lwip # noqa: E402
import many # noqa: E402
import measure # noqa: E402
import results # noqa: E402
import systems # noqa: E402
import upcalls # noqa: E402
import web # noqa: E402
import window # noqa: E402
import workloads # noqa: E402

UDP_TX = next(w for w in workloads.ALL if w.name == 'udp_tx')
# A kernel of Multiboot's first version: a mark of the generator's, one of the monitor's, the machine's end.
MARKS = r'''
	.long 0x1badb002, 0, -0x1badb002
	.globl _start
_start:	.byte 0x0f, 0x1f, 0x80
	.long 0x504f0001
	.byte 0x0f, 0x1f, 0x80
	.long 0x504f4c58
	mov $0x10, %al
	out %al, $0xf4
1:	jmp 1b
'''


def run_marks(folder, arguments):
    """(exit status, marks that were written) of a machine that executes MARKS."""
    (folder / 'marks.S').write_text(MARKS)
    subprocess.run(['gcc', '-m32', '-nostdlib', '-static', '-no-pie', '-Wl,-Ttext=0x100000', '-Wl,--build-id=none', '-o',
                    folder / 'marks.elf', folder / 'marks.S'], check=True)
    r = subprocess.run(['qemu-system-x86_64', '-accel', 'tcg', '-nodefaults', '-display', 'none', '-kernel', folder / 'marks.elf',
                        '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04',
                        '-plugin', f'{booted.PLUGIN},out={folder}/counts{arguments}'],
                       timeout=60, check=False, capture_output=True)
    return r.returncode, sorted(f.suffix for f in folder.glob('counts.*'))


def test_plugin_writes_at_each_mark_or_at_those_that_were_asked_for(tmp_path):
    for arguments, wanted in ('', ['.0001', '.4c58']), (',only=4c58', ['.4c58']), (',only=1', ['.0001']):
        folder = tmp_path / arguments[1:]
        folder.mkdir(exist_ok=True)
        assert run_marks(folder, arguments) == (33, wanted)
    assert run_marks(tmp_path, ',only=mark')[0] == 1
    assert run_marks(tmp_path, ',all=1')[0] == 1


class Marked:
    """As much of a Booted as windows() uses: files of marks, an instruction more in each."""

    def __init__(self, folder, marks):
        self.running = object.__new__(booted.Booted)
        self.running.system = SimpleNamespace(marks=marks, whose=lambda counts: lambda *at: 'all')
        self.running._counts, self.seq = Path(folder, 'counts'), 0

    def mark(self, suffix):
        Path(f'{self.running._counts}.{self.seq}{suffix}').write_text(f'# vmruns 0 hlts 0\n0 1000 1 0 {self.seq + 1}\n')
        self.seq += 1


def test_windows_lie_between_the_systems_own_marks(tmp_path):
    m = Marked(tmp_path, window.MONITOR)
    for suffix in ('.4c58', '.0001', '.0002', '.4c58', '.4c58', '.4c58'):
        m.mark(suffix)
    assert m.running.windows() == [window.Window(3, 0, 0, Counter(all=3)), window.Window(1, 0, 0, Counter(all=1))]
    assert not m.running.windows(), 'they are forgotten'
    m.running.system.marks = window.GENERATOR
    for suffix in ('.0001', '.4c58', '.0002'):
        m.mark(suffix)
    assert [w.insns for w in m.running.windows()] == [2]


@pytest.mark.parametrize('marks', [('.0001',), ('.0002', '.0001'), ('.0001', '.0001'), ('.0001', '.0002', '.0001')])
def test_marks_that_are_not_in_pairs_are_no_window(tmp_path, marks):
    m = Marked(tmp_path, window.GENERATOR)
    for suffix in marks:
        m.mark(suffix)
    with pytest.raises(systems.BenchError, match='not in pairs'):
        m.running.windows()


def steps(system, face, doc):
    """Keys of what is left to be measured of a face."""
    found = bench.left_to_do(SimpleNamespace(doc=doc), system, {face}, workloads.ALL)
    assert all(f == face for f, _, _ in found)
    return [w.key for _, _, chosen in found for w in chosen]


def test_offloads_are_off_in_guests_whose_cards_have_none():
    both, off = systems.Pollux(), systems.Pollux(plain=True)
    assert both.name != off.name
    for face in ('twin', 'bridge'):
        assert steps(off, face, {}) == ['tcp_tx_off', 'tcp_rx_off'] and 'tcp_tx_off' not in steps(both, face, {})
        assert 'tcp_tx_on' in steps(both, face, {})
    assert 'tcp_rx_off' in steps(both, 'dvm-attached', {}) and not steps(off, 'dvm-attached', {})
    assert steps(systems.PolluxStlb(plain=True), 'twin-stlb', {}) == ['tcp_tx_off', 'tcp_rx_off']


def test_each_system_gets_what_it_can_be_asked_for():
    assert 'http_lwip' not in steps(systems.Pollux(), 'twin', {}) and 'http' in steps(systems.Pollux(), 'twin', {})
    assert steps(lwip.Lwip(), 'bridge', {}) == ['http_lwip']
    assert not steps(lwip.Lwip(), 'native', {})
    assert not steps(lwip.Lwip(), 'twin', {'twin': {'http_lwip': {'on': {'median': 1}}}}), 'it is measured already'


class Peer:
    """Answers to curl."""

    def __init__(self, page):
        self.page = page

    def run(self, *args):
        del args
        return self.page.hex(' ')


def test_a_wrong_byte_of_the_page_is_seen():
    site = web.SITES[workloads.HTTP_LWIP]
    assert len(site.content) == web.BYTES and site.content[:3] == b'\0\7\16' and site.content[256] == 1
    running = SimpleNamespace(system=lwip.Lwip(), machine=SimpleNamespace(peer=Peer(site.content)))
    web.check_page(running, site)
    for page in (site.content[:-1], site.content[:-1] + b'x', b''):
        running.machine.peer = Peer(page)
        with pytest.raises(systems.BenchError, match='wrong page'):
            web.check_page(running, site)


def test_the_program_of_an_lwip_guest_is_no_user_of_a_linux():
    assert [lwip.name_of_guest(p) for p in ('guest user', 'hv', 'dvm user')] == ['guest lwip', 'hv', 'dvm user']


def result(units, ns=1, lost=0, bad=0):
    return {'units': units, 'lost': lost, 'ns': ns, 'bad': bad}


def test_many_guests_together_are_one_result_of_what_arrived():
    small, large = [result(10, 5), result(10, 7, lost=1)], [result(40, 100, lost=3), result(40, 90)]
    found = many.difference(small, large)
    assert found == {'units': 77 - 19 + 4, 'lost': 4, 'ns': 1000} and cost.arrived(found) == 77 - 19
    assert many.difference([result(10)], [result(40, ns=5001)])['ns'] == 5000
    with pytest.raises(systems.BenchError, match='no more arrived'):
        many.difference([result(10)], [result(40, lost=30)])


class Crowd:
    """A machine whose guests answer what was typed to them, and its Booted; log: in which order what happened."""

    def __init__(self, guests, answer):
        self.answer, self.log, self.machine = answer, [], self
        self.system, self.console = many.Guests(guests), SimpleNamespace(skip=lambda source: None)

    def monitor(self, command):
        self.log.append(command)

    def type(self, line, number):
        self.log.append((number, line))

    def expect(self, source, pattern, timeout):
        del timeout
        self.log.append(source)
        return booted.re.search(pattern, self.answer.format(int(source[1:])))


def test_all_guests_are_asked_before_one_is_waited_for():
    crowd = Crowd(2, 'load: udp-tx units={0} bytes=64 ns=9 lost=0 bad=0')
    assert [r['units'] for r in many.run_all(crowd, UDP_TX, 30, check=True)] == [1, 2]
    line = f'load udp-tx {systems.PEER_IP} 30 check'
    assert crowd.log == ['mark', (2, line), (3, line), 'g1', 'g2', 'mark']
    with pytest.raises(systems.BenchError, match='damaged'):
        many.run_all(Crowd(2, 'load: udp-tx units=1 bytes=64 ns=9 lost=0 bad={0}'), UDP_TX, 30)


def test_share_of_a_guest_is_its_pace_over_the_mean():
    assert many.shares([result(30, ns=10), result(30, ns=10)]) == (1, 1)
    # paces of 3 and 1
    assert many.shares([result(30, ns=10), result(40, ns=30, lost=10)]) == (0.5, 1.5)


def test_few_guests_do_more_each():
    assert [many.size(many.Guests(n), UDP_TX, True) / UDP_TX.quick for n in (1, 2, 4, 8, 16)] == [4, 2, 1, 0.5, 0.5]
    assert many.size(many.Guests(3), UDP_TX, False) == UDP_TX.count * 4 // 3
    assert [many.windows_of(n, 9) for n in (1, 4, 5, 16)] == [9, 9, 4, 4] and many.windows_of(16, 5) == 3


def test_guests_at_once_are_faces_of_their_own():
    assert [f for f, _ in many.Guests(8).faces] == ['twin-8', 'bridge-8']
    assert steps(many.Guests(8), 'twin-8', {}) == ['tcp_tx_on', 'tcp_rx_on', 'udp_tx', 'udp_rx']


@pytest.mark.parametrize('text', ['0', '24', '1,x', '', '4,4', '-1'])
def test_a_number_of_guests_that_cannot_be_is_refused(text):
    assert bench.numbers('1,23') == [1, 23]
    with pytest.raises(ValueError):
        bench.numbers(text)


def figure(median):
    return {'median': median, 'min': median - 1, 'max': median + 1}


def test_table_of_guests_has_a_column_for_each_number():
    doc = {'twin': {'udp_tx': {'on': figure(9)}}, 'twin-16': {'udp_tx': {'on': figure(30)}},
           'twin-2': {'udp_tx': {'on': figure(20)}}, 'bridge-2': {'udp_tx': {'on': figure(40)}}}
    assert results.table_of_guests(doc) == [
        ['workload', 'unit', 'path', '2 guests', '16 guests'],
        [UDP_TX.title, 'packet', 'twin', '20 [19..21]', '30 [29..31]'],
        [UDP_TX.title, 'packet', 'bridge', '40 [39..41]', '-']]
    assert len(results.table_of_guests({'twin': {}})) == 1


def test_table_of_shares_has_those_that_share_with_somebody():
    share = {'share': {'least': 0.9, 'most': 1.25}}
    doc = {'twin-1': {'udp_tx': {'on': {**figure(9), **share}}}, 'bridge-4': {'udp_tx': {'on': {**figure(9), **share}}}}
    assert results.table_of_shares(doc) == [['workload', 'unit', 'path', '4 guests'],
                                            [UDP_TX.title, 'packet', 'bridge', '0.90..1.25']]


class Flooded:
    """A Booted: a stream of 10 instructions a unit alone and 25 ns a unit beside the flood, which sends so many frames."""

    def __init__(self, frames):
        self.log, self.frames, self.flooding, self.machine = [], frames, False, self
        self.system = SimpleNamespace(begin_flood=lambda m: self.flood(True), end_flood=lambda m: self.flood(False))

    def flood(self, on):
        self.flooding = on

    def stats(self):
        self.frames, before = self.frames * 2, self.frames
        return {'net': {'ports': {'g2': {'tx': {'packets': before}}}}}

    def load(self, w, count, windows=1, check=False):
        self.log.append((count, windows, check, self.flooding))
        return [{'units': count, 'ns': 25 * count} for _ in range(windows)]

    def windows(self):
        return [window.Window(insns=9 * fairness.KIB[True], rep=fairness.KIB[True])] * 3

    def forget(self):
        pass


def test_what_a_flood_leaves_is_told_by_half_of_the_pace_alone():
    w = fairness.wanted(workloads.ALL)[0]
    assert [x.key for x in fairness.wanted(workloads.ALL)] == ['tcp_tx_on', 'tcp_rx_on']
    running = Flooded(100000)
    found, size = fairness.measure(running, w, 3, quick=True), fairness.KIB[True]
    assert running.log == [(workloads.CHECKS['KiB'], 1, True, False), (size, 1, False, False), (size, 3, False, False),
                           (size, 3, False, True)] and not running.flooding
    assert found['share'] == {'min': 0.8, 'median': 0.8, 'max': 0.8} and found['alone_units_per_s']['median'] == 1e8
    assert found['datagrams_per_unit'] == round(100000 / 3 / size, 3)
    doc = {fairness.KEY: {'twin-2': {w.key: found}}}
    assert results.table_of_fairness(doc)[1][4] == '0.80 [0.80..0.80]' and fairness.find(doc, 'twin-2', w) == found
    assert not fairness.find(doc, 'bridge-2', w) and len(results.table_of_fairness({})) == 1


class Pairs:
    """In the place of fairness.Pair; its machine is none."""
    name, faces = 'pair', [('twin-2', lambda m: None), ('bridge-2', lambda m: None)]


def test_shares_are_measured_once_and_kept(monkeypatch, tmp_path):
    said, record = [], {'share': {'min': 0.4, 'median': 0.5, 'max': 0.6}}
    monkeypatch.setattr(bench, 'STATE', tmp_path / 'state.json')
    monkeypatch.setattr(bench.inputs, 'fingerprint', lambda quick: 'same')
    monkeypatch.setattr(bench.booted, 'Booted', lambda system: contextlib.nullcontext(SimpleNamespace(machine=None)))
    monkeypatch.setattr(bench.fairness, 'Pair', Pairs)
    monkeypatch.setattr(bench.fairness, 'measure', lambda *args: record)
    bench.measure_fairness(bench.Run(True, True, said.append), workloads.ALL)
    assert [line.split(':')[0].strip() for line in said] == ['pair', 'twin-2', 'twin-2', 'bridge-2', 'bridge-2']
    assert said[-1].endswith('beside a flood: 0.50 [0.40..0.60] of half; 0 min 0 s left')
    again = bench.Run(True, False, lambda line: pytest.fail(line))
    bench.measure_fairness(again, workloads.ALL)
    assert again.doc[fairness.KEY]['bridge-2'] == {'tcp_tx_on': record, 'tcp_rx_on': record}


def test_a_flood_that_is_none_is_no_figure():
    with pytest.raises(systems.BenchError, match='is none'):
        fairness.measure(Flooded(2999), fairness.wanted(workloads.ALL)[0], 3, quick=True)


def test_the_curve_adds_one_routine_at_a_time():
    found = [names for w, names in upcalls.points() if w == UDP_TX]
    assert [len(names) for names in found] == list(range(len(found))) and len(found) > 1
    assert all(b[:-1] == a for a, b in zip(found, found[1:]))


def test_a_pair_has_a_curve_of_nine_routines():
    found = [names for w, names in upcalls.points() if w.name == 'udp_rr']
    assert len(found) == 10 and len(set(found[-1])) == 9
    assert len(' '.join(['upcalls', 'force', *found[-1]])) < 200, "the monitor's line"


def stats(packets, **calls):
    return {'twin': {'tx_packets': packets, 'rx_to_guests': 0}, 'upcalls': calls}


def test_upcalls_are_counted_for_each_packet_that_the_twin_carried():
    assert upcalls.per_packet(UDP_TX, stats(100, a=5, b=7), stats(300, a=205, b=7, c=100)) == {'a': 1.0, 'c': 0.5}
    with pytest.raises(systems.BenchError, match='no packet'):
        upcalls.per_packet(UDP_TX, stats(100), stats(100, a=1))


def point(names, median, counted):
    return {'names': names, 'workload': 'udp_tx', 'upcalls_per_packet': counted, 'switches': .5, 'lost': 0, **figure(median)}


def test_table_of_upcalls_compares_with_the_point_without():
    doc = {upcalls.KEY: [point([], 100, 0), point(['a', 'b'], 400, 2)]}
    assert upcalls.find(doc, UDP_TX, ('a', 'b'))['median'] == 400 and not upcalls.find(doc, UDP_TX, ('a',))
    rows = [dict(zip(results.table_of_upcalls(doc)[0], r)) for r in results.table_of_upcalls(doc)[1:]]
    assert [(r['in the driver VM'], r['upcalls per packet, or pair'], r['throughput per unit of CPU']) for r in rows] == [
        ('-', '0.00', '1.00'), ('a, b', '2.00', '0.25')]
    assert len(results.table_of_upcalls({})) == 1


def canned(face, n, trips=False):
    """A record as a run makes it, of windows that are all the same: n instructions, n REP iterations, a switch a unit."""
    part = 'kernel' if face == 'native' else 'guest kernel'
    found = [window.Window(n * 10, n * 10, 10, Counter({part: n * 10})) for _ in range(3)]
    more = {'p50': 5000, 'p99': 9000} if trips else {}
    return cost.summary('packet', [{**result(10), **more} for _ in found], found)


def test_result_file_has_each_figure_and_ratio_at_its_place():
    """What others read of out/bench.json: names and meaning stay."""
    keys = ['tcp_tx_off', 'tcp_tx_on', 'tcp_rx_off', 'tcp_rx_on', 'udp_tx', 'udp_rx', 'udp_rr', 'http']
    costs = {'twin': 1000, 'bridge': 2000, 'native': 500, 'xen-domu': 3000, 'kvm': 4000, 'twin-stlb': 1500}
    doc = {results.DERIVED: {'window': 1.05, 'stlb': 2.5}}
    for face, n in costs.items():
        for w in workloads.ALL:
            results.add(doc, face, w, canned(face, n))
    for key in keys:
        name, offload = (key[:6], key[7:]) if key.startswith('tcp') else (key, 'on')
        c = doc['twin'][name][offload]
        assert {k: c[k] for k in ('insns', 'rep', 'switches', 'unit', 'n')} == \
            {'insns': 1000, 'rep': 1000, 'switches': 1, 'unit': 'packet', 'n': 3}
        assert c['min'] == c['median'] == c['max'] == 1000 + 250 + 1500
    ratios = results.ratios(doc)
    assert set(ratios) == {'twin_vs_native', 'twin_vs_bridge', 'twin_vs_xen', 'twin_vs_kvm', 'bridge_vs_xen',
                           'twin_vs_native_stlb', 'derived_vs_original'}
    twin, charge = 2750, 1500
    for name, first, second in (('twin_vs_native', twin, 625 + charge), ('twin_vs_bridge', twin, 2500 + charge),
                                ('twin_vs_xen', twin, 3750 + charge), ('twin_vs_kvm', twin, 5000 + charge),
                                ('bridge_vs_xen', 2500 + charge, 3750 + charge),
                                ('twin_vs_native_stlb', 1875 + charge, 625 + charge)):
        assert set(keys) <= set(ratios[name])
        assert set(ratios[name].values()) == {round(second / first, 3)}, name
    assert ratios['derived_vs_original'] == {'window': 1.05, 'stlb': 2.5}


def test_throughput_is_told_with_and_without_a_charge_for_switches():
    """A switch a unit: 250 + 750 + 1,500 for the one, 1,000 + 3,000 + 1,500 for the other."""
    doc, tcp = {}, workloads.ALL[0]
    for face, n in ('twin', 800), ('native', 3200):
        for w in (UDP_TX, tcp):
            results.add(doc, face, w, canned(face, n))
    found = results.derive(doc)
    assert found['ratios']['twin_vs_native']['udp_tx'] == 2.2 and found['ratios_0']['twin_vs_native']['udp_tx'] == 4
    assert found['carried']['twin'] == {'tcp_tx_on': 3276.8, 'udp_tx': 400} and found['carried_0']['twin']['udp_tx'] == 1000
    assert found['carried_unit']['tcp_tx_on'] == 'Mb/s' and found['carried_unit']['http'] == 'request/s'
    head, first, second = results.table_of_carried({**doc, **found})[:3]
    assert head[2:] == ['a switch', 'native Linux', 'guest, twin']
    assert (first, second) == ([tcp.title, 'Mb/s', '1,500', '1,489', '3,277'], ['', '', '0', '2,048', '8,192'])
    rows = results.table_of_ratios({**doc, **found})
    assert [r[:2] for r in rows] == [['', 'a switch'], ['twin_vs_native', '1,500'], ['', '0']]
    assert results.ratio({'a': {'udp_tx': {'on': {'median': 5}}}}, 'a', 'a', UDP_TX, 'charged_0') is None, 'an old file'


def test_what_is_lost_does_not_count():
    """Two windows of the same work; a fifth of the second's packets did not arrive."""
    found = [window.Window(8000, 0, 2, Counter(kernel=8000))] * 2
    c = cost.summary('packet', [{**result(10, ns=1000), 'tsc': 80}, {**result(10, ns=1000, lost=2), 'tsc': 80}], found)
    assert c['windows'] == [[1100.0, 0.2], [1375.0, 0.25]] and (c['min'], c['max'], c['lost']) == (1100, 1375, 2)
    assert (c['insns'], c['switches'], c['parts']) == (900, 0.225, {'kernel': 900})
    assert c['charged_0']['max'] == 1000 and c['wall_units_per_s'] == {'min': 8e6, 'median': 9e6, 'max': 1e7}
    assert cost.cycles([{**result(10, lost=2), 'tsc': 80}])['median'] == 10
    with pytest.raises(ValueError, match='nothing arrived'):
        cost.summary('packet', [result(10, lost=10)], found[:1])


def test_pings_have_round_trips_and_nothing_else_has():
    m = booted.RESULT.search('load: ping units=400 bytes=25600 ns=9 lost=0 bad=0 tsc=77 p50=4100 p99=77000\n')
    assert booted.parse_result(m) == {'units': 400, 'bytes': 25600, 'ns': 9, 'lost': 0, 'bad': 0, 'tsc': 77, 'p50': 4100,
                                      'p99': 77000}
    assert 'p50' not in booted.parse_result(booted.RESULT.search('load: udp-rr units=4 bytes=6 ns=9 lost=0 bad=0\n'))
    ping = next(w for w in workloads.ALL if w.name == 'ping')
    doc = {'twin': {'ping': {'on': canned('twin', 100, trips=True)}, 'udp_rr': {'on': canned('twin', 100)}}}
    assert 'trip_us' not in doc['twin']['udp_rr']['on'] and ping.key == 'ping'
    assert results.table_of_trips(doc)[1:] == [['guest, twin', '5.0', '9.0']]
    assert "clock\n\n| system | median, us" in results.report(doc)


class OnProcessor:
    """A Booted under KVM: the generator's answers, 2,000 ticks a unit and a few."""
    system = systems.Native()
    machine = None

    def __init__(self):
        self.passes = []

    def load(self, w, count, windows=1, check=False):
        self.passes.append((count, windows, check))
        return [{**result(count), 'tsc': count * (2000 + n)} for n in range(windows)]


def test_cycles_are_a_column_of_their_own(monkeypatch):
    running = OnProcessor()
    monkeypatch.setattr(systems.Native, 'offloads', lambda *_: None)
    cycles = measure.measure_cycles(running, UDP_TX, 3, quick=True)
    assert cycles == {'min': 2000.0, 'median': 2001.0, 'max': 2002.0}
    assert running.passes == [(workloads.CHECKS['packet'], 1, True), (UDP_TX.quick, 1, False), (UDP_TX.quick, 3, False)]
    assert measure.measure_cycles(running, next(w for w in workloads.ALL if w.name == 'http'), 3, True) is None
    doc = {'native': {'udp_tx': {'on': {**canned('native', 5), 'tsc': cycles}}}, 'twin': {'udp_tx': {'on': canned('twin', 9)}}}
    head, native, twin = results.table_of_windows(doc)
    column = head.index('TSC cycles')
    assert (native[column], twin[column]) == ('2,001 [2,000..2,002]', '-')


def test_cycles_are_measured_where_there_is_a_figure_without():
    doc = {'native': {'udp_tx': {'on': {'median': 1}}, 'udp_rx': {'on': {'median': 1, 'tsc': None}}}}
    found = bench.without_cycles(SimpleNamespace(doc=doc), workloads.ALL, systems.Native().faces)
    assert [(face, [w.key for w in chosen]) for face, _, chosen in found] == [('native', ['udp_tx'])]


def test_without_kvm_nothing_is_booted_for_cycles(monkeypatch):
    said = []
    monkeypatch.setattr(bench.accel, 'why_not_kvm', lambda: 'no AMD-V')
    monkeypatch.setattr(bench, 'all_systems', lambda guests: pytest.fail('a system was asked for'))
    bench.measure_all_cycles(SimpleNamespace(say=said.append), None, workloads.ALL, (1,))
    assert said == ['no TSC cycles: no AMD-V']


def load_ab():
    """scripts/ab as a module."""
    loader = importlib.machinery.SourceFileLoader('ab', str(image.ROOT / 'scripts/ab'))
    loader_spec = importlib.util.spec_from_loader('ab', loader)
    module = importlib.util.module_from_spec(loader_spec)
    loader.exec_module(module)
    return module


def one_at_a_time(us, p50, p99):
    return {'unit': 'echo', 'wall_units_per_s': {'median': 1e6 / us}, 'trip_us': {'p50': p50, 'p99': p99}}


def test_two_commits_are_compared_by_round_trips_of_what_goes_one_at_a_time(capsys):
    ab, bulk = load_ab(), {'unit': 'KiB', 'wall_units_per_s': {'median': 1}}
    a = [{'ping on': one_at_a_time(n, 90, 200), 'tcp_tx on': bulk} for n in (100, 110, 90)]
    b = [{'ping on': one_at_a_time(80, 45, 300), 'tcp_tx on': bulk}] * 3
    ab.compare_trips(a, b)
    rows = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ['ping on, mean 100.0 80.0 0.800 20.0%', 'ping on, p50 90.0 45.0 0.500 0.0%',
                    'ping on, p99 200.0 300.0 1.500 0.0%']
    ab.compare_trips([{'tcp_tx on': bulk}], [{'tcp_tx on': bulk}])
    assert capsys.readouterr().out == ''


def test_two_commits_are_compared_by_cost_instructions_and_switches(capsys):
    ab = load_ab()

    def rounds(*costs, insns, switches):
        return [{'udp_tx on': {'median': c, 'insns': insns + n, 'switches': switches}} for n, c in enumerate(costs)]
    ab.compare(rounds(1000, 1100, 900, insns=700, switches=0.0271), rounds(2000, 1990, 2010, insns=1400, switches=1.5))
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == 'cost of A cost of B B / A spread insns A insns B switches A switches B'.split()
    assert row.split() == 'udp_tx on 1,000 2,000 2.000 20.0% 701 1,401 0.027 1.500'.split()


@pytest.mark.parametrize('commits', [('no-such-commit', 'HEAD'), ('HEAD', 'no-such-commit')])
def test_a_commit_that_is_not_there_is_named_and_nothing_is_built(commits):
    before = set((image.OUT / 'ab').glob('*'))
    r = subprocess.run([image.ROOT / 'scripts/ab', *commits], text=True, check=False, capture_output=True, timeout=60)
    assert (r.returncode, r.stdout, r.stderr) == (1, '', 'ab: no such commit: no-such-commit\n')
    assert set((image.OUT / 'ab').glob('*')) == before
