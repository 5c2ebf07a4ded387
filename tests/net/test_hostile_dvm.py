# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM does at random what castor and its kernel never do: the hypervisor and the other VMs do not mind."""
import re

import image
from conftest import initrd_with

FOLDER = image.OUT / 'tests/hostile/dvm'
LINE = r'hostile: hypercalls=(\d+) (?:taken|illegal)=(\d+) (?:wrong|ports)=(\d+)'


def begin(system, tmp_path):
    programs = {f'root/{f.name}': f.read_bytes() for f in (FOLDER / 'user', FOLDER / 'hypercalls.ko')}
    s = system('net=twin', ['verify-server', 'verify-server'], initrd=initrd_with(tmp_path, programs))
    s.attached()
    return s


def between_guests(s):
    """Guest 1's TCP to guest 2, compared to the byte; nothing of the driver VM is on that way."""
    s.guest(1, f'verify-client={s.address(2)} bytes=512K', 'verify-client: done', 120)


def works(s):
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(2, 1 << 18)


def test_r15_ring_3_of_the_driver_vm(system, tmp_path):
    """Every hypercall of a process ends in SIGILL; ports that it may use hurt nobody, itself included."""
    s = begin(system, tmp_path)
    s.machine.console.skip('dvm')
    s.machine.type('chmod +x /root/user; /root/user 1 5000', 1)
    between_guests(s)
    m = s.machine.expect('dvm', LINE, 120)
    assert m.group(1) == m.group(2) == '5000' and int(m.group(3)) > 5000
    assert s.stats()['castor']['hypercalls'] > 0
    works(s)
    s.sound()
    s.quit()


def test_r15_random_hypercalls_of_the_driver_vm(system, tmp_path):
    """Behind castor's back, which may cost the driver VM its twin or itself, and nobody else anything."""
    s = begin(system, tmp_path)
    for seed in range(3):
        s.machine.console.skip('dvm')
        s.machine.type(f'insmod /root/hypercalls.ko seed={seed} count=1000; rmmod hypercalls; dmesg | grep hostile', 1)
        between_guests(s)
        m = s.machine.expect('dvm', LINE, 120)
        assert int(m.group(2)) > 700 and m.group(3) == '0', m.group(0)
    log = s.machine.console.text('hv')
    assert not re.search('g[12] (killed|stopped)', log)
    s.machine.monitor('restart dvm')
    s.machine.expect('hv', r'dvm starts again', 60)
    s.machine.expect('hv', r'twin attached', 180)
    works(s)
    s.sound()
    s.quit()
