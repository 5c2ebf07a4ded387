#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an administrator of the driver VM does with its card, again and again under guests' TCP both ways (R9, R12).

Each step is one operation, ten times in a row. TCP of guest 1 to the peer and of the peer to guest 2 runs all the time,
guest 3 receives numbered frames from the wire, and nothing else but broadcasts. Each time guest 2 answers within 1 s of the
link's return, and the emulator's own pause where the operation changes the card's filter.
Afterwards: all streams have the right hash; no numbered frame came twice or damaged; none is missing but in a full ring
of guest 3 (which the hypervisor counts), while the link was off, or among the frames that the card got and the driver
did not: those are at most what the receive ring can hold, for each time that the operation resets it, and nothing
where it does not. The twin is attached, nothing has died, the hypervisor's fingerprints are as before, and the driver
VM's log has no complaint.
"""
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from campaign import main
from lab import Load, Session, lab

import image
from conftest import DVM_IP, OOPS, PEER_IP, initrd_with, static_program
from test_once import FRAMES, RESULT
from test_polling import POLLER, polled_packets, start_poller

SECONDS = 1.0            # link to first answer
PAUSE_S = 1.0            # QEMU's e1000 takes no frame for so long behind each change of its filter (set_rx_control())
PATIENCE_S = 240         # of a stream, for its end
MEGABYTES = 16           # of a stream: it runs for longer than a command of an operation
RATE = 200               # numbered frames in a second
SILENCE_S = 2            # then guest 3 reports what it got
COUNTED = 3              # the guest of the numbered frames: what others lose explains none of them
RING = 256               # descriptors of the receive ring
LINK = 'n=0; until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 10000; n=$((n + 1)); [ $n -lt 1500 ] || exit 1; done'
UP_AGAIN = 'ip link set eth0 name eth0; ip link set eth0 master br0; ip link set eth0 up'
VLAN = 'ip link add link eth0 name eth0.{0} type vlan id {0}; ip link set eth0.{0} up'
DOWNS = '$(cat /sys/class/net/eth0/carrier_down_count)'
RESET = f'n={DOWNS}; echo 1 >/sys/module/castor/parameters/tx_timeout; until [ {DOWNS} -gt $n ]; do usleep 10000; done'
COMPLAINTS = f'{OOPS}|NETDEV WATCHDOG|Tx Unit Hang'
CARD_RX = 'cat /sys/class/net/eth0/statistics/rx_packets'

# Name: how often the driver throws away what its receive ring holds; commands, one after the other. `link off` and
# `link on` are QEMU's; `jumbo`, `netconsole`, `poll` and `unload`: see do().
OPERATIONS = {
    'statistics': (0, ['ethtool -S eth0 >/dev/null; ip -s link show eth0 >/dev/null; cat /proc/net/dev >/dev/null'] * 5),
    'link': (1, ['link off', 'sleep 2', 'link on']),
    'ring sizes': (2, ['ethtool -G eth0 rx 128 tx 128', 'ethtool -G eth0 rx 256 tx 256']),
    'offloads': (2, ['ethtool -K eth0 rx off', 'ethtool -K eth0 rx on']),
    'coalescing': (0, ['ethtool -C eth0 rx-usecs 100 || true']), # e1000 refuses it for this card
    'self-test': (0, ['ethtool -t eth0 online || true']),
    'offline test': (3, ['ethtool -t eth0 offline || true']), # the ring, its own of the loopback, and the next
    'mtu 1400': (2, ['ip link set eth0 mtu 1400', 'ip link set eth0 mtu 1500']),
    'mtu 9000': (2, ['ip link set eth0 mtu 9000', 'jumbo', 'ip link set eth0 mtu 1500']),
    'restart': (1, ['ethtool -r eth0']),
    'reset task': (1, [RESET]),
    'down and up': (1, ['ip link set eth0 down', 'sleep 1', 'ip link set eth0 up']),
    'netconsole': (0, ['netconsole']),
    'busy polling': (0, ['poll']),
    'threaded': (0, ['echo 1 >/sys/class/net/eth0/threaded', 'sleep 1', 'echo 0 >/sys/class/net/eth0/threaded']),
    'castor unloaded': (0, ['rmmod castor', 'insmod /lib/modules/$(uname -r)/extra/castor.ko']),
    'driver unloaded': (1, ['unload', f'modprobe e1000; {UP_AGAIN}']),
    'vlans': (0, [VLAN.format(7), VLAN.format(8), 'sleep 1', 'ip link del eth0.7; ip link del eth0.8']),
    'promiscuous': (0, ['ip link set eth0 promisc on', 'sleep 1', 'ip link set eth0 promisc off']),
    'out of the bridge': (0, ['ip link set eth0 nomaster', 'sleep 1', 'ip link set eth0 master br0']),
}
# They change the card's filter when the link is there.
FILTERED = {'down and up', 'castor unloaded', 'driver unloaded', 'vlans', 'promiscuous', 'out of the bridge'}
NAMES = list(OPERATIONS)
TIMES = 10               # in a row
ROUNDS = 10
MODULES = image.OUT / 'kernel/image/lib/modules'
MODULES_LOADED = 'for m in stp garp mrp 8021q configfs; do [ ! -e /$m.ko ] || insmod /$m.ko || true; done'
EXTRA = ['net/802/*', 'net/8021q/8021q', 'fs/configfs/configfs', 'drivers/net/netconsole']


@contextmanager
def bench():
    """The booted system."""
    files = {f.name: f.read_bytes() for e in EXTRA for f in MODULES.glob(f'*/kernel/{e}.ko')}
    with tempfile.TemporaryDirectory() as folder:
        files['bin/poller'] = static_program(Path(folder), POLLER)
        initrd = initrd_with(Path(folder), files)
        with lab('campaign-dvm', 'net=twin', ['echo verify-server'] * 2 + [f'echo sink time={SILENCE_S}'],
                 initrd=initrd) as s:
            s.attached()
            s.peer.run('ip', 'link', 'set', s.peer.tap, 'mtu', 9000)
            s.mac = s.peer.run('cat', f'/sys/class/net/{s.peer.tap}/address').strip()
            s.dvm(MODULES_LOADED)
            s.hash = s.whole()
            yield s


SESSION = Session(bench)


def card_rx(s):
    """Frames that the driver has got from its card, by either instance, since it was loaded."""
    return int(s.dvm(CARD_RX))


class Count:
    """Where numbered frames were lost since this was made. The wire is quiet then, and when lost() is called."""

    def __init__(self, s):
        self.s = s
        self.cut = 0             # taken while the link was off
        self.unloaded = 0        # got by a driver that is gone
        self.off_at = None
        self.start = self.taken() - card_rx(s)
        self.full = self.no_buffer()

    def no_buffer(self):
        return self.s.stats()['net']['ports'][f'g{COUNTED}']['drops']['no_buffer']

    def taken(self):
        """By the emulator, from the wire."""
        return int(self.s.peer.run('cat', f'/sys/class/net/{self.s.peer.tap}/statistics/tx_packets'))

    def link(self, on):
        if on:
            self.cut += self.taken() - self.off_at
        self.s.machine.hmp(f'set_link wire {"on" if on else "off"}')
        if not on:
            self.off_at = self.taken()

    def unload(self):
        """A frame that comes between the two commands counts as lost, as the ring's do."""
        self.unloaded += int(self.s.dvm(f'{CARD_RX}; rmmod e1000').split()[0])

    def lost(self):
        """By place: the driver's receive ring and the wire while the link was off, all frames; the guest's full ring, these."""
        ring = self.taken() - self.unloaded - card_rx(self.s) - self.start - self.cut
        return {'ring': ring, 'no_link': self.cut, 'guest_full': self.no_buffer() - self.full}


