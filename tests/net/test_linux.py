# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock Linux guests: packaged kernels and their virtio_net, of another flavour than the driver VM's, and many at once."""
import re

import image
import pytest

import initramfs

from conftest import BOOT_S, OOPS, PEER_IP, System, describe, static_program

MEMORY = '112M' # of each of many; boot modules need half as much again
LOADS = [('tcp-tx', 4096), ('tcp-rx', 4096), ('udp-tx', 3000), ('udp-rx', 3000), ('udp-rr', 300)]
PACED = [w for w in LOADS if w[0] not in ('udp-tx', 'udp-rx')] # a guest whose ring is full loses what others send
# Each register of SSE, AVX and x87 holds what no other process has; whoever runs meanwhile must not change it.
FPU = r'''
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
typedef double v4 __attribute__((vector_size(32)));
int main(int argc, char **argv)
{
	double x = atof(argv[1]), x87 = 0;
	v4 in = { x, x + .25, x + .5, x + .75 }, out;
	time_t end = time(NULL) + atoi(argv[2]);
	unsigned long n = 0;
	(void)argc;
	while (time(NULL) < end) {
		asm volatile("vmovupd %2, %%ymm7\n\tfldl %3\n\tmov $2000000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
			     "vmovupd %%ymm7, %0\n\tfstpl %1" : "=m"(out), "=m"(x87) : "m"(in), "m"(x) : "ecx", "xmm7");
		for (int i = 0; i < 4; i++)
			if (out[i] != in[i] || x87 != x)
				return puts("WRONG"), 1;
		n++;
	}
	printf("right %lu\n", n);
}
'''


def begin(boot, d, lwip, linux, **spec):
    """The System of a medium: guests g1.. are lwIP, the `linux` ones behind them Linux; all are ready."""
    s = System(boot(d, net='tap', **spec), lwip).ready()
    for n in range(lwip + 1, lwip + linux + 1):
        s.machine.expect(f'g{n}', '^linux ready', BOOT_S)
        s.machine.expect(f'g{n}', 'built-in commands', 120)
    s.attached()
    s.server = s.peer.background(image.OUT / 'bench/load', 'serve')
    return s


def linux(s, number, command, timeout=120):
    """Output of a command in Linux guest `number`, which must succeed."""
    status, text = s.machine.shell(command, f'g{number}', number + 1, timeout)
    assert status == 0, f'g{number}: {command}: {status}\n{text}'
    return text


def loads(s, number, server=PEER_IP, chosen=LOADS):
    """Each workload, every byte compared."""
    for name, count in chosen:
        text = linux(s, number, f'load {name} {server} {count} check')
        assert re.search(rf'^load: {name} units=\d+ bytes=\d+ ns=\d+ lost=0 bad=0 ', text, re.M), text


def no_oops(s, number):
    assert not re.search(OOPS, linux(s, number, 'dmesg'))


def test_flavours_side_by_side(boot):
    """Two kernels, one of them not the driver VM's, and lwIP, over the twin and over the bridge. Each guest is what its line
    says."""
    d = describe('net=twin', ['verify-server'])
    d.add_linux(2, words='one=two').add_linux(3, flavour='-cloud', memory='160M')
    s = begin(boot, d, 1, 2, memory=1280)
    own, cloud = ((image.OUT / f'kernel{k}/version').read_text().strip() for k in ('', '-cloud'))
    assert linux(s, 2, 'uname -r').strip() == own and linux(s, 3, 'uname -r').strip() == cloud != own
    for n, mib in ((2, 192), (3, 160)):
        assert image.guest_mac(n) in linux(s, n, 'ip link show v0')
        kib = int(re.search(r'MemTotal: +(\d+)', linux(s, n, 'cat /proc/meminfo')).group(1))
        assert mib * 600 < kib < mib * 1024
        assert linux(s, n, 'readlink /sys/class/net/v0/device/driver').strip().endswith('/virtio_net')
    assert ' one=two' in linux(s, 2, 'cat /proc/cmdline')
    for mode in ('twin', 'bridge'):
        if mode == 'bridge':
            s.machine.monitor('mode bridge')
            s.machine.expect('hv', 'twin detached', 60)
        for n in (2, 3):
            loads(s, n)
        s.send_to_guest(1, 300000)
    for n in (2, 3):
        no_oops(s, n)
    s.sound()


