# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine with VT-x (Bochs), boots without a driver VM: what an Intel CPU must have, and guests on several models.

What takes a driver VM is in tests/net/test_intel.py.
"""
import time

import image
import pytest

FATAL, GOOD = 35, 33
BOOT_S = 300 # no expectation: a limit for slow machines
SWITCH, EPT, UNRESTRICTED = "VT-x's switch (msr 3a[0,2])", 'EPT (msr 48b[33])', 'unrestricted guests (msr 48b[39])'
LOCKED = "VT-x's switch (msr 3a[0,2]: switched off by the firmware)"


def fails(machine, why):
    line = machine.expect('hv', r'\[FAIL\] (.*)\n', BOOT_S).group(1)
    assert line == f'this machine cannot host VMs: it lacks {why}'
    assert machine.wait_end(60) == FATAL


@pytest.mark.parametrize('cpu, why', [
    ('p4_prescott_celeron_336', f'VT-x (cpuid 1.ecx[5]), {SWITCH}, {EPT}, {UNRESTRICTED}'),
    ('core2_penryn_t9600', f'{EPT}, {UNRESTRICTED}'),
    ('corei5_lynnfield_750', UNRESTRICTED),
], ids=lambda v: v if '_' in v else '')
def test_cpu_that_lacks_something(boot, cpu, why):
    fails(boot(image.Description().add_guest(1, 'echo'), machine='bochs', cpu=cpu), why)


def test_firmware_has_locked_it(boot):
    """GRUB does here what a firmware does: it sets the lock, and not the bit for VMXON."""
    d = image.Description(grub=['wrmsr 0x3a 1']).add_guest(1, 'echo')
    fails(boot(d, machine='bochs'), LOCKED)


def all_nmis_came(m):
    """The counters, when none is to come any more."""
    end = time.monotonic() + BOOT_S
    while (stats := m.stats())['nmi_source']['left']:
        assert time.monotonic() < end, stats['nmi_source']
        time.sleep(0.5)
    return stats


@pytest.mark.parametrize('cpu', ['corei7_haswell_4770', *(pytest.param(c, marks=pytest.mark.long) for c in (
    'corei5_arrandale_m520', 'corei7_sandy_bridge_2600k', 'corei7_ivy_bridge_3770k', 'broadwell_ult', 'corei7_skylake_x',
    'corei7_icelake_u'))])
def test_guests_talk(boot, cpu):
    """Two guests by PVH: 32-bit entry without paging, then 64 bits; local APIC, timer, MSI-X, console, one CPU for both. NMIs
    hit both and the hypervisor."""
    m = boot(image.Description('net=bridge').add_guest(1, 'echo', memory='16M').add_guest(2, 'echo', memory='16M'),
             machine='bochs', cpu=cpu)
    m.expect('hv', r'\[ ok \] virtualization: VT-x', BOOT_S)
    for n in (1, 2):
        m.expect(f'g{n}', 'echo: listening', BOOT_S)
    m.monitor('nmi 300 7')
    m.type(f'ping={image.guest_address(2)} count=5', 1)
    assert 'received=5' in m.expect('g1', r'^ping: done .*\n', BOOT_S).group(0)
    stats = all_nmis_came(m)
    assert sum(vm['exits']['nmi'] for vm in stats['vms'].values()) <= stats['nmi']['vm'], stats['nmi']
    assert stats['nmi']['off_stack'] == stats['nmi_source']['late'] == 0, stats
    for vm in stats['vms'].values():
        assert vm['state'] == 'running' and vm['exits']['other'] == vm['exits']['invalid'] == 0, vm
        assert vm['exits']['hlt'] and vm['exits']['msr'] and vm['exits']['io'], vm
    m.send(b'quit\n')
    assert m.wait_end(60) == GOOD
