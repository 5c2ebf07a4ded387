# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad VMs and bad .twin files: one clear line, and everything else keeps running."""
import struct
import time
import zlib

import image
import pytest

from conftest import PEER_IP, System, tiny_kernel

HEADER = 64         # TWIN_HEADER_OFFSET
VERSION = HEADER + 8
CRC = HEADER + 20
VERMAGIC = HEADER + 64 + 56
TEXT = HEADER + 192 # the first table: offset, elements

TRIPLE_FAULT = 'lidt none; ud2; none: .long 0, 0'
SPIN = 'jmp start'


def test_bad_guests_harm_nobody(boot, tmp_path):
    """No ELF, a cut ELF, a triple fault, an endless loop; beside them a guest and the driver VM work."""
    text = tmp_path / 'no.elf'
    text.write_text('#!/bin/sh\n' * 100)
    cut = tmp_path / 'cut.elf'
    cut.write_bytes(image.GUEST.read_bytes()[:100000])
    d = image.Description('net=bridge').add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add_guest(1, 'verify-server', memory='32M')
    triple, spin = tiny_kernel(tmp_path, 'triple', TRIPLE_FAULT), tiny_kernel(tmp_path, 'spin', SPIN)
    for n, elf in enumerate([text, cut, triple, spin], 2):
        d.add_guest(n, '', memory='16M', elf=elf)
    s = System(boot(d, net='tap'), 1).ready()
    log = s.machine.console.text('hv')
    assert 'g2 killed: not started: its kernel is neither an ELF file nor a bzImage' in log
    assert 'g3 killed: not started: its ELF kernel is cut off' in log
    assert 'g4 killed: triple fault' in log
    assert 'g5 killed' not in log
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 200000)
    states = [line.split()[3] for line in s.machine.monitor('vms').splitlines() if line[:1].isdigit()]
    assert states == ['running', 'running', 'killed', 'killed', 'killed', 'running']
    s.machine.monitor('kill g5')
    s.quit()


@pytest.mark.parametrize('net', ['bridge', 'twin'])
def test_broken_ring_kills_its_guest_alone(system, net):
    """In the middle of others' traffic, and of its own."""
    s = system(f'net={net}', ['verify-server', 'sink'])
    if net == 'twin':
        s.attached()
    s.machine.type(f'flood={image.guest_mac(1)} count=100m len=60', 3)
    load = s.start_sending(1, 8 << 20)
    s.machine.type('break-ring', 3)
    s.machine.expect('hv', 'g2 killed: .*available index jumped beyond the ring', 30)
    load.finish(90)
    assert s.peer.ping(s.address(1))[0] == 5
    states = {line.split()[1]: line.split()[3] for line in s.machine.monitor('vms').splitlines() if line[:1].isdigit()}
    assert states == {'dvm': 'running', 'g1': 'running', 'g2': 'killed'}
    assert s.stats()['net']['switch']['uplink'] == ('twin' if net == 'twin' else 'dvm')


def ip_spoof_is_dropped(m):
    """Guest 2 says by ARP, and in IPv4 packets, that guest 1's IP address is its own."""
    victim = image.guest_address(1)
    assert m.peer.ping(victim)[0] == 5
    capture = m.peer.capture(f'ether src {image.guest_mac(2)} and (arp or ip) and src host {victim}')
    m.shell(f'ip addr add {victim}/24 dev v0; arping -q -U -c 2 -I v0 {victim}; arping -q -A -c 2 -I v0 {victim}; '
            f'ping -q -I {victim} -c 2 -W 1 {PEER_IP}; ip addr del {victim}/24 dev v0', 'g2', 3)
    assert m.stats()['net']['ports']['g2']['drops']['spoof_ip'] >= 4
    assert ' > ' not in (text := capture.stop()), text
    assert m.peer.ping(victim)[0] == 5
    assert m.peer.ping(image.guest_address(2))[0] == 5


@pytest.mark.parametrize('net', ['bridge', 'twin'])
def test_spoofed_address_stays_inside(boot, net):
    """A stock Linux guest takes another's addresses: its frames are dropped and counted, the owner's are not."""
    d = image.Description(f'net={net}').add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add_guest(1, 'echo', memory='32M')
    d.add_linux(2, locked=True)
    s = System(boot(d.add_twin() if net == 'twin' else d, net='tap'), 1).ready()
    m = s.machine
    m.expect('g2', 'linux ready', 180)
    if net == 'twin':
        s.attached()
    assert m.peer.ping(image.guest_address(2))[0] == 5
    ip_spoof_is_dropped(m)
    capture = m.peer.capture(f'ether src {image.guest_mac(1)}')
    status, text = m.shell(f'ip link set v0 address {image.guest_mac(1)}; ping -c 3 -A -w 3 {PEER_IP}', 'g2', 3)
    assert status != 0 and ' 0 packets received' in text
    time.sleep(0.3)
    assert ' > ' not in capture.stop()
    net = m.monitor('net')
    assert 'dropped, spoof: ' in net
    assert m.peer.ping(image.guest_address(1))[0] == 5


