#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures hot_overhead: what derived code costs, in executed instructions, against the module's own code.

Boots the demonstration's machine with an emulator plugin that counts instructions by address, has the guests exchange
the same packets over the bridge (the driver VM runs e1000.ko) and over the twin, and compares function by function.
Prints tables (docs/overhead.md explains them) and writes out/overhead.json.

--twin FILE counts another twin than the usual one, of either engine. The judge is as strict as the level that the file
was derived for.

With root the peer is behind a tap, else QEMU's user network and the TCP windows alone.
Exit status: 0, or 1 with what failed on stderr. A ratio above the bound is a result, not a failure;
tests and `make run` (demo.py) check it.
"""
import argparse
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import demo_report
import image
import overhead_sums as sums
from console import ConsoleError
from demo_lab import HOST, IPERF_PORT, DemoError, Lab
from overhead_twin import Twin
from peer import PeerError
from run import GOOD_END

PLUGIN = image.OUT / 'profile/count.so'
TWIN = image.TWIN
SYMBOLS = image.OUT / 'hv/pollux.sym'
RESULT = image.OUT / 'overhead.json'
BOUND = 1.10
GUEST = 1
MARK_S = 120        # a mark writes thousands of lines
END_S = 60
FLOOD_TO = '52:54:00:00:00:99' # nobody's
FAILURES = (ConsoleError, DemoError, PeerError, image.ImageError, OSError, RuntimeError, ValueError,
            subprocess.SubprocessError)
# Strictly one datagram at a time; each must come back.
ECHO_CLIENT = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], 7))
for i in range(int(sys.argv[2])):
    s.send(b"%064d" % i)
    if s.recv(100) != b"%064d" % i:
        sys.exit("wrong answer")
'''


def ping(lab, count):
    out = lab.peer('ping', '-n', '-q', '-c', count, '-i', 0.02, image.guest_address(GUEST), timeout=count + 60)
    if f' {count} received' not in out:
        raise DemoError(f'ping:\n{out}')


def udp_echo(lab, count):
    lab.peer(sys.executable, '-c', ECHO_CLIENT, image.guest_address(GUEST), count, timeout=count + 60)


def tcp_out(lab, kib):
    lab.on_guests([GUEST], f'iperf-client={HOST} bytes={kib}K port={lab.server_port}')
    lab.result(GUEST, 'iperf-client: done proto=tcp')


def tcp_in(lab, kib):
    address, port = lab.target(GUEST, IPERF_PORT)
    lab.skip([GUEST])
    lab.peer('iperf', '-c', address, '-p', port, '-n', f'{kib}K')
    lab.result(GUEST, 'iperf-server: done proto=tcp dir=rx')


def frames_out(lab, count):
    lab.on_guests([GUEST], f'flood={FLOOD_TO} count={count} len=64')
    lab.result(GUEST, 'flood: done')


def udp_in(lab, count):
    """At 2,000 a second: no more than the slower side takes."""
    lab.peer('iperf', '-u', '-c', image.guest_address(GUEST), '-l', 64, '-b', 64 * 8 * 2000, '-n', 64 * count)


# (key, what goes over the wire, function, size, size when quick, whether the user network serves)
WINDOWS = [
    ('ping', 'ping, one at a time', ping, 200, 60, False),
    ('udp_echo', 'UDP echo, one at a time', udp_echo, 500, 150, False),
    ('tcp_out', 'TCP out', tcp_out, 4096, 1024, True),
    ('tcp_in', 'TCP in', tcp_in, 4096, 1024, True),
    ('frames_out', 'frames of 64 B out, a flood', frames_out, 4000, 1000, False),
    ('udp_in', 'UDP of 64 B in, 2,000/s', udp_in, 4000, 1000, False),
]


class Counter:
    """Windows of a machine that runs with the plugin."""

    def __init__(self, lab, prefix, twin):
        self._lab, self._prefix, self._marks = lab, prefix, 0
        self.twin = twin
        self.symbols = sums.Symbols(SYMBOLS.read_text())
        self.sections = None

    def read_sections(self):
        """Where the driver VM's kernel has loaded the module."""
        names = sorted({where[0] for f in self.twin.functions for where in f.module})
        _, text = self._lab.machine.shell('cd /sys/module/e1000/sections && grep . ' + ' '.join(names))
        self.sections = {n: int(a, 16) for n, a in re.findall(r'^(\.[\w.]+):(0x[0-9a-f]+)$', text, re.M)}
        if set(self.sections) != set(names):
            raise DemoError(f'e1000: its sections cannot be read:\n{text}')

    def _mark(self):
        self._lab.machine.monitor('mark', MARK_S)
        file = Path(f'{self._prefix}.{self._marks}')
        if not file.is_file():
            raise DemoError('the counting plugin wrote nothing: is it loaded, does the hypervisor have `mark`?')
        self._marks += 1
        counts = sums.parse_counts(file.read_text())
        file.unlink()
        return counts

    def _frames(self):
        """(out of the NIC, into it) so far, seen from the wire; nothing without a tap."""
        if self._lab.reduced:
            return 0, 0
        tap = f'/sys/class/net/{self._lab.machine.peer.tap}/statistics'
        out, back = self._lab.peer('cat', f'{tap}/rx_packets', f'{tap}/tx_packets').split()
        return int(out), int(back)

    def measure(self, mode, work):
        """Runs work() between two marks; returns the window."""
        frames, before = self._frames(), self._mark()
        work()
        counts = sums.difference(before, self._mark())
        out, back = (b - a for a, b in zip(frames, self._frames()))
        if mode == 'twin':
            window = sums.twin_window(self.twin, self.symbols, counts)
        else:
            window = sums.module_window(self.twin, self.sections, counts)
        if not window['twin' if mode == 'twin' else 'module']:
            raise DemoError(f'mode {mode}: no instruction of the driver was counted')
        return {'frames_out': out, 'frames_in': back, **window}


