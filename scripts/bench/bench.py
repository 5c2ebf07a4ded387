#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures Pollux against what one would use instead: native Linux, the driver VM, the bridge, KVM, Xen.

All systems run in the same emulated machine with the same card, kernel, load generator and peer. What counts is executed
instructions, REP iterations at a quarter of one, and 1,500 for each world switch (docs/results.md). Prints tables and writes
out/bench.json; a run that was interrupted goes on where it was. Where KVM runs AMD-V, each system is booted once more on the
processor itself, and the load generator's windows are also told in cycles of its time stamp counter. Of Pollux also: its lwIP
guest's web server, many Linux guests at once, what a flood of one guest leaves to another one's TCP, and what it costs when
routines that the hypervisor has are run in the driver VM.

--quick is the version of about 10 minutes, on a machine with nothing else to do. Its windows have half of the size or less
({quick_windows} of each instead of {windows}), those of KVM and of Xen's domU a quarter. Where --systems does not say what to
measure, it leaves out: lwIP's web server, Xen's dom0, TCP without offloads over the twin of the engine stlb, what that engine's
derived code costs, numbers of guests but {quick_guests}, and upcalls.
Without --quick all of this is measured. The system kvm-nopoll,
KVM that does not poll before it halts, is measured when --systems names it.

