# SPDX-License-Identifier: GPL-2.0-or-later
"""The classic path: guest, switch, the driver VM's virtio card, Linux bridge, stock e1000, wire."""
import re
import time

import image

from conftest import DVM_IP, PEER_IP, VMLINUX, System

SERVERS = 'echo verify-server iperf-server'
# virtio 1.2 5.1.3: CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4
OFFLOADS = 1 << 0 | 1 << 1 | 1 << 7 | 1 << 11


def test_guests_reach_the_peer_both_ways(system):
    s = system('net=bridge', [SERVERS, SERVERS])
    for n in (1, 2):
        assert s.peer.ping(s.address(n))[0] == 5
        s.send_to_guest(n, 1000003)
        s.send_to_peer(n, 1000001)
    assert s.iperf_to_guest(1) > 1
    assert s.iperf_to_peer(2) > 1
    ports = s.stats()['net']['ports']
    for n in (1, 2):
        assert ports[f'g{n}']['tx']['packets'] > 500 and ports[f'g{n}']['drops']['spoof'] == 0
    assert [p for p in ports if ports[p]['uplink']] == ['dvm']
    s.quit()


def test_guest_to_guest_and_to_the_driver_vm(system):
    s = system('net=bridge', [SERVERS, SERVERS])
    v = s.guest(1, f'verify-client={s.address(2)} bytes=2M', 'verify-client: done')
    assert s.machine.expect('g2', rf'verify-server: done.*hash={v["hash"]}\b', 20)
    assert s.guest(2, f'ping={s.address(1)} count=5', 'ping: done')['received'] == '5'
    assert s.guest(1, f'ping={DVM_IP} count=5', 'ping: done')['received'] == '5'
    # Frames between guests never leave the switch.
    capture = s.peer.capture('icmp or tcp')
    s.guest(2, f'verify-client={s.address(1)} bytes=100K', 'verify-client: done')
    assert ' > ' not in capture.stop()


def test_segments_and_checksums_are_offloaded_to_and_from_the_driver_vm(boot):
    """TCP with a stock Linux guest passes the switch in large frames both ways; lwIP, which takes none, gets them cut."""
    d = image.Description('net=bridge').add_symbols().add_dvm(kernel=VMLINUX)
    d.add_guest(1, 'iperf-server', memory='32M').add_linux(2)
    m = System(boot(d, net='tap'), 1).ready().machine
    m.expect('g2', 'linux ready', 180)
    for name, number in (('dvm', 1), ('g2', 3)):
        m.type('iperf -s &', number)
        m.expect(name, 'Server listening', 20)

    def frames(command, name, number):
        """(large frames, frames on a wire) that ports sent and got meanwhile."""
        before = m.stats()['net']['ports']
        status, text = m.shell(command, name, number)
        assert status == 0 and 'Mbits/sec' in text, text
        after = m.stats()['net']['ports']
        return {p: {way: [after[p][way][n] - before[p][way][n] for n in ('packets', 'wire_frames')]
                    for way in ('tx', 'rx')} for p in after}

    def is_large(counts):
        return counts[1] > 1.5 * counts[0] > 0

    assert m.stats()['net']['ports']['dvm']['features'] & OFFLOADS == OFFLOADS
    f = frames(f'iperf -c {image.guest_address(2)} -t 2 -f m', 'dvm', 1)
    assert is_large(f['dvm']['tx']) and is_large(f['g2']['rx']), f
    f = frames(f'iperf -c {DVM_IP} -t 2 -f m', 'g2', 3)
    assert is_large(f['g2']['tx']) and is_large(f['dvm']['rx']), f
    f = frames(f'iperf -c {image.guest_address(1)} -t 2 -f m', 'dvm', 1)
    assert is_large(f['dvm']['tx']) and f['g1']['rx'][0] == f['g1']['rx'][1] > 0, f


def test_driver_vm_has_its_own_network(system):
    """Its TCP works both ways, and its driver is the package's file, byte for byte."""
    s = system('net=bridge', ['echo'])
    expected = (image.OUT / 'kernel/e1000.sha256').read_text().split()[0]
    assert f'e1000.ko sha256 {expected}' in s.machine.console.text('dvm')
    assert s.peer.ping(DVM_IP)[0] == 5
    assert '5 packets received' in s.dvm(f'ping -c 5 -A {PEER_IP}')
    s.machine.type('iperf -s &', 1)
    s.machine.expect('dvm', 'Server listening', 20)
    assert s.peer.iperf(DVM_IP) > 1
    server = s.peer.iperf_server()
    out = s.dvm(f'iperf -c {PEER_IP} -t 2 -f m')
    assert float(re.search(r'([\d.]+) Mbits/sec', out).group(1)) > 1
    server.stop()


def test_wire_has_the_guests_addresses(system):
    s = system('net=bridge', ['echo'])
    capture = s.peer.capture('icmp')
    assert s.peer.ping(s.address(1))[0] == 5
    time.sleep(0.3)
    assert capture.stop().count(f'{image.guest_mac(1)} > ') >= 5
