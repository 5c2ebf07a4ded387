# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is lost uncounted: the totals of guests, ports, switch, twin, network card and peer agree, frame by frame, in
both modes. Frames are counted as on the wire: what segmentation makes of a packet counts so often.
"""
import re
import time

import image
import pytest

from conftest import DVM_IP, PEER_IP

BROADCASTS = 50
FLOOD = 3000
TO_GUEST = 300
WORDS = 'echo verify-server sink'
RECEIVER_DROPS = ('no_buffer', 'down') # the others are the sender's


def tap(s, name):
    return s.peer.run('cat', f'/sys/class/net/{s.peer.tap}/{name}').strip()


def guest_counters(s, n):
    """Frames as the guest's own network driver counts them."""
    received = s.guest(n, 'stats', 'stats: rx frames=')
    sent = s.guest_values(n, 'stats: tx frames=')
    return {'rx': int(received['frames']), 'tx': int(sent['frames'])}


def dvm_counters(s):
    """The card's own registers, by its driver (GPRC, GPTC and so on), and the driver VM's interfaces."""
    numbers = {f'nic_{k}': int(v) for k, v in re.findall(r'^ +(\w+): (\d+)$', s.dvm('ethtool -S eth0'), re.M)}
    for name, line in re.findall(r'^ *(v0|br0): *(.*)$', s.dvm('cat /proc/net/dev'), re.M):
        f = [int(x) for x in line.split()]
        numbers |= {f'{name}_rx': f[1], f'{name}_rx_drop': f[3], f'{name}_tx': f[9]}
    return numbers


def read_all(s, guests):
    numbers = dvm_counters(s)
    for n in guests:
        numbers |= {f'g{n}_{k}': v for k, v in guest_counters(s, n).items()}
    stats = s.stats()
    for name, port in stats['net']['ports'].items():
        drops = port['drops']
        numbers |= {f'{name}_port_in': port['tx']['wire_frames'], f'{name}_port_out': port['rx']['wire_frames'],
                    f'{name}_packets_in': port['tx']['packets'], f'{name}_packets_out': port['rx']['packets'],
                    f'{name}_lost_out': sum(drops[k] for k in RECEIVER_DROPS),
                    f'{name}_lost_in': sum(v for k, v in drops.items() if k not in RECEIVER_DROPS)}
    numbers |= {f'twin_{k}': v for k, v in stats['twin'].items() if re.match('[rt]x_', k)}
    numbers['copies'] = stats['net']['switch']['copies']
    for name in ('rx_packets', 'tx_packets'):
        numbers[f'tap_{name}'] = int(tap(s, f'statistics/{name}'))
    return numbers


def snapshot(s, guests=(1, 2)):
    """All counters at one moment, those of these lwIP guests among them. They are not read at once, and a neighbour may
    just confirm an address: read until nothing passed between two readings."""
    numbers, before = read_all(s, guests), None
    for _ in range(20):
        if numbers == before:
            return numbers
        numbers, before = read_all(s, guests), numbers
    raise AssertionError(f'the network does not come to rest: {before}, {numbers}')


def exchange(s):
    """Frames of all kinds in all directions; how many of each is known, or found out by the equations."""
    peer = tap(s, 'address')
    s.guest(1, f'flood={peer} count={FLOOD} len=200', 'flood: done')
    s.guest(1, f'flood={image.guest_mac(2)} count=500', 'flood: done')
    s.guest(2, f'flood=ff:ff:ff:ff:ff:ff count={BROADCASTS} len=100', 'flood: done')
    s.peer.run(*s.python('raw-send', '--device', s.peer.tap, '--dst', image.guest_mac(1), '--total', TO_GUEST),
               *range(TO_GUEST))
    s.peer.run(*s.python('udp-echo', '--addr', s.address(2), '--count', 50), timeout=90)
    s.send_to_guest(1, 500000)
    s.send_to_peer(1, 500000)
    assert s.peer.ping(s.address(2))[0] == 5
    assert '5 packets received' in s.dvm(f'ping -c 5 -A {PEER_IP}')
    assert s.guest(1, f'ping={s.address(2)} count=5', 'ping: done')['received'] == '5'


