# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job with VT-x, in Bochs: a driver VM, guests, the twin, and TCP right to the byte. A boot takes about a minute
of an emulated CPU that does 70 million instructions a second, so one of them has everything.

docs/platforms.md says what was tried with which vendor.
"""
import re

import image
import pytest

from conftest import BOOT_S, OOPS, Load, System, describe
from hostile_guest import ELF, KINDS, Hostile, bits

BYTES = 300000
SERVERS = 'echo verify-server'


def both_ways(s, *guests):
    """Pings and a stream each way."""
    for n in guests:
        assert s.peer.ping(s.address(n))[0] == 5
        s.send_to_guest(n, BYTES)
        s.send_to_peer(n, BYTES)


def end_well(s):
    """The driver VM's kernel has nothing to complain about, and all is sound."""
    assert not re.search(f'{OOPS}|unchecked MSR', s.dvm('dmesg'))
    s.quit()


def test_main_job(system):
    """Twin, bridge, twin again; then the twin dies under traffic and comes back."""
    s = system('net=twin', [SERVERS, SERVERS], machine='bochs')
    s.machine.expect('hv', r'\[ ok \] virtualization: VT-x', 10)
    s.attached()
    whole = s.whole()
    both_ways(s, 1, 2)
    twin = s.stats()['twin']
    assert twin['rx_to_guests'] > 2 * BYTES / 1500 and twin['tx_packets'] > 2 * BYTES / 1500, twin
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    twin = s.stats()['twin']
    both_ways(s, 1)
    assert s.stats()['twin']['tx_packets'] == twin['tx_packets']
    s.machine.monitor('mode twin')
    s.attached(2)
    load = Load(s)
    s.machine.monitor('fault ud')
    s.machine.expect('hv', 'twin killed: #UD invalid opcode at e1000_clean', 60)
    s.attached(3)
    load.flows()
    load.finish()
    assert s.whole() == whole
    stats = s.stats()
    assert stats['twin']['deaths'] == 1 and stats['net']['switch']['uplink'] == 'twin'
    for vm in stats['vms'].values():
        assert vm['exits']['other'] == vm['exits']['invalid'] == vm['restarts'] == 0, vm
    assert s.peer.ping('10.88.0.2')[0] == 5
    end_well(s)


def test_hostile_guest(boot):
    """What a VM can do to its vCPU ends that VM at most: each kind of operation, then all, beside another guest."""
    d = image.Description('net=bridge').add_symbols().add_guest(2, SERVERS, memory='16M')
    s = System(boot(d.add_guest(1, '', memory='8M', elf=ELF, locked=True), machine='bochs'), 0).running()
    s.machine.expect('g2', 'echo: listening', 60)
    h = Hostile(s, 1) # the second VM, as there is no driver VM
    for seed, name in enumerate(KINDS):
        h.live(seed, bits(name), 100)
    for seed in range(100, 110):
        h.live(seed, operations=200)
    print(h.operations, h.lives, h.reasons)
    assert h.operations > 1000
    assert any('where it has nothing' in r for r in h.reasons), h.reasons
    assert 'FAILED' not in s.machine.console.text('g1')
    s.machine.type('help', 1)
    s.machine.expect('g2', r'ping=IP', 60)
    assert s.stats()['vms']['g2']['state'] == 'running'


@pytest.mark.long
def test_driver_vm_dies(system):
    """Its vCPU starts anew, with tables, VPID and control block of its life before."""
    s = system('net=twin', [SERVERS], machine='bochs')
    s.attached()
    s.dvm('echo triple >/sys/kernel/reboot/type')
    s.machine.type('reboot -f', 1)
    s.machine.expect('hv', 'dvm killed: triple fault', 120)
    s.machine.expect('hv', r'dvm starts again \(restart 1\)', 120)
    s.machine.expect('dvm', 'dvm ready', 600)
    s.machine.expect('dvm', 'built-in commands', 60)
    s.attached(2)
    both_ways(s, 1)
    end_well(s)


@pytest.mark.long
def test_linux_guest(boot):
    """A stock Linux, by ACPI."""
    s = System(boot(describe('net=twin', [SERVERS], linux=1), net='tap', machine='bochs'), 1).ready()
    s.machine.expect('g2', 'linux ready', BOOT_S)
    s.wait_attached(240)
    both_ways(s, 1)
    assert s.peer.ping(s.address(2))[0] == 5
    end_well(s)


@pytest.mark.long
def test_packed_kernel(system):
    """The driver VM's kernel as bzImage: by its 64-bit entry, and it unpacks itself, which takes a minute more."""
    s = system('net=bridge', [SERVERS], machine='bochs', dvm_kernel=image.KERNEL)
    both_ways(s, 1)
    end_well(s)


@pytest.mark.long
def test_twin_on_an_old_model(system):
    """Without x2APIC, INVPCID and XSAVE."""
    s = system('net=twin', [SERVERS], machine='bochs', cpu='corei5_arrandale_m520')
    s.attached()
    both_ways(s, 1)
    end_well(s)
