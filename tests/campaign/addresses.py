#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Twenty guests' addresses and IPv6 neighbour discovery through the card's receive filter, again and again (R12).

eth0 is outside of the bridge, so that the filter is on. TCP of guest 1 to the peer and of the peer to guest 2 runs all
the time. Each step does one of two things ten times. `guests`: the driver is reset, the peer forgets who is where, and
each of the twenty is asked for and answers. `neighbours`: the peer forgets a Linux guest's IPv6 address, finds it again
by its solicited-node group, and it answers. Afterwards: both streams are right, no death, all as before.
"""
from contextlib import contextmanager

from campaign import main
from lab import Load, Session, lab

from dvm import LINK, PATIENCE_S, check
import image
from test_addresses import GUESTS, link_local, without_promiscuity

TIMES = 10      # in a step
ROUNDS = 10     # of both kinds
PINGS = 5       # of which one is answered: QEMU's e1000 takes no frame for a second behind a reset
NAMES = ('guests', 'neighbours')


@contextmanager
def bench():
    with lab('campaign-addresses', 'net=twin', ['echo verify-server'] * 2 + ['echo'] * (GUESTS - 2), linux=1,
             spec={'memory': 1536}) as s:
        s.machine.expect(f'g{GUESTS + 1}', 'dvm ready', 240)
        s.attached()
        without_promiscuity(s)
        for key in ('accept_dad=0', 'disable_ipv6=0'):
            s.peer.run('sysctl', '-q', '-w', f'net.ipv6.conf.{s.peer.tap}.{key}')
        s.hash = s.whole()
        yield s


SESSION = Session(bench)


def is_answered(s, *ping):
    return any(' 1 received' in s.peer.run('sh', '-c', '"$@" || true', 'sh', 'ping', *ping, '-c', 1, '-W', 1)
               for _ in range(PINGS))


def guests(s, load):
    """How many answered."""
    s.dvm(f'ethtool -r eth0; {LINK}')
    s.peer.run('ip', '-4', 'neigh', 'flush', 'dev', s.peer.tap)
    for n in range(1, GUESTS + 1):
        assert is_answered(s, s.address(n)), f'guest {n} does not answer'
        load.keep()
    return GUESTS


def neighbours(s, load):
    address = link_local(image.guest_mac(GUESTS + 1))
    s.peer.run('ip', '-6', 'neigh', 'flush', 'dev', s.peer.tap)
    assert is_answered(s, '-6', f'{address}%{s.peer.tap}'), 'the Linux guest does not answer'
    assert image.guest_mac(GUESTS + 1) in s.peer.run('ip', '-6', 'neigh', 'show', address)
    load.keep()
    return 1


def step(number, rng):
    """Both in turn; rng, which a step may use, is not needed."""
    del rng
    name = NAMES[number % len(NAMES)]
    with SESSION.step() as s:
        s.dvm('dmesg -c >/dev/null')
        load = Load(s, megabytes=3, patience=PATIENCE_S)
        answers = sum({'guests': guests, 'neighbours': neighbours}[name](s, load) for _ in range(TIMES))
        load.finish()
        check(s)
        return {'kind': name, 'tcp_right': True, 'tally': {'times': TIMES, 'answers': answers, 'streams': load.finished}}


if __name__ == '__main__':
    main('addresses', ROUNDS * len(NAMES), step, end=SESSION.end)
