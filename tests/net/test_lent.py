# SPDX-License-Identifier: GPL-2.0-or-later
"""Large frames are not copied: the card reads a guest's own memory (hv/twin/loan.h), which the guest gets back once.

Two Linux guests send self-checking streams to the peer. The driver VM switches the card's transmitter off, so that frames stay
in its ring for as long as a test wants; then something happens to them. No stream may have a wrong byte, as it would if the
card read memory that is another's or was cleared, and none may stand still, as it would if a chain did not come back.
"""
import subprocess
import time

import image
import kill_lab
import pytest

from conftest import BOOT_S, PATIENCE_S, PEER_IP, VMLINUX, System, initrd_with, static_program, unharmed, wait_for_link
from test_large import SOURCE, Streams, wrong_sums

ZEROCOPY_PORT = 5210
ROUNDS = 400 # of 64 KiB
MUTE = image.OUT / 'tests/death/mute.ko'

# Sends a buffer without a copy of the kernel's either, and writes other letters into it at once.
REWRITE = '''
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define HUGE (2 << 20)
#define PART (64 << 10)

static void check(int failed, const char *what)
{
    if (!failed)
        return;
    perror(what);
    exit(1);
}

static void forget_notices(int s)
{
    char room[512];
    struct msghdr m = { .msg_control = room, .msg_controllen = sizeof(room) };

    while (recvmsg(s, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
        m.msg_controllen = sizeof(room);
}

int main(int argc, char **argv)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, rounds = atoi(argv[3]);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    char *all = mmap(0, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *buffer = (char *)(((uintptr_t)all + HUGE) & ~(uintptr_t)(HUGE - 1));

    check(all == MAP_FAILED || madvise(buffer, HUGE, MADV_HUGEPAGE), "memory");
    check(inet_aton(argv[1], &to.sin_addr) == 0 || connect(s, (void *)&to, sizeof(to)), "connect");
    check(setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)), "SO_ZEROCOPY");
    memset(buffer, 'A', HUGE);
    for (int i = 0; i < rounds; i++) {
        for (int sent = 0, n; sent < PART; sent += n) {
            n = send(s, buffer + sent, PART - sent, MSG_ZEROCOPY);
            check(n < 0, "send");
        }
        memset(buffer, 'A' + i % 26, PART);
        forget_notices(s);
    }
    check(shutdown(s, SHUT_WR), "shutdown");
    check(recv(s, buffer, 1, 0) != 1, "answer");
    puts("rewrite: done");
    return 0;
}
'''

# Whatever the guest wrote is a letter.
LETTERS = '''
import socket, sys
s = socket.create_server(('', int(sys.argv[1])))
c, n, bad, kinds = s.accept()[0], 0, 0, set()
while part := c.recv(1 << 20):
    n += len(part)
    kinds |= set(part)
    bad += len(part.translate(None, bytes(range(65, 91))))
c.sendall(b'.')
print(f'bytes={n} bad={bad} letters={len(kinds)}')
'''


@pytest.fixture
def lab(boot, tmp_path):
    """The driver VM with mute.ko, two Linux guests with the streams' program and `rewrite`; the twin is attached."""
    program = tmp_path / 'verify'
    subprocess.run(['gcc', '-O2', '-static', '-I', image.ROOT, '-o', program, SOURCE], check=True)
    (folder := tmp_path / 'guest').mkdir()
    initrd = initrd_with(tmp_path, {'mute.ko': MUTE.read_bytes()})
    programs = {'verify': program.read_bytes(), 'rewrite': static_program(folder, REWRITE)}
    guest_initrd = initrd_with(folder, programs, image.OUT / 'linux/initrd.img')
    d = image.Description('net=twin restarts=10').add_symbols().add_dvm('deaths=10', kernel=VMLINUX, initrd=initrd)
    for n in (1, 2):
        d.add_linux(n, initrd=guest_initrd)
    s = System(boot(d.add_twin(), net='tap', extra=kill_lab.FAST_LINK, memory=1024), 0).ready()
    for g in ('g1', 'g2'):
        s.machine.expect(g, 'built-in commands', 120)
    s.attached()
    return Lab(s)


