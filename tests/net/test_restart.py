# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM dies and is restarted (R19, R20): its card is quiet before, guests' TCP lives through it."""
import re
import time

from conftest import Load, initrd_with, static_program

QUIET = (r'\[ ok \] network card 00:\w\w\.0 is quiet: pin \d+ masked, bus master off \(command 0003\), reset\r?\n'
         r'.*\[ ok \] dvm starts again \(restart {}\)')
RESTART_S = 180

# Real-time priority: interrupts still come, but work queues never run again.
HOG = '''
#include <sched.h>
int main(void)
{
	struct sched_param p = { .sched_priority = 99 };

	for (int rc = sched_setscheduler(0, SCHED_FIFO, &p); !rc;)
		;
	return 1;
}
'''


def restarted(s, number):
    """Wait for the so manieth restart and the attachment after it."""
    s.machine.expect('hv', QUIET.format(number), 60)
    s.machine.expect('dvm', 'dvm ready', RESTART_S)
    s.machine.expect('dvm', 'built-in commands', 20)


def test_r20_panic_hang_and_triple_fault(system, tmp_path):
    """A transfer each way goes on where the driver VM left it; counters tell; the last death is final."""
    s = system('net=twin', ['verify-server echo', 'echo verify-server'],
               initrd=initrd_with(tmp_path, {'bin/hog': static_program(tmp_path, HOG)}))
    s.attached()
    load = Load(s, patience=RESTART_S)
    load.flows()
    s.machine.type('echo c >/proc/sysrq-trigger', 1)
    s.machine.expect('hv', 'dvm killed: kernel panic: sysrq triggered crash', 60)
    restarted(s, 1)
    s.attached(2)
    load.finish(RESTART_S)

    s.machine.monitor('hang dvm')
    s.machine.expect('hv', r'dvm killed: no interrupt taken in 5 s of its run time: it hangs', 120)
    restarted(s, 2)
    s.attached(3)
    s.send_to_guest(1, 100000)
    s.dvm('echo triple >/sys/kernel/reboot/type')
    s.machine.type('reboot -f', 1)
    s.machine.expect('hv', 'dvm killed: triple fault', 60)
    restarted(s, 3)
    s.attached(4)
    s.send_to_guest(2, 100000)
    assert s.stats()['vms']['dvm']['restarts'] == 3

    # The fourth death within ten minutes: castor cannot have the driver reset, as somebody leaves it no time.
    s.dvm('echo -1 >/proc/sys/kernel/sched_rt_runtime_us')
    s.machine.type('hog', 1)
    time.sleep(1)
    s.machine.monitor('fault ud')
    s.peer.ping(s.address(1), count=2)
    s.machine.expect('hv', 'twin killed: ', 20)
    s.machine.expect('hv', 'dvm killed: its driver was not reset within 5 s of a death of the twin', 60)
    s.machine.expect('hv', r'is quiet: .*\n.*dvm stays dead: it died too often', 60)
    # Guests see it, and stay alive.
    for n in (1, 2):
        s.machine.expect(f'g{n}', r'net: link=down', 30)
    assert s.peer.ping(s.address(1), count=2)[0] == 0
    assert re.search(r'dvm +dvm +killed .* restarts 3 ', s.machine.monitor('vms'))
    s.machine.monitor('restart dvm')
    for n in (1, 2):
        s.machine.expect(f'g{n}', r'net: link=up', 30)
    restarted(s, 4)
    s.attached(5)
    s.send_to_guest(1, 100000)

    # Interrupts are taken, but nothing else runs any more.
    s.machine.type('echo 1 >/sys/module/castor/parameters/hang', 1)
    s.machine.expect('hv', 'dvm killed: its processes did not run in 5 s of its run time', 120)
    restarted(s, 5)
    s.attached(6)
    s.send_to_guest(2, 100000)
    s.quit()


def test_r20_panic_at_each_boot(system):
    """Three more tries, then no more: what is left of the machine goes on."""
    s = system('net=bridge', ['echo'], dvm_words='rdinit=/none root=/dev/none', wait=False)
    for number in range(1, 4):
        s.machine.expect('dvm', 'Kernel panic - not syncing', 120)
        s.machine.expect('hv', QUIET.format(number), 60)
    s.machine.expect('hv', r'dvm stays dead: it died too often \(3 restarts in 10 minutes\)', 120)
    s.machine.expect('g1', 'net: link=down', 30)
    # A kernel that takes long to print its end, with interrupts off, is given up before it resets itself.
    assert re.search(r'dvm +dvm +killed .* restarts 3 (reset by the VM itself|no interrupt taken in 5 s)',
                     s.machine.monitor('vms'))
    assert s.stats()['vms']['g1']['state'] == 'running'
    s.quit()
