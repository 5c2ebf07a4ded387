#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The other guests' TCP keeps at least half of its pace beside each disturbance, but for a stated outage.

Each step is one disturbance, under a clock that counts instructions. Guest 1 sends to the peer and guest 2 receives from it,
right to the byte, all of the time. Their pace is measured right before and during the disturbance; where that takes the twin
or the link away, the outage is subtracted or, if it is long, the pace is measured behind it, and the outage is in the row.
"""
import random
import re
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from campaign import main
from lab import Session, image, lab

import death_lab
import dvm
import pace_kinds as kinds
from conftest import BOOT_S, initrd_with, static_program
from hostile_guest import ELF, KINDS as WAYS, Hostile
from kill_lab import FAST_LINK
from nmi_lab import Nmis
from pace_lab import streams, wait
from test_hostile_dvm import FOLDER as HOSTILE_DVM
from test_once import BROADCAST
from test_polling import POLLER
from test_storm import EDU_LOWER, EDU_RAISE, Neighbour
from test_upcalls import HOT

LEAST = 0.5
CARD = ('pci', 'registers', 'features', 'chains', 'frames', 'kicks')
NOBODY = '02:00:00:00:00:77'
SETTING = '/sys/class/net/eth0'
# Of campaign dvm: those that take the network away.
OPERATIONS = ('vlans', 'promiscuous', 'out of the bridge', 'link', 'ring sizes', 'offloads', 'mtu 1400', 'offline test',
              'restart', 'reset task', 'down and up', 'castor unloaded', 'driver unloaded')

DISTURBANCES = {
    'flood to the receiver': partial(kinds.flood, to=image.guest_mac(2)),
    'flood to the sender': partial(kinds.flood, to=image.guest_mac(1)),
    'flood to everybody': partial(kinds.flood, to=BROADCAST),
    'flood to nobody': partial(kinds.flood, to=NOBODY),
    'hostile card': lambda b: kinds.hostile(b, *CARD),
    'hostile frames': lambda b: kinds.hostile(b, 'frames'),
    'ports': lambda b: kinds.hostile(b, 'ports', 'port-sweep'),
    'MSRs': lambda b: kinds.hostile(b, 'msr-sweep'),
    'CPUID': lambda b: kinds.hostile(b, 'cpuid-sweep'),
    'hypercalls': lambda b: kinds.hostile(b, 'vmmcall'),
    'hypercalls of ring 3': lambda b: kinds.hostile(b, 'vmmcall-user'),
    'hostile all': lambda b: kinds.hostile(b, *WAYS),
    'frozen and thawed': kinds.frozen,
    'killed': kinds.killed,
    'statistics': partial(kinds.again, command='ethtool -S eth0; ip -s link show eth0; cat /proc/net/dev'),
    'self-test': partial(kinds.again, command='ethtool -t eth0 online', stop='killall ethtool', least=1),
    'threaded': partial(kinds.again, command=f'echo 1 >{SETTING}/threaded; usleep 20000; echo 0 >{SETTING}/threaded'),
    'netconsole': kinds.netconsole,
    'own flood': kinds.own_flood,
    'ring 3 of the driver VM': partial(kinds.again, command='/root/user $n 2000', before='chmod +x /root/user', least=1),
    'busy polling': kinds.polling,
    'NMIs': kinds.nmis,
    'stuck line': kinds.storm,
    'late timer': kinds.late,
    'deaths of the twin': lambda b: kinds.rounds(b, partial(kinds.die, how='ud')),
    'wild deaths of the twin': lambda b: kinds.rounds(b, partial(kinds.die, how='wild')),
    **{f'upcalls of {name}': partial(kinds.upcalls, name=name) for name in HOT},
    'switch-overs': lambda b: kinds.rounds(b, kinds.switch),
    **{name: partial(kinds.operation, name=name) for name in OPERATIONS},
    'hypercalls of the driver VM': kinds.hypercalls,
    'panic of the driver VM': kinds.panic,
    'ring memory moves': kinds.ring_moves,
}
NAMES = list(DISTURBANCES)


class Line(Neighbour):
    """On the card's line."""

    def raise_line(self):
        self.write(EDU_RAISE, 1)

    def lower_line(self):
        self.write(EDU_LOWER, 1)


