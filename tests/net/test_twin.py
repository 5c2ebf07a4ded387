# SPDX-License-Identifier: GPL-2.0-or-later
"""The twin in ring 0: guests' traffic without the driver VM, attach and detach, containment."""
import re
import time

import image
import pytest

from conftest import DVM_IP, PEER_IP, Load, wait_for_link

SERVERS = 'echo verify-server iperf-server'


def test_guests_reach_the_peer_without_the_driver_vm(system):
    """Ping, hashed TCP and iperf both ways for both guests; the driver VM itself counts none of it."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    capture = s.peer.capture('icmp')
    for n in (1, 2):
        assert s.peer.ping(s.address(n))[0] == 5
    time.sleep(0.3)
    seen = capture.stop()
    for n in (1, 2):
        assert seen.count(f'{image.guest_mac(n)} > ') >= 5
    before = s.dvm_rx('br0', 'v0')
    for n in (1, 2):
        s.send_to_guest(n, 1000003)
        s.send_to_peer(n, 1000001)
    assert s.iperf_to_guest(1) > 1
    assert s.iperf_to_peer(2) > 1
    after = s.dvm_rx('br0', 'v0')
    twin = s.stats()['twin']
    assert twin['rx_to_guests'] > 2000 and twin['tx_packets'] > 2000
    # What every station on a wire hears, address resolution of the peer and the guests.
    assert all(b - a < 40 for a, b in zip(before, after)), (before, after)
    s.quit()


def grown(after, before, *names):
    return [after[n] - before[n] for n in names]


def test_r11_driver_vm_keeps_its_own_network(system):
    """While a guest's iperf runs through the twin the driver VM pings and moves TCP both ways.

    Its frames wait in castor's rings for the end of the poll, however many there are: at most one interrupt each.
    """
    s = system('net=twin', [SERVERS])
    s.attached()
    assert s.peer.ping(DVM_IP)[0] == 5
    s.machine.type('iperf -s &', 1)
    s.machine.expect('dvm', 'Server listening', 20)
    before = s.stats()
    load = s.peer.background('iperf', '-c', s.address(1), '-t', 12, '-f', 'm')
    assert s.dvm(f'ping -c 5 -A {PEER_IP}').count('5 packets received') == 1
    assert s.peer.iperf(DVM_IP) > 0.5
    server = s.peer.iperf_server()
    out = s.dvm(f'iperf -c {PEER_IP} -t 2 -f m')
    assert float(re.search(r'([\d.]+) Mbits/sec', out).group(1)) > 0.5
    server.stop()
    assert 'Mbits/sec' in load.finish(60)
    after = s.stats()
    polls, to_dvm = grown(after['twin'], before['twin'], 'polls', 'rx_to_dvm')
    rings, wakes, upcalls, interrupts = grown(after['castor'], before['castor'], 'rings', 'wake', 'upcall', 'interrupts')
    assert 0 < rings <= polls and interrupts <= rings + wakes + upcalls, (rings, polls, interrupts, wakes, upcalls)
    assert rings < to_dvm, 'no poll had two frames for the driver VM, so nothing was collected'
    # Guest and driver VM have only the wire between them in this mode, or the switch: either way they talk.
    assert s.guest(1, f'ping={DVM_IP} count=5', 'ping: done')['received'] == '5'


def test_r13_mode_changes_under_tcp(system):
    """A transfer of each direction lives through twin, bridge, twin; no byte is lost or changed."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    load = Load(s)
    for attachment in (2, 3):
        load.flows()
        s.machine.monitor('mode bridge')
        s.machine.expect('hv', 'twin detached', 20)
        assert s.stats()['net']['switch']['uplink'] == 'dvm'
        load.flows()
        s.machine.monitor('mode twin')
        s.attached(attachment)
    load.finish()
    assert 'DOES NOT ADD UP' not in s.machine.console.text('hv')


