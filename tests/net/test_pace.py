# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's TCP keeps at least half of its pace while another guest floods.

Virtual time is counted in instructions here (one a nanosecond), so that the pace does not depend on how busy
the host is. Between guests it is the sender's own, alone and beside a flood. From the wire it depends on the peer as
well, so there a flood of the receiver is compared with one that costs the CPU as much and has another aim.
"""
import time

import image
import pytest

from conftest import System, tiny_kernel

NOBODY = '02:00:00:00:00:77'
EVERYBODY = 'ff:ff:ff:ff:ff:ff'


def between_guests(s):
    """Mb a second of guest 3's stream to guest 1."""
    v = s.guest(3, f'iperf-client={s.address(1)} bytes={4 << 20}', 'iperf-client: done', 240)
    return float(v['mbps'])


def from_wire(s, size=8 << 20):
    """Mb a second of the peer's stream to guest 1; the machine runs all of the time."""
    before = s.stats()['cpu']['up_us']
    s.send_to_guest(1, size)
    return 8 * size / (s.stats()['cpu']['up_us'] - before)


def beside(s, to, stream):
    """Pace of a stream beside a flood of small frames to somebody."""
    s.machine.type(f'flood={to} count=100m len=60', 3)
    before = s.stats()['net']['ports']['g2']['tx']['packets']
    pace = stream(s)
    frames = s.stats()['net']['ports']['g2']['tx']['packets'] - before
    s.machine.monitor('restart g2')
    s.machine.expect('g2', r'^net: link=up', 120)
    print(f'{stream.__name__}: flood to {to}, {frames} frames: {pace:.0f} Mb/s')
    assert frames > 1000, 'no flood'
    return pace


@pytest.mark.parametrize('net', [pytest.param('bridge', marks=pytest.mark.long), 'twin'])
def test_flood_leaves_half_of_the_pace(system, net):
    """As fast as guest 2 can: to the receiver, to the sender, to everybody, to nobody."""
    s = system(f'net={net}', ['iperf-server verify-server', '', ''], icount=0)
    if net == 'twin':
        s.attached()
    alone = between_guests(s)
    print(f'{alone:.0f} Mb/s alone')
    for to in (image.guest_mac(1), image.guest_mac(3), EVERYBODY, NOBODY):
        assert beside(s, to, between_guests) >= alone / 2, to
    elsewhere = beside(s, NOBODY, from_wire)
    assert beside(s, image.guest_mac(1), from_wire) >= elsewhere / 2
    s.quit()


def test_exits_are_paid_for(boot, tmp_path):
    """Two guests compute, one of them by instructions that the hypervisor has to carry out: each gets its half."""
    d = image.Description('net=bridge').add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    for n, code in enumerate(('jmp start', 'cpuid; jmp start'), 1):
        d.add_guest(n, '', memory='16M', elf=tiny_kernel(tmp_path, f'g{n}', code))
    m = System(boot(d, net='none', icount=0), 0).running().machine
    m.monitor('kill dvm') # nobody but the two
    before = m.stats()
    time.sleep(3)
    after = m.stats()
    up = after['cpu']['up_us'] - before['cpu']['up_us']
    ran, exits = (after['vms'][g][key] - before['vms'][g][key] for g, key in (('g1', 'run_us'), ('g2', 'entries')))
    print(f'{ran} us of {up}, {exits} exits of the other')
    assert exits > 1000
    assert up * 0.4 < ran < up * 0.6
