# SPDX-License-Identifier: GPL-2.0-or-later
"""What disturbs the other guests' streams in campaign `pace`: one function for each sort of disturbance.

Each is a context in which the disturbance goes on; what it yields is called all the time meanwhile. At its end it checks
that there was one, and gives figures to the row (`b.facts`). b: pace.Bench.
"""
from contextlib import contextmanager

from dvm import OPERATIONS, do
from lab import image
from conftest import DVM_IP, PEER_IP
from hostile_guest import bits
from pace_lab import wait
from test_polling import polled_packets, start_poller
from test_rules import ring_pages
from test_upcalls import AT_LIMIT, LIMITS, force, limit, start_flood

FLOODER, HOSTILE = 3, 4    # guests
ENDLESS = 10 ** 9          # operations
AT_BYTES = 9000            # in the driver's queue: it stops often, and the machine does not yet wait for the card
ROUNDS = 5
DEATHS = 'deaths=100000'     # of the twin, that castor answers: its word, and the driver VM's
AWAY_US = 10_000_000       # the network is back, and both streams run, at the latest
TWIN_US = 10_000           # a clean stop and the twin's return
SHELL_S = 240              # of the host, no expectation: a limit for slow machines


def nothing():
    """Goes on by itself."""


# Guests


@contextmanager
def hostile(b, *kinds):
    """Lives of the hostile guest, one after the other."""
    h = b.hostile
    lives, done, h.reasons = h.lives, h.operations, {}
    h.not_guilty_so_far()

    def live():
        h.begin(b.rng.randrange(10 ** 9), bits(*kinds), ENDLESS)

    def keep():
        if h.is_over():
            h.end()
            live()

    live()
    yield keep
    if not h.is_over():
        b.s.machine.monitor(f'kill {h.name}')
    h.end()
    h.check()
    b.facts.update(lives=h.lives - lives, operations=h.operations - done)
    assert b.facts['operations'] > 100, 'no disturbance'


def frames_of(b, number):
    return b.s.stats()['net']['ports'][f'g{number}']['tx']['packets']


def begin_flood(b, to):
    b.s.machine.type(f'flood={to} count=1000m len=60', FLOODER + 1)
    return frames_of(b, FLOODER)


def end_flood(b, before):
    b.facts['frames'] = frames_of(b, FLOODER) - before
    b.s.machine.monitor(f'restart g{FLOODER}')
    b.s.machine.expect(f'g{FLOODER}', r'^net: link=up', SHELL_S)
    assert b.facts['frames'] > 1000, 'no flood'


@contextmanager
def flood(b, to):
    """Small frames as fast as a guest can."""
    before = begin_flood(b, to)
    yield nothing
    end_flood(b, before)


@contextmanager
def frozen(b):
    """A guest that floods is frozen and goes on, again and again."""
    before, commands = begin_flood(b, image.guest_mac(2)), ['freeze', 'thaw']
    b.facts['freezes'] = 0

    def keep():
        b.s.machine.monitor(f'{commands[0]} g{FLOODER}')
        b.facts['freezes'] += commands[0] == 'freeze'
        commands.reverse()

    yield keep
    if commands[0] == 'thaw':
        keep()
    end_flood(b, before)
    assert b.facts['freezes'] > 2


@contextmanager
def killed(b):
    """A guest dies in the middle of its frames and kicks, again and again."""
    h = b.hostile
    b.facts['kills'] = 0
    h.not_guilty_so_far()

    def keep():
        if not h.is_over():
            b.s.machine.monitor(f'kill {h.name}')
            b.facts['kills'] += 1
        h.end()
        h.begin(b.rng.randrange(10 ** 9), bits('frames', 'kicks'), ENDLESS)

    h.begin(1, bits('frames', 'kicks'), ENDLESS)
    yield keep
    keep()
    if not h.is_over():
        b.s.machine.monitor(f'kill {h.name}')
    h.end()
    h.check()
    assert b.facts['kills'] > 2


# The driver VM