Exit status: 0, or 1 when a system could not be measured; the others' figures are there.
"""
import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import accel # noqa: E402
import image # noqa: E402
import about # noqa: E402
import aims # noqa: E402
import booted # noqa: E402
import estimate # noqa: E402
import fairness # noqa: E402
import inputs # noqa: E402
import kvm # noqa: E402
import lwip # noqa: E402
import many # noqa: E402
import measure # noqa: E402
import overhead # noqa: E402
import results # noqa: E402
import systems # noqa: E402
import upcalls # noqa: E402
import workloads # noqa: E402
import xen # noqa: E402
from console import ConsoleError # noqa: E402
from peer import PeerError, is_available as tap_is_available # noqa: E402

RESULT = image.OUT / 'bench.json'
STATE = image.OUT / 'bench/state.json'
WINDOWS = {True: 3, False: 9} # of a figure; True: quick
NONE = 'none' # of the systems
GUESTS = {True: (4,), False: (1, 2, 4, 8, 16)}
# What --quick leaves out where --systems does not say what to measure: no aim needs it.
NOT_QUICK = 'pollux-stlb-plain', 'pollux-lwip', 'xen-dom0'
FAILURES = (ConsoleError, PeerError, systems.BenchError, image.ImageError, OSError, RuntimeError, ValueError,
            subprocess.SubprocessError)


def all_systems(guests):
    return [systems.Pollux(), systems.Pollux(plain=True), systems.PolluxStlb(), systems.PolluxStlb(plain=True), lwip.Lwip(),
            systems.Native(), kvm.Kvm(), kvm.Kvm(halt_poll=False), xen.DomU(), xen.Dom0(), *map(many.Guests, guests)]


class Run:
    """What has been measured, kept in STATE after each workload."""

    def __init__(self, quick, fresh, say):
        self.quick, self.say = quick, say
        self.doc, self.failures = {}, []
        self.begun, self._earlier = time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime()), 0.0
        self._started = time.monotonic()
        self._mark = inputs.fingerprint(quick)
        self.expect(1)
        if not fresh:
            self._resume()

    def _resume(self):
        """What an earlier run measured of the same inputs; a file that is no state holds nothing."""
        try:
            old = json.loads(STATE.read_text())
            if old['fingerprint'] == self._mark:
                self.doc, self.begun, self._earlier = dict(old['doc']), str(old['begun']), float(old['seconds'])
        except (OSError, ValueError, KeyError, TypeError):
            pass

    def expect(self, steps):
        """So many figures will follow, from now on."""
        self._begun, self._done, self._steps = time.monotonic(), 0, steps

    def keep(self, key, name, value):
        self.doc.setdefault(key, {})[name] = value
        self._write()

    @property
    def seconds(self):
        """That it took, with the parts that it goes on from; pauses between them are not counted."""
        return self._earlier + time.monotonic() - self._started

    def _write(self):
        results.write(STATE, {'fingerprint': self._mark, 'begun': self.begun, 'seconds': round(self.seconds, 1),
                              'doc': self.doc})

    def add(self, face, w, record):
        results.add(self.doc, face, w, record)
        self._step(face, w, record)

    def add_cycles(self, face, w, cycles):
        """Beside the figure that is there; None: it has none."""
        results.figure(self.doc, face, w)['tsc'] = cycles
        self._write()
        if cycles:
            self.say(f'  {face}: {w.title}: {cycles["median"]:,.0f} TSC cycles per {w.unit}')

    def add_upcalls(self, w, record):
        """A point of the curve."""
        self.doc.setdefault(upcalls.KEY, []).append(record)
        self._step(f'{record["upcalls_per_packet"]:.2f} upcalls a packet', w, record)

    def add_share(self, face, w, record):
        """Of fairness."""
        self.doc.setdefault(fairness.KEY, {}).setdefault(face, {})[w.key] = record
        share = record['share']
        self._tell(f'{face}: {w.title} beside a flood: {share["median"]:.2f} [{share["min"]:.2f}..{share["max"]:.2f}] of half')

    def _step(self, face, w, record):
        self._tell(f'{face}: {w.title}: {record["median"]:,.0f} [{record["min"]:,.0f}..{record["max"]:,.0f}] per {w.unit}')

    def _tell(self, what):
        """A figure is there."""
        self._write()
        self._done += 1
        left = (time.monotonic() - self._begun) / self._done * (self._steps - self._done)
        self.say(f'  {what}; {int(left) // 60} min {int(left) % 60} s left')


def attempt(run, name, what, *args):
    """What fails does not end the run."""
    try:
        what(run, *args)
    except FAILURES as e:
        run.failures.append(f'{name}: {e}')
        run.say(f'{name}: FAILED: {str(e).splitlines()[0]}')


def engines(quick):
    """[(SVM engine, its twin)]"""
    return [('window', image.TWIN)] if quick else [('window', image.TWIN), ('stlb', image.TWIN_STLB)]


def chosen_systems(wanted, guests, quick):
    """wanted: names of faces, or None: all that are usually measured."""
    found = all_systems(guests)
    if wanted:
        return found
    return [s for s in found if not s.by_name_only and not (quick and s.name in NOT_QUICK)]


def left_to_do(run, system, faces, chosen):
    """[(face, function that turns to it, its workloads that have no figure)]"""
    found = [(face, turn, [w for w in chosen if system.can(w, face) and not results.figure(run.doc, face, w)])
             for face, turn in system.faces if face in faces]
    return [f for f in found if f[2]]


def measure_system(run, system, todo):
    run.say(f'{system.name}: booting')
    with booted.Booted(system) as running:
        for face, turn, chosen in todo:
            turn(running.machine)
            for w in chosen:
                run.add(face, w, measure.measure(running, w, WINDOWS[run.quick], run.quick))


def without_cycles(run, todo, faces):
    """[(face, function that turns to it, its workloads whose figure has no cycles yet)]"""
    found = [(face, turn, [w for w in todo if (c := results.figure(run.doc, face, w)) and 'tsc' not in c])
             for face, turn in faces]
    return [f for f in found if f[2]]


def measure_cycles(run, system, todo):
    run.say(f'{system.name}: booting under KVM, for cycles')
    with booted.Booted(system, accel='kvm') as running:
        for face, turn, chosen in todo:
            turn(running.machine)
            for w in chosen:
                cycles = measure.measure_cycles(running, w, WINDOWS[run.quick], run.quick)
                run.add_cycles(face, w, cycles)


def measure_all_cycles(run, wanted, chosen, guests):
    """Behind measure_all(): of the figures that are there. Nothing where KVM does not serve."""
    if reason := accel.why_not_kvm():
        run.say(f'no TSC cycles: {reason}')
        return
    for system in chosen_systems(wanted, guests, run.quick):
        faces = [f for f in system.faces if not wanted or f[0] in wanted]
        if todo := without_cycles(run, chosen, faces):
            attempt(run, f'{system.name} under KVM', measure_cycles, system, todo)


def upcalls_to_do(run, chosen):
    return [(w, names) for w, names in upcalls.points() if w in chosen and not upcalls.find(run.doc, w, names)]


def measure_upcalls(run, chosen):
    todo = upcalls_to_do(run, chosen)
    if not todo:
        return
    system = upcalls.Forced()
    run.say(f'{system.name}: booting')
    run.expect(len(todo))
    with booted.Booted(system) as running:
        for w, names in todo:
            run.add_upcalls(w, upcalls.measure_point(running, w, names, WINDOWS[run.quick], run.quick))


def shares_to_do(run, system, chosen):
    return [(turn, w, face) for face, turn in system.faces for w in fairness.wanted(chosen)
            if not fairness.find(run.doc, face, w)]


def measure_fairness(run, chosen):
    system = fairness.Pair()
    todo = shares_to_do(run, system, chosen)
    if not todo:
        return
    run.say(f'{system.name}: booting')
    run.expect(len(todo))
    with booted.Booted(system) as running:
        for turn, w, face in todo:
            turn(running.machine)
            run.add_share(face, w, fairness.measure(running, w, WINDOWS[run.quick], run.quick))


def systems_to_do(run, wanted, chosen, guests):
    """[(system, what left_to_do() says)]"""
    found = chosen_systems(wanted, guests, run.quick)
    faces = set(wanted or [f for s in found for f, _ in s.faces])
    return [(system, left_to_do(run, system, faces, chosen)) for system in found]


def expected_seconds(run, wanted, chosen, guests, also):
    """Of what is left. also: what asked_for() says."""
    windows = WINDOWS[run.quick]
    boots = [(s.name, sum(len(works) for *_, works in mine), 1 / s.quick_part if run.quick else estimate.FULL)
             for s, mine in systems_to_do(run, wanted, chosen, guests) if not s.missing()]
    part = 1 if run.quick else estimate.FULL
    if upcalls.KEY in also:
        boots.append(('pollux-upcalls', len(upcalls_to_do(run, chosen)), part))
    if fairness.KEY in also:
        boots.append(('pollux-fairness', len(shares_to_do(run, fairness.Pair(), chosen)), part))
    found = sum(estimate.of_boot(name, figures, windows, share) for name, figures, share in boots)
    if results.DERIVED in also:
        done = run.doc.get(results.DERIVED, {})
        found += sum(estimate.ENGINE_S[run.quick] for engine, _ in engines(run.quick) if engine not in done)
    return found


def measure_all(run, wanted, chosen, guests):
    found = all_systems(guests)
    names = [f for s in found for f, _ in s.faces]
    unknown = set(wanted or ()) - {*names, NONE}
    if unknown:
        known = ', '.join(dict.fromkeys([*names, NONE]))
        raise systems.BenchError(f'unknown system {", ".join(sorted(unknown))} (known: {known})')
    todo = systems_to_do(run, wanted, chosen, guests)
    run.expect(sum(len(works) for _, mine in todo for _, _, works in mine))
    for system, mine in todo:
        if not mine:
            continue
        if system.missing():
            run.say(f'{system.name}: left out: {system.missing()}')
            continue
        attempt(run, system.name, measure_system, system, mine)


def measure_engines(run):
    """What derived code costs against the module's own, by SVM engine (scripts/overhead.py)."""
    for engine, file in engines(run.quick):
        if engine in run.doc.get(results.DERIVED, {}):
            continue
        run.say(f'derived code, {engine}: booting')
        try:
            document = overhead.measure(lambda line: None, run.quick, file)
        except overhead.FAILURES as e:
            run.failures.append(f'derived code, {engine}: {e}')
            continue
        run.keep(results.DERIVED_WINDOWS, engine, {w['title']: w['hot_overhead'] for w in document['windows']})
        run.keep(results.DERIVED, engine, document['hot_overhead'])
        run.say(f'  {engine}: {document["hot_overhead"]}')


