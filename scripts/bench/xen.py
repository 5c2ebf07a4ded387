# SPDX-License-Identifier: GPL-2.0-or-later
"""The systems of Xen, Debian's packages unmodified: `xen-dom0`, whose measured Linux is dom0 and drives the card, and
`xen-domu`, where it is a paravirtual domain behind dom0's bridge; `xen-pvh` is the same in a PVH domain.

    machine { Xen { dom0: netback, br0 = {eth0 = e1000, vif} | domU: netfront } }

set-up: scripts/bench/setup.sh.
"""
from pathlib import Path

import linux # first: it makes the launcher's modules known
import systems
from linux import ADDRESS, KERNEL, MAC, image
from run import Spec

FOLDER = image.OUT / 'bench/xen'
XEN = FOLDER / 'xen.elf'
ROOT = FOLDER / 'root'
MEMORY = 1536           # MiB
DOM0_MEMORY = 768
DOMU_MEMORY = 384
HOST_MODULES = ['e1000', 'bridge', 'xen_evtchn', 'xen_privcmd', 'xenfs', 'xen_gntdev', 'xen_gntalloc', 'xen_netback']
PROGRAMS = ['xl', 'xenstored', 'xenconsoled', 'xenconsole', 'xen-init-dom0']
# Its addresses in a 64-bit machine: text, data and what it maps (its asm/config.h).
XEN_RANGE = 0xffff82d000000000, 0xffff830000000000
# With SMAP dom0 dies at its first fault: TCG's IRET reads the stack of a kernel that runs in ring 3 as a supervisor.
# MONITOR: Xen idles by MWAIT with an extension of it that TCG answers with a fault.
# RDTSCP: TCG reports one that is intercepted as RDTSC, and Xen then misreads a PVH domain's.
CPU = systems.CPU


class Xen:
    """What the systems of Xen have in common; stands before linux.System or linux.Guest."""

    @classmethod
    def missing(cls):
        return super().missing() or (None if XEN.exists() else 'Xen is not there: scripts/bench/setup.sh')

    def spec(self, folder):
        initrd = Path(folder, 'dom0.img')
        initrd.write_bytes(self._dom0_initrd())
        append = f'console=com1 com1=115200,8n1 dom0_mem={DOM0_MEMORY}M,max:{DOM0_MEMORY}M dom0_max_vcpus=1 loglvl=error ' \
                 'guest_loglvl=error'
        if self.mitigations == 'off':
            append += ' spec-ctrl=no xpti=no'
        return Spec(name=self.name, kernel=XEN, initrd=f'{KERNEL} {self._dom0_words()},{initrd}', append=append, cpu=CPU,
                    memory=MEMORY, net='tap', accel='tcg')

    def modules(self, machine):
        """Linux's, and Xen itself."""
        return {**super().modules(machine), 'xen': {'xen': XEN_RANGE}}


class Dom0(Xen, linux.System):
    name = 'xen-dom0'

    def _dom0_words(self):
        return linux.words('hvc0', 'e1000', self.mitigations, ADDRESS)

    def _dom0_initrd(self):
        return linux.measured_initrd(self.programs)


class DomU(Xen, linux.Guest):
    name = 'xen-domu'
    quick_part = 2
    kind = 'pv'
    leave = b'\x1d' # Ctrl-], of xl console

    def _dom0_words(self):
        return linux.words('hvc0', 'e1000', self.mitigations)

    def _dom0_initrd(self):
        cpio = linux.new_initrd(HOST_MODULES, ['ethtool'])
        cpio.file('usr/bin/host', (linux.HERE / 'xen_host').read_bytes())
        libraries = ROOT / 'usr/lib/x86_64-linux-gnu'
        for path in [next(ROOT.glob(f'usr/lib/xen-*/bin/{p}')) for p in PROGRAMS] + [ROOT / 'usr/bin/xenstore-write']:
            linux.add_program(cpio, str(path.relative_to(ROOT)), path, libraries)
        # Its threads are ended by force, and the C library loads this one for it.
        gcc = Path('/lib/x86_64-linux-gnu/libgcc_s.so.1')
        cpio.file(str(gcc)[1:], gcc.read_bytes())
        cpio.file('etc/guest/kernel', KERNEL.read_bytes(), 0o644)
        cpio.file('etc/guest/initrd', linux.measured_initrd(self.programs), 0o644)
        cpio.file('etc/guest/domain', self._domain().encode(), 0o644)
        return cpio.finish()

    def _domain(self):
        """xl's description. tsc_mode: TCG's clock is not known to be invariant, so by default each RDTSC would trap."""
        words = linux.words('hvc0', 'xen_netfront', self.mitigations, ADDRESS)
        return f'''name = "measured"
type = "{self.kind}"
kernel = "/etc/guest/kernel"
ramdisk = "/etc/guest/initrd"
extra = "{words}"
memory = {DOMU_MEMORY}
vcpus = 1
tsc_mode = "native"
vif = [ "mac={MAC},bridge=br0,script=/usr/bin/host" ]
on_crash = "destroy"
'''


class PvhDomU(DomU):
    name = 'xen-pvh'
    kind = 'pvh'