def measure_windows(lab, counter, quick, say):
    """{mode: {key: window}}"""
    found = {}
    for mode in ('bridge', 'twin'):
        say(f'mode {mode}')
        lab.set_mode(mode)
        found[mode] = {}
        for key, title, function, size, quick_size, any_network in WINDOWS:
            if lab.reduced and not any_network:
                continue
            n = quick_size if quick else size
            found[mode][key] = counter.measure(mode, lambda f=function, n=n: f(lab, n))
            say(f'  {title}: {n}')
        state, text = lab.twin_state()
        if state != ('attached' if mode == 'twin' else 'detached'):
            raise DemoError(f'after mode {mode} the twin is {state}:\n{text}')
    return found


def run_machine(file, quick, say):
    twin = Twin(file.read_bytes())
    words = f'judge={"strict" if twin.level == "strict" else "normal"} svm={twin.engine}'
    lab = Lab(say, name='overhead', words=words, twins=[file])
    folder = image.OUT / 'run/overhead'
    folder.mkdir(parents=True, exist_ok=True)
    ranges = ','.join(f'range={a:x}-{b:x}' for a, b in sums.RANGES)
    lab.spec.accel = 'tcg' # what counts is instructions
    lab.spec.extra = ('-plugin', f'{PLUGIN},out={folder}/counts,{ranges}')
    with lab:
        say('booting the driver VM and two guests, counting')
        lab.wait_boot()
        lab.wait_twin('attached')
        lab.start_servers()
        counter = Counter(lab, folder / 'counts', twin)
        counter.read_sections()
        windows = measure_windows(lab, counter, quick, say)
        lab.machine.focus(0)
        lab.machine.send(b'quit\n')
        code = lab.machine.wait_end(END_S)
        if code != GOOD_END:
            raise DemoError(f'the machine ended badly (QEMU exit {code})')
    return windows


