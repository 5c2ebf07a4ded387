# SPDX-License-Identifier: GPL-2.0-or-later
"""Received TCP segments reach a guest that takes large frames merged, right to the byte; a guest's stack hears of no
checksum that was not looked at; of a run of acknowledgements it gets the last.
"""
import re

import image
from conftest import PEER_IP, VMLINUX, System

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

# Prints the hash of a connection's bytes and how many segments went back: acknowledgements, and what begins and ends it.
TAKE = '''
import hashlib, socket, struct, sys
l = socket.create_server(('', int(sys.argv[1])))
c, _ = l.accept()
h = hashlib.sha256()
while data := c.recv(1 << 16):
    h.update(data)
SEGS_OUT = 136 # in struct tcp_info of linux/tcp.h
segs, = struct.unpack_from('I', c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160), SEGS_OUT)
print(h.hexdigest(), segs)
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
            'left_out': twin['rx_acks_left_out'], 'lost': port['drops']['no_buffer']}


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


def send(s):
    """The guest's stream to the peer arrives whole. What was counted meanwhile, and segments that the peer sent for it."""
    server = s.peer.serve(PORT, '/usr/bin/python3', '-c', TAKE, PORT)
    before = counts(s)
    shell(s, f'nc {PEER_IP} {PORT} </tmp/data')
    taken, segments = server.finish(60).split()
    assert taken == shell(s, 'sha256sum </tmp/data').split()[0]
    after = counts(s)
    return {k: after[k] - v for k, v in before.items()}, int(segments)


def test_a_later_acknowledgement_stands_for_others(boot):
    """Of those that come together the guest gets the last, and none is lost uncounted; where the driver VM does not merge,
    all of them."""
    s = linux_guest(boot)
    assert s.peer.ping(s.address(1))[0] == 5
    shell(s, f'dd if=/dev/urandom of=/tmp/data bs=65536 count={SIZE >> 16} 2>/dev/null')
    for merging in ('on', 'off'):
        s.dvm(f'ethtool -K eth0 gro {merging}')
        d, segments = send(s)
        print(merging, d, segments)
        assert d['wire'] + d['left_out'] >= segments and d['lost'] == 0
        assert d['left_out'] > segments / 10 if merging == 'on' else d['left_out'] == 0
    assert s.stats()['twin']['deaths'] == 0
    s.quit()