def jumbo(s):
    s.dvm(LINK)
    for at in ('dvm', 'peer'):
        ping = ['ping', '-c', '5', '-s', '7000', DVM_IP if at == 'peer' else PEER_IP]
        out = s.peer.run(*ping, '-i', '0.05') if at == 'peer' else s.dvm(' '.join(ping))
        assert ' 0% packet loss' in out, out


def poll(s):
    """A socket polls the card while it receives."""
    start_poller(s)
    s.wait_attached()
    before = polled_packets(s)
    time.sleep(0.5)
    polled = polled_packets(s) - before
    s.dvm('killall poller')
    assert polled, 'nobody polled'


def do(s, command, load, count):
    """One command of an operation."""
    if command.startswith('link '):
        count.link(command[5:] == 'on')
    elif command.startswith('sleep '):
        end = time.monotonic() + float(command[6:])
        while time.monotonic() < end:
            load.keep()
            time.sleep(0.1)
    elif command == 'jumbo':
        jumbo(s)
    elif command == 'poll':
        poll(s)
    elif command == 'unload':
        count.unload()
    elif command == 'netconsole':
        s.dvm(f'insmod /netconsole.ko netconsole=6665@{DVM_IP}/br0,6666@{PEER_IP}/{s.mac}; dmesg -n 8; n=0; while [ $n -lt 50 ]; '
              'do n=$((n + 1)); echo "<4>line=$n" >/dev/kmsg; usleep 5000; done; dmesg -n 1; rmmod netconsole')
    else:
        status, text = s.machine.shell(command, timeout=60, meanwhile=load.keep)
        assert status == 0, f'{command}: {status}\n{text}'