def asked_for(args):
    """Of what is no system's: its keys in the results."""
    return {key for key, wanted in ((upcalls.KEY, args.upcalls or not (args.systems or args.quick)),
                                    (fairness.KEY, args.fairness or not args.systems),
                                    (results.DERIVED, not args.systems)) if wanted}


def measure_everything(run, named, chosen, guests, also):
    """named: faces, or None. also: what asked_for() says."""
    run.say(f'this takes {estimate.in_words(expected_seconds(run, named, chosen, guests, also))}')
    measure_all(run, named, chosen, guests)
    measure_all_cycles(run, named, chosen, guests)
    if upcalls.KEY in also:
        attempt(run, upcalls.KEY, measure_upcalls, chosen)
    if fairness.KEY in also:
        attempt(run, fairness.KEY, measure_fairness, chosen)
    if results.DERIVED in also:
        measure_engines(run)


def numbers(text):
    """Of guests, as the command line gives them."""
    found = [int(n) for n in text.split(',')]
    if min(found) < 1 or max(found) > many.MOST or len(set(found)) != len(found):
        raise ValueError(text)
    return found


def numbers_text(found):
    return ','.join(map(str, found))


def main():
    words = {'windows': WINDOWS[False], 'quick_windows': WINDOWS[True], 'quick_guests': numbers_text(GUESTS[True])}
    p = argparse.ArgumentParser(description=__doc__.format(**words), formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--quick', action='store_true', help='about 10 minutes: see above')
    p.add_argument('--systems', metavar='A,B', help=f'these only; {NONE}: no system')
    p.add_argument('--workloads', metavar='A,B', help='these only')
    p.add_argument('--guests', metavar='1,2,..', type=numbers,
                   help=f'so many at once (default: {numbers_text(GUESTS[False])}; with --quick: {numbers_text(GUESTS[True])})')
    p.add_argument('--upcalls', action='store_true', help='upcalls, also when --quick or --systems says less than all')
    p.add_argument('--fairness', action='store_true', help='what a flood leaves to TCP, also when --systems says less than all')
    p.add_argument('--fresh', action='store_true', help='forget what an earlier run measured')
    args = p.parse_args()
    # A shell gives its background jobs SIGINT ignored; Ctrl-C must end the run all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not tap_is_available():
        sys.exit('bench: needs root, for a tap and a network namespace of its own')
    say = lambda line: print(line, flush=True) # noqa: E731
    keys = [w.key for w in workloads.ALL]
    wanted = args.workloads.split(',') if args.workloads else keys
    if set(wanted) - set(keys):
        sys.exit(f'bench: unknown workload {", ".join(set(wanted) - set(keys))} (known: {", ".join(keys)})')
    run = Run(args.quick, args.fresh, say)
    chosen = [w for w in workloads.ALL if w.key in wanted]
    try:
        named = args.systems.split(',') if args.systems else None
        measure_everything(run, named, chosen, args.guests or GUESTS[args.quick], asked_for(args))
    except systems.BenchError as e:
        sys.exit(f'bench: {e}')
    except KeyboardInterrupt:
        sys.exit('bench: interrupted; the next run goes on from here')
    told = about.about(args.quick, run.begun, run.seconds)
    doc = {'about': told, **run.doc, **results.derive(run.doc), 'aims': aims.judge(run.doc), 'failures': run.failures}
    results.write(RESULT, doc)
    print('\n' + results.report(doc))
    for f in run.failures:
        print(f'bench: {f}', file=sys.stderr)
    sys.exit(1 if run.failures else 0)


if __name__ == '__main__':
    main()
