#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots Pollux with a driver VM and two lwIP guests, and measures the guests' network through the twin and through
the driver VM's bridge. Prints a table, writes out/run.json, powers off.

With root the peer is the host kernel's TCP stack behind a tap in a network namespace, else QEMU's user network and a
reduced set of measurements. Exit status: 0, or 1 with what failed, part by part, on stderr. Also a failure: what shows
that the driver VM was on the data path in twin mode (demo_counters.py). When it is interrupted nothing is left, no
results either.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

import demo_counters
import demo_measure
import demo_report
import image
import inside
import overhead
from console import ConsoleError
from demo_lab import GUESTS, DemoError, Lab
from peer import PeerError
from run import GOOD_END, talk, write_terminal

WINDOW_S = 3
QUICK_S = 1
END_S = 60
RESULT = image.OUT / 'run.json'
FAILURES = (ConsoleError, DemoError, PeerError, image.ImageError, OSError, RuntimeError, ValueError,
            subprocess.SubprocessError)
# There in every document; null: the run did not get so far.
KEYS = ('network', 'kernel', 'qemu', 'e1000_sha256', 'derive', 'bridge', 'twin', 'counters')
started = time.monotonic()


def say(text):
    print(f'[{time.monotonic() - started:5.1f} s] {text}', flush=True)


def in_words(e):
    """An error for the user; of one that nobody thought of also what it is and where it comes from."""
    if isinstance(e, FAILURES) and str(e):
        return str(e)
    frames = traceback.extract_tb(e.__traceback__)
    return f'{type(e).__name__}: {e} ({Path(frames[-1].filename).name}:{frames[-1].lineno})'


@contextmanager
def part(document, name):
    """Notes how long it took; whatever fails in it is said to have failed in it."""
    start = time.monotonic()
    try:
        yield
    except Exception as e:
        raise DemoError(f'{name}: {in_words(e)}') from e
    finally:
        document['parts'][name] = round(time.monotonic() - start, 1)


def power_off(lab):
    """By the monitor's `quit`."""
    lab.machine.focus(0)
    lab.machine.send(b'quit\n')
    code = lab.machine.wait_end(END_S)
    if code != GOOD_END:
        raise DemoError(f'the machine ended badly (QEMU exit {code})')


def check_end(lab):
    """What must hold when all is measured; returns the failures."""
    stats = lab.machine.stats()
    bad = [f'VM {name}: {vm["state"]} {vm["reason"]}' for name, vm in stats['vms'].items() if vm['state'] != 'running']
    # Its reason is gone, but the hypervisor's log has it.
    bad += [f'VM {name}: died and was restarted {vm["restarts"]} times' for name, vm in stats['vms'].items()
            if vm['restarts']]
    if stats['twin']['deaths']:
        bad.append(f'the twin died: {stats["twin"]["last_death"]}')
    return bad


def boot(lab, document, failures):
    say('booting the driver VM and two guests')
    document['e1000_sha256'] = lab.wait_boot()
    if document['e1000_sha256'] != demo_report.packaged_sha256():
        failures.append('boot: the e1000.ko in the driver VM is not the packaged one')
    lab.wait_twin('attached')
    say('booted, the twin is attached')
    lab.start_servers()


def measure_bridge(lab, document, seconds, failures):
    lab.set_mode('bridge')
    demo_measure.warm_up(lab)
    document['bridge'], bad = demo_measure.measure(lab, 'bridge', seconds)
    failures += bad
    lab.wait_twin('detached')


def measure_twin(lab, document, seconds, failures):
    lab.set_mode('twin')
    demo_measure.warm_up(lab)
    # Not before: on the way through the bridge its sockets would cost the driver VM a little time.
    inside.start_witness(lab.machine, GUESTS)
    with demo_counters.Windows(lab.machine) as windows:
        document['twin'], bad = demo_measure.measure(lab, 'twin', seconds, windows)
    lab.wait_twin('attached')
    document['counters'] = windows.document()
    failures += bad + [f'mode twin: {f}' for f in demo_counters.faults(document['counters'])]


def run(document, seconds, failures):
    with Lab(say) as lab:
        document['network'] = 'user' if lab.reduced else 'tap'
        if lab.reduced:
            say('not root: reduced run through the user network: no UDP, raw frames, ping, and only one guest')
        with part(document, 'boot'):
            boot(lab, document, failures)
        for mode, measure in (('bridge', measure_bridge), ('twin', measure_twin)):
            say(f'mode {mode}')
            with part(document, f'mode {mode}'):
                measure(lab, document, seconds, failures)
        with part(document, 'end'):
            failures += check_end(lab)
            power_off(lab)


def count_overhead(document, failures):
    """In a machine of its own: counting makes it slower, so nothing else is measured there."""
    say('derived code, instruction by instruction')
    with part(document, 'hot_overhead'):
        counted = overhead.measure(say, quick=True)
    document['derive']['hot_overhead'] = counted['hot_overhead']
    document['derive']['hot_overhead_windows'] = {w['key']: w['hot_overhead'] for w in counted['windows']}
    if counted['hot_overhead'] > overhead.BOUND:
        failures.append(f'hot_overhead: {counted["hot_overhead"]:.3f} over all windows, bound {overhead.BOUND:.2f}')


def facts():
    return {'kernel': demo_report.kernel_release(), 'qemu': demo_report.qemu_version(),
            'derive': demo_report.derive_facts()}


def write(document, output):
    """All or nothing."""
    new = output.with_suffix('.new')
    new.write_text(json.dumps(document, indent=2) + '\n')
    os.replace(new, output)


def demonstrate(seconds, output):
    document = {'ok': False, 'window_s': seconds, 'parts': {}, **dict.fromkeys(KEYS)}
    failures = []
    output.unlink(missing_ok=True) # what is there afterwards is this run's
    try:
        with part(document, 'facts'):
            document.update(facts())
        run(document, seconds, failures)
        count_overhead(document, failures)
    except Exception as e: # pylint: disable=broad-except; whatever it is, the document says so
        failures.append(in_words(e))
    document['ok'] = not failures
    document['failures'] = failures
    document['seconds'] = round(time.monotonic() - started, 1)
    write(document, output)
    if document['counters']:
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
