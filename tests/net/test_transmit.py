# SPDX-License-Identifier: GPL-2.0-or-later
"""R10: the twin transmits as the kernel's core does, with a clock that goes on while the driver VM sleeps."""
import re
import subprocess
import time

import image
from conftest import wait_for_link

NOBODY = '52:54:00:00:00:99'
FRAMES = 3000
TIMEOUTS = 'cat /sys/class/net/eth0/queues/tx-0/tx_timeout'
HANGS = r'Detected Tx Unit Hang|NETDEV WATCHDOG'
TWIN_ADDRESS = re.compile(r'%gs:0x([0-9a-f]+)')


def dvm_jiffies(s):
    return int(re.search(r'^jiffies: (\d+)', s.dvm('grep -m 1 ^jiffies: /proc/timer_list'), re.M).group(1))


def variables_are_where_the_twin_reads_them(s):
    """What the hypervisor sets is what the derived code looks at."""
    line = s.machine.expect('hv', r"twin's variables: xmit.more at gs:([0-9a-f]+), jiffies at gs:([0-9a-f]+)", 60)
    code = subprocess.run(['objdump', '-d', '--no-show-raw-insn', image.OUT / 'drivers/e1000.twin'], check=True,
                          capture_output=True, text=True).stdout
    assert set(line.groups()) <= set(TWIN_ADDRESS.findall(code)), line.group(0)


def test_r10_jiffies_go_on_while_the_driver_vm_sleeps(system):
    """Frames of a guest alone: their time stamps are of now, never of what the driver VM has not reached yet."""
    s = system('net=twin', ['echo'])
    variables_are_where_the_twin_reads_them(s)
    s.attached()
    seen = []
    for _ in range(3):
        assert s.peer.ping(s.address(1), count=15)[0] == 15
        seen += [s.stats()['twin']['jiffies'], dvm_jiffies(s)]
    assert seen == sorted(seen), 'the twin\'s clock went backward, or was ahead of the driver VM\'s'
    # It sleeps while packets come: without the rule they would all carry the time when it fell asleep.
    assert s.stats()['twin']['jiffies_ahead'] > 10
    assert int(s.dvm(TIMEOUTS)) == 0
    assert not re.search(HANGS, s.machine.console.text('dvm') + s.dvm('dmesg'))


def on_the_wire(s):
    """(frames that the card has sent since it was started, frames that the twin and the driver VM gave it)"""
    twin = s.stats()['twin']
    return int(re.search(r'^ *tx_packets: (\d+)', s.dvm('ethtool -S eth0'), re.M).group(1)), twin


def resets(s):
    """Resets of the driver for frames that did not leave: in its own count, and in the core's for the queue."""
    return re.search(r'^ *tx_timeout_count: (\d+)$', s.dvm('ethtool -S eth0'), re.M).group(1), s.dvm(TIMEOUTS)


def test_r10_a_small_ring_leaves_nothing_behind(system):
    """With the smallest ring the queue stops all the time; what the twin took is on the wire soon after the load."""
    s = system('net=twin', ['echo verify-server', 'echo'])
    s.attached()
    s.dvm('ethtool -G eth0 tx 80')
    # With a frame of the driver VM's own in the ring while the link is down, e1000 resets once more, as it should.
    wait_for_link(s)
    resets_before = resets(s)
    card, twin = on_the_wire(s)
    s.guest(1, f'flood={NOBODY} count={FRAMES} len=64', 'flood: done', 120)
    s.send_to_peer(1, 2000000)
    s.guest(2, f'flood={NOBODY} count={FRAMES} len=1400', 'flood: done', 120)
    end = time.monotonic() + 30
    while True:
        now, counts = on_the_wire(s)
        given = counts['tx_packets'] - twin['tx_packets']
        if counts['tx_queued'] == counts['tx_packets'] + counts['tx_discarded'] and now - card >= given:
            break
        assert time.monotonic() < end, f'{now - card} frames on the wire, {given} given to the card: {counts}'
    assert given >= 2 * FRAMES and counts['tx_stopped'] > 0 and counts['deaths'] == 0
    assert resets(s) == resets_before
    assert not re.search(HANGS, s.machine.console.text('dvm') + s.dvm('dmesg'))
