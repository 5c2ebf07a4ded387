# SPDX-License-Identifier: GPL-2.0-or-later
"""NMIs hit the hypervisor, the twin and VMs at random; nothing is lost (R18). 10^5 of them: make campaign-nmi."""
from conftest import Load
from nmi_lab import FORCED, Nmis

SERVERS = 'echo verify-server'
COUNT = 2000


def test_r18_nmi_in_twin_miss_and_upcall(system):
    """Two guests' TCP through a twin that misses its window and calls the driver VM all the time."""
    s = system('net=bridge', [SERVERS, SERVERS], twin=True)
    s.machine.monitor(f'upcalls force {FORCED}')
    s.machine.monitor('window cold on')
    s.machine.monitor('mode twin')
    s.attached()
    nmis = Nmis(s)
    came = dict.fromkeys(('twin', 'native', 'miss', 'upcall', 'vm'), 0)
    for seed in range(1, 10):
        load = Load(s, megabytes=2, patience=120)
        nmis.start(COUNT, seed)
        load.finish()
        for place, n in nmis.finish().items():
            came[place] = came.get(place, 0) + n
        if min(came[p] for p in ('twin', 'native', 'miss', 'upcall', 'vm')) >= 20:
            break
    else:
        raise AssertionError(f'not all places were hit: {came}')
    nmis.unharmed()
    s.quit()
