# SPDX-License-Identifier: GPL-2.0-or-later
"""What the campaigns against the twin share: a machine for many steps, with one of the workloads."""
import hashlib
import json
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from campaign import FOLDER
from lab import image, lab

import kill_lab
import overhead_sums as sums
from conftest import initrd_with
from death_lab import SILENCE_S, Flood
from large_load import linux_initrd, up
from workloads import LINUX, WORKLOADS

STEPS_PER_BOOT = 150
SERVERS = ['echo verify-server', f'echo verify-server sink time={SILENCE_S}']
RATE, STREAM = 100, 9 # numbered frames to guest 2 in a second
MODULES = image.OUT / 'kernel/image/lib/modules'
PLUGIN = image.OUT / 'profile/count.so'
COUNTED = ('met', 'killed', 'recovered', 'down', 'dvm_restarted', 'error')
SURVEY_FRAMES = 2000 # in each direction
OFTEN = 20 # executions in a survey: the plain workload serves


@contextmanager
def victim(name, workload='plain', linux=None, extra=(), judge=Flood.received):
    """A kill_lab.Campaign; streams and pool add up at its end. The boot's logs are in out/run/NAME-WORKLOAD-BOOT.

    linux: whether there is the Linux guest, if not the workload decides. judge: looks at the end at what became of the
    Flood of numbered frames, and raises when that is not right.
    """
    kind = WORKLOADS[workload]
    linux = kind.linux if linux is None else linux
    files = {f.name: f.read_bytes() for e in ('802/*', '8021q/8021q') for f in MODULES.glob(f'*/kernel/net/{e}.ko')}
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        initrd = initrd_with(Path(folder), files)
        with lab(f'{name}-{workload}', 'net=twin', SERVERS, dvm_words='deaths=100000', initrd=initrd, linux=int(linux),
                 linux_initrd=linux_initrd(Path(folder)), spec={'extra': (*kill_lab.FAST_LINK, *extra)}) as s:
            if linux:
                up(s, LINUX)
            s.attached()
            beside = kind(s)
            beside.start()
            campaign = kill_lab.Campaign(s, beside)
            flood = Flood(s, STREAM, RATE)
            yield campaign
            flood.end()
            if campaign.beside:
                campaign.beside.finish()
            campaign.finish()
            judge(flood)


def measure(campaign, folder, number):
    """{'frames': in the direction of fewer, 'counts': {offset: executions}} of what runs now. number: of the window."""
    campaign.s.machine.monitor('mark', 240)
    frames, now = campaign.frames(), (0, 0)
    while min(b - a for a, b in zip(frames, now)) < SURVEY_FRAMES:
        campaign.keep()
        time.sleep(0.3)
        now = campaign.frames()
    campaign.s.machine.monitor('mark', 240)
    before, after = (sums.parse_counts((folder / f'counts.{2 * number + n}').read_text()) for n in range(2))
    counts = {a - sums.TWIN_BASE: n for a, n in sums.difference(before, after).items() if a >= sums.TWIN_BASE}
    return {'frames': min(b - a for a, b in zip(frames, now)), 'counts': counts}


def survey():
    """{workload: what it meets}: one boot, with the emulator's counting plugin."""
    found, ours = {}, 'range={:x}-{:x}'.format(*sums.RANGES[0]) # `mark` is there, and derived code
    with tempfile.TemporaryDirectory(prefix='pollux-campaign-') as folder:
        with victim('survey', linux=True, extra=('-plugin', f'{PLUGIN},out={folder}/counts,{ours}')) as c:
            c.beside.stop()
            for number, (name, kind) in enumerate(WORKLOADS.items()):
                c.beside = kind(c.s)
                c.beside.start()
                found[name] = measure(c, Path(folder), number)
                c.beside.stop()
                c.settle()
                print(f'survey: {name}: {len(found[name]["counts"])} instructions, {found[name]["frames"]} frames each way',
                      flush=True)
            c.beside = None
    return found


def surveys():
    """survey(), made once for a twin: out/campaign/workloads.json belongs to the campaigns' state."""
    path, twin = FOLDER / 'workloads.json', hashlib.sha256(image.TWIN.read_bytes()).hexdigest()
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get('twin') != twin:
        kept = {'twin': twin, 'surveys': survey()}
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept) + '\n')
    return {name: {**s, 'counts': {int(o): n for o, n in s['counts'].items()}} for name, s in kept['surveys'].items()}


def best_workload(found, offset):
    """(workload in which that instruction runs, frames between two executions), or None: in none."""
    often = {name: s['counts'][offset] / max(s['frames'], 1) for name, s in found.items() if offset in s['counts']}
    if not often:
        return None
    if found['plain']['counts'].get(offset, 0) >= OFTEN:
        return 'plain', 1 / often['plain']
    name = max(often, key=often.get)
    return name, 1 / often[name]


def add_up(name, **more):
    """Into the campaign's result: its rows by kind, function, class and name of the datum, and the share of the faults met
    that was recovered, without those of kind `refused`, which nobody promises to survive."""
    path, tables = FOLDER / f'{name}.json', {'kind': {}, 'function': {}, 'class': {}, 'datum': {}}
    if not path.exists():
        return
    rows = [json.loads(line) for line in (FOLDER / f'{name}.jsonl').read_text().splitlines()]
    met = [r for r in rows if r.get('met') or 'error' in r]
    for key, table in tables.items():
        for r in (r for r in met if key in r or key in ('kind', 'function')):
            count = table.setdefault(r.get(key, 'of failed steps'), dict.fromkeys(COUNTED, 0))
            for what in COUNTED:
                count[what] += what == 'met' or bool(r.get(what))
    counted = [r for r in met if r.get('kind') != 'refused']
    good = sum(r.get('recovered', False) for r in counted)
    total = {**json.loads(path.read_text()), **more, 'met': len(counted), 'recovered': good,
             'recovered_share': round(good / max(len(counted), 1), 4), 'tables': tables}
    path.write_text(json.dumps(total, indent=1) + '\n')