def test_r9_interface_and_agent_come_and_go(system):
    """ip link down and up, rmmod and insmod of castor, and of the driver itself: off and on again each time."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.dvm('ip link set eth0 down')
    s.machine.expect('hv', 'twin detached', 20)
    s.machine.expect('g1', 'net: link=down', 20)
    s.dvm('ip link set eth0 up')
    s.machine.expect('g1', 'net: link=up', 20)
    s.attached(2)
    wait_for_link(s)
    assert s.peer.ping(s.address(1))[0] == 5
    s.dvm('rmmod castor')
    s.machine.expect('hv', 'twin detached', 20)
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 100000)
    s.dvm('insmod /lib/modules/*/extra/castor.ko')
    s.attached(3)
    s.send_to_guest(1, 100000)
    # The driver module at another address: the twin is relocated and judged again.
    s.dvm('rmmod e1000')
    s.machine.expect('hv', 'twin detached', 20)
    s.dvm('modprobe e1000; ip link set eth0 name eth0; ip link set eth0 master br0; ip link set eth0 up')
    s.attached(4)
    wait_for_link(s)
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 100000)
    assert 'DOES NOT ADD UP' not in s.machine.console.text('hv')


KINDS = [
    ('wild', r'write of ffffdead00000000: .* at e1000_clean\+0x'),
    ('noncanonical', r'#GP non-canonical address at e1000_clean\+0x'),
    ('ud', r'#UD invalid opcode at e1000_clean\+0x'),
    ('de', r'#DE divide error at e1000_clean\+0x'),
    ('loop', r'endless loop at e1000_clean\+0x'),
    ('indirect', r'indirect call to [0-9a-f]+, which is no derived function, at e1000_clean\+0x'),
    ('native', r'skb 1234 is no memory of the driver VM in native_skb_put\+0x\w+ at e1000_clean\+0x'),
    ('fixup', r'read of ffffdead[0-9a-f]+: .* at native_dql_completed\+0x'),
    ('lower', r'write of 200000: address in the lower half at e1000_clean\+0x'),
    # What no judged code can do, but a broken machine.
    ('jump', r'trap 14 outside of its code, stack pointer 7\w+ at 0xffffdead00000000'),
    ('stack', r'trap 14 outside of its code, stack pointer 200000 at native_skb_put\+0x'),
    ('return', r'it returned with the stack at 7\w+'),
]


# Three deaths in ten minutes are castor's budget for attaching again, so three kinds a machine.
@pytest.mark.parametrize('kinds', [KINDS[:3], KINDS[3:6], KINDS[6:9], KINDS[9:]], ids=lambda k: '-'.join(x for x, _ in k))
def test_r19_fault_kills_the_twin_alone(system, kinds):
    """R3, R5, R14, R18, R19: one line says what and where; guests go on over the bridge; the twin comes back. A stream each
    way lives through all of it, right to the byte."""
    s = system('net=twin', [SERVERS, SERVERS])
    s.attached()
    assert s.peer.ping(s.address(1))[0] == 5
    load = Load(s)
    for death, (kind, line) in enumerate(kinds, 1):
        s.machine.monitor(f'fault {kind}')
        s.peer.ping(s.address(1), count=2) # the packet that runs it
        s.machine.expect('hv', rf'twin killed: {line}', 20)
        assert s.peer.ping(s.address(1), count=10, interval=0.5)[0] >= 5
        s.send_to_guest(1, 100000)
        s.attached(death + 1)
        assert s.peer.ping(s.address(2))[0] == 5
        s.send_to_guest(1, 300000)
        load.flows()
        assert f'attachments {death + 1}, deaths {death}' in s.machine.monitor('twin')
    load.finish()
    assert s.stats()['vms']['dvm']['state'] == 'running'
    s.quit()


def test_r19_too_many_deaths_leave_the_bridge(system):
    """The budget for new attachments ends; traffic stays on the bridge."""
    s = system('net=twin', [SERVERS])
    for attachment in range(1, 5):
        s.attached(attachment)
        s.machine.monitor('fault ud')
        s.peer.ping(s.address(1), count=1)
        s.machine.expect('hv', 'twin killed: ', 20)
    s.machine.expect('hv', 'castor: traffic stays on the bridge until `mode twin`', 20)
    assert s.peer.ping(s.address(1), count=10)[0] >= 5
    s.send_to_guest(1, 300000)
    twin = s.stats()['twin']
    assert (twin['attachments'], twin['deaths'], s.stats()['net']['switch']['uplink']) == (4, 4, 'dvm')
