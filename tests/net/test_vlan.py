# SPDX-License-Identifier: GPL-2.0-or-later
"""VLAN tags pass between the wire and guests, whatever the driver VM has its card do with them."""
import image
from conftest import VMLINUX, System, initrd_with

VLAN = 5
COUNT = 4
JUMBO = 9000
MODULES = image.OUT / 'kernel/image/lib/modules'

# Tagged broadcasts from the tap; the type behind the tag is one for experiments.
SEND = '''
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
src = s.getsockname()[4]
for n in range(%d):
    s.send(b"\\xff" * 6 + src + bytes.fromhex("8100%04x88b5") + bytes([n]) * int(sys.argv[2]))
''' % (COUNT, VLAN)


def tagged_frames_arrive(s, size):
    """What a guest that is Linux sees of them, and the driver VM's own VLAN."""
    user = 'mkdir -p /etc; echo root:x:0:0::/:/bin/sh >/etc/passwd; ' # tcpdump looks for it
    ready = ('n=0; until grep listening /tmp/says || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done; '
             'cat /tmp/says')
    for source, number, what in (('g1', 2, f'v0 vlan {VLAN}'), ('dvm', 1, f'eth0.{VLAN} ether proto 0x88b5')):
        dump = f'tcpdump -Z root -l -n -e -c {COUNT} -i {what}'
        _, says = s.machine.shell(f'{user}({dump} >/tmp/seen 2>/tmp/says &); {ready}', source, number, 60)
        assert 'listening' in says, says
    s.peer.run('/usr/bin/python3', '-c', SEND, s.peer.tap, size)
    until = f'n=0; until [ $(grep -c ethertype /tmp/seen) = {COUNT} ] || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done; '
    _, seen = s.machine.shell(until + 'grep ethertype /tmp/seen', 'g1', 2, 60)
    lines = seen.splitlines()
    assert len(lines) == COUNT, seen
    for line in lines:
        assert f'802.1Q (0x8100), length {size + 18}: vlan {VLAN},' in line and '0x88b5' in line, line
    assert len(s.dvm(until + 'grep ethertype /tmp/seen', 60).splitlines()) == COUNT


def test_guests_see_tags_that_the_card_took_off(system, boot, tmp_path):
    """The driver VM has a VLAN, so its card strips tags; a guest's frames have them, small ones and chains of pages."""
    d = image.Description('net=twin').add_symbols()
    ko = next(MODULES.glob('*/kernel/net/8021q/8021q.ko'))
    extra = {f.name: f.read_bytes() for f in (ko, *MODULES.glob('*/kernel/net/802/*.ko'))}
    d.add_dvm(kernel=VMLINUX, initrd=initrd_with(tmp_path, extra)).add_linux(1).add_twin()
    s = System(boot(d, net='tap'), 0).ready()
    s.machine.expect('g1', 'built-in commands', 120)
    s.attached()
    s.dvm('for m in stp garp mrp 8021q; do [ ! -e /$m.ko ] || insmod /$m.ko || true; done')
    s.dvm(f'ip link add link eth0 name eth0.{VLAN} type vlan id {VLAN} && ip link set eth0.{VLAN} up')
    assert 'rx-vlan-offload: on' in s.dvm('ethtool -k eth0')
    for size in (60, 1400):
        tagged_frames_arrive(s, size)
    s.dvm(f'ip link set eth0 mtu {JUMBO}; until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done')
    tagged_frames_arrive(s, 1400)
    assert s.stats()['twin']['deaths'] == 0
