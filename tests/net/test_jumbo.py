# SPDX-License-Identifier: GPL-2.0-or-later
"""An MTU above 1,500 in the driver VM (R5): its driver then receives into chains of pages, and so does the twin."""
import re

import pytest

from conftest import DVM_IP, set_mtu

SERVERS = 'echo verify-server'
JUMBO = 9000
LARGE = 7000 # bytes of a ping: two pages


def balance(s):
    """Where the buffers went, as the hypervisor prints it when the twin is taken off; it must add up."""
    text = s.machine.console.text('hv')
    assert 'DOES NOT ADD UP' not in text
    line = re.findall(r"twin's buffers: (.*)", text)[-1]
    return {k.strip(): int(n) for k, n in re.findall(r'([a-z ]+) (\d+)', line)}


def large_pings(s, count):
    """The driver VM's own frames, larger than a guest's card takes."""
    out = s.peer.run('ping', '-n', '-q', '-c', count, '-i', '0.05', '-s', LARGE, DVM_IP, timeout=count + 60)
    assert f' {count} received' in out, out


@pytest.mark.parametrize('words', ['net=twin', pytest.param('net=twin judge=strict', marks=pytest.mark.long)])
def test_r5_twin_works_with_jumbo_frames(system, words):
    """Frames of each size, both ways, guests' and the driver VM's; then as before. Nothing dies, all buffers add up."""
    s = system(words, [SERVERS])
    s.attached()
    s.send_to_guest(1, 300000)
    s.peer.run('ip', 'link', 'set', s.peer.tap, 'mtu', JUMBO)
    set_mtu(s, JUMBO)
    assert s.peer.ping(s.address(1))[0] == 5 # below copybreak: copied out of the page
    assert s.peer.ping(DVM_IP)[0] == 5
    large_pings(s, 20)
    s.send_to_guest(1, 3000000)
    s.send_to_peer(1, 3000000)
    before = s.stats()
    s.send_to_guest(1, 3000000)
    s.send_to_peer(1, 1000000)
    large_pings(s, 20)
    after = s.stats()
    assert after['upcalls'] == before['upcalls'], (before['upcalls'], after['upcalls'])
    assert after['twin']['pool_page'] > 0
    # A group's frame that no guest can take: the driver VM gets it, guests do not.
    s.peer.run('ping', '-n', '-q', '-b', '-c', 3, '-W', 1, '-s', LARGE, '10.88.0.255', check=False)
    assert s.stats()['twin']['rx_too_large'] == after['twin']['rx_too_large'] + 3
    # Off and on in the middle of it.
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'the bridge is open', 20)
    large_pings(s, 5)
    s.machine.monitor('mode twin')
    s.attached(2)
    s.send_to_guest(1, 1000000)
    large_pings(s, 5)
    # Resets of the driver in the middle of chains.
    flood = s.peer.background('ping', '-q', '-i', '0.002', '-s', LARGE, DVM_IP)
    for size in (1500, JUMBO, 1500, JUMBO, 1500):
        set_mtu(s, size)
        assert s.peer.ping(s.address(1), count=10)[0] >= 5
    flood.stop()
    s.send_to_guest(1, 1000000)
    s.send_to_peer(1, 1000000)
    assert s.peer.ping(DVM_IP)[0] == 5
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 20)
    assert balance(s)['leaked'] == 0
    assert s.stats()['twin']['deaths'] == 0
    log = s.dvm('dmesg')
    assert not re.search(r'Oops|BUG|Bad page|refcount', log), log
    s.quit()
