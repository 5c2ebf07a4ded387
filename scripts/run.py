#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a medium (or, for comparisons, a bare kernel) in a virtual machine. The only launcher.

    run.py --iso out/pollux.iso                          until it ends or the timeout is over
    run.py --iso out/pollux.iso --interactive            on this terminal; Ctrl-] ends it
    run.py --iso out/pollux.iso --judge strict           with that boot word, in a copy of the medium
    run.py --disk out/pollux.img --firmware uefi         a disk image (never written to) below UEFI firmware
    run.py --kernel out/kernel/bzImage --initrd out/dvm/initrd.img --append 'console=ttyS0 mode=native'

Every console goes to out/run/NAME/SOURCE.log, all of them in order to console.log. The network's other
end is a tap in a network namespace that the run makes (root), or QEMU's user network.
Exit status: 0 good end, 1 the machine reported an error or died, 2 timeout, 3 it could not be started.
"""
import argparse
import ctypes
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from dataclasses import dataclass
from pathlib import Path

import accel
import image
from console import Console, ConsoleError, select as select_source
from peer import Peer, is_available as tap_is_available

RUNS = image.OUT / 'run'
# QEMU's exit status for what the hypervisor writes to isa-debug-exit
GOOD_END = 33           # 0x10
ENDS = {GOOD_END: 'the machine ended well', 35: 'the hypervisor died', 37: 'the run ended, but a VM was killed'}
NIC_MAC = '52:54:00:88:00:02'
ESCAPE = 0x1d           # Ctrl-]
PR_SET_PDEATHSIG = 1
FIRMWARE = Path('/usr/share/ovmf/OVMF.fd') # of UEFI; Debian package ovmf
END_S = 20
STATS_S = 60             # no expectation: a limit for slow machines


@dataclass
class Spec:
    """What to boot, in which machine. One of iso, disk and kernel."""
    name: str = 'run'
    iso: Path = None
    disk: Path = None
    kernel: Path = None
    initrd: Path = None
    append: str = ''
    machine: str = 'pc'     # q35: QEMU's other board; bochs: the machine with VT-x (bochs.py)
    firmware: str = 'bios'  # uefi
    serial: bool = True     # False: there is no serial port, and nothing is heard but through hmp()
    memory: int = 1024      # MiB
    net: str = 'auto'       # tap, user, none; auto: tap when root, else user
    accel: str = 'auto'     # tcg, kvm
    cpu: str = None         # the emulator's CPU model, when not the usual one
    forward: str = ''       # user network: hostfwd rules, such as tcp:127.0.0.1:5555-10.88.0.11:80
    icount: int = None      # TCG's clock counts instructions, 2^icount ns each, whatever this machine does meanwhile
    extra: tuple = ()       # further QEMU arguments


def qemu_command(spec, accelerator, cpu, tap, monitor):
    """The emulator line. tap: name of the tap device, for net=tap."""
    line = ['qemu-system-x86_64', '-name', spec.name, '-accel', accelerator, '-cpu', spec.cpu or cpu,
            '-M', spec.machine, '-m', spec.memory, '-smp', 1, '-nodefaults', '-display', 'none', '-no-reboot',
            '-chardev', 'stdio,id=com1,signal=off',
            '-chardev', f'socket,id=monitor,path={monitor},server=on,wait=off',
            '-mon', 'chardev=monitor,mode=control',
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04']
    if spec.serial:
        line += ['-serial', 'chardev:com1']
    if spec.firmware == 'uefi':
        line += ['-bios', FIRMWARE]
    if spec.disk:
        # By DMA: a BIOS's reads of the older kind are a request to the host for each 512 bytes.
        line += ['-drive', f'file={spec.disk},format=raw,if=none,snapshot=on,id=medium', '-device', 'ahci,id=disks',
                 '-device', 'ide-hd,drive=medium,bus=disks.0,bootindex=0']
    elif spec.iso:
        line += ['-drive', f'file={spec.iso},format=raw,if=none,media=cdrom,readonly=on,id=medium',
                 '-device', 'ide-cd,drive=medium,bus=ide.0,bootindex=0']
    else:
        line += ['-kernel', spec.kernel, '-append', spec.append]
        if spec.initrd:
            line += ['-initrd', spec.initrd]
    if spec.net == 'tap':
        line += ['-netdev', f'tap,id=wire,ifname={tap},script=no,downscript=no']
    elif spec.net == 'user':
        forward = f',hostfwd={spec.forward}' if spec.forward else ''
        line += ['-netdev', f'user,id=wire,net=10.88.0.0/24,host=10.88.0.1,dns=10.88.0.3{forward}']
    if spec.net != 'none':
        line += ['-device', f'e1000,netdev=wire,mac={NIC_MAC},romfile=']
    if spec.icount is not None:
        line += ['-icount', f'shift={spec.icount},sleep=on']
    return [str(w) for w in [*line, *spec.extra]]


def die_with_parent():
    """The emulator must not outlive a killed launcher."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """A running machine; use as a context manager. Nothing of it is left afterwards.

    console: see console.py. peer: the other end of the wire (peer.py), None without a tap.
    """

    def __init__(self, spec, echo=None, say=print):
        self.spec = spec
        self.folder = RUNS / spec.name
        self.peer = None
        self.process = None
        self._echo, self._say = echo, say
        self._reader = None
        self._tmp = None
        self._focus = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    def _start(self):
        spec = self.spec
        accelerator, cpu, line = accel.choose(spec.accel)
        self._say(line)
        if spec.net == 'auto':
            spec.net = 'tap' if tap_is_available() else 'user'
            if spec.net == 'user':
                self._say('network: not root, so the wire ends in the emulator (user network)')
        command = []
        if spec.net == 'tap':
            self.peer = Peer().__enter__()
            command = self.peer.command([])
        self._tmp = tempfile.mkdtemp(prefix='pollux-run-')
        qemu = qemu_command(spec, accelerator, cpu, self.peer and self.peer.tap, f'{self._tmp}/monitor')
        self._say(shlex.join([*command, *qemu]))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'command').write_text(shlex.join(qemu) + '\n')
        self.console = Console(self.folder, self._echo)
        # TCG names each feature of the CPU model that it lacks: kept, but not shown.
        with open(self.folder / 'qemu.err', 'wb') as errors:
            self.process = subprocess.Popen([*command, *qemu], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, preexec_fn=die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := self.process.stdout.read1(65536):
            self.console.feed(data)
        self.console.end()

    def stop(self):
        """End the machine now, if it still runs."""
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self._reader.join()
            self.process.stdin.close()
            self.process.stdout.close()
        if self.peer:
            self.peer.__exit__()
            self.peer = None
        if self._tmp:
            shutil.rmtree(self._tmp, ignore_errors=True)
            self._tmp = None

    def wait_end(self, timeout):
        """Wait until the machine has ended by itself; returns QEMU's exit status. Raises ConsoleError."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ConsoleError(f'{self.spec.name}: still running after {timeout} s') from None
        self._reader.join()
        return code

    def errors(self):
        """What the emulator itself said, without its warnings about the CPU model."""
        lines = (self.folder / 'qemu.err').read_text(errors='replace').splitlines()
        return [s for s in lines if 'TCG doesn\'t support requested feature' not in s]

    # The consoles

    def expect(self, source, pattern, timeout=60):
        return self.console.expect(source, pattern, timeout)

    def send(self, data):
        """Raw bytes to the machine's serial port."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def focus(self, number):
        """Give the input to source `number`: 0 the monitor, 1.. the VMs in boot order."""
        if self._focus != number:
            self.send(select_source(number))
            self._focus = number

    def type(self, line, number=None):
        """Type a line to source `number`, or to the machine itself when it runs without the hypervisor.

        Afterwards the monitor has the focus. The unfinished line of a VM that has it is shown in parts, which others'
        lines come between, and then again; of one that has not, only whole lines are shown.
        """
        if number is not None:
            self.focus(number)
        self.send(line.encode() + b'\n')
        if number is not None:
            self.focus(0)

    def shell(self, command, source='dvm', number=1, timeout=30, meanwhile=None):
        """Run a command in a Linux VM's shell; returns (exit status, output), whatever others print meanwhile.

        meanwhile: called about twice a second until the command has ended; it may type to other VMs.
        """
        mark = f'{time.monotonic_ns():x}'
        self.console.skip(source)
        # The echo of what is typed must not look like the answer: the shell puts the marks together.
        self.type(f'echo "<""{mark}>"; {command}; echo "<$?""{mark}>"', number)
        m = self._answer(source, rf'(?s)<{mark}>\n(.*?)<(\d+){mark}>', timeout, meanwhile)
        return int(m.group(2)), m.group(1)

    def _answer(self, source, pattern, timeout, meanwhile):
        end = time.monotonic() + timeout
        while meanwhile:
            try:
                return self.expect(source, pattern, 0.5)
            except ConsoleError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
            meanwhile()
        return self.expect(source, pattern, timeout)

    def monitor(self, command, timeout=20):
        """A command of the hypervisor's monitor; returns its output. Raises ConsoleError on `error:`."""
        self.console.skip('mon')
        self.type(command, 0)
        m = self.expect('mon', r'(?s)(.*?)^(ok|error: [^\n]*)\n', timeout) # whole: lines come in pieces
        # The monitor echoes what is typed, in parts or again when others print meanwhile; its answer comes in one piece.
        answer = re.split(rf'(?m)^{re.escape(command)}\n', m.group(1))[-1]
        if m.group(2) != 'ok':
            raise ConsoleError(f'monitor: {command}: {answer}{m.group(2)}')
        return answer

    def stats(self):
        """All counters of the hypervisor: the JSON document of `stats`."""
        start = len(self.console.text('json'))
        self.monitor('stats', STATS_S)
        return json.loads(self.console.text('json')[start:].replace('\n', ''))

    # The emulator

    def hmp(self, command):
        """A command of QEMU's own monitor, such as `info registers`; returns its output."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(f'{self._tmp}/monitor')
            with s.makefile('rw') as f:
                f.readline() # greeting
                for request in [{'execute': 'qmp_capabilities'},
                                {'execute': 'human-monitor-command', 'arguments': {'command-line': command}}]:
                    f.write(json.dumps(request) + '\n')
                    f.flush()
                    while 'event' in (answer := json.loads(f.readline())):
                        pass
                    if 'error' in answer:
                        raise ConsoleError(f'qemu: {command}: {answer["error"]["desc"]}')
        return answer['return'].replace('\r', '')


def machine_of(spec, **more):
    """The machine that a spec asks for."""
    if spec.machine != 'bochs':
        return Machine(spec, **more)
    import bochs # pylint: disable=import-outside-toplevel; it builds on this module
    return bochs.BochsMachine(spec, **more)


def write_terminal(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def talk(machine):
    """Connect this terminal to the machine until it ends or Ctrl-] is typed."""
    print('Ctrl-A 0: monitor, Ctrl-A 1..: VMs, Ctrl-]: end')
    old = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        if old:
            tty.setraw(0)
        while machine.process.poll() is None:
            if not select.select([0], [], [], 0.2)[0]:
                continue
            data = os.read(0, 1024)
            if not data or ESCAPE in data:
                return
            machine.send(data)
    finally:
        if old:
            termios.tcsetattr(0, termios.TCSADRAIN, old)
        print()


def interpret(machine, code):
    """Exit status for QEMU's, and one line that says so."""
    good = code == GOOD_END or (machine.spec.kernel and code == 0)
    print(ENDS[GOOD_END] if good else ENDS.get(code, f'the emulator ended (exit {code})'))
    if good:
        return 0
    print('\n'.join([*machine.errors(), f'logs in {machine.folder}']))
    return 1


