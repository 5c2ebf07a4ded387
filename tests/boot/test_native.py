# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM's kernel and initrd on the bare emulated machine: what the hypervisor's runs are compared to."""
import re

import image
import pytest

DVM_IP = '10.88.0.2'


def package_sha256():
    return (image.OUT / 'kernel/e1000.sha256').read_text().split()[0]


@pytest.mark.parametrize('machine', ['pc', 'q35'])
def test_stock_driver_carries_tcp(native, machine):
    """The module in the VM is the package's file, byte for byte, and TCP works both ways."""
    m = native(machine=machine)
    m.expect('raw', 'dvm ready', 120)
    assert package_sha256() in m.console.text('raw')
    status, text = m.shell('ethtool -i eth0', 'raw', None)
    assert status == 0 and 'driver: e1000' in text
    assert m.peer.ping(DVM_IP, count=3)[0] == 3

    m.type('iperf -s &')
    m.expect('raw', 'Server listening', 20)
    assert m.peer.iperf(DVM_IP) > 1

    server = m.peer.iperf_server()
    status, text = m.shell('iperf -c 10.88.0.1 -t 2 -f m', 'raw', None, timeout=60)
    assert status == 0 and float(re.search(r'([\d.]+) Mbits/sec', text).group(1)) > 1
    server.stop()


def test_uncompressed_kernel_boots(native, start):
    """vmlinux.boot has everything that the kernel needs."""
    m = start(image_spec(image.OUT / 'kernel/vmlinux.boot'))
    m.expect('raw', 'dvm ready', 120)


def image_spec(kernel):
    from run import Spec
    return Spec(kernel=kernel, initrd=image.INITRD, append='console=ttyS0 quiet panic=-1 mode=native', net='none')


def test_shell_comes_back(native):
    """The VM outlives its shell."""
    m = native(net='none')
    m.expect('raw', 'dvm ready', 120)
    m.expect('raw', 'dvm# ', 20)
    m.type('exit')
    m.expect('raw', 'dvm# ', 20)
    assert m.shell('echo alive', 'raw', None) == (0, 'alive\n')