# Bits of virtio_net: TSO to and from the guest, merged buffers; 5.1.3 of virtio 1.2.
LARGE_BITS = 7, 8, 9, 11, 12, 13, 15
CSUM_BITS = 0, 1


def test_plain_frames(boot):
    """A guest whose card has no large frames, beside one whose card has: over the twin, the bridge, and between the two."""
    s = begin(boot, describe('net=twin', []).add_linux(1, plain=True).add_linux(2), 0, 2)
    plain, large = (linux(s, n, 'cat /sys/class/net/v0/device/features').strip() for n in (1, 2))
    assert all(plain[b] == '0' for b in LARGE_BITS) and all(plain[b] == '1' for b in CSUM_BITS)
    assert all(large[b] == '1' for b in (*LARGE_BITS, *CSUM_BITS))
    linux(s, 2, '(load serve >/dev/null 2>&1 &)')
    for mode in ('twin', 'bridge'):
        if mode == 'bridge':
            s.machine.monitor('mode bridge')
            s.machine.expect('hv', 'twin detached', 60)
        loads(s, 1)
        loads(s, 1, s.address(2), PACED)
    for n in (1, 2):
        no_oops(s, n)
    s.sound()


def test_killed_and_started_again(boot):
    """By the monitor; the other guest's connection lives."""
    s = begin(boot, describe('net=twin', []).add_linux(1).add_linux(2), 0, 2)
    s.machine.type(f'load tcp-tx {PEER_IP} 60000 check', 2)
    s.machine.monitor('kill g2')
    s.machine.console.skip('g2')
    assert s.peer.ping(s.address(2), count=2)[0] == 0
    s.machine.monitor('restart g2')
    s.machine.expect('g2', '^linux ready', BOOT_S)
    s.machine.expect('g2', 'built-in commands', 120)
    loads(s, 2)
    s.machine.monitor('freeze g2')
    assert s.peer.ping(s.address(2), count=2)[0] == 0
    s.machine.monitor('thaw g2')
    assert s.peer.ping(s.address(2))[0] == 5
    assert s.machine.expect('g1', r'^load: tcp-tx .* lost=0 bad=0 ', 300)
    s.machine.type('poweroff -f', 3)
    s.machine.expect('hv', r'g2 (stopped|killed)', 60)
    loads(s, 1)
    s.sound()


def small_initrd(folder):
    """No tools but ours."""
    (folder / 'fpu').write_bytes(static_program(folder, FPU))
    (folder / 'initrd.img').write_bytes(initramfs.build(image.OUT / 'kernel', 'linux', [],
                                                        [image.OUT / 'bench/load', folder / 'fpu'], tools=()))
    return folder / 'initrd.img'


@pytest.mark.parametrize('linuxes', [6, pytest.param(16, marks=pytest.mark.long)])
def test_many_at_once(boot, tmp_path, linuxes):
    """All of them move data at the same time on one processor; each keeps its registers."""
    d, initrd = describe('net=twin', []), small_initrd(tmp_path)
    for n in range(1, linuxes + 1):
        d.add_linux(n, memory=MEMORY, initrd=initrd)
    s = begin(boot, d, 0, linuxes, memory=576 + 168 * linuxes)
    for n in range(1, linuxes + 1):
        s.machine.console.skip(f'g{n}')
        way = 'tcp-tx' if n % 2 else 'tcp-rx'
        s.machine.type(f'fpu {n}.125 20 & load {way} {PEER_IP} 2048 check', n + 1)
    for n in range(1, linuxes + 1):
        s.machine.expect(f'g{n}', r'^load: tcp-\wx .* lost=0 bad=0 ', 600)
    for n in range(1, linuxes + 1):
        linux(s, n, 'wait', 300)
        said = s.machine.console.text(f'g{n}')
        assert 'WRONG' not in said and re.search(r'right [1-9]', said), said
        assert s.peer.ping(s.address(n), count=2)[0] == 2
    s.sound()
