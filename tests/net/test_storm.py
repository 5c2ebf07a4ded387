# SPDX-License-Identifier: GPL-2.0-or-later
"""A pin that nobody can silence, a timer that is late and a machine that stands still: none of them stops or kills
anybody (R18)."""
import os
import re
import signal
import socket
import time

import pytest

from conftest import Load, unharmed
from nmi_lab import FORCED

SERVERS = 'echo verify-server'
CARD_SLOT = 2               # of the network card in QEMU's `pc`
EDU_RAISE, EDU_LOWER = 0x60, 0x64 # registers of QEMU's device `edu`


class Neighbour:
    """A device that nobody drives, on the line of the network card; the emulator writes to its registers."""

    def __init__(self, folder):
        self.path = folder / 'qtest'
        self.extra = ('-device', f'edu,addr={CARD_SLOT + 4}', # lines are dealt out to four slots in turn
                      '-qtest', f'unix:{self.path},server=on,wait=off', '-qtest-log', '/dev/null')
        self.bar = None

    def find(self, machine):
        text = machine.hmp('info pci')
        block = {m[1]: m[0] for m in re.finditer(r'PCI device (\w+:\w+).*?(?=PCI device|\Z)', text, re.S)}
        card, own = block['8086:100e'], block['1234:11e8']
        line = r'IRQ (\d+), pin A'
        assert re.search(line, card).group(1) == re.search(line, own).group(1), text
        self.bar = int(re.search(r'BAR0: 32 bit memory at (0x\w+)', own).group(1), 16)

    def write(self, register, value):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(str(self.path))
            with s.makefile('rw') as f:
                f.write(f'writel {self.bar + register:#x} {value}\n')
                f.flush()
                assert f.readline().startswith('OK')


def share_of_vms(before, after):
    """Of the hypervisor's clock: what it left to VMs, or had no work for."""
    def in_vms(stats):
        return stats['cpu']['idle_us'] + sum(vm['run_us'] for vm in stats['vms'].values())
    return (in_vms(after) - in_vms(before)) / (after['cpu']['up_us'] - before['cpu']['up_us'])


def under_tcp(s):
    """The counters at the begin and at the end of TCP both ways."""
    load = Load(s, megabytes=8)
    before = s.stats()
    load.finish()
    return before, s.stats()


def goes_quiet(s):
    """Nobody is held any more."""
    end, held = time.monotonic() + 30, None
    while held != (held := s.stats()['storm']['held']):
        assert time.monotonic() < end
        time.sleep(1)


def nobody_died(s):
    stats = s.stats()
    assert stats['twin']['deaths'] == 0, stats['twin']['last_death']
    assert all(vm['state'] == 'running' and vm['restarts'] == 0 for vm in stats['vms'].values()), stats['vms']
    unharmed(s)


@pytest.mark.parametrize('mode', ['twin', 'bridge'])
def test_r18_pin_that_never_falls(system, tmp_path, mode):
    """The pin is served once in a while, by the twin or by the driver VM; VMs have their time and guests their
    network."""
    neighbour = Neighbour(tmp_path)
    s = system(f'net={mode}', [SERVERS, SERVERS], extra=neighbour.extra)
    if mode == 'twin':
        s.attached()
    neighbour.find(s.machine)
    alone = share_of_vms(*under_tcp(s))
    neighbour.write(EDU_RAISE, 1)
    before, after = under_tcp(s)
    neighbour.write(EDU_LOWER, 1)
    assert after['storm']['held'] - before['storm']['held'] > 50
    assert share_of_vms(before, after) > 0.6 * alone, alone
    goes_quiet(s)
    s.send_to_guest(1, 300000)
    nobody_died(s)
    s.quit()


def stop_machine(s, seconds):
    """The emulator stands still, its clock does not: whatever was due then is late."""
    os.kill(s.machine.process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(s.machine.process.pid, signal.SIGCONT)


def test_r18_late_timer_kills_nobody(system):
    """The timer's interrupts come 500 ms late, the machine stands for 500 ms and for 6 s: longer than the twin may
    wait for an upcall, and than the driver VM may keep silent. Most of the time the twin waits for an upcall."""
    s = system('net=bridge', [SERVERS, SERVERS], twin=True)
    s.machine.monitor(f'upcalls force {FORCED}')
    s.machine.monitor('mode twin')
    s.attached()
    load = Load(s, patience=120)
    s.machine.monitor('late 500 20')
    for seconds in [0.5] * 20 + [6] * 3:
        stop_machine(s, seconds)
        time.sleep(0.2)
    load.finish()
    end = time.monotonic() + 120
    while not s.machine.monitor('late').startswith('0 '):
        assert time.monotonic() < end
        time.sleep(1)
    nobody_died(s)
    s.quit()