def guests_and_switch(d, guests=('g1', 'g2')):
    for g in guests:
        yield f'{g} sent', d[f'{g}_tx'], d[f'{g}_port_in'] + d[f'{g}_lost_in']
        yield f'{g} received', d[f'{g}_rx'], d[f'{g}_port_out']
    ports = [k.removesuffix('_port_in') for k in d if k.endswith('_port_in')]
    yield 'switch', (sum(d[f'{p}_port_in'] for p in ports) + d['copies'],
                     sum(d[f'{p}_port_out'] + d[f'{p}_lost_out'] for p in ports))
    yield 'to the driver VM', d['dvm_packets_out'], d['v0_rx'] + d['v0_rx_drop']
    yield 'from the driver VM', d['v0_tx'], d['dvm_packets_in'] + d['dvm_lost_in']
    yield 'card to peer', d['nic_tx_packets'], d['tap_rx_packets']
    yield 'peer to card', d['tap_tx_packets'], d['nic_rx_packets']


def twin_equations(d):
    yield 'switch to twin', d['twin_port_out'], d['twin_tx_wire']
    yield 'twin', d['twin_tx_queued'], d['twin_tx_packets'] + d['twin_tx_discarded']
    yield 'twin and driver VM to card', d['twin_tx_wire'] - d['twin_tx_discarded'] + d['twin_tx_own'], d['nic_tx_packets']
    yield 'card to twin', d['nic_rx_packets'], d['twin_rx_packets']
    yield 'twin to switch and driver VM', d['twin_rx_packets'], \
        d['twin_rx_own'] + d['twin_port_in'] + d['twin_lost_in']


def bridge_equations(d):
    """Linux's bridge: what the guests broadcast also goes up to the driver VM's own stack."""
    yield 'bridge to card', d['dvm_port_out'] + d['br0_tx'], d['nic_tx_packets']
    yield 'card to bridge', d['nic_rx_packets'], \
        d['dvm_port_in'] + d['dvm_lost_in'] + d['br0_rx'] - BROADCASTS


def flatten(equations):
    """(name, left, right) of each."""
    return [(e[0], *e[1]) if len(e) == 2 else e for e in equations]


@pytest.mark.parametrize('mode', ['twin', 'bridge'])
def test_totals_agree(system, mode):
    s = system(f'net={mode}', [WORDS, WORDS], twin=True, dvm_words='ipv6.disable=1')
    if mode == 'twin':
        s.attached()
    else: # QEMU's e1000 sends an empty frame more behind a TSO packet whose payload is a multiple of the segment's
        s.dvm('ethtool -K eth0 tso off')
    for address in (s.address(1), s.address(2), DVM_IP): # afterwards no address has to be resolved by broadcast
        assert s.peer.ping(address)[0] == 5
    assert s.guest(1, f'ping={s.address(2)} count=1', 'ping: done')['received'] == '1'
    time.sleep(1)
    before = snapshot(s)
    exchange(s)
    time.sleep(2)
    after = snapshot(s)
    d = {k: v - before[k] for k, v in after.items()}
    found = flatten([*guests_and_switch(d), *(twin_equations if mode == 'twin' else bridge_equations)(d)])
    print('\n'.join(f'{name}: {a} = {b}' for name, a, b in found))
    assert [e for e in found if e[1] != e[2]] == [], '\n'.join(f'{k} {v}' for k, v in d.items())
    assert d['g1_tx'] > FLOOD and d['g1_rx'] >= TO_GUEST and d['tap_rx_packets'] > FLOOD + BROADCASTS
    assert (d['twin_tx_packets'] > FLOOD) == (mode == 'twin') and d['copies'] >= BROADCASTS
    s.quit()
