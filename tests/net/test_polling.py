# SPDX-License-Identifier: GPL-2.0-or-later
"""R9: who polls the card without an interrupt takes it from the twin as another CPU would, and gives it back."""
import re

import image

from conftest import DVM_IP, PEER_IP, Load, initrd_with, static_program, unharmed

SERVERS = 'echo verify-server'
LINES = 200
MODULES = image.OUT / 'kernel/image/lib/modules'

# Polls the card from a socket's system calls, as long as the socket knows its card by a first frame.
POLLER = '''
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

int main(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7777) };
	struct timeval wait = { .tv_sec = 30 }, moment = { .tv_usec = 1000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), us = 20000, id = 0;
	socklen_t n = sizeof(id);
	time_t end;
	char c;

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return 1;
	puts("waits");
	fflush(stdout);
	if (recv(fd, &c, 1, 0) < 0 || getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &id, &n))
		return 2;
	printf("polls NAPI %d\\n", id);
	fflush(stdout);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	for (end = time(NULL) + 3600; time(NULL) < end;)
		recv(fd, &c, 1, 0);
	return 0;
}
'''

UDP_SEND = 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("{}", {}))'

# The lines of the driver VM's log that arrive, until the last one.
LOG_LISTENER = '''
import re, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 6666))
s.settimeout(90)
print("listens", flush=True)
while True:
    for n in re.findall(r"line=(\\d+)", s.recv(2000).decode()):
        print("line", n, flush=True)
        if int(n) == %d:
            raise SystemExit
''' % LINES


def module(name):
    return next(MODULES.glob(f'*/kernel/**/{name}.ko')).read_bytes()


def test_r9_netconsole(system, tmp_path):
    """The log leaves by netpoll, with a small ring under two guests' TCP: each line once, no byte of TCP lost."""
    s = system('net=twin', [SERVERS, SERVERS],
               initrd=initrd_with(tmp_path, {f'{m}.ko': module(m) for m in ('configfs', 'netconsole')}))
    s.attached()
    mac = re.search(r'link/ether (\S+)', s.peer.run('ip', 'link', 'show', 'tap0')).group(1)
    s.dvm('ethtool -G eth0 tx 80; echo on >/proc/sys/kernel/printk_devkmsg; insmod /configfs.ko')
    s.dvm(f'insmod /netconsole.ko netconsole=6665@{DVM_IP}/br0,6666@{PEER_IP}/{mac}')
    load = Load(s)
    listener = s.peer.background('/usr/bin/python3', '-c', LOG_LISTENER)
    s.dvm(f'dmesg -n 8; n=0; while [ $n -lt {LINES} ]; do n=$((n + 1)); echo "<4>line=$n" >/dev/kmsg; usleep 5000; '
          'done; dmesg -n 1', 120)
    arrived = [int(n) for n in re.findall(r'line (\d+)', listener.finish(100))]
    assert arrived == list(range(1, LINES + 1))
    load.finish()
    unharmed(s)


def polled_packets(s):
    """What sockets of the driver VM got by polling their card."""
    return int(s.dvm("awk '/^TcpExt/ && !n { n = split($0, name); next } /^TcpExt/ { split($0, value); for (i = 1; i <= n; "
                     "i++) if (name[i] == \"BusyPollRxPackets\") print value[i] }' /proc/net/netstat"))


def start_poller(s, castor_words=''):
    """A socket of the driver VM polls its card, which castor has given to the twin again. Wait for the attachment.

    What the twin hands over has no number of a NAPI, so the socket must have seen a frame of the driver's own before.
    """
    s.dvm('rmmod castor')
    s.dvm('(poller >/poller.log 2>&1 &); n=0; until grep -q waits /poller.log || [ $n = 50 ]; do n=$((n + 1)); usleep '
          '100000; done')
    assert s.peer.ping(DVM_IP, count=5)[0], 'the driver VM does not answer'
    s.peer.run('/usr/bin/python3', '-c', UDP_SEND.format(DVM_IP, 7777))
    s.dvm('n=0; until grep -q "polls NAPI [1-9]" /poller.log; do n=$((n + 1)); usleep 100000; [ $n -lt 50 ] || exit 1; '
          'done')
    s.dvm(f'insmod /lib/modules/$(uname -r)/extra/castor.ko {castor_words}')


def test_r9_busy_polling(system, tmp_path):
    """A socket of the driver VM that has polled the card goes on with it when castor has given it to the twin."""
    s = system('net=twin', [SERVERS, SERVERS],
               initrd=initrd_with(tmp_path, {'bin/poller': static_program(tmp_path, POLLER)}))
    s.attached()
    start_poller(s)
    s.attached(2)
    before = polled_packets(s)
    load = Load(s, megabytes=6)
    load.finish()
    assert polled_packets(s) - before > 100, 'nobody polled'
    s.dvm('killall poller')
    s.send_to_guest(1, 300000)
    s.send_to_peer(1, 300000)
    unharmed(s)
