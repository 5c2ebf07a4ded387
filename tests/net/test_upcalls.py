# SPDX-License-Identifier: GPL-2.0-or-later
"""Upcalls on a booted machine (R15). The e1000 needs none for a packet, so natives are made upcalls by the monitor."""
import re

import pytest
from console import ConsoleError

# One under the transmit lock, two on the receive side, where no lock is held; all with results that matter.
FORCED = ('is_vmalloc_addr', 'dma_map_page_attrs', 'eth_type_trans', 'skb_put')


@pytest.fixture
def forced(system):
    s = system('net=bridge', ['verify-server'], twin=True)
    s.machine.monitor('upcalls force ' + ' '.join(FORCED))
    s.machine.monitor('mode twin')
    s.attached()
    return s


def test_r15_upcalls_carry_a_guests_tcp(forced):
    """Each frame needs several, in both contexts; the streams are right to the byte, nothing else changes."""
    s = forced
    s.send_to_guest(1, 1 << 20)
    s.send_to_peer(1, 1 << 20)
    calls = s.stats()['upcalls']
    # 1 MiB is more than 700 segments; each has its acknowledgement.
    assert calls['eth_type_trans'] > 700 and calls['dma_map_page_attrs'] > 700, calls
    text = s.machine.monitor('upcalls')
    total, locked = map(int, re.search(r'(\d+) in all, (\d+) of them under a lock', text).groups())
    assert 0 < locked < total, text
    assert 'BUG' not in s.dvm('dmesg') and 'scheduling while atomic' not in s.dvm('dmesg')
    assert s.stats()['twin']['deaths'] == 0

    # Back to natives: no upcall more.
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    s.machine.monitor('upcalls force')
    s.machine.monitor('mode twin')
    s.attached(2)
    before = s.stats()['twin']['upcalls']
    s.send_to_guest(1, 1 << 20)
    assert s.stats()['twin']['upcalls'] == before
    s.quit()


def test_unknown_routine_is_named(forced):
    with pytest.raises(ConsoleError, match='no_such_routine'):
        forced.machine.monitor('upcalls force no_such_routine')
    forced.quit()
