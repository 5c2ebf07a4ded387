#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an administrator of the driver VM does with its card, again and again under guests' TCP both ways (R9, R12).

Each step is one operation. Guest 1 sends and receives TCP meanwhile, guest 2 receives numbered frames from the wire.
Afterwards: both streams have the right hash; no numbered frame came twice or damaged; those that are missing are at
most what was sent while there was no link, and what the rings hold; guest 2 answers within 1 s of the link's return; the
twin is attached, nothing has died, and the driver VM's log has no complaint.
"""
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from campaign import main
from lab import Load, Session, lab

import image
from conftest import DVM_IP, PEER_IP, initrd_with, static_program
from test_once import FRAMES, RESULT
from test_polling import POLLER

SECONDS = 1.0            # link to first answer
RATE = 200               # numbered frames in a second
SILENCE_S = 2            # then guest 2 reports what it got
RINGS = 2 * 256          # descriptors of both rings
LINK = 'n=0; until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 10000; n=$((n + 1)); [ $n -lt 1500 ] || exit 1; done'
UP_AGAIN = 'ip link set eth0 name eth0; ip link set eth0 master br0; ip link set eth0 up'
VLAN = 'ip link add link eth0 name eth0.{0} type vlan id {0}; ip link set eth0.{0} up'
COMPLAINTS = r'Oops|BUG:|WARNING: CPU|Call Trace|NETDEV WATCHDOG|Tx Unit Hang'

# Name: commands, one after the other. `link off` and `link on` are QEMU's.
OPERATIONS = {
    'statistics': ['ethtool -S eth0 >/dev/null; ip -s link show eth0 >/dev/null; cat /proc/net/dev >/dev/null'] * 5,
    'link': ['link off', 'sleep 2', 'link on'],
    'ring sizes': ['ethtool -G eth0 rx 128 tx 128', 'ethtool -G eth0 rx 256 tx 256'],
    'offloads': ['ethtool -K eth0 rx off', 'ethtool -K eth0 rx on'],
    'coalescing': ['ethtool -C eth0 rx-usecs 100 || true'], # e1000 refuses it for this card
    'self-test': ['ethtool -t eth0 online || true'],
    'offline test': ['ethtool -t eth0 offline || true'],
    'mtu 1400': ['ip link set eth0 mtu 1400', 'ip link set eth0 mtu 1500'],
    'mtu 9000': ['ip link set eth0 mtu 9000', 'jumbo', 'ip link set eth0 mtu 1500'],
    'restart': ['ethtool -r eth0'],
    'down and up': ['ip link set eth0 down', 'sleep 1', 'ip link set eth0 up'],
    'netconsole': ['netconsole'],
    'busy polling': ['(timeout 3 poller >/dev/null 2>&1 &); usleep 300000'],
    'threaded': ['echo 1 >/sys/class/net/eth0/threaded', 'sleep 1', 'echo 0 >/sys/class/net/eth0/threaded'],
    'castor unloaded': ['rmmod castor', 'insmod /lib/modules/$(uname -r)/extra/castor.ko'],
    'driver unloaded': ['rmmod e1000', f'modprobe e1000; {UP_AGAIN}'],
    'vlans': [VLAN.format(7), VLAN.format(8), 'sleep 1', 'ip link del eth0.7; ip link del eth0.8'],
    'promiscuous': ['ip link set eth0 promisc on', 'sleep 1', 'ip link set eth0 promisc off'],
    'out of the bridge': ['ip link set eth0 nomaster', 'sleep 1', 'ip link set eth0 master br0'],
}
NAMES = list(OPERATIONS)
REPEAT = 100
MODULES = image.OUT / 'kernel/image/lib/modules'
EXTRA = ['net/802/*', 'net/8021q/8021q', 'fs/configfs/configfs', 'drivers/net/netconsole']


@contextmanager
def bench():
    """The booted system."""
    files = {f.name: f.read_bytes() for e in EXTRA for f in MODULES.glob(f'*/kernel/{e}.ko')}
    with tempfile.TemporaryDirectory() as folder:
        files['bin/poller'] = static_program(Path(folder), POLLER)
        initrd = initrd_with(Path(folder), files)
        with lab('campaign-dvm', 'net=twin', ['echo verify-server', f'echo verify-server sink time={SILENCE_S}'],
                 initrd=initrd) as s:
            s.attached()
            s.peer.run('ip', 'link', 'set', s.peer.tap, 'mtu', 9000)
            s.mac = s.peer.run('cat', f'/sys/class/net/{s.peer.tap}/address').strip()
            s.dvm('for m in stp garp mrp 8021q configfs; do [ ! -e /$m.ko ] || insmod /$m.ko || true; done')
            yield s


SESSION = Session(bench)


def do(s, command):
    """One command of an operation."""
    if command.startswith('link '):
        s.machine.hmp(f'set_link wire {command[5:]}')
    elif command.startswith('sleep '):
        time.sleep(float(command[6:]))
    elif command == 'jumbo':
        s.dvm(LINK)
        for at in ('dvm', 'peer'):
            ping = ['ping', '-c', '5', '-s', '7000', DVM_IP if at == 'peer' else PEER_IP]
            out = s.peer.run(*ping, '-i', '0.05') if at == 'peer' else s.dvm(' '.join(ping))
            assert ' 0% packet loss' in out, out
    elif command == 'netconsole':
        s.dvm(f'insmod /netconsole.ko netconsole=6665@{DVM_IP}/br0,6666@{PEER_IP}/{s.mac}; dmesg -n 8; n=0; while [ $n -lt 50 ]; '
              'do n=$((n + 1)); echo "<4>line=$n" >/dev/kmsg; usleep 5000; done; dmesg -n 1; rmmod netconsole')
    else:
        s.dvm(command)


def carrier_changes(s):
    """By which carriers that were lost in between are noticed; the driver that was loaded anew counts from 0."""
    return s.machine.shell('cat /sys/class/net/eth0/carrier_changes')[1]


def operate(s, name):
    """(seconds in which there may have been no link, when it was back)"""
    changes, begin = carrier_changes(s), time.time()
    for command in OPERATIONS[name]:
        do(s, command)
    s.dvm(LINK)
    back = time.time()
    return (back - begin if carrier_changes(s) != changes else 0), back


def numbered(s, stream):
    """(missing, repeated or damaged) of the numbered frames that guest 2 got from its stream of that number."""
    rows = {}
    end = time.monotonic() + SILENCE_S + 20
    time.sleep(SILENCE_S + 1)
    while not rows and time.monotonic() < end:
        for m in RESULT.finditer(s.machine.console.text('g2')):
            if int(m[4]) == stream and len(m[0]) > len(rows.get(m[1], ' ')[0]):
                rows[m[1]] = m
        time.sleep(0.2)
    assert rows, 'no numbered frame arrived'
    got = [tuple(map(int, m.groups()[4:])) for m in rows.values()]
    span = max(r[6] for r in got) + 1 - min(r[5] for r in got)
    return span - sum(r[0] for r in got), sum(r[3] + r[4] for r in got)


def wait_attached(s):
    end = time.monotonic() + 60
    while s.stats()['twin']['state'] != 'attached':
        assert time.monotonic() < end, 'the twin is not attached again'
        time.sleep(0.5)


def first_answer(pings, back):
    """Seconds from the link's return to the next answer."""
    times = [float(t) for t in re.findall(r'^\[([\d.]+)\] \d+ bytes from', pings, re.M)]
    assert times and times[-1] > back, 'guest 2 does not answer any more'
    return max(0.0, min(t for t in times if t > back - 0.05) - back)


