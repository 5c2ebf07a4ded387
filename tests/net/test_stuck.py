# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that lives and moves no frame, because its own data is wrong (R19, R20): TCP of two guests comes back."""
import re
import subprocess
import time

import image
import kill_lab

SERVERS = 'echo verify-server'
WAIT_S = 300
# Behind its registers' page, but in the same mapping: nothing faults, and nothing reaches the card.
BEYOND = 0x10000
OTHER_REGISTER = 0x4000 # there is none


def tail_write():
    """Offsets of the two instructions that make the address of the receive ring's tail register: index, base."""
    code = subprocess.run(['objdump', '-d', '--no-show-raw-insn', image.TWIN], check=True, capture_output=True,
                          text=True).stdout
    function = code.split('<e1000_alloc_rx_buffers>:', 1)[1].split('>:', 1)[0]
    found = re.findall(r'([0-9a-f]+):\s+movzwl 0x[0-9a-f]+\(%r\w+\),%eax\s*\n'
                       r'\s*([0-9a-f]+):\s+add\s+0x[0-9a-f]+\(%r\w+\),%rax', function)
    assert len(found) == 1, found
    return [int(o, 16) for o in found[0]]


def wait_for(s, c, pattern):
    """That line of the hypervisor's log, while streams that end are renewed."""
    end = time.monotonic() + WAIT_S
    while not (line := re.search(pattern, s.machine.console.text('hv'))):
        assert time.monotonic() < end, pattern
        c.keep()
        time.sleep(0.2)
    return line.group(0)


def test_r19_r20_driver_that_moves_no_frame(system):
    """What a reset of the driver repairs costs the twin, what it does not the driver VM; both streams end right."""
    s = system('net=twin', [SERVERS, SERVERS], dvm_words='deaths=1000', extra=kill_lab.FAST_LINK)
    s.attached()
    c = kill_lab.Campaign(s)
    index, base = tail_write()
    # The offset of the tail register, which the driver sets anew at each reset: the card runs out of buffers.
    assert c.inject(index, 1, 'data', OTHER_REGISTER)
    wait_for(s, c, r'twin killed: the card has frames, or no room for any, and none was received')
    record = c.back()
    assert record['recovered'] and not record['dvm_restarted'], record
    c.flows()
    twin = s.stats()['twin']
    assert (twin['stop'], twin['stuck_rx'], twin['stuck_tx'], twin['stuck_dvm']) == ('dirty', 1, 0, 0), twin
    # The address of all registers, which it does not. That soon, the reset before counts as one in vain.
    assert c.inject(base, 1, 'data', BEYOND)
    wait_for(s, c, r'dvm killed: its card moves no frame, after a reset of its driver: .*\n')
    wait_for(s, c, r'dvm starts again \(restart 1\)')
    assert c.back()['dvm_restarted']
    c.flows()
    c.check()
    twin = s.stats()['twin']
    # A minute later, on a slow machine, it costs the twin first.
    assert twin['stuck_dvm'] == 1 and twin['deaths'] in (1, 2), twin
    c.finish()
