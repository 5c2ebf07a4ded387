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
    s = system('net=twin', [SERVERS, SERVERS], dvm_words=f'deaths={SAMPLES}', extra=kill_lab.FAST_LINK)
    s.attached()
    c = kill_lab.Campaign(s)
    killed = []
    # What runs on each frame, so that few choices are in vain.
    for name in ('e1000_xmit_frame', 'e1000_clean', 'e1000_clean_rx_irq', 'e1000_alloc_rx_buffers', 'e1000_intr') * 2:
        choices = kill_lab.functions(image.TWIN)[name]
        record = c.kill_at(rng.choice(choices))
        killed += [record] if record['met'] else []
    c.finish()
    assert all(r['recovered'] for r in killed), killed
    assert len(killed) >= SAMPLES // 2, killed