class Lab:
    def __init__(self, s):
        self.s, self.attachments = s, 1

    def lent(self, *guests):
        """Chains of each guest that the card has, and loans, those of killed guests among them."""
        stats = self.s.stats()
        return [stats['net']['ports'][g]['lent'] for g in guests] + [stats['twin']['loans']]

    def wait(self, condition, what, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f'{what}: {self.lent("g1", "g2")} {self.s.machine.monitor("twin")}'
            time.sleep(0.1)

    def hold(self, *guests):
        """From now on the card keeps what it gets, and it has some of each."""
        self.s.dvm('insmod /mute.ko')
        self.wait(lambda: all(self.lent(*guests)), 'nothing is lent')

    def release(self):
        self.s.dvm('rmmod mute')
        self.come_back()

    def come_back(self):
        """All that is lent comes back, though others go on: so each guest's, one after the other."""
        for g in ('g1', 'g2'):
            self.wait(lambda g=g: self.lent(g)[0] == 0, f'frames of {g} do not come back')

    def back(self):
        """The twin is attached once more."""
        self.attachments += 1
        self.s.attached(self.attachments)

    def guest_is_up(self, name):
        self.s.machine.expect(name, '^linux ready', BOOT_S)
        self.s.machine.expect(name, 'built-in commands', 120)

    def at_the_end(self):
        self.wait(lambda: self.lent('g1', 'g2') == [0, 0, 0], 'not all came back')
        twin = self.s.stats()['twin']
        assert twin['tx_lent'] > 100 and twin['pool_tied'] == 0, twin
        assert wrong_sums(self.s) == 0


def stop(streams):
    """Whose guest is no more."""
    for e in streams.ends:
        e.stop()


def test_r16_guests_end_and_stand_still(lab):
    """Frames of a guest that is frozen leave; one that takes its card down, or is started again, waits until they have;
    the other's stream goes on, behind each."""
    s, other = lab.s, Streams(lab.s, names=['g2'])
    own = Streams(s, names=['g1'])
    other.flow()
    own.flow()
    lab.hold('g1', 'g2')
    s.machine.monitor('freeze g1')
    lab.release()
    s.machine.monitor('thaw g1')
    own.flow()
    lab.hold('g1')
    s.machine.shell('((echo virtio0 >/sys/bus/virtio/drivers/virtio_net/unbind; echo >/unbound) &)', 'g1', 2)
    time.sleep(1)
    assert lab.lent('g1')[0] > 0
    assert s.machine.shell('[ -e /unbound ]', 'g1', 2)[0] == 1
    lab.release()
    lab.wait(lambda: s.machine.shell('[ -e /unbound ]', 'g1', 2)[0] == 0, 'the card is never reset')
    stop(own)
    other.flow()
    s.machine.monitor('restart g1')
    lab.guest_is_up('g1')
    own = Streams(s, names=['g1'])
    own.flow()
    lab.hold('g1')
    assert 'g1 starts when the card' in s.machine.monitor('restart g1')
    time.sleep(1)
    assert lab.lent('g1')[0] > 0 and s.stats()['vms']['g1']['restarts'] == 1
    lab.release()
    lab.guest_is_up('g1')
    assert s.stats()['vms']['g1']['restarts'] == 2
    stop(own)
    own = Streams(s, names=['g1'])
    own.flow()
    lab.hold('g1')
    s.machine.monitor('kill g1')
    lab.release()
    stop(own)
    other.flow()
    other.finish()
    lab.at_the_end()
    unharmed(s)


def test_r19_r20_drivers_end_with_frames_in_flight(lab):
    """The twin dies or goes, the driver resets itself, the driver VM ends: the card is asked, and all comes back."""
    s, streams = lab.s, Streams(lab.s, names=['g1', 'g2'])
    streams.flow()
    lab.hold('g1', 'g2')
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    time.sleep(0.5)
    assert sum(lab.lent()) > 0 # they are still the card's
    lab.release()
    s.machine.monitor('mode twin')
    lab.back()
    streams.flow()
    lab.hold('g1', 'g2')
    s.machine.monitor('fault ud')
    s.machine.expect('hv', 'twin killed: ', PATIENCE_S)
    s.dvm('rmmod mute')
    lab.back()
    lab.come_back()
    streams.flow()
    lab.hold('g1', 'g2')
    s.dvm('ethtool -r eth0') # frees what is in its ring, and switches the transmitter on
    wait_for_link(s)
    lab.come_back()
    s.dvm('rmmod mute')
    streams.flow()
    lab.hold('g1', 'g2')
    s.machine.monitor('restart dvm')
    s.machine.expect('hv', r'dvm starts again \(restart 1\)', 60)
    assert sum(lab.lent()) == 0 # the card is quiet
    s.machine.expect('dvm', 'built-in commands', BOOT_S)
    lab.back()
    streams.flow()
    streams.finish()
    twin = s.stats()['twin']
    assert twin['loans_orphaned'] > 0, twin
    lab.at_the_end()
    s.sound()


def test_r17_a_guest_that_rewrites_what_it_sends(lab):
    """It spoils its own payload, nothing else: what comes are its letters, each sum is right, the other's stream too."""
    s, other = lab.s, Streams(lab.s, names=['g2'])
    other.flow()
    before = s.stats()['twin']['tx_lent_bytes']
    server = s.peer.background('/usr/bin/python3', '-c', LETTERS, ZEROCOPY_PORT)
    time.sleep(0.5)
    status, text = s.machine.shell(f'/rewrite {PEER_IP} {ZEROCOPY_PORT} {ROUNDS}', 'g1', 2, 2 * PATIENCE_S)
    assert status == 0 and 'rewrite: done' in text, text
    says = server.finish(60)
    assert f'bytes={ROUNDS << 16} bad=0 ' in says, says
    assert s.stats()['twin']['tx_lent_bytes'] - before > ROUNDS << 15
    other.flow()
    other.finish()
    lab.at_the_end()
    unharmed(s)
