# SPDX-License-Identifier: GPL-2.0-or-later
"""The systems that are compared, all in the same emulated machine with the same card, peer and kernel.

A System is one boot. What the benchmark needs of it: spec(), boot(), shell(), offloads(), whose(), and `faces`, the set-ups
that one boot serves: (name, function that brings the machine into it). Peers from other packages: kvm.py, xen.py.
"""
import time

import accel
import image
import window
import workloads
from console import ConsoleError
from run import Spec

MITIGATIONS = 'mitigations=off'
# Xen needs it so under TCG (xen.py says why); so all have it.
CPU = f'{accel.TCG_CPU},smap=off,monitor=off,rdtscp=off'
PEER_IP = '10.88.0.1'
ADDRESS = '10.88.0.11'
DVM_ADDRESS = '10.88.0.2'
DVM_MIB = 256
# Limits for slow machines, not expectations.
BOOT_S = 600
MODE_S = 90
OFFLOADS = ('tso', 'gso', 'gro')


class BenchError(Exception):
    """What failed, in words for the user."""


def offload_command(card, on, names=OFFLOADS):
    state = 'on' if on else 'off'
    return f'ethtool -K {card} ' + ' '.join(f'{name} {state}' for name in names)


def parse_modules(text):
    """{name: (start, end)} of /proc/modules."""
    found = {}
    for line in text.splitlines():
        name, size, *_, address = line.split('(')[0].split()
        start = int(address, 16)
        if not start:
            raise ConsoleError('/proc/modules hides its addresses')
        found[name] = start, start + int(size)
    return found


class System:
    """What most have in common."""
    name = ''
    address = ADDRESS # of the Linux that is measured
    marks = window.GENERATOR # where its windows begin and end
    quick_part = 1    # a window of --quick is so much smaller than the workload says, where an emulated system is slow
    by_name_only = False # measured when --systems says so, else not
    icount = 0        # the emulator's clock counts instructions, 1 ns each: figures repeat

    @classmethod
    def missing(cls):
        """Why it cannot be had, in words, or None."""
        return None

    @property
    def faces(self):
        return [(self.name, lambda machine: None)]

    def size(self, w, quick):
        """Of a window, in the workload's unit."""
        return w.quick // self.quick_part if quick else w.count

    def mark(self, machine, number):
        """Number 1: a window begins; 2: it ends."""
        if self.marks == window.MONITOR:
            machine.monitor('mark')
        else:
            self.run(machine, f'load mark {number}')

    def can(self, w, face):
        """Whether it has what a workload is asked of with a face."""
        del face
        return w.command != workloads.HTTP_LWIP

    def learn(self, machine):
        """Behind boot(): what whose() needs."""

    def run(self, machine, command, timeout=120):
        """Output of a command in the measured Linux, which must succeed."""
        status, text = self.shell(machine, command, timeout)
        if status:
            raise BenchError(f'{self.name}: {command}: exit {status}\n{text}')
        return text


class Native(System):
    """Linux on the bare machine."""
    name = 'native'

    def __init__(self, mitigations=MITIGATIONS):
        self._mitigations = mitigations
        self._kernel = None

    def spec(self, folder):
        del folder
        # The uncompressed ELF file boots by PVH.
        return Spec(kernel=image.KERNEL.with_name('vmlinux.boot'), initrd=image.INITRD,
                    append=f'console=ttyS0 quiet panic=-1 net.ifnames=0 tsc=reliable mode=native ip={ADDRESS}/24 '
                           f'{self._mitigations}')

    def boot(self, machine):
        machine.expect('raw', '^dvm ready', BOOT_S)
        machine.expect('raw', 'built-in commands', BOOT_S)
        self._kernel = window.Kernel(ranges=parse_modules(self.run(machine, 'cat /proc/modules')))

    def shell(self, machine, command, timeout=60):
        return machine.shell(command, 'raw', None, timeout)

    def offloads(self, machine, on):
        self.run(machine, offload_command('eth0', on))

    def whose(self, counts):
        del counts
        return lambda guest, address, page: self._kernel.part(address)


