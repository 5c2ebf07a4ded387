# SPDX-License-Identifier: GPL-2.0-or-later
"""R19 by samples: the twin dies at chosen instructions under guests' TCP. All of them: make campaign."""
import random

import image
import kill_lab

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
    c.finish()
    assert all(r['recovered'] for r in killed), killed
    assert len(killed) >= SAMPLES // 2, killed
