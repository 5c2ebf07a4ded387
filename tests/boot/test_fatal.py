# SPDX-License-Identifier: GPL-2.0-or-later
"""A bug of the hypervisor's own ends the run with everything that is needed to find it (monitor: `fault hv`)."""
import re

import image
import pytest
from console import ConsoleError
from run import GOOD_END

FATAL = 35
HEX = r'[0-9a-f]{16}'


def guest(boot):
    m = boot(image.Description('net=bridge').add_symbols().add_guest(1, 'echo', memory='32M'))
    m.expect('g1', '^net: link=up', 60)
    return m


def expect_dump(m, kind, patterns):
    """Break the hypervisor; each pattern is in its last words."""
    m.focus(0)
    m.send(f'fault {kind}\n'.encode())
    assert m.wait_end(30) == FATAL
    log = m.console.text('hv')
    for pattern in patterns:
        assert re.search(pattern, log, re.I), f'{pattern}\n{log}'


def test_fatal_dump(boot):
    """Exception by name with its symbol, registers, page walk, code bytes, symbolised stack; then exit code 35."""
    expect_dump(guest(boot), 'hv', [
        r'trap 14 #PF page fault, error 2 \(.*write.*\) at (fault_hv|monitor_fault)\+0x',
        rf'rip {HEX} cs 0008 rflags \w+ rsp {HEX}', rf'rax 000000000000600d rbx {HEX}', rf'r15 {HEX}',
        r'cr0 \w+ cr2 0000000123456000 cr3', r'page walk of cr2: .*not mapped', r'code: ([0-9a-f]{2} ){16}',
        r'call stack:\n(.*\n)*? +(console_poll|input)\+0x\w+\n +sched_run\+0x\w+\n',
        r'FATAL .*trap\.c:\d+: trap 14 in the hypervisor',
    ])


def test_r18_double_fault_has_a_stack_of_its_own(boot):
    """With the interrupted stack and that of page faults gone, a whole dump comes all the same."""
    expect_dump(guest(boot), 'hv-df', [
        r'trap 8 #DF double fault, error 0 at (fault_hv_df|monitor_fault)\+0x',
        rf'rip {HEX} cs 0008 rflags \w+ rsp 0000000123456000', r'rax 000000000000600d',
        r'page walk of cr2: .*not mapped', r'code: ([0-9a-f]{2} ){16}',
        r'call stack:\n(.*\n)*? +(console_poll|input)\+0x\w+\n +sched_run\+0x\w+\n',
        r'FATAL .*trap\.c:\d+: trap 8 in the hypervisor',
    ])


def test_twin_that_is_not_there_cannot_be_broken(boot):
    m = guest(boot)
    with pytest.raises(ConsoleError, match='the twin is not attached'):
        m.monitor('fault ud')
    assert 'running' in m.monitor('vms')


def test_r18_nmi_is_survived(boot):
    """NMIs have a stack of their own: they may hit the hypervisor and VMs anywhere."""
    m = guest(boot)
    for _ in range(50):
        m.hmp('nmi')
    assert 'running' in m.monitor('vms')
    m.type('stats', 1)
    m.expect('g1', '^stats: ', 20)
    m.focus(0)
    m.send(b'quit\n')
    assert m.wait_end(30) == GOOD_END
