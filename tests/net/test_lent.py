# SPDX-License-Identifier: GPL-2.0-or-later
"""Large frames are not copied: the card reads a guest's own memory (hv/twin/loan.h), which the guest gets back once.

Two Linux guests send self-checking streams to the peer, and pages that they rewrite meanwhile, each a frame, on many
connections. The driver VM switches the card's transmitter off, so that a hundred frames stay in its ring for as long as a test
wants; then something happens to them. No stream may have a wrong byte, as it would if the card read memory that is another's or
was cleared, and none may stand still, as it would if a chain did not come back.
"""
import re
import subprocess
import time

import image
import kill_lab
import pytest

from conftest import BOOT_S, PATIENCE_S, PEER_IP, VMLINUX, System, initrd_with, static_program, unharmed, wait_for_link
from test_large import SOURCE, VMS, Streams, wrong_sums

REWRITE_PORT = 5210
FRAMES_PORT = {'g1': 5211, 'g2': 5212}
CONNECTIONS = 96
ROUNDS = 40      # of a page on each connection
IN_FLIGHT = 100  # frames at least that the card keeps
RING = 4096      # descriptors, the driver's most: with 256 there is room for 13 of the largest frames
SEND_BUFFER = 65536 # of the other streams: or a few of their frames have all pages that frames under way may have
FLOW = 262144 # of a connection: its window has grown to a few pages
STILL_S = 1
REWRITTEN_S = 2
MUTE = image.OUT / 'tests/death/mute.ko'

# Sends pages without a copy of the kernel's either, each as a frame of its own on many connections, and writes other letters
# into them at once, and again and again. rounds 0: until it is ended.
REWRITE = '''
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define MOST    128
#define PAGE    4096
#define REST_MS 5

static struct { int s, sent, left; } to[MOST];

static void check(int failed, const char *what)
{
    if (!failed)
        return;
    perror(what);
    exit(1);
}

static void dial(int i, const struct sockaddr_in *a)
{
    int one = 1;

    to[i].s = socket(AF_INET, SOCK_STREAM, 0);
    check(to[i].s < 0 || connect(to[i].s, (const void *)a, sizeof(*a)), "connect");
    check(setsockopt(to[i].s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) ||
          setsockopt(to[i].s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "options");
    to[i].left = PAGE;
}

static void forget_notices(int s)
{
    char room[512];
    struct msghdr m = { .msg_control = room, .msg_controllen = sizeof(room) };

    while (recvmsg(s, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
        m.msg_controllen = sizeof(room);
}

/* One page or what is left of it; 0: it has to wait. EOR: the next one is no part of the same frame. */
static int send_page(int i, const char *page)
{
    int n = send(to[i].s, page + PAGE - to[i].left, to[i].left, MSG_ZEROCOPY | MSG_EOR | MSG_DONTWAIT);

    forget_notices(to[i].s);
    check(n < 0 && errno != EAGAIN && errno != ENOBUFS, "send");
    if (n < 0)
        return 0;
    to[i].left -= n;
    if (!to[i].left) {
        to[i].left = PAGE;
        to[i].sent++;
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    int rounds = atoi(argv[3]), n = atoi(argv[4]), busy = 1, letter = 0;
    char *page = mmap(0, MOST * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), answer;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    check(page == MAP_FAILED || n > MOST || !inet_aton(argv[1], &a.sin_addr), "arguments");
    memset(page, 'A', MOST * PAGE);
    for (int i = 0; i < n; i++)
        dial(i, &a);
    while (busy) {
        int went = busy = 0;

        for (int i = 0; i < n; i++) {
            if (rounds && to[i].sent == rounds)
                continue;
            busy = 1;
            went |= send_page(i, page + i * PAGE);
            memset(page + i * PAGE, 'A' + letter++ % 26, PAGE);
        }
        if (!went)
            poll(NULL, 0, REST_MS);
    }
    for (int i = 0; i < n; i++) {
        check(shutdown(to[i].s, SHUT_WR), "shutdown");
        check(recv(to[i].s, &answer, 1, 0) != 1, "answer");
    }
    puts("rewrite: done");
    return 0;
}
'''

