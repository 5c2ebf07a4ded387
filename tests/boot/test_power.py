# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine off and anew, by the monitor and behind a panic. QEMU leaves by exit status 0 only when the machine went off:
a reset is one here."""
import image
import pytest
from run import GOOD_END

RESETS = ('-action', 'reboot=reset')
BANNER = 'Pollux, a type-1 microhypervisor'


def guest(boot, words='', **spec):
    m = boot(image.Description(f'net=bridge {words}').add_symbols().add_guest(1, 'echo', memory='32M'), extra=RESETS, **spec)
    m.expect('hv', BANNER, 60)
    m.expect('g1', '^net: link=up', 60)
    return m


def boots_again(m):
    m.expect('hv', BANNER, 60)
    m.expect('g1', '^net: link=up', 60)
    m.send(b'quit\n')
    assert m.wait_end(30) == GOOD_END


@pytest.mark.parametrize('machine', ['pc', 'q35'])
def test_poweroff(boot, machine):
    m = guest(boot, machine=machine)
    m.send(b'poweroff\n')
    assert m.wait_end(30) == 0
    assert 'the machine goes off' in m.console.text('hv') and '"vms"' in m.console.text('json')


def test_reboot(boot):
    m = guest(boot)
    m.send(b'reboot\n')
    m.expect('hv', 'the machine starts anew', 20)
    boots_again(m)


def test_panic_reboots_when_asked_to(boot):
    """Without the word it ends (test_fatal.py)."""
    m = guest(boot, 'panic=reboot')
    m.send(b'fault hv\n')
    m.expect('hv', r'(?s)trap 14 in the hypervisor.*the machine starts anew \(panic=reboot\)', 30)
    boots_again(m)
