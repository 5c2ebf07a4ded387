# SPDX-License-Identifier: GPL-2.0-or-later
"""The system `kvm`: the measured Linux is a guest of KVM with vhost-net, on Debian's kernel and QEMU, both unmodified.

    machine (TCG with AMD-V) { Linux: kvm_amd, vhost_net, br0 = {eth0 = e1000, tap0} { QEMU: the measured Linux } }

Not with icount: TCG 7.2 delivers an injected interrupt twice when the instruction budget ends just then (helper_vmrun()
leaves exception_index set), and KVM injects that way.
"""
import shlex
import shutil
from pathlib import Path

import linux # first: it makes the launcher's modules known
from linux import ADDRESS, KERNEL, MAC
from run import Spec

QEMU = 'qemu-system-x86_64'
HOST_MODULES = ['e1000', 'bridge', 'kvm_amd', 'tun', 'vhost_net']
HOST_MEMORY = 1024      # MiB; most of it is the initrd, twice for a moment
MEASURED_MEMORY = 256
# Where Debian's QEMU looks for firmware, and what the machine below needs.
FIRMWARE_FOLDERS = [Path('/usr/share/qemu'), Path('/usr/share/seabios')]
FIRMWARE = ['bios-256k.bin', 'kvmvapic.bin', 'linuxboot_dma.bin', 'pvh.bin']


def measured_command(words):
    """The line of the emulator in the host."""
    card = f'virtio-net-pci,netdev=wire,mac={MAC},romfile='
    return [QEMU, '-accel', 'kvm', '-cpu', 'host', '-M', 'pc', '-m', str(MEASURED_MEMORY), '-smp', '1', '-nodefaults',
            '-display', 'none', '-no-reboot', '-serial', 'pty',
            '-kernel', '/etc/guest/kernel', '-initrd', '/etc/guest/initrd', '-append', words,
            '-netdev', 'tap,id=wire,ifname=tap0,script=no,downscript=no,vhost=on', '-device', card]


def firmware(name):
    return next((f / name for f in FIRMWARE_FOLDERS if (f / name).exists()), None)


class Kvm(linux.Guest):
    name = 'kvm'
    icount = None
    quick_part = 2
    leave = b'\x18' # Ctrl-X, of busybox's microcom

    def __init__(self, mitigations='off', programs=None, halt_poll=True):
        """halt_poll: KVM's own default, which spins a while before it lets a halted guest sleep. Without it the system is
        `kvm-nopoll`."""
        super().__init__(mitigations, programs)
        self.halt_poll = halt_poll
        if not halt_poll:
            self.name, self.by_name_only = 'kvm-nopoll', True

    @classmethod
    def missing(cls):
        if not shutil.which(QEMU) or not all(map(firmware, FIRMWARE)):
            return 'QEMU or its firmware is not installed'
        return super().missing()

    def spec(self, folder):
        initrd = Path(folder, 'kvm.img')
        initrd.write_bytes(self._host_initrd())
        append = linux.words('ttyS0', 'e1000', self.mitigations)
        if not self.halt_poll:
            append += ' kvm.halt_poll_ns=0'
        return Spec(name=self.name, kernel=KERNEL, initrd=initrd, append=append, memory=HOST_MEMORY, net='tap',
                    accel='tcg')

    def _host_initrd(self):
        cpio = linux.new_initrd(HOST_MODULES, ['ethtool'])
        cpio.file('usr/bin/host', (linux.HERE / 'kvm_host').read_bytes())
        linux.add_program(cpio, f'usr/bin/{QEMU}', Path(shutil.which(QEMU)))
        for name in FIRMWARE:
            cpio.file(str(firmware(name))[1:], firmware(name).read_bytes())
        cpio.file('etc/guest/kernel', KERNEL.read_bytes(), 0o644)
        cpio.file('etc/guest/initrd', linux.measured_initrd(self.programs), 0o644)
        words = linux.words('ttyS0', 'virtio_pci,virtio_net', self.mitigations, ADDRESS)
        cpio.file('etc/guest/qemu', f'exec {shlex.join(measured_command(words))}\n'.encode(), 0o644)
        return cpio.finish()
