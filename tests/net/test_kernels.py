# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver VM's kernel and its modules may be: anywhere (KASLR), and not without LOCK prefixes (R8)."""
import re
import time

import image

from conftest import PEER_IP

SERVERS = 'echo verify-server iperf-server'
RELOADS = 3
PLACE = re.compile(r'twin for the module at (\w+), with jiffies at (\w+) and RAM from (\w+)\n')


def places(s):
    """(module, kernel, direct map) of each attachment."""
    return PLACE.findall(s.machine.console.text('hv'))


def use(s):
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 300000)
    s.send_to_peer(1, 300000)


def reload_driver(s, times):
    """castor first: if the room of what was unloaded is free again, it takes the driver's, or a part of it. When the
    kernel frees it is its own affair, so the driver may come to where it was."""
    s.dvm('rmmod castor; rmmod e1000; insmod /lib/modules/*/extra/castor.ko')
    s.dvm('modprobe e1000; ip link set eth0 master br0; ip link set eth0 up')
    s.attached(times)
    s.dvm('until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done')


def test_kaslr(system):
    """The packaged bzImage chooses other addresses at each boot, and a module gets another one when it is loaded again:
    each time the twin is relocated from the pristine file, judged, and works."""
    boots = []
    for _ in range(2):
        s = system('net=twin', [SERVERS], dvm_kernel=image.KERNEL)
        s.attached()
        use(s)
        boots += places(s)
        if len(boots) == 1:
            s.quit()
    # A kernel has some 500 places, a module 1,024: one of the three may be the same by chance.
    assert sum(a != b for a, b in zip(*boots)) >= 2, boots
    for times in range(2, 2 + RELOADS):
        reload_driver(s, times)
        use(s)
        again = places(s)[times - 1]
        assert again[1:] == boots[1][1:], (boots, again)
        if again[0] != boots[1][0]:
            break
    assert again[0] != boots[1][0], again
    log = s.machine.console.text('hv')
    assert log.count('twin judged (normal): ') == times and 'refused' not in log


def test_r8_kernel_without_lock_prefixes_is_refused(system):
    """A kernel on one CPU patches them out: its locks would not keep the twin away."""
    s = system('net=twin', ['echo'], without='noreplace-smp')
    s.machine.expect('hv', 'twin not attached: the kernel removed its LOCK prefixes .boot it with noreplace-smp', 60)
    assert s.peer.ping(s.address(1))[0] == 5
    assert s.stats()['net']['switch']['uplink'] == 'dvm'


def locked(s):
    return int(re.search(r'locked (\d+)', s.machine.monitor('twin')).group(1))


def test_r8_taken_lock_makes_frames_wait(system):
    """The driver VM is stopped now and then while it holds _xmit_lock; the twin does not wait for it, and nothing of
    a guest's transfer is lost."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.machine.type('while :; do frames flood eth0 20000 20000 1 02:00:00:00:00:99 02:00:00:00:00:98; done '
                   '>/dev/null 2>&1 &', 1)
    end = time.monotonic() + 90
    while not locked(s):
        assert time.monotonic() < end, 'the lock was never found taken'
        s.send_to_peer(1, 1000000)
        s.guest(1, f'iperf-client={PEER_IP} udp bw=0 bytes=2M', 'iperf-client: ')
    s.dvm('kill %1')
    use(s)
    twin = s.stats()['twin']
    assert twin['state'] == 'attached' and twin['deaths'] == 0
