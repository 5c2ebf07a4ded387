# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs through the twin while it is faulted, so that its instructions are met; and which of them meets what.

Each workload has the TCP streams of kill_lab.Campaign, and something beside them that takes other ways through the driver.
kill_session.survey() counts how often each derived instruction runs in each.
"""
import time

from lab import image

from conftest import DVM_IP, PEER_IP, set_mtu
from kill_lab import PATIENCE_S
from large_load import LargeLoad, large_frames

NOBODY = '52:54:00:00:00:99'
FLAP_S = 4
LINUX = 3 # guest that segments in the card (TSO), where there is one
LARGE_MEGABYTES, LARGE_PORT = 8, 5010 # of its streams
TAGGED = '''
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
src = s.getsockname()[4]
while True:
    for size in (60, 1000):
        s.send(b"\\xff" * 6 + src + bytes.fromhex("8100000588b5") + bytes(size))
    time.sleep(0.01)
'''


class Workload:
    """start(): once the twin is attached. keep(): now and then. finish(): its streams end right, if it has some. stop(): as it
    was, but for the modules."""
    linux = False

    def __init__(self, s):
        self.s = s
        self.running = [] # the peer's programs

    def peer(self, *command):
        self.running.append(self.s.peer.background(*command))

    def start(self):
        pass

    def keep(self):
        pass

    def finish(self):
        pass

    def stop(self):
        for program in self.running:
            program.stop()


class Plain(Workload):
    """TCP alone, a Linux guest's both ways among it: frames that are lent to the card, and merged ones."""
    linux = True

    def start(self):
        self.large = LargeLoad(self.s, LINUX, LARGE_MEGABYTES, LARGE_PORT, patience=PATIENCE_S)
        self.before = large_frames(self.s)

    def keep(self):
        self.large.keep()

    def finish(self):
        self.large.finish()
        assert all(b > a for a, b in zip(self.before, large_frames(self.s)))

    def stop(self):
        self.finish()
        super().stop()


class Small(Workload):
    """Floods of the smallest frames both ways, with the smallest ring: the queue stops all the time."""

    def start(self):
        self.s.dvm('ethtool -G eth0 tx 80')
        self.peer(image.OUT / 'dvm/frames', 'flood', self.s.peer.tap, 10 ** 6, 300, 1, image.guest_mac(2))

    def stop(self):
        super().stop()
        self.s.dvm('ethtool -G eth0 tx 256')

    def keep(self):
        self.s.machine.type(f'flood={NOBODY} count=200 len=64 flood={NOBODY} count=200 len=1400', 3)


class Vlan(Workload):
    """The driver VM has a VLAN, so the card takes tags off."""

    def start(self):
        self.s.dvm('ethtool -K eth0 rxvlan on')
        self.s.dvm('for m in stp garp mrp 8021q; do insmod /$m.ko || true; done')
        self.s.dvm('ip link add link eth0 name eth0.5 type vlan id 5 && ip link set eth0.5 up')
        self.peer('/usr/bin/python3', '-c', TAGGED, self.s.peer.tap)

    def stop(self):
        super().stop()
        self.s.dvm('ip link del eth0.5')


class Jumbo(Vlan):
    """Frames of several pages for the driver VM, and tagged ones, through the functions for an MTU of 9,000."""

    def start(self):
        super().start()
        self.s.peer.run('ip', 'link', 'set', self.s.peer.tap, 'mtu', 9000)
        set_mtu(self.s, 9000)
        for size in (3000, 7000):
            self.peer('ping', '-q', '-i', '0.02', '-s', size, DVM_IP)

    def stop(self):
        super().stop()
        set_mtu(self.s, 1500)
        self.s.peer.run('ip', 'link', 'set', self.s.peer.tap, 'mtu', 1500)


class Segments(Workload):
    """A Linux guest sends TCP, whose segments the card makes."""
    linux = True

    def start(self):
        self.peer('iperf', '-s')
        self.s.machine.type(f'while :; do iperf -c {PEER_IP} -t 3600 >/dev/null 2>&1; sleep 1; done &', LINUX + 1)

    def stop(self):
        super().stop()
        self.s.machine.type('kill %1; killall iperf', LINUX + 1)


class Flaps(Workload):
    """The wire's link goes and comes."""
    last = 0

    def keep(self):
        if time.monotonic() < self.last + FLAP_S:
            return
        self.last = time.monotonic()
        self.s.machine.hmp('set_link wire off')
        time.sleep(0.1)
        self.s.machine.hmp('set_link wire on')


WORKLOADS = {w.__name__.lower(): w for w in (Plain, Small, Vlan, Jumbo, Segments, Flaps)}
