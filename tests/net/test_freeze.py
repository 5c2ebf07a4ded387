# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator does to a guest with frames in flight, while others go on: it is frozen and goes on later where it was;
it is stopped, which is no fault, and started again."""
import time

import pytest

from conftest import Load, unharmed
from console import ConsoleError

ROUNDS = 3
PATIENCE_S = 180


def vms(s):
    """name -> (state, entries)"""
    rows = [line.split() for line in s.machine.monitor('vms').splitlines() if line[:1].isdigit()]
    return {r[1]: (r[3], int(r[r.index('entries') + 1])) for r in rows}


def moves(s, guest, load):
    """Wait until the guest sends and receives: behind a standstill TCP may wait long before it tries again."""
    def packets():
        port = s.stats()['net']['ports'][guest]
        return port['tx']['packets'], port['rx']['packets']
    first = now = packets()
    end = time.monotonic() + PATIENCE_S
    while not all(n > f + 20 for n, f in zip(now, first)):
        assert time.monotonic() < end, f'{guest} moves no frames: {first} {now}'
        load.keep()
        now = packets()


@pytest.mark.parametrize('net', [pytest.param('bridge', marks=pytest.mark.long), 'twin'])
def test_frozen_guest_goes_on_where_it_was(system, net):
    """R16: nothing is lost by it, neither a byte of its streams nor a buffer of the pool."""
    s = system(f'net={net}', ['verify-server', 'verify-server'])
    if net == 'twin':
        s.attached()
    own = Load(s, 2, 2, port=5003, patience=PATIENCE_S)
    others = Load(s, 1, 1, megabytes=1, patience=PATIENCE_S)
    for _ in range(ROUNDS):
        moves(s, 'g2', own)
        s.machine.monitor('freeze g2')
        state, done = vms(s)['g2'], others.finished + 2
        while others.finished < done: # time passes, for the others
            others.keep()
        assert vms(s)['g2'] == state and state[0] == 'frozen'
        s.machine.monitor('thaw g2')
        assert vms(s)['g2'][0] == 'running'
    others.finish()
    own.finish()
    with pytest.raises(ConsoleError, match='a guest'):
        s.machine.monitor('freeze dvm')
    s.machine.monitor('freeze g2')
    s.machine.monitor('restart g2')
    s.machine.expect('g2', r'^net: link=up', 30)
    assert s.peer.ping(s.address(2))[0] == 5
    if net == 'twin':
        s.machine.monitor('mode bridge')
        s.machine.expect('hv', 'twin detached', 30)
    unharmed(s)
    s.quit()


def test_guests_are_stopped_and_started(system):
    """R16: an end in the middle of its streams, of a guest that runs and of one that is frozen, costs no buffer."""
    s = system('net=twin', ['verify-server', 'verify-server'])
    s.attached()
    others = Load(s, 1, 1, megabytes=1, patience=PATIENCE_S)
    for n, freeze in enumerate((False, True), 1):
        own = Load(s, 2, 2, port=5003, patience=PATIENCE_S)
        moves(s, 'g2', own)
        if freeze:
            s.machine.monitor('freeze g2')
        s.machine.monitor('stop g2')
        s.machine.expect('hv', 'g2 stopped: stopped from the monitor', 30)
        assert vms(s)['g2'][0] == 'stopped'
        own.listening.stop()
        own.sending.stop()
        with pytest.raises(ConsoleError, match='g2 is stopped'):
            s.machine.monitor('stop g2')
        done = others.finished + 1
        while others.finished < done:
            others.keep()
        s.machine.monitor('start g2')
        s.machine.expect('g2', r'^net: link=up', 30)
        assert vms(s)['g2'][0] == 'running' and s.stats()['vms']['g2']['restarts'] == n
        assert s.peer.ping(s.address(2))[0] == 5
    others.finish()
    for words, error in (('start g2', 'g2 is running'), ('stop dvm', 'usage: stop'), ('start dvm', 'usage: start'),
                         ('stop g9', 'usage: stop'), ('stop', 'usage: stop')):
        with pytest.raises(ConsoleError, match=error):
            s.machine.monitor(words)
    assert 'killed' not in s.machine.console.text('hv')
    unharmed(s)
    s.quit()