class Pollux(System):
    """Driver VM and Linux guests. Its faces: the driver VM itself, without and with a twin, and guest g1 over the bridge and
    through the twin. plain: guests' cards have no offload of segmentation (frames=plain); so it is measured where offloads
    are off."""
    name = 'pollux'

    def __init__(self, mitigations=MITIGATIONS, guests=1, twins=(), words='', functions=False, plain=False):
        self._mitigations, self._guests, self._twins, self._words = mitigations, guests, twins, words
        self._plain = plain
        if plain:
            self.name += '-plain'
        self._functions = functions # of the hypervisor are parts
        self._parts = None
        self._measured = 'g1'

    @property
    def address(self):
        return ADDRESS if self._measured == 'g1' else DVM_ADDRESS

    @property
    def faces(self):
        return [('twin', lambda m: self._turn(m, 'twin', 'g1')), ('bridge', lambda m: self._turn(m, 'bridge', 'g1')),
                ('dvm-detached', lambda m: self._turn(m, 'bridge', 'dvm')),
                ('dvm-attached', lambda m: self._turn(m, 'twin', 'dvm'))]

    def can(self, w, face):
        guest_without = w.offload == 'off' and not face.startswith('dvm')
        return super().can(w, face) and guest_without == self._plain

    def spec(self, folder):
        d = image.Description(f'net=twin {self._words}'.strip()).add_symbols()
        d.add_dvm(f'net.ifnames=0 ip={DVM_ADDRESS}/24 {self._mitigations}', memory=f'{DVM_MIB}M',
                  kernel=image.KERNEL.with_name('vmlinux.boot'))
        memory = self._add_guests(d, folder)
        return Spec(iso=image.make(folder / 'pollux.iso', d.add_twin(*self._twins)), memory=memory)

    def _add_guests(self, d, folder):
        """Returns how much memory the machine needs, in MiB."""
        del folder
        for n in range(1, self._guests + 1):
            d.add_linux(n, words=self._mitigations, plain=self._plain)
        return 768 + 192 * self._guests

    def boot(self, machine):
        machine.expect('dvm', '^dvm ready', BOOT_S)
        machine.expect('dvm', 'built-in commands', BOOT_S)
        self._wait_guests(machine)
        self._turn(machine, 'twin', 'g1')
        status, modules = machine.shell('cat /proc/modules', 'dvm', 1)
        if status:
            raise BenchError(f'the driver VM does not say where its modules are: {modules}')
        self._parts = window.Hypervisor(image.SYMBOLS.read_text(), DVM_MIB << 20 >> window.PAGE_SHIFT, parse_modules(modules),
                                        self._functions)

    def _wait_guests(self, machine):
        for n in range(1, self._guests + 1):
            machine.expect(f'g{n}', '^linux ready', BOOT_S)
            machine.expect(f'g{n}', 'built-in commands', BOOT_S)

    def _turn(self, machine, mode, measured):
        self._measured, wanted = measured, {'twin': 'attached', 'bridge': 'detached'}[mode]
        machine.monitor(f'mode {mode}', MODE_S)
        end = time.monotonic() + MODE_S
        while machine.stats()['twin']['state'] != wanted:
            if time.monotonic() > end:
                raise BenchError(f'the twin is not {wanted}')
            time.sleep(0.3)
        for address in self._reachable():
            while not machine.peer.ping(address, count=1)[0]:
                if time.monotonic() > end:
                    raise BenchError(f'{address} does not answer to ping')

    def _reachable(self):
        """Addresses that must answer before anything is measured."""
        return [self.address]

    def shell(self, machine, command, timeout=60):
        return machine.shell(command, self._measured, 2 if self._measured == 'g1' else 1, timeout)

    def offloads(self, machine, on):
        """Of the guest, and of both cards of the driver VM: its bridge would merge and cut what the guest does not."""
        if self._measured == 'g1':
            self.run(machine, offload_command('v0', on))
        status, text = machine.shell(f'{offload_command("eth0", on)} && {offload_command("v0", on)}', 'dvm', 1)
        if status:
            raise BenchError(f'the driver VM: {text}')

    def whose(self, counts):
        self._parts.learn(counts)
        return self._parts.part


class PolluxStlb(Pollux):
    """The same with the twin of the other SVM engine, the measured baseline."""
    name = 'pollux-stlb'

    def __init__(self, mitigations=MITIGATIONS, plain=False):
        super().__init__(mitigations, twins=(image.TWIN_STLB,), words='svm=stlb', plain=plain)

    @property
    def faces(self):
        return [('twin-stlb', lambda m: self._turn(m, 'twin', 'g1'))]
