# SPDX-License-Identifier: GPL-2.0-or-later
"""R6: how strict the judge in the hypervisor is, and which of the twins on the medium it takes."""
import image
import pytest

from conftest import System

METAL = 'EPYC,+svm,+npt,-hypervisor' # says of itself what a bare machine says


@pytest.mark.parametrize('words, cpu, line', [
    ('', None, 'normal (an emulator or hypervisor is below); indirect calls by jump'),
    ('', METAL, 'strict (on metal, no hypervisor is below); indirect calls by retpoline'),
    ('judge=strict', None, 'strict (by the boot word judge=); indirect calls by retpoline'),
    ('judge=normal', METAL, 'normal (by the boot word judge=); indirect calls by jump'),
])
def test_r6_boot_log_names_the_level_and_why(boot, words, cpu, line):
    m = System(boot(image.Description(words).add_guest(1, 'echo'), cpu=cpu, accel='tcg'), 0).running().machine
    assert f'judge of twins: {line}' in m.console.text('hv')


@pytest.mark.parametrize('words, level, verdict', [
    ('net=twin', 'slots', 'normal'),
    ('net=twin judge=strict', 'strict', 'strict'),
])
def test_r6_twin_for_the_level_is_taken(system, words, level, verdict):
    """Of two on the medium; it carries TCP both ways, and both kinds of thunks refuse a wrong address (R5)."""
    s = system(words, ['verify-server'])
    s.attached()
    log = s.machine.console.text('hv')
    assert f'level {level}, for kernel' in log and f'twin judged ({verdict}): ' in log
    s.send_to_guest(1, 1000003)
    s.send_to_peer(1, 1000001)
    twin = s.stats()['twin']
    assert twin['rx_to_guests'] > 500 and twin['tx_packets'] > 500 and not twin['deaths']
    s.machine.monitor('fault indirect')
    s.peer.ping(s.address(1), count=2) # the packet that runs it
    s.machine.expect('hv', r'twin killed: indirect call to [0-9a-f]+, which is no derived function', 20)
    s.attached(2)
    s.send_to_guest(1, 100000)
    s.quit()


def test_r6_weaker_twin_is_refused_by_the_strict_judge(system):
    """Rule and place are named, and what to do; guests go on over the bridge."""
    s = system('net=twin judge=strict', ['echo verify-server'], twin=image.TWIN)
    s.machine.expect('hv', r'twin refused: the judge \(strict\): rule guard at e1000_\w+\+0x[0-9a-f]+ '
                           r'\(twin\+0x[0-9a-f]+\): ', 60)
    s.machine.expect('hv', r'this twin was derived at level slots: put one made with `derive --facts=strict` on the '
                           r'medium, or boot with judge=normal', 10)
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 300000)
    stats = s.stats()
    assert (stats['net']['switch']['uplink'], stats['twin']['attachments']) == ('dvm', 0)
    s.quit()


def test_r6_strict_twin_alone_serves_the_normal_judge(system):
    s = system('net=twin judge=normal', ['echo'], twin=image.TWIN_STRICT)
    s.attached()
    assert 'level strict, for kernel' in s.machine.console.text('hv')
    assert s.peer.ping(s.address(1))[0] == 5
