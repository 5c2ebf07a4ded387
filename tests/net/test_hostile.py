# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that does at random what no driver does, beside a guest's TCP: the short part of the campaign
tests/campaign/hostile.py. Only the guilty one ends, with one line that says why.
"""
import pytest

from conftest import Load, System
from hostile_guest import Hostile, KINDS, bits, describe_hostile


@pytest.fixture
def hostile(boot):
    """hostile(net) boots driver VM, g1 and the hostile g2."""
    def begin(net):
        m = boot(describe_hostile(f'net={net}', 'verify-server', net == 'twin'), net='tap')
        s = System(m, 1).ready()
        if net == 'twin':
            s.attached()
        return s, Hostile(s)
    return begin


@pytest.mark.parametrize('net', [pytest.param('bridge', marks=pytest.mark.long), 'twin'])
def test_hostile_guest_harms_itself_alone(hostile, net):
    """Each kind of operation alone, then all of them, while TCP runs in both directions."""
    s, h = hostile(net)
    load = Load(s, receiver=1)
    for seed, name in enumerate(KINDS):
        h.live(seed, bits(name), 300)
    for seed in range(100, 120):
        h.live(seed, operations=300)
    load.finish()
    print(f'{h.operations} operations, {h.lives} lives, {h.started} of {h.set_ups} set-ups accepted')
    assert h.started > h.lives # else there is nothing to see
    assert h.operations > 3000 and h.lives == len(KINDS) + 20
    # What must have been stopped has been, each for its own reason.
    for reason in ('transmit queue', 'where it has nothing', 'reset by the VM itself'):
        assert any(reason in r for r in h.reasons), h.reasons
    h.check()
    s.quit()


@pytest.mark.parametrize('net', ['bridge', pytest.param('twin', marks=pytest.mark.long)])
def test_guest_ends_with_frames_in_flight(hostile, net):
    """Killed or started anew by the operator in the middle of its own flood of frames and kicks."""
    s, h = hostile(net)
    load = Load(s, receiver=1)
    for seed in range(10):
        h.begin(seed, bits('frames', 'kicks'), 10 ** 9)
        s.machine.expect('g2', 'hostile: begins', 30)
        if seed % 2:
            s.machine.monitor('kill g2')
            assert h.end()[1] == 'killed from the monitor'
        else:
            s.machine.monitor('restart g2')
            h.fresh = True
    load.finish()
    h.check()
    assert s.peer.ping(s.address(1))[0] == 5
    s.quit()
