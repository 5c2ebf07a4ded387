#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots Pollux with a driver VM and two lwIP guests, and measures the guests' network through the twin and through
the driver VM's bridge. Prints a table, writes out/run.json, powers off.

With root the peer is the host kernel's TCP stack behind a tap in a network namespace, else QEMU's user network and a
reduced set of measurements. Exit status: 0, or 1 with what failed on stderr.
"""
import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import demo_counters
import demo_measure
import demo_report
import image
import overhead
from console import ConsoleError
from demo_lab import DemoError, Lab
from peer import PeerError
from run import GOOD_END, talk, write_terminal

WINDOW_S = 3
QUICK_S = 1
END_S = 60
RESULT = image.OUT / 'run.json'
FAILURES = (ConsoleError, DemoError, PeerError, image.ImageError, OSError, RuntimeError, ValueError,
            subprocess.SubprocessError)
started = time.monotonic()


def say(text):
    print(f'[{time.monotonic() - started:5.1f} s] {text}', flush=True)


def power_off(lab):
    """By the monitor's `quit`; returns the failures."""
    lab.machine.focus(0)
    lab.machine.send(b'quit\n')
    code = lab.machine.wait_end(END_S)
    return [] if code == GOOD_END else [f'the machine ended badly (QEMU exit {code})']


def check_end(lab, document):
    """What must hold when all is measured; returns the failures."""
    stats = demo_counters.read_stats(lab.machine)
    bad = [f'VM {name}: {vm["state"]} {vm["reason"]}' for name, vm in stats['vms'].items() if vm['state'] != 'running']
    if stats['twin']['deaths']:
        bad.append(f'the twin died: {stats["twin"]["last_death"]}')
    if not document['counters']['twin_tx_packets'] or not document['counters']['twin_rx_packets']:
        bad.append('no packets went through the twin')
    return bad


def measure_modes(lab, document, seconds, failures):
    windows = demo_counters.Windows(lab.machine)
    for mode in ('bridge', 'twin'):
        say(f'mode {mode}')
        lab.set_mode(mode)
        document[mode], bad = demo_measure.measure(lab, mode, seconds, windows if mode == 'twin' else None)
        failures += bad
        state, _ = lab.twin_state()
        if state != ('attached' if mode == 'twin' else 'detached'):
            failures.append(f'after mode {mode} the twin is {state}')
    document['counters'] = windows.summary()


def run(document, seconds, failures):
    with Lab(say) as lab:
        document['network'] = 'user' if lab.reduced else 'tap'
        if lab.reduced:
            say('not root: reduced run through the user network, without UDP, ping and the second guest')
        say('booting the driver VM and two guests')
        document['e1000_sha256'] = lab.wait_boot()
        if document['e1000_sha256'] != demo_report.packaged_sha256():
            failures.append('the e1000.ko in the driver VM is not the packaged one')
        lab.wait_twin('attached')
        say('booted, the twin is attached')
        lab.start_servers()
        measure_modes(lab, document, seconds, failures)
        failures += check_end(lab, document)
        failures += power_off(lab)


def count_overhead(document):
    """In a machine of its own: counting makes it slower, so nothing else is measured there."""
    say('derived code, instruction by instruction')
    counted = overhead.measure(say, quick=True)
    document['derive']['hot_overhead'] = counted['hot_overhead']
    document['derive']['hot_overhead_windows'] = {w['key']: w['hot_overhead'] for w in counted['windows']}


def facts():
    return {'kernel': demo_report.kernel_release(), 'qemu': demo_report.qemu_version(),
            'derive': demo_report.derive_facts()}


def demonstrate(seconds, output):
    document = {'ok': False, 'window_s': seconds}
    failures = []
    try:
        document.update(facts())
        run(document, seconds, failures)
        count_overhead(document)
    except FAILURES as e:
        failures.append(str(e))
    document['ok'] = not failures
    document['failures'] = failures
    document['seconds'] = round(time.monotonic() - started, 1)
    output.write_text(json.dumps(document, indent=2) + '\n')
    if 'counters' in document:
        demo_report.print_table(document)
        demo_report.print_counters(document)
    say(f'wrote {output}')
    for f in failures:
        print(f'demo: failed: {f}', file=sys.stderr)
    return 1 if failures else 0


def shell():
    """The same machine on this terminal."""
    with Lab(print, echo=write_terminal, name='shell') as lab:
        print('Ctrl-A 0: monitor (help, quit), Ctrl-A 1: driver VM, Ctrl-A 2 and 3: guests; '
              'the monitor\'s `quit` powers off')
        talk(lab.machine)
        code = lab.machine.process.poll()
    if code not in (None, GOOD_END):
        print(f'demo: the machine ended badly (QEMU exit {code})', file=sys.stderr)
        return 1
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = p.add_mutually_exclusive_group()
    what.add_argument('--shell', action='store_true', help='measure nothing, stay on the multiplexed console')
    what.add_argument('--quick', action='store_true', help=f'windows of {QUICK_S} s instead of {WINDOW_S} s')
    p.add_argument('--output', type=Path, default=RESULT, metavar='FILE', help='results (default: out/run.json)')
    args = p.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return shell() if args.shell else demonstrate(QUICK_S if args.quick else WINDOW_S, args.output)
    except FAILURES as e:
        print(f'demo: {e}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