class Bench:
    """The booted system and what disturbs in it. facts: for the present step's row."""

    def __init__(self, s, both, neighbour):
        self.s, self.streams, self.neighbour = s, both, neighbour
        self.hostile = Hostile(s, kinds.HOSTILE)
        self.hostile.fresh = False # see no_hostile()
        self.nmis = Nmis(s)
        self.rng, self.facts, self.alone = random.Random(), {}, None

    def attached(self):
        self.s.wait_attached(kinds.SHELL_S)

    def load_modules(self):
        self.s.dvm(dvm.MODULES_LOADED, kinds.SHELL_S)

    def restart_dvm(self, trigger, reason):
        """It dies of what `trigger` does, and starts again."""
        begin = len(self.s.machine.console.text('hv'))
        self.s.machine.console.skip('dvm')
        trigger()
        wait(lambda: re.search(reason, self.s.machine.console.text('hv')[begin:]), reason, kinds.SHELL_S)
        self.s.machine.expect('dvm', 'dvm ready', BOOT_S)
        self.s.machine.expect('dvm', 'built-in commands', BOOT_S)
        self.load_modules()

    def compare(self, rng, disturbance):
        """The row of one disturbance."""
        self.rng, self.facts = rng, {}
        self.attached()
        self.streams.flowing()
        self.alone = self.streams.measure()
        with disturbance(self) as keep:
            during = self.streams.measure(keep)
        self.s.sound()
        row = {'up_us': during.up_us, 'idle': share(during), 'idle_alone': share(self.alone), **self.facts}
        for way in ('sent', 'received'):
            before = getattr(self.alone, way) / self.alone.up_us
            row[f'{way}_mbps'] = round(before * 8)
            row[way] = round(getattr(during, way) / during.up_us / before, 3)
        return row


def share(sample):
    """Of the time, in which nobody had anything to do."""
    return round(sample.idle_us / sample.up_us, 2)


def no_hostile(s):
    """The hostile guest would poll for its first line."""
    s.machine.expect(f'g{kinds.HOSTILE}', 'hostile: ready', 600)
    s.machine.monitor(f'kill g{kinds.HOSTILE}')


@contextmanager
def bench():
    """The booted system."""
    with tempfile.TemporaryDirectory() as folder:
        files = {f'root/{f.name}': f.read_bytes() for f in (HOSTILE_DVM / 'user', HOSTILE_DVM / 'hypercalls.ko')}
        files.update({f.name: f.read_bytes() for e in dvm.EXTRA for f in dvm.MODULES.glob(f'*/kernel/{e}.ko')})
        files.update(death_lab.files())
        files['bin/poller'] = static_program(Path(folder), POLLER)
        line = Line(Path(folder))
        spec = {'icount': 0, 'extra': (*FAST_LINK, *line.extra)}
        with lab('campaign-pace', 'net=twin restarts=1000', ['', 'verify-server', ''], spec=spec, early=no_hostile, other=ELF,
                 dvm_words=kinds.DEATHS, initrd=initrd_with(Path(folder), files)) as s:
            s.attached()
            line.find(s.machine)
            with streams(s) as both:
                b = Bench(s, both, line)
                b.load_modules()
                yield b
            s.quit()


SESSION = Session(bench)


def step(number, rng):
    """The disturbances in turn."""
    name = NAMES[number % len(NAMES)]
    with SESSION.step() as b:
        row = {'kind': name, **b.compare(rng, DISTURBANCES[name])}
    row['half'] = min(row['sent'], row['received']) >= LEAST
    if not row['half']:
        row['error'] = 'less than half of its pace'
    print(row, flush=True)
    return row


if __name__ == '__main__':
    main('pace', len(NAMES), step, end=SESSION.end, kinds=NAMES)