@pytest.mark.parametrize('net', ['bridge', 'twin'])
def test_r20_panic_of_the_driver_vm(system, net):
    """The hypervisor says so; guests go on with each other, and with the wire once it has started again."""
    s = system(f'net={net}', ['verify-server', 'echo'])
    if net == 'twin':
        s.attached()
    s.machine.type('echo c >/proc/sysrq-trigger', 1)
    s.machine.expect('dvm', 'Kernel panic - not syncing: sysrq triggered crash', 60)
    s.machine.expect('hv', r'dvm (stopped: reset by the VM itself|killed: kernel panic: sysrq triggered crash)\r?\n', 60)
    s.machine.expect('hv', r'\[ ok \] dvm starts again \(restart 1\)', 60)
    s.guest(2, f'verify-client={s.address(1)} bytes=1M', 'verify-client: done')
    assert s.guest(2, f'ping={s.address(1)} count=5', 'ping: done')['received'] == '5'
    s.machine.expect('dvm', 'dvm ready', 180)
    assert s.peer.ping(s.address(1))[0] == 5
    s.quit()


def damaged(how):
    """A .twin file with one thing wrong."""
    data = bytearray(image.TWIN.read_bytes())
    if how == 'cut':
        return data[:len(data) // 2]
    if how == 'no twin':
        return data[:HEADER] + b'\0' + data[HEADER + 1:]
    if how == 'bit':
        data[len(data) // 3] ^= 4
        return data
    if how == 'version':
        struct.pack_into('<I', data, VERSION, 99)
    elif how == 'kernel':
        assert data[VERMAGIC:VERMAGIC + 2] == b'6.'
        data[VERMAGIC] = ord('5')
    elif how == 'code': # the first instruction becomes hlt
        data[struct.unpack_from('<I', data, TEXT)[0]] = 0xf4
    struct.pack_into('<I', data, CRC, 0)
    struct.pack_into('<I', data, CRC, zlib.crc32(data))
    return data


@pytest.mark.parametrize('how, text', [
    ('cut', r'twin refused: the file is cut off \(\d+ of \d+ bytes\)'),
    ('bit', r'twin refused: the file is damaged \(wrong CRC\)'),
    ('version', r'twin refused: its format is version 99, this hypervisor reads version \d+'),
    ('no twin', r'twin refused: it is not a \.twin file'),
])
def test_r7_damaged_twin_is_refused_at_boot(system, tmp_path, how, text):
    file = tmp_path / 'bad.twin'
    file.write_bytes(damaged(how))
    s = system('net=twin', ['echo'], twin=file, wait=False)
    # One of them goes the whole way: the guests use the bridge.
    if how == 'cut':
        s.ready()
        assert s.peer.ping(s.address(1))[0] == 5
        assert s.machine.monitor('twin').startswith('absent')
    s.machine.expect('hv', text, 60)
    s.machine.expect('hv', r'\[ ok \] running', 30)


def test_missing_twin_leaves_the_bridge(system):
    """net=twin and no .twin: a line says so, guests reach the wire, `mode twin` names the reason."""
    s = system('net=twin', ['echo'], twin=False)
    assert 'net=twin: no module twin=DRIVER was loaded, so guests use the bridge' in s.machine.console.text('hv')
    assert s.peer.ping(s.address(1))[0] == 5
    assert s.machine.monitor('twin').startswith('absent')
    assert s.stats()['net']['switch']['uplink'] == 'dvm'


@pytest.mark.parametrize('how, text', [
    ('code', r'twin refused: the judge \(normal\): rule opcode at e1000_\w+\+0x\w+ \(twin\+0x0\): '
             'opcode is not on the allow-list'),
    ('kernel', 'twin not attached: it was derived for another kernel'),
])
def test_r7_hostile_twin_is_refused_at_attach(system, tmp_path, how, text):
    """Its CRC is right, so only the judge and the comparison with the running kernel find it."""
    file = tmp_path / 'bad.twin'
    file.write_bytes(damaged(how))
    s = system('net=twin', ['echo'], twin=file)
    s.machine.expect('hv', text, 60)
    assert s.peer.ping(s.address(1))[0] == 5
    assert s.stats()['net']['switch']['uplink'] == 'dvm'