def document_of(windows):
    """hot_overhead is over all windows of twin mode together; each window's is beside it."""
    bridge, twin = sums.add(windows['bridge'].values()), sums.add(windows['twin'].values())
    rows = []
    for key, title, *_ in WINDOWS:
        if key not in windows['twin']:
            continue
        b, t = windows['bridge'][key], windows['twin'][key]
        rows.append({'key': key, 'title': title, 'hot_overhead': sums.window_ratio(t),
                     'bridge': {k: v for k, v in b.items() if k != 'functions'},
                     'twin': {k: v for k, v in t.items() if k != 'functions'}})
    return {'hot_overhead': sums.window_ratio(twin), 'bound': BOUND,
            'total': {k: v for k, v in twin.items() if k != 'functions'},
            'windows': rows, 'functions': sums.function_rows(twin, bridge)}


def measure(say, quick=False, file=TWIN):
    """The document, without what describes the machine. Raises one of FAILURES."""
    twin = Twin(file.read_bytes())
    return {'engine': twin.engine, 'level': twin.level, **document_of(run_machine(file, quick, say))}


def per(value, packets):
    return f'{value / packets:.1f}' if packets else '-'


def print_windows(document):
    """Per packet on the wire, both ways."""
    print('\n| window | packets (bridge, twin) | e1000.ko in the driver VM | same path, original | twin: functions '
          '| thunks, stubs | gate | overhead |\n|---|---|---|---|---|---|---|---|')
    for w in document['windows']:
        b, t = w['bridge'], w['twin']
        nb, nt = (m['frames_out'] + m['frames_in'] for m in (b, t))
        print(f'| {w["title"]} | {nb:,}, {nt:,} | {per(b["module"], nb)} | {per(t["original"], nt)} '
              f'| {per(t["twin"], nt)} | {per(t["thunks"] + t["stubs"], nt)} | {per(t["gate"], nt)} '
              f'| {w["hot_overhead"]:.3f} |')


def print_functions(document):
    print('\n| function | calls in the driver VM | instructions a call | calls in the twin | same path, original '
          '| twin | ratio |\n|---|---|---|---|---|---|---|')
    for f in document['functions']:
        numbers = [f[k] if f[k] is not None else float('nan') for k in
                   ('module_per_call', 'original_per_call', 'twin_per_call', 'ratio')]
        print(f'| `{f["name"]}` | {f["module_calls"]:,} | {numbers[0]:.1f} | {f["calls"]:,} | {numbers[1]:.1f} '
              f'| {numbers[2]:.1f} | {numbers[3]:.3f} |')


def print_sum(document):
    t = document['total']
    print(f'\nall windows: original {t["original"]:,}; twin {t["twin"]:,}, thunks {t["thunks"]:,}, '
          f'upcall stubs {t["stubs"]:,}, gate {t["gate"]:,}')
    print('the hypervisor around it, not counted: ' + ', '.join(f'{k} {v:,}' for k, v in t['around'].items()))
    above = '' if document['hot_overhead'] <= BOUND else ', ABOVE THE BOUND'
    print(f'engine {document["engine"]}, level {document["level"]}: hot_overhead {document["hot_overhead"]:.3f} '
          f'(bound {BOUND:.2f}{above})')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--quick', action='store_true', help='fewer packets')
    p.add_argument('--twin', type=Path, default=TWIN, metavar='FILE', help='default: out/drivers/e1000.twin')
    p.add_argument('--output', type=Path, default=RESULT, metavar='FILE', help='results (default: out/overhead.json)')
    args = p.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    say = lambda text: print(f'[{time.monotonic() - started:5.1f} s] {text}', flush=True) # noqa: E731
    try:
        document = {**measure(say, args.quick, args.twin), 'kernel': demo_report.kernel_release(),
                    'qemu': demo_report.qemu_version()}
        args.output.write_text(json.dumps(document, indent=2) + '\n')
    except FAILURES as e:
        print(f'overhead: {e}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print_windows(document)
    print_functions(document)
    print_sum(document)
    say(f'wrote {args.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