@contextmanager
def again(b, command, before='true', stop='true', after='true', least=2):
    """A command in the driver VM, over and over. stop: has the last one come to an end."""
    loop = f'n=0; while [ -e /tmp/go ]; do {command}; n=$((n + 1)); echo $n >/tmp/n; done; rm /tmp/runs'
    b.s.dvm(f'{before}; echo 0 >/tmp/n; touch /tmp/go /tmp/runs; ({loop}) >/dev/null 2>&1 &\ntrue', SHELL_S)
    yield nothing
    b.facts['times'] = int(b.s.dvm(f'rm /tmp/go; {stop}; while [ -e /tmp/runs ]; do usleep 10000; done; {after} >&2; cat '
                                   '/tmp/n', SHELL_S).split()[-1])
    assert b.facts['times'] >= least, 'no disturbance'


@contextmanager
def ring_moves(b):
    """The driver's ring memory gets other pages at the same addresses, the old ones are poisoned (R4)."""
    pages, before = ring_pages(b.s), b.s.stats()['twin']['window_dropped']
    assert pages, 'the twin uses no ring memory'
    move = '; '.join(f'echo "{page} 10" >/sys/module/castor/parameters/repage && echo >>/tmp/moved' for page in pages)
    with again(b, move, before='rm -f /tmp/moved') as keep:
        yield keep
    b.facts['moves'] = 10 * int(b.s.dvm('wc -l </tmp/moved', SHELL_S).split()[-1])
    b.facts['dropped'] = b.s.stats()['twin']['window_dropped'] - before
    assert b.facts['moves'] > 20 and b.facts['dropped'] > 20, 'nothing moved below the twin'


def netconsole(b):
    mac = b.s.peer.run('cat', f'/sys/class/net/{b.s.peer.tap}/address').strip()
    return again(b, 'echo "<4>line=$n" >/dev/kmsg',
                 f'insmod /netconsole.ko netconsole=6665@{DVM_IP}/br0,6666@{PEER_IP}/{mac}; dmesg -n 8',
                 'dmesg -n 1; rmmod netconsole', least=20)


@contextmanager
def polling(b):
    """A socket that polls the card."""
    start_poller(b.s, DEATHS)
    b.attached()
    b.streams.flowing()
    before = polled_packets(b.s)
    yield nothing
    b.facts['polled'] = polled_packets(b.s) - before
    b.s.dvm('killall poller', SHELL_S)
    assert b.facts['polled'] > 100, 'nobody polled'


@contextmanager
def own_flood(b):
    """The driver VM's own frames."""
    before = b.s.stats()['twin']['tx_own']
    start_flood(b.s)
    yield nothing
    b.s.dvm('kill $(cat /tmp/flood)', SHELL_S)
    b.facts['own_frames'] = b.s.stats()['twin']['tx_own'] - before
    assert b.facts['own_frames'] > 100, 'no flood'


@contextmanager
def upcalls(b, name):
    """A routine of a packet's way runs in the driver VM, which floods. The pace without that flood is what it is compared
    with: the routine is a native otherwise."""
    if name == AT_LIMIT:
        limit(b.s, AT_BYTES)
    force(b.s, name)
    b.streams.flowing()
    b.alone = b.streams.measure()
    calls = b.s.stats()['upcalls'].get(name, 0)
    with own_flood(b) as keep:
        yield keep
    b.facts['calls'] = b.s.stats()['upcalls'].get(name, 0) - calls
    force(b.s)
    if name == AT_LIMIT:
        limit(b.s, LIMITS[1])
    assert b.facts['calls'] > 0, 'no upcalls'


class Operator:
    """What dvm.do() asks for: the streams are looked after, and the wire."""

    def __init__(self, b):
        self.b = b

    def keep(self):
        self.b.streams.alive()

    def link(self, on):
        self.b.s.machine.hmp(f'set_link wire {"on" if on else "off"}')

    def unload(self):
        self.b.s.dvm('rmmod e1000', SHELL_S)


