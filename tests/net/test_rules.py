# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of docs/safety.md that need the whole machine; each test has the number of its rule in its name."""
import re
import time

from conftest import Load, unharmed, wait_for_link

SERVERS = 'echo verify-server'
CONTROL = '/proc/dynamic_debug/control'


def test_frozen_static_keys_are_those_of_the_kernel(system):
    """A key that was switched on after derive froze it keeps the twin away, by name; switched back it attaches."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 20)
    s.dvm(f"echo 'module e1000 +p' > {CONTROL}")
    s.machine.monitor('mode twin')
    s.machine.expect('hv', r'twin not attached: static key __dyndbg\+0x[0-9a-f]+ is on in the driver VM, and the '
                     r"twin's e1000_\w+ was derived for off", 20)
    s.send_to_guest(1, 100000)
    s.dvm(f"echo 'module e1000 -p' > {CONTROL}")
    s.machine.monitor('mode twin')
    s.attached(2)
    s.send_to_guest(1, 100000)


def balance(s):
    """Where the buffers of the last attachment went, as the hypervisor prints it when the twin is taken off."""
    text = s.machine.console.text('hv')
    assert 'DOES NOT ADD UP' not in text
    line = re.findall(r"twin's buffers: (.*)", text)[-1]
    return {k.strip(): int(n) for k, n in re.findall(r'([a-z ]+) (\d+)', line)}


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, 'it does not come'
        time.sleep(0.5)


def test_r16_a_size_change_renews_the_pool(system):
    """With another MTU the driver wants larger fragments: the pool is filled anew with those, and traffic goes on."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.send_to_guest(1, 100000)
    small = s.stats()['twin']['pool_frag_bytes']
    s.dvm('ip link set eth0 mtu 1400') # the driver's buffers grow from 1,522 to 2,048 bytes
    s.send_to_guest(1, 300000)
    large = s.stats()['twin']['pool_frag_bytes']
    assert small < 2048 < large
    wait_for(lambda: s.stats()['twin']['pool_frag'] > 384) # 768 are asked for, rings included
    assert ' 0 too small' in s.machine.monitor('twin')
    s.send_to_guest(1, 300000)
    s.send_to_peer(1, 300000)
    s.dvm('ip link set eth0 mtu 1500')
    s.send_to_guest(1, 300000)
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 20)
    assert balance(s)['returned'] > 700
    assert s.stats()['twin']['deaths'] == 0


def test_r19_what_changed_hands_is_leaked(system):
    """The twin dies right behind the hand-over of a frame: its buffers are leaked and counted, nothing else is."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.send_to_guest(1, 300000)
    s.machine.monitor('fault late')
    s.peer.ping(s.address(1), count=2)
    s.machine.expect('hv', r"twin's journal: [1-9]\d* buffers and 0 of the driver VM's own", 20)
    s.machine.expect('hv', r'twin killed: #UD invalid opcode at e1000_clean_rx_irq', 20)
    s.machine.expect('hv', "twin's buffers: ", 20)
    leaked = balance(s)['leaked']
    assert 1 <= leaked <= 64
    s.attached(2)
    s.send_to_guest(1, 1000000)
    s.send_to_peer(1, 1000000)
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 20)
    assert balance(s)['leaked'] == leaked
    assert 'Oops' not in s.dvm('dmesg') and 'BUG' not in s.dvm('dmesg')


def test_r10_small_ring(system):
    """80 transmit descriptors under two guests' TCP: the queue stops and wakes, no doorbell is forgotten."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    load = Load(s)
    s.dvm('ethtool -G eth0 tx 80')
    load.finish()
    load = Load(s, megabytes=6)
    load.finish()
    text = s.machine.monitor('twin')
    assert int(re.search(r'stopped (\d+)', text).group(1)) > 0, text
    unharmed(s)


OUT_MOST = 300 # a receive ring, and something in the transmit ring
RESETS = [
    'ethtool -G eth0 tx 128 rx 128', 'ip link set eth0 mtu 1400', 'ethtool -G eth0 tx 256 rx 256',
    'ip link set eth0 mtu 1500', 'ethtool -r eth0', 'ethtool -K eth0 rx off', 'ethtool -K eth0 rx on',
]


def test_r9_the_driver_resets_itself_under_traffic(system):
    """Ring sizes, MTU, restarts, offloads, self-test: none sends an event, all take the card back in between."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    load = Load(s)
    for command in RESETS:
        s.dvm(command)
        wait_for_link(s)
        load.flows()
    s.machine.shell('ethtool -t eth0 offline', timeout=60) # whatever it finds: it registers its own handler
    load.finish()
    assert s.stats()['twin']['irqs_passed'] > 0 # those of the self-test
    # R16: what was in the ring before a reset is not taken for out for ever, or none would be donated any more.
    out = re.search(r'(\d+) out,', s.machine.monitor('twin'))
    assert int(out.group(1)) < OUT_MOST, out.string
    s.send_to_guest(1, 300000)
    s.send_to_peer(1, 300000)
    unharmed(s)


def test_r9_threaded_napi(system):
    """The driver VM polls in a thread, and the interface goes down and up below it."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    s.dvm('echo 1 > /sys/class/net/eth0/threaded')
    load = Load(s)
    s.dvm('ethtool -r eth0')
    wait_for_link(s)
    load.finish()
    s.dvm('ip link set eth0 down')
    s.machine.expect('hv', 'twin detached', 20)
    s.dvm('ip link set eth0 up')
    s.attached(2)
    s.dvm('echo 0 > /sys/class/net/eth0/threaded')
    s.send_to_guest(1, 300000)
    s.send_to_peer(1, 300000)
    unharmed(s)


def ring_pages(s):
    """Addresses of vmalloc's region that the twin uses, as the window compares them."""
    return re.findall(r'compared: (ffff[c-e][0-9a-f]{11})', s.machine.monitor('window'))


def repage(s, rounds):
    """The driver's ring memory gets other pages at the same addresses, the old ones are poisoned."""
    done = 0
    for page in ring_pages(s):
        status, _ = s.machine.shell(f'echo "{page} {rounds}" > /sys/module/castor/parameters/repage', timeout=120)
        done += status == 0 # register windows and stacks of the kernel are no such memory
    return done


def test_r4_the_window_follows_the_driver_vms_mappings(system):
    """Ring memory moves 10,000 times below the twin under a guest's TCP: no byte is lost, stale entries are dropped."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    load = Load(s)
    moved = repage(s, 10)
    assert moved >= 2
    assert repage(s, 10000 // moved) >= 2
    load.finish()
    assert s.stats()['twin']['window_dropped'] > 100
    unharmed(s)


def test_r4_without_the_rule_it_does_not(system):
    """The same with the comparison switched off: the twin follows poisoned pointers and dies of it."""
    s = system('net=twin', [SERVERS])
    s.attached()
    assert s.peer.ping(s.address(1))[0]
    assert ring_pages(s)
    s.machine.monitor('window rule off')
    assert repage(s, 1)
    s.peer.ping(s.address(1), count=3)
    s.machine.expect('hv', 'twin killed: ', 20)
