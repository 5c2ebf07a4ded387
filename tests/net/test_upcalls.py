# SPDX-License-Identifier: GPL-2.0-or-later
"""Upcalls on a booted machine (R15). The e1000 needs none for a packet, so natives are made upcalls by the monitor."""
import re
import time

import pytest
from conftest import Load, unharmed
from console import ConsoleError

# One under the transmit lock, two on the receive side, where no lock is held; all with results that matter.
FORCED = ('is_vmalloc_addr', 'dma_map_page_attrs', 'eth_type_trans', 'skb_put')

# What a packet's way calls, but for routines that hand out, take or deliver buffers of the pool: the kernel's own do
# something else with those.
HOT = ('is_vmalloc_addr', 'dma_map_page_attrs', 'dma_unmap_page_attrs', 'dma_sync_single_for_cpu', 'eth_type_trans',
       'skb_put', 'dql_completed', 'napi_schedule_prep', '__napi_schedule', 'napi_complete_done',
       'netif_schedule_queue')
AT_LIMIT = 'netif_schedule_queue' # called when a queue goes on that stopped at its limit of bytes: seldom at the usual one
LIMITS = 3000, 1879048192 # bytes: two frames; the kernel's own
FLOOD = 5000 # frames a second that the driver VM sends itself, as far as it comes
PATIENCE_S = 240


def force(s, *names):
    """The twin is attached anew, and these routines run in the driver VM."""
    attachments = s.stats()['twin']['attachments']
    s.machine.console.skip('hv') # of an earlier detachment
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    s.machine.monitor(' '.join(['upcalls', 'force', *names]))
    s.machine.monitor('mode twin')
    s.attached(attachments + 1)


def limit(s, bytes_):
    """Of the driver VM's transmit queue (BQL)."""
    s.dvm(f'echo {bytes_} >/sys/class/net/eth0/queues/tx-0/byte_queue_limits/limit_max')


def start_flood(s):
    """The driver VM transmits all the time: it may be stopped with its queue's lock held."""
    mac = s.peer.run('cat', f'/sys/class/net/{s.peer.tap}/address').strip()
    s.dvm(f'(frames flood br0 1000000 {FLOOD} 1 {mac} >/dev/null 2>&1 & echo $! >/tmp/flood)')


def call_often(s, name, count, megabytes=2):
    """So many upcalls of a routine beside the driver VM's own flood and guests' TCP; the flood's frames meanwhile."""
    force(s, name)
    limit(s, LIMITS[name != AT_LIMIT])
    start_flood(s)
    load = Load(s, receiver=1, megabytes=megabytes, patience=PATIENCE_S)
    before, sent = s.stats(), 0
    calls = before['upcalls'].get(name, 0)
    last, end = calls, time.monotonic() + PATIENCE_S
    while last < calls + count:
        load.keep()
        time.sleep(0.2)
        now = s.stats()['upcalls'].get(name, 0)
        if now > last: # patience is for a standstill, not for the machine's pace
            last, end = now, time.monotonic() + PATIENCE_S
        assert time.monotonic() < end, f'{name}: {now - calls} upcalls, and no more come'
    load.keep()
    s.dvm('kill $(cat /tmp/flood)')
    load.finish()
    after = s.stats()
    sent = after['twin']['tx_own'] - before['twin']['tx_own']
    assert sent > 100, 'the driver VM did not flood'
    assert after['twin']['deaths'] == 0, after['twin']['last_death']
    unharmed(s)
    return {'calls': last - calls, 'own_frames': sent, 'streams': load.finished}


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


@pytest.mark.parametrize('names', [(*HOT[1:2], *HOT[4:5], AT_LIMIT), pytest.param(HOT, marks=pytest.mark.long)])
def test_r15_upcalls_beside_the_driver_vms_own_flood(system, names):
    """Each of them alone: no deadlock with a driver VM that was stopped in the middle of its own transmission. 10^5 of
    each are the campaign's."""
    s = system('net=twin', ['verify-server'])
    s.attached()
    for name in names:
        print(name, call_often(s, name, 1000))


def test_unknown_routine_is_named(forced):
    with pytest.raises(ConsoleError, match='no_such_routine'):
        forced.machine.monitor('upcalls force no_such_routine')
    forced.machine.monitor('upcalls force' + ' memcpy' * 16)
    with pytest.raises(ConsoleError, match='at most 16 names'):
        forced.machine.monitor('upcalls force' + ' memcpy' * 17)
    with pytest.raises(ConsoleError, match='more than 20 words'):
        forced.machine.monitor('upcalls force' + ' memcpy' * 19)
    forced.quit()
