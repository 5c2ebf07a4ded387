# SPDX-License-Identifier: GPL-2.0-or-later
"""R19 by samples: the twin dies at chosen instructions under guests' TCP. All of them: make campaign."""
import random
import re

import image
import kill_lab
import pytest
from conftest import OOPS, initrd_with
from console import ConsoleError

SEED = 3
SAMPLES = 10
SERVERS = 'echo verify-server'


def test_r19_killed_at_any_instruction(system):
    """Guests' streams go on right to the byte, the twin comes back, the hypervisor is as before."""
    rng = random.Random(SEED)
    s = system('net=twin', [SERVERS, SERVERS], dvm_words=f'deaths={SAMPLES + 1}', extra=kill_lab.FAST_LINK)
    s.attached()
    c = kill_lab.Campaign(s)
    killed = []
    # What runs on each frame, so that few choices are in vain.
    for name in ('e1000_xmit_frame', 'e1000_clean', 'e1000_clean_rx_irq', 'e1000_alloc_rx_buffers', 'e1000_intr') * 2:
        choices = kill_lab.functions(image.TWIN)[name]
        record = c.kill_at(rng.choice(choices))
        killed += [record] if record['met'] else []
    # A bit of code that never runs: nobody but the hypervisor's own look at it can tell.
    never = kill_lab.functions(image.TWIN)['e1000_tbi_should_accept'][5]
    s.machine.monitor(f'fault code {never} 1')
    c.noticed()
    place = s.machine.expect('hv', r'twin killed: its code is no more what was judged at .*twin\+0x(\w+)', 60)
    assert int(place.group(1), 16) == never
    words_of_the_driver_vm(s, c)
    c.finish()
    assert all(r['recovered'] for r in killed), killed
    assert len(killed) >= SAMPLES // 2, killed


def words_of_the_driver_vm(s, c):
    """A word by its address: a change of no bits says what is there, what is no memory of the driver VM's does not change."""
    napi = re.search(r'napi (\w+);', s.machine.monitor('twin')).group(1)
    where = kill_lab.functions(image.TWIN)['e1000_intr'][1]
    line = c.inject(where, 1, 'word', f'0x{napi}', 0)
    was, now = re.search(rf'word at e1000_intr.*: (\w+) becomes (\w+) in {napi}', line).groups()
    assert was == now
    for address in (8, 0xffffffffffffffff):
        assert 'there is nothing to change' in c.inject(where, 1, 'word', address, 1)
    with pytest.raises(ConsoleError, match='usage'):
        s.machine.monitor(f'fault at {where} 1 word {napi}')


def test_r19_death_while_another_waits_for_napi(system, tmp_path):
    """The twin dies in a poll while a process of the driver VM has the rtnl_lock, and then waits for that poll to end, as
    a driver's reset does: the driver VM lives, the twin comes back."""
    s = system('net=twin', [SERVERS, SERVERS], dvm_words='deaths=2', extra=kill_lab.FAST_LINK,
               initrd=initrd_with(tmp_path, {'hold.ko': (image.OUT / 'tests/death/hold.ko').read_bytes()}))
    s.attached()
    c = kill_lab.Campaign(s)
    s.dvm('dmesg -c >/dev/null; (insmod /hold.ko ms=3000; echo "ended $?" >/hold.log) & '
          'until dmesg | grep -q "hold: has the rtnl_lock"; do usleep 10000; done')
    record = c.kill_at(kill_lab.functions(image.TWIN)['e1000_clean'][1])
    assert record['met'] and record['recovered'] and not record['dvm_restarted'], record
    assert s.dvm('cat /hold.log').strip() == 'ended 0'
    c.finish()
    assert not re.search(OOPS, s.dvm('dmesg'))