@contextmanager
def away(b):
    """The network goes for a while: its time is in the row, the pace is measured when both streams run again."""
    begin = b.s.stats()['cpu']['up_us']
    yield
    b.attached()
    b.streams.flowing()
    b.facts['away_us'] = b.s.stats()['cpu']['up_us'] - begin
    assert b.facts['away_us'] < AWAY_US, f'both streams run after {b.facts["away_us"]} us only'


@contextmanager
def operation(b, name):
    """One of campaign dvm's, and how the streams run behind it."""
    who = Operator(b)
    with away(b):
        for command in OPERATIONS[name][1]:
            do(b.s, command, who, who)
    yield nothing


@contextmanager
def hypercalls(b):
    """Of the driver VM's kernel behind castor's back, which may cost it its twin or itself; then it is started anew."""
    with away(b):
        for seed in range(3):
            b.s.machine.console.skip('dvm')
            b.s.machine.type(f'insmod /root/hypercalls.ko seed={seed} count=1000; rmmod hypercalls; dmesg | grep hostile', 1)
            b.s.machine.expect('dvm', r'hostile: hypercalls=1000 ', SHELL_S)
        b.restart_dvm(lambda: b.s.machine.monitor('restart dvm'), 'dvm starts again')
    yield nothing


@contextmanager
def panic(b):
    """The driver VM dies and is restarted."""
    with away(b):
        b.restart_dvm(lambda: b.s.machine.type('insmod /death.ko how=panic', 1), 'dvm killed: kernel panic: death')
    yield nothing


# The machine


@contextmanager
def nmis(b, count=5000):
    before = b.nmis.counts()
    b.nmis.start(count, b.rng.getrandbits(48) | 1)
    yield nothing
    b.facts['nmis'] = b.nmis.counts()['taken'] - before['taken']
    assert b.facts['nmis'] > 100
    b.nmis.finish(SHELL_S)


@contextmanager
def storm(b):
    """The card's line is stuck."""
    before = b.s.stats()['storm']['held']
    b.neighbour.raise_line()
    yield nothing
    b.facts['held'] = b.s.stats()['storm']['held'] - before
    b.neighbour.lower_line()
    assert b.facts['held'] > 50


@contextmanager
def late(b, ms=500, times=1000):
    """The timer's interrupts come late, and one that is set anew meanwhile later still."""
    b.s.machine.monitor(f'late {ms} {times}')
    yield nothing
    b.facts['late_left'] = int(b.s.machine.monitor('late').split()[0])
    b.s.machine.monitor('late 0 0')
    assert 0 < b.facts['late_left'] < times, 'none was late, or too few'


# The twin


@contextmanager
def rounds(b, once):
    """Again as soon as both streams run again; that time is not the twin's alone, but also what TCP waits for."""
    b.facts.update(rounds=ROUNDS, twin_us=0, longest_us=0, away_us=0)
    for _ in range(ROUNDS):
        begin = b.s.stats()['cpu']['up_us']
        b.facts['twin_us'] += once(b)
        b.streams.flowing()
        took = b.s.stats()['cpu']['up_us'] - begin
        b.facts['away_us'] += took
        b.facts['longest_us'] = max(took, b.facts['longest_us'])
    assert b.facts['twin_us'] < ROUNDS * TWIN_US, f'the twin was away for {b.facts["twin_us"]} us'
    assert b.facts['longest_us'] < AWAY_US, f'both streams run after {b.facts["longest_us"]} us only'
    yield nothing


def switch(b):
    """To the bridge and back; the outages of both, in us."""
    b.s.machine.console.skip('hv')
    b.s.machine.monitor('mode bridge')
    b.s.machine.expect('hv', 'the bridge is open', SHELL_S)
    b.s.machine.monitor('mode twin')
    b.attached()
    twin = b.s.stats()['twin']
    return twin['stop_open_us'] + twin['back_us']


def die(b, how):
    """The twin dies in its next invocation; its outage in us."""
    deaths = b.s.stats()['twin']['deaths']
    b.s.machine.monitor(f'fault {how}')
    wait(lambda: b.s.stats()['twin']['deaths'] > deaths, 'the twin has not died', SHELL_S)
    b.attached()
    return b.s.stats()['twin']['back_us']
