# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine with VT-x: Debian's Bochs, which emulates one of Intel's CPUs. Like run.Machine, with these differences.

- It needs root: Bochs's display listens on all addresses and asks nobody for a password, so it runs in a network
  namespace of its own (peer.py), which has the e1000's tap as well.
- Its serial port is a socket. It is the client: somebody must listen there before it starts.
- It has no port by which software ends it with a number. The hypervisor's last line has that number, and this ends Bochs.
- Debian's build has the debugger in it, which is told to go on at once.
"""
import ctypes
import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console import Console, ConsoleError
from peer import NETNS_FOLDER, Peer
from run import NIC_MAC, Machine, die_with_parent

BINARY = Path('/usr/bin/bochs-bin')
FIRMWARE = Path('/usr/share/seabios')
CPU = 'corei7_haswell_4770'
IPS = 70000000      # about what it does: more would make timers slow, less makes them dense
COM1_PORT = 4555    # of the namespace's own loopback
CLONE_NEWNET = 0x40000000
START_S = 60
LAST_LINE = re.compile(rb'hv\| the machine may be switched off \(code ([0-9a-f]+)\)\r?\n')

# clock: an idle machine's time must not run ahead of the peers', or timers of TCP fire for nothing.
# error, info: what is reported from a signal handler while the main thread reports something locks up for ever.
CONFIG = '''\
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, gameport=0, e1000={nic}
cpu: model={cpu}, count=1, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest={memory}, host={memory}
romimage: file={firmware}/bios-256k.bin
vgaromimage: file={firmware}/vgabios-stdvga.bin
mouse: enabled=0
pci: enabled=1, chipset=i440fx
clock: sync=slowdown, time0=utc
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
log: {folder}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
'''
NIC = 'e1000: enabled=1, mac={mac}, ethmod=tuntap, ethdev=/dev/net/tun:{tap}\n'


def is_available():
    return BINARY.exists() and os.geteuid() == 0 and os.access('/dev/net/tun', os.W_OK)


def config(spec, folder, tap):
    """The text of a bochsrc."""
    text = CONFIG.format(cpu=spec.cpu or CPU, ips=IPS, memory=spec.memory, firmware=FIRMWARE, iso=spec.iso, folder=folder,
                         port=COM1_PORT, nic=int(spec.net == 'tap'))
    return text + (NIC.format(mac=NIC_MAC, tap=tap) if spec.net == 'tap' else '')


def listen_inside(namespace):
    """A listening socket in a network namespace. A thread enters it, as a thread's namespace is its own."""
    def enter():
        with open(NETNS_FOLDER / namespace, 'rb') as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f'cannot enter the namespace {namespace}')
        return socket.create_server(('127.0.0.1', COM1_PORT))

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result()


class BochsMachine(Machine):
    """See run.Machine; spec.machine is 'bochs', spec.cpu one of Bochs's models."""

    def _start(self):
        spec = self.spec
        if not is_available():
            raise RuntimeError('the machine with VT-x needs root, /dev/net/tun and the package bochs')
        spec.net = 'tap' if spec.net == 'auto' else spec.net
        self.end_code = None
        self._serial = None
        self.peer = Peer().__enter__()
        self._tmp = tempfile.mkdtemp(prefix='pollux-run-')
        self.folder.mkdir(parents=True, exist_ok=True)
        rc, debugger = self.folder / 'bochsrc', Path(self._tmp, 'debugger')
        rc.write_text(config(spec, self.folder, self.peer.tap))
        debugger.write_text('c\n')
        command = self.peer.command([BINARY, '-q', '-f', rc, '-rc', debugger])
        self._say(shlex.join(command))
        (self.folder / 'command').write_text(shlex.join(command) + '\n')
        self.console = Console(self.folder, self._echo)
        with listen_inside(self.peer.name) as listener, open(self.folder / 'bochs.out', 'wb') as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            preexec_fn=die_with_parent)
            listener.settimeout(START_S)
            try:
                self._serial, _ = listener.accept()
            except TimeoutError:
                raise RuntimeError(f'Bochs does not start: {self.errors()}') from None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        tail = b''
        while data := self._receive():
            self.console.feed(data)
            tail = (tail + data)[-200:]
            if m := LAST_LINE.search(tail):
                self.end_code = int(m.group(1), 16) << 1 | 1 # as QEMU's isa-debug-exit does
                self.process.kill()
                break
        self.console.end()

    def _receive(self):
        try:
            return self._serial.recv(65536)
        except OSError:
            return b''

    def send(self, data):
        self._serial.sendall(data)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        if self._reader:
            self._reader.join()
            self._serial.close()
            self._reader = None
        self.process = None
        super().stop()

    def wait_end(self, timeout):
        """As QEMU's exit status would be; -1 when Bochs ended by itself."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise ConsoleError(f'{self.spec.name}: still running after {timeout} s')
            time.sleep(0.1)
        self._reader.join()
        return -1 if self.end_code is None else self.end_code

    def errors(self):
        return (self.folder / 'bochs.out').read_text(errors='replace').splitlines()[-5:]

    def hmp(self, command):
        raise ConsoleError('Bochs has no such monitor')