def run(s, name, number):
    s.dvm('dmesg -c >/dev/null')
    load = Load(s)
    pings = s.peer.background('stdbuf', '-oL', 'ping', '-D', '-n', '-i', '0.05', s.address(2))
    flood = s.peer.background(FRAMES, 'flood', s.peer.tap, 100000, RATE, number, image.guest_mac(2))
    time.sleep(0.3)
    dark, back = operate(s, name)
    during = load.runs()
    time.sleep(SECONDS + 0.5)
    flood.stop()
    gap = first_answer(pings.stop(), back)
    load.finish()
    wait_attached(s)
    missing, wrong = numbered(s, number)
    bound = int(dark * RATE) + RINGS
    log = s.dvm('dmesg')
    assert not re.search(COMPLAINTS, log), log
    twin = s.stats()['twin']
    assert twin['deaths'] == 0 and 'DOES NOT ADD UP' not in s.machine.console.text('hv')
    assert not wrong, f'{wrong} frames repeated or damaged'
    assert missing <= bound, f'{missing} frames missing, at most {bound} may be'
    return {'kind': name, 'tcp_right': True, 'under_tcp': during, 'within_1s': gap <= SECONDS, 'missing': missing,
            'bound': bound, 'dark_s': round(dark, 2), 'answer_s': round(gap, 3)}


def step(number, rng):
    """The operations in turn; rng, which a step may use, is not needed."""
    del rng
    with SESSION.step() as s:
        return run(s, NAMES[number % len(NAMES)], number)


if __name__ == '__main__':
    main('dvm', REPEAT * len(NAMES), step, end=SESSION.end)