def parse_arguments(argv):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument('--iso', type=Path, help='boot this medium (image.py)')
    what.add_argument('--disk', type=Path, help='boot this disk image (disk.py)')
    what.add_argument('--kernel', type=Path, help='boot this kernel without the hypervisor')
    p.add_argument('--judge', choices=['strict', 'normal'], help='level of the judge (default: as the medium says)')
    p.add_argument('--initrd', type=Path)
    p.add_argument('--append', default='', help="the bare kernel's command line")
    p.add_argument('--name', default='run', help='folder below out/run (default: run)')
    p.add_argument('--machine', choices=['pc', 'q35', 'bochs'], default='pc',
                   help="QEMU's boards, or Bochs with one of Intel's CPUs (default: pc)")
    p.add_argument('--firmware', choices=['bios', 'uefi'], default='bios')
    p.add_argument('--memory', type=int, default=1024, metavar='MIB')
    p.add_argument('--net', choices=['auto', 'tap', 'user', 'none'], default='auto')
    p.add_argument('--accel', choices=['auto', 'tcg', 'kvm'], default='auto')
    p.add_argument('--timeout', type=float, metavar='S',
                   help='end the machine after so long (default: 600, none when interactive)')
    p.add_argument('--interactive', action='store_true')
    args = p.parse_args(argv)
    if args.judge and not args.iso:
        p.error('--judge is a word of the hypervisor: it needs --iso')
    args.timeout = args.timeout or (None if args.interactive else 600)
    return args


def main(argv=None):
    args = parse_arguments(argv)
    # A shell gives its background jobs SIGINT ignored; Ctrl-C must end the run all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    spec = Spec(**{k: v for k, v in vars(args).items() if k not in ('timeout', 'interactive', 'judge')})
    try:
        if args.judge:
            (RUNS / spec.name).mkdir(parents=True, exist_ok=True)
            spec.iso = image.reword(args.iso, RUNS / spec.name / 'medium.iso', 'judge', args.judge)
        with machine_of(spec, echo=write_terminal) as machine:
            if args.interactive:
                talk(machine)
                return 0 if machine.process.poll() is None else interpret(machine, machine.wait_end(END_S))
            return interpret(machine, machine.wait_end(args.timeout))
    except ConsoleError as e:
        print(e, file=sys.stderr)
        return 2
    except (OSError, RuntimeError, subprocess.CalledProcessError, image.ImageError) as e:
        print(f'run: {e}', file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 1


if __name__ == '__main__':
    sys.exit(main())
