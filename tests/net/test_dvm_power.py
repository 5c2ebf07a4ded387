# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM switches itself off, and reboots itself: the first is meant, the second is a new beginning. The machine's own
power is the monitor's business, whatever VMs do."""
from test_restart import restarted

from conftest import wait_for_link


def test_r20_poweroff_and_reboot_of_the_driver_vm(system):
    s = system('net=twin', ['verify-server echo'])
    s.attached()
    s.machine.type('poweroff -f', 1)
    s.machine.expect('hv', r'dvm stopped: powered off', 60)
    s.machine.expect('hv', r"is quiet: .*\n.*dvm stays dead: it was ended on purpose; guests' links go down", 60)
    s.machine.expect('g1', 'net: link=down', 30)
    vms = s.stats()['vms']
    assert (vms['dvm']['state'], vms['dvm']['restarts'], vms['g1']['state']) == ('stopped', 0, 'running'), vms

    s.machine.monitor('restart dvm')
    restarted(s, 1)
    s.machine.expect('g1', 'net: link=up', 30)
    s.attached(2)
    s.machine.type('reboot -f', 1)
    s.machine.expect('hv', 'dvm stopped: reset by the VM itself', 60)
    restarted(s, 2)
    s.attached(3)
    wait_for_link(s)
    s.send_to_guest(1, 100000)

    # The machine's end by the monitor; its card is quiet before.
    s.sound()
    s.checked = True
    quiet = s.machine.console.text('hv').count('is quiet')
    s.machine.focus(0)
    s.machine.send(b'poweroff\n')
    assert s.machine.wait_end(60) == 0
    assert s.machine.console.text('hv').count('is quiet') == quiet + 1
