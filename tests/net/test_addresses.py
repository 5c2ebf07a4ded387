# SPDX-License-Identifier: GPL-2.0-or-later
"""R12 with many guests and with IPv6: the wire's frames reach guests through the card's receive filter, which is on
because eth0 is outside of the bridge. More addresses than the card has registers for make the driver open it for all
unicasts; the multicasts of neighbour discovery come in because castor asks for all groups."""
from ipaddress import IPv6Address

import image
from conftest import System, describe

IFF_PROMISC = 0x100
GUESTS = 20
PINGS = 30 # until one is answered: the link may be away for a moment


def without_promiscuity(s):
    s.dvm('ip link set eth0 nomaster')
    assert not int(s.dvm('cat /sys/class/net/eth0/flags'), 16) & IFF_PROMISC


def test_r12_twenty_guests(system):
    """More than the card has registers for; before and after the driver's reset, and when the twin comes back."""
    s = system('net=twin', ['echo'] * GUESTS, memory=1536)
    s.attached()
    without_promiscuity(s)

    def all_answer():
        for n in range(1, GUESTS + 1):
            assert any(s.peer.ping(s.address(n), count=1)[0] for _ in range(PINGS)), f'g{n}'
    all_answer()
    s.dvm('ethtool -r eth0; until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done')
    all_answer()
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    s.dvm('ip link set eth0 master br0')
    all_answer()
    s.dvm('ip link set eth0 nomaster')
    s.machine.monitor('mode twin')
    s.attached(2)
    all_answer()
    assert s.stats()['twin']['deaths'] == 0


def link_local(mac):
    """The address that an interface gives itself (RFC 4291, appendix A)."""
    b = bytes.fromhex(mac.replace(':', ''))
    return str(IPv6Address(b'\xfe\x80' + bytes(6) + bytes([b[0] ^ 2]) + b[1:3] + b'\xff\xfe' + b[3:]))


def test_r12_ipv6_neighbour_discovery(boot):
    """A stock Linux guest is found by its solicited-node group, and finds the peer; its entry is not there before."""
    d = describe('net=twin', [])
    d.add_linux(1)
    s = System(boot(d, net='tap'), 0).ready()
    s.machine.expect('g1', 'linux ready', 180)
    s.attached()
    without_promiscuity(s)
    for key in ('accept_dad=0', 'disable_ipv6=0'):
        s.peer.run('sysctl', '-q', '-w', f'net.ipv6.conf.{s.peer.tap}.{key}')
    address = link_local(image.guest_mac(1))
    status, text = s.machine.shell('ip -6 addr; ip neigh', 'g1', 2)
    assert status == 0 and address in text, text
    capture = s.peer.capture('icmp6')
    out = s.peer.run('ping', '-6', '-n', '-c', 5, '-i', 0.2, '-W', 5, f'{address}%{s.peer.tap}')
    assert ' 5 received' in out, out
    frames = capture.stop()
    assert 'neighbor solicitation' in frames and 'neighbor advertisement' in frames, frames
    assert image.guest_mac(1) in s.peer.run('ip', '-6', 'neigh', 'show', address)
    assert s.stats()['twin']['deaths'] == 0