# Whatever the guest wrote is a letter. It ends with its last connection.
LETTERS = '''
import os, socket, sys, threading
s = socket.create_server(('', int(sys.argv[1])), backlog=256)
total, kinds = [], set()
def take(c):
    try:
        while part := c.recv(1 << 16):
            total.append(len(part))
            kinds.update(part)
            if more := part.translate(None, bytes(range(65, 91))):
                print('no letters:', more[:100], flush=True)
                os._exit(1)
        c.sendall(b'.')
    except OSError:
        pass
takers = [threading.Thread(target=take, args=(s.accept()[0],), daemon=True) for _ in range(int(sys.argv[2]))]
for t in takers:
    t.start()
for t in takers:
    t.join()
print(f'bytes={sum(total)} letters={len(kinds)}')
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
    lab = Lab(s)
    lab.prepare_guest('g1')
    lab.prepare_guest('g2')
    lab.widen()
    return lab


class Frames:
    """Of one guest, on many connections."""

    def __init__(self, s, name):
        self.s, self.name, self.port = s, name, FRAMES_PORT[name]
        self.server = s.peer.serve(self.port, '/usr/bin/python3', '-c', LETTERS, self.port, CONNECTIONS)
        status, text = s.machine.shell(f'(/rewrite {PEER_IP} {self.port} 0 {CONNECTIONS} >/rewrite.log 2>&1 &)', name,
                                       VMS[name][0], PATIENCE_S)
        assert status == 0, text

    def received(self):
        """Bytes by connection, as the peer's TCP counts."""
        text = self.s.peer.run('ss', '-tinH', 'state', 'established', f'sport = :{self.port}')
        return {c: int(n) for c, n in re.findall(r'\S+:\d+ +(\S+:\d+) *\n\t.*bytes_received:(\d+)', text)}

    def flow(self):
        """Wait until three of four connections have carried some more: behind lost frames TCP may wait long."""
        before, end = self.received(), time.monotonic() + PATIENCE_S
        while sum(n >= before.get(c, 0) + FLOW for c, n in self.received().items()) < 3 * CONNECTIONS // 4:
            assert self.server.process.poll() is None, self.server.stop()
            assert time.monotonic() < end, f'frames stand still: {before} {self.received()}'
            time.sleep(0.2)

    def stop(self):
        """Its guest is no more, or is told so by the peer."""
        assert self.server.process.poll() is None, self.server.stop()
        self.server.stop()


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

    def prepare_guest(self, name):
        """Behind each of its boots."""
        status, text = self.s.machine.shell(f'echo 4096 16384 {SEND_BUFFER} >/proc/sys/net/ipv4/tcp_wmem', name, VMS[name][0])
        assert status == 0, text

    def widen(self):
        """The card's ring, behind each boot of the driver VM."""
        self.s.dvm(f'ethtool -G eth0 tx {RING}')
        wait_for_link(self.s)

    def still(self, names):
        """What is lent of each, once it stands still."""
        seen, since, end = None, 0, time.monotonic() + PATIENCE_S
        while seen is None or time.monotonic() - since < STILL_S:
            now = self.lent(*names)[:-1]
            if now != seen:
                seen, since = now, time.monotonic()
            assert time.monotonic() < end, f'it never stands still: {seen}'
            time.sleep(0.1)
        return seen

    def hold(self, *frames):
        """From now on the card keeps what it gets, until no more comes; that is a hundred of these guests' at least. Where TCP's
        windows are small just then they flow once more."""
        names = [f.name for f in frames]
        for last in (False, False, True):
            for f in frames:
                f.flow()
            self.s.dvm('insmod /mute.ko')
            found = self.still(names)
            print(f'lent: {dict(zip(names, found))}')
            if all(found) and sum(found) >= IN_FLIGHT:
                return
            assert not last, f'lent: {dict(zip(names, found))}'
            self.release()

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
        self.prepare_guest(name)

    def at_the_end(self):
        self.wait(lambda: self.lent('g1', 'g2') == [0, 0, 0], 'not all came back')
        twin = self.s.stats()['twin']
        assert twin['tx_lent'] > 100 and twin['pool_tied'] == 0, twin
        assert wrong_sums(self.s) == 0


def stop(streams, frames):
    """Whose guest is no more."""
    for e in streams.ends:
        e.stop()
    frames.stop()


def start(lab, name):
    """Both kinds, of a guest that has just booted."""
    streams = Streams(lab.s, names=[name])
    streams.flow()
    return streams, Frames(lab.s, name)


def test_r16_guests_end_and_stand_still(lab):
    """Frames of a guest that is frozen leave; one that takes its card down, or is started again, waits until they have;
    the other's stream goes on, behind each."""
    s, (other, others) = lab.s, start(lab, 'g2')
    own, frames = start(lab, 'g1')
    lab.hold(frames, others)
    s.machine.monitor('freeze g1')
    lab.release()
    s.machine.monitor('thaw g1')
    own.flow()
    others.flow()
    others.stop() # from here on all that may be lent are g1's
    lab.hold(frames)
    s.machine.shell('((echo virtio0 >/sys/bus/virtio/drivers/virtio_net/unbind; echo >/unbound) &)', 'g1', 2)
    time.sleep(1)
    assert lab.lent('g1')[0] >= IN_FLIGHT
    assert s.machine.shell('[ -e /unbound ]', 'g1', 2)[0] == 1
    lab.release()
    lab.wait(lambda: s.machine.shell('[ -e /unbound ]', 'g1', 2)[0] == 0, 'the card is never reset')
    stop(own, frames)
    other.flow()
    s.machine.monitor('restart g1')
    lab.guest_is_up('g1')
    own, frames = start(lab, 'g1')
    lab.hold(frames)
    assert 'g1 starts when the card' in s.machine.monitor('restart g1')
    time.sleep(1)
    assert lab.lent('g1')[0] >= IN_FLIGHT and s.stats()['vms']['g1']['restarts'] == 1
    lab.release()
    lab.guest_is_up('g1')
    assert s.stats()['vms']['g1']['restarts'] == 2
    stop(own, frames)
    own, frames = start(lab, 'g1')
    lab.hold(frames)
    s.machine.monitor('kill g1')
    lab.release()
    stop(own, frames)
    other.flow()
    other.finish()
    lab.at_the_end()
    unharmed(s)


def test_r19_r20_drivers_end_with_frames_in_flight(lab):
    """The twin dies or goes, the driver resets itself, the driver VM ends: the card is asked, and all comes back."""
    s, streams = lab.s, Streams(lab.s, names=['g1', 'g2'])
    streams.flow()
    frames = [Frames(s, 'g1'), Frames(s, 'g2')]
    lab.hold(*frames)
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    time.sleep(0.5)
    assert sum(lab.lent()) >= IN_FLIGHT # they are still the card's
    lab.release()
    s.machine.monitor('mode twin')
    lab.back()
    streams.flow()
    lab.hold(*frames)
    s.machine.monitor('fault ud')
    s.machine.expect('hv', 'twin killed: ', PATIENCE_S)
    s.dvm('rmmod mute')
    lab.back()
    lab.come_back()
    streams.flow()
    lab.hold(*frames)
    s.dvm('ethtool -r eth0') # frees what is in its ring, and switches the transmitter on
    wait_for_link(s)
    lab.come_back()
    s.dvm('rmmod mute')
    streams.flow()
    lab.hold(*frames)
    s.machine.monitor('restart dvm')
    s.machine.expect('hv', r'dvm starts again \(restart 1\)', 60)
    assert sum(lab.lent()) == 0 # the card is quiet
    s.machine.expect('dvm', 'built-in commands', BOOT_S)
    lab.back()
    lab.widen()
    streams.flow()
    for f in frames:
        f.flow()
        f.stop()
    streams.finish()
    twin = s.stats()['twin']
    assert twin['loans_orphaned'] >= IN_FLIGHT, twin
    lab.at_the_end()
    s.sound()


def test_r17_a_guest_that_rewrites_what_it_sends(lab):
    """It spoils its own payload, nothing else: what comes are its letters, each sum is right, the other's stream too; also of
    what it rewrites all the time while the card has it."""
    s, other = lab.s, Streams(lab.s, names=['g2'])
    other.flow()
    frames = Frames(s, 'g1')
    lab.hold(frames)
    time.sleep(REWRITTEN_S)
    lab.release()
    frames.flow()
    frames.stop()
    before = s.stats()['twin']['tx_lent_bytes']
    server = s.peer.serve(REWRITE_PORT, '/usr/bin/python3', '-c', LETTERS, REWRITE_PORT, CONNECTIONS)
    status, text = s.machine.shell(f'/rewrite {PEER_IP} {REWRITE_PORT} {ROUNDS} {CONNECTIONS}', 'g1', 2, 2 * PATIENCE_S)
    assert status == 0 and 'rewrite: done' in text, text
    says = server.finish(60)
    total = ROUNDS * CONNECTIONS << 12
    assert f'bytes={total} letters=26' in says, says
    assert s.stats()['twin']['tx_lent_bytes'] - before > total / 2
    other.flow()
    other.finish()
    lab.at_the_end()
    unharmed(s)
