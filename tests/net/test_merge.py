# SPDX-License-Identifier: GPL-2.0-or-later
"""Received TCP segments reach a guest that takes large frames merged, right to the byte; a guest's stack hears of no
checksum that was not looked at.
"""
import re

import image
from conftest import VMLINUX, System

PORT = 5003
SIZE = 16 << 20
DAMAGED = 20
FRAME = 1448 # bytes of payload in a full segment, with time stamps

SEND = '''
import hashlib, random, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
data = random.Random(3).randbytes(int(sys.argv[3]))
s.sendall(data)
s.shutdown(socket.SHUT_WR)
s.recv(1)
print(hashlib.sha256(data).hexdigest())
'''

# A connection of our own making, as the kernel would not damage a segment: SYN, then data whose checksum is wrong, in
# segments that could be merged, then the same data right. Printed is how many bytes the guest has acknowledged behind each.
DAMAGE = '''
import socket, struct, sys, time
PORTS = struct.pack('!HH', 40000, int(sys.argv[3]))
GUEST, SELF = socket.inet_aton(sys.argv[2]), socket.inet_aton('10.88.0.9')
MAC = bytes.fromhex(sys.argv[4].replace(':', ''))
OWN = bytes.fromhex('020000000009')
w = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
w.bind((sys.argv[1], 0x800))
w.settimeout(3)

def sum16(b):
    n = sum(struct.unpack(f'!{len(b) // 2}H', b))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff

def segment(seq, ack, flags, data=b'', damage=0):
    tcp = PORTS + struct.pack('!IIBBHHH', seq & 0xffffffff, ack, 5 << 4, flags, 0xffff, 0, 0) + data
    pseudo = SELF + GUEST + struct.pack('!HH', 6, len(tcp))
    tcp = tcp[:16] + struct.pack('!H', sum16(pseudo + tcp) ^ damage) + tcp[18:]
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + SELF + GUEST
    w.send(MAC + OWN + b'\\x08\\x00' + ip[:10] + struct.pack('!H', sum16(ip)) + ip[12:] + tcp)

def answer():
    while True:
        f = w.recv(2000)
        if f[6:12] == MAC and f[30:34] == SELF and f[23] == 6:
            return struct.unpack('!II', f[38:46])

arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
arp.bind((sys.argv[1], 0))
arp.send(b'\\xff' * 6 + OWN + bytes.fromhex('0806000108000604' '0001') + OWN + SELF + bytes(6) + GUEST)
time.sleep(0.5)
count, seq = int(sys.argv[5]), 1000
segment(seq, 0, 2)
ack = answer()[0] + 1
segment(seq + 1, ack, 16)
for damage in (1, 0):
    for n in range(count):
        segment(seq + 1 + n * 500, ack, 16, bytes([n]) * 500, damage)
    time.sleep(1)
    acked = 0
    try:
        while acked != count * 500:
            acked = answer()[1] - seq - 1
    except TimeoutError:
        pass
    print(acked)
segment(seq + 1 + count * 500, ack, 17)
'''


def linux_guest(boot, words='net=twin', **spec):
    """A machine with one guest, which runs Linux."""
    d = image.Description(words).add_symbols().add_dvm(kernel=VMLINUX).add_linux(1).add_twin()
    s = System(boot(d, net='tap', **spec), 0).ready()
    s.machine.expect('g1', 'built-in commands', 240)
    s.attached()
    return s


def shell(s, command):
    status, text = s.machine.shell(command, 'g1', 2, 120)
    assert status == 0, text
    return text


def counts(s):
    """The guest's own: frames of its card, TCP's wrong checksums; and ours."""
    dev = re.search(r'v0: *\d+ +(\d+)', shell(s, 'grep v0: /proc/net/dev'))
    names, values = re.findall(r'^Tcp: (.*)$', shell(s, 'grep ^Tcp: /proc/net/snmp'), re.M)
    tcp = dict(zip(names.split(), values.split()))
    twin, port = s.stats()['twin'], s.stats()['net']['ports']['g1']
    return {'frames': int(dev.group(1)), 'bad': int(tcp['InCsumErrors']), 'merged': twin['rx_merged'],
            'segments': twin['rx_merged_segments'], 'packets': port['rx']['packets'], 'wire': port['rx']['wire_frames'],
            'lost': port['drops']['no_buffer']}


def listen(s):
    """The guest takes one connection; the hash of what came is in /tmp/sum at its end."""
    shell(s, f'rm -f /tmp/sum; (nc -l -p {PORT} </dev/null | sha256sum >/tmp/sum) & usleep 300000')


def received(s):
    shell(s, 'n=0; until [ -s /tmp/sum ] || [ $n = 300 ]; do usleep 100000; n=$((n + 1)); done')
    return shell(s, 'cat /tmp/sum').split()[0]


def receive(s, size=SIZE):
    """The peer's stream to the guest arrives whole; what was counted for it."""
    listen(s)
    before = counts(s)
    sent = s.peer.run('/usr/bin/python3', '-c', SEND, s.address(1), PORT, size, timeout=240).strip()
    assert received(s) == sent
    after = counts(s)
    return {k: after[k] - v for k, v in before.items()}


def test_segments_reach_a_guest_merged(boot):
    """Fewer frames than segments, and each byte right."""
    s = linux_guest(boot)
    assert s.peer.ping(s.address(1))[0] == 5
    d = receive(s)
    print(d)
    assert d['bad'] == 0 and d['wire'] >= SIZE // FRAME
    assert d['frames'] < d['wire'] / 2 and d['segments'] > d['wire'] / 2
    assert d['packets'] == d['frames'] and d['wire'] - d['packets'] >= d['segments'] - d['merged']
    assert s.stats()['twin']['deaths'] == 0
    s.quit()


def test_damaged_segments_are_not_passed_on_as_valid(boot):
    """The guest's TCP looks at their checksums itself, and drops them."""
    s = linux_guest(boot)
    assert s.peer.ping(s.address(1))[0] == 5
    listen(s)
    before = counts(s)
    said = s.peer.run('/usr/bin/python3', '-c', DAMAGE, s.peer.tap, s.address(1), PORT, image.guest_mac(1), DAMAGED)
    after = counts(s)
    assert said.split() == ['0', str(DAMAGED * 500)], said
    assert after['bad'] - before['bad'] == DAMAGED, (before, after)
    s.quit()