def operate(s, name, load, count):
    """When the link was back."""
    for command in OPERATIONS[name][1]:
        load.keep()
        do(s, command, load, count)
    s.dvm(LINK)
    return time.time()


def numbered(s, stream):
    """(missing, repeated or damaged) of the numbered frames that the guest got from its stream of that number."""
    rows = {}
    end = time.monotonic() + SILENCE_S + 20
    time.sleep(SILENCE_S + 1)
    while not rows and time.monotonic() < end:
        for m in RESULT.finditer(s.machine.console.text(f'g{COUNTED}')):
            if int(m[4]) == stream and len(m[0]) > len(rows.get(m[1], ' ')[0]):
                rows[m[1]] = m
        time.sleep(0.2)
    assert rows, 'no numbered frame arrived'
    got = [tuple(map(int, m.groups()[4:])) for m in rows.values()]
    span = max(r[6] for r in got) + 1 - min(r[5] for r in got)
    return span - sum(r[0] for r in got), sum(r[3] + r[4] for r in got)


class Pings:
    """Of guest 2 by the peer, all the time; in a file, so that they are read while they go on. seconds: for an answer."""
    ANSWER = re.compile(r'^\[([\d.]+)\] \d+ bytes from', re.M)

    def __init__(self, s, folder, seconds):
        self.seconds = seconds
        self.out = Path(folder) / 'pings'
        self.program = s.peer.background('sh', '-c', f'exec stdbuf -oL ping -D -n -i 0.05 {s.address(2)} >{self.out}')

    def gap(self, back):
        """Seconds from the link's return to the next answer, at most `seconds`."""
        while True:
            answers = [t for t in map(float, self.ANSWER.findall(self.out.read_text())) if t > back - 0.05]
            gap = max(0.0, (answers[0] if answers else time.time() - 0.5) - back) # 0.5: it may be on its way
            assert gap <= self.seconds, f'guest 2 does not answer {self.seconds} s behind the link ({gap})'
            if answers:
                return gap
            time.sleep(0.05)


def repeat(s, name, load, count, pings):
    """The operation again and again; the longest gap, and how often streams ran still behind it."""
    longest, ran = 0.0, 0
    for _ in range(TIMES):
        back = operate(s, name, load, count)
        longest = max(longest, pings.gap(back))
        ran += load.runs()
        load.keep()
    return longest, ran


def check(s):
    """Nothing has died, nothing has changed."""
    s.wait_attached()
    log = s.dvm('dmesg')
    assert not re.search(COMPLAINTS, log), log
    assert s.stats()['twin']['deaths'] == 0
    s.sound(s.hash)


def run(s, name, number):
    s.dvm('dmesg -c >/dev/null')
    count = Count(s)
    load = Load(s, megabytes=MEGABYTES, patience=PATIENCE_S)
    flood = s.peer.background(FRAMES, 'flood', s.peer.tap, 1000000, RATE, number, image.guest_mac(COUNTED))
    with tempfile.TemporaryDirectory() as folder:
        pings = Pings(s, folder, SECONDS + PAUSE_S * (name in FILTERED))
        time.sleep(0.3)
        gap, ran = repeat(s, name, load, count, pings)
        pings.program.stop()
    flood.stop()
    load.finish()
    check(s)
    missing, wrong = numbered(s, number)
    lost = count.lost()
    assert not wrong, f'{wrong} frames repeated or damaged'
    assert missing <= sum(lost.values()), f'{missing} frames missing; counted: {lost}'
    emptied = OPERATIONS[name][0] * TIMES
    assert 0 <= lost['ring'] <= emptied * RING, f'the ring was emptied {emptied} times; lost: {lost}'
    return {'kind': name, 'tcp_right': True, 'times': TIMES, 'under_tcp': ran, 'missing': missing, **lost,
            'streams': load.finished, 'answer_s': round(gap, 3)}


def step(number, rng):
    """The operations in turn; rng, which a step may use, is not needed."""
    del rng
    with SESSION.step() as s:
        return run(s, NAMES[number % len(NAMES)], number)


if __name__ == '__main__':
    main('dvm', ROUNDS * len(NAMES), step, end=SESSION.end, kinds=NAMES)
