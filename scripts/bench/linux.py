# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux that the benchmark measures, in a machine of its own: its initrd, its command line, its shell.

Two kinds, which kvm.py and xen.py fill in: one that is the machine's only Linux (System), and one whose console comes
through another Linux, its host (Guest). All have the same kernel, set-up's, and the same initrd.
"""
import hashlib
import re
import shlex
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

import image # noqa: E402
import systems # noqa: E402
import window # noqa: E402
from console import RAW, ConsoleError # noqa: E402
from initramfs import Cpio, add_modules, add_userland, libraries # noqa: E402
from systems import offload_command, parse_modules # noqa: E402

KERNEL_FOLDER = image.OUT / 'kernel'
KERNEL = KERNEL_FOLDER / 'vmlinux.boot' # uncompressed: unpacking a bzImage is 4.5e9 instructions
LOAD = image.OUT / 'bench/load'
ADDRESS = image.guest_address(1)
MAC = image.guest_mac(1)
BOOT_S = 300        # no expectation: a limit for slow machines
ASK_AGAIN_S = 20
TRIES = 4
INTERRUPT = b'\x03'
PIECE, PIECE_S = 32, 0.5 # bytes typed at once; a limit for their echo
LINE_MAX = 1000     # busybox's shell takes 1023 bytes
CARDS = ['e1000', 'virtio_pci', 'virtio_net', 'xen_netfront']
TOOLS = ['ethtool', 'iperf']
KERNEL_TEXT = 'kernel' # beside the names of modules


def new_initrd(modules, tools=(), programs=()):
    """An archive with what every Linux here has. modules, tools: names; programs: static ones of our own."""
    cpio = Cpio()
    add_userland(cpio, tools, programs)
    add_modules(cpio, KERNEL_FOLDER, modules)
    cpio.file('init', (HERE / 'init').read_bytes())
    cpio.file('etc/ask', (HERE / 'ask').read_bytes(), 0o644)
    return cpio


def measured_initrd(programs=None):
    """The measured Linux's. programs: files; by default the load generator, as soon as it is built."""
    if programs is None:
        programs = [LOAD] if LOAD.exists() else []
    return new_initrd(CARDS, TOOLS, programs).finish()


def add_program(cpio, name, path, folder=None):
    """A program and its libraries, which are looked for in folder first; these go where the loader always looks."""
    cpio.file(name, path.read_bytes())
    for library in libraries(path, folder):
        inside = folder and library.is_relative_to(folder)
        cpio.file(f'usr/lib/x86_64-linux-gnu/{library.name}' if inside else str(library)[1:], library.read_bytes())


def words(console, card, mitigations, address=None):
    """A kernel command line. card: its modules, with commas; address: none for a host, whose card is a port of its bridge."""
    line = f'console={console} quiet panic=-1 tsc=reliable no_timer_check mitigations={mitigations} card={card}'
    return f'{line} ip={address}/24' if address else line


def question(mark, command):
    """The line to type; ask says what comes."""
    line = f'ask {mark} {hashlib.md5(command.encode()).hexdigest()[:8]} {shlex.quote(command)}'
    if len(line) > LINE_MAX or '\n' in line:
        raise ValueError(f'too long a command, or more than a line: {command}')
    return line


def answer_pattern(mark):
    """A whole answer, or that the command did not arrive whole."""
    return rf'(?s)<{mark} (?:lost|(\d+) ([0-9a-f]{{32}})>\n(.*?)<{mark} end)>'


def read_answer(mark, match):
    """(exit status, output) of a match of answer_pattern(), or None when something else was printed into it."""
    status, digest, body = match.groups()
    prefix = f'={mark}='
    lines = [line + '\n' for line in body.split('\n') if line.startswith(prefix)]
    if hashlib.md5(''.join(lines).encode()).hexdigest() != digest:
        return None
    return int(status), ''.join(line[len(prefix):] for line in lines)


def type_slowly(machine, line):
    """Xen keeps 128 bytes of what is typed for dom0: no more than that before something of it is shown."""
    data = line.encode() + b'\n'
    for start in range(0, len(data), PIECE):
        shown = len(machine.console.text(RAW))
        machine.send(data[start:start + PIECE])
        end = time.monotonic() + PIECE_S
        while len(machine.console.text(RAW)) == shown and time.monotonic() < end:
            time.sleep(0.005)


def ask(machine, command, timeout=60):
    """(exit status, output) of a command in the shell that the console leads to. What kernels print between the lines of
    the answer is left out. A line that does not arrive whole is typed again, an answer that was printed into is asked for
    again. A command that takes longer than timeout is interrupted."""
    mark = f'{time.monotonic_ns():x}'
    machine.console.skip(RAW)
    line, limit = question(mark, command), timeout
    again = f'answer {mark}', ASK_AGAIN_S
    for _ in range(TRIES):
        type_slowly(machine, line)
        try:
            match = machine.expect(RAW, answer_pattern(mark), limit)
        except ConsoleError:
            # The command takes too long, or its line lacks the end, or the answer a mark.
            if machine.console.ended:
                raise
            machine.send(INTERRUPT)
            line, limit = again
            continue
        if match.group(1) is None and (line, limit) == again:
            break
        if match.group(1) is not None:
            if answer := read_answer(mark, match):
                return answer
            line, limit = again
    raise ConsoleError(f'{command}: no whole answer in {timeout} s\n{machine.console.text(RAW)[-2000:]}')


def parse_text(text):
    """(start, end) of the kernel's text, from lines of /proc/kallsyms."""
    at = {name: int(address, 16) for address, name in re.findall(r'(?m)^([0-9a-f]+) \w (_stext|_etext)$', text)}
    return at['_stext'], at['_etext']


def read_modules(asked):
    """Where a Linux has its kernel's text and its modules; asked: a function as ask(), its machine bound."""
    found = parse_modules(checked(asked, 'cat /proc/modules'))
    found[KERNEL_TEXT] = parse_text(checked(asked, 'grep -E " (_stext|_etext)$" /proc/kallsyms'))
    return found


def checked(asked, command):
    """The output of a command that must not fail."""
    status, output = asked(command)
    if status:
        raise ConsoleError(f'{command}: exit {status}\n{output}')
    return output


def wait_ready(machine, name):
    """For what init says at its end."""
    state = machine.expect(RAW, rf'^{name} (ready|failed: [^\n]*)\n', BOOT_S).group(1)
    if state != 'ready':
        raise ConsoleError(f'{machine.spec.name}: {name} {state}')


class System(systems.System):
    """One boot of one system whose measured Linux is the machine's only one.

    name: its key in the results. missing(): why it cannot be had, in words, or None. spec(folder): what to boot; files
    are made in folder, which must be there as long as the machine runs. boot(), shell(), offloads(), modules(): with
    the started run.Machine. They raise ConsoleError. mitigations: that word of every kernel's command line.
    """

    def __init__(self, mitigations='off', programs=None):
        self.mitigations, self.programs = mitigations, programs
        self._split = None

    def whose(self, counts):
        del counts
        return self._split.part

    def learn(self, machine):
        """Behind boot(): where everything is that instructions may belong to."""
        self._split = window.Layers(**self.modules(machine))

    @classmethod
    def missing(cls):
        return None if KERNEL.exists() else 'the kernel is not there: make setup'

    def spec(self, folder):
        raise NotImplementedError

    def boot(self, machine):
        """Returns when the measured Linux runs a shell and its card has link and address."""
        wait_ready(machine, 'measured')

    def shell(self, machine, command, timeout=60):
        """(exit status, output) of a command in the measured Linux."""
        return ask(machine, command, timeout)

    def offloads(self, machine, on):
        """Segmentation and merging (TSO, GSO, GRO) by the measured card and what is behind it; checksums stay."""
        checked(lambda c: self.shell(machine, c), offload_command('eth0', on))

    def modules(self, machine):
        """{'l1': {name: (start, end)}}: addresses of its modules, and of its kernel's text as `kernel`."""
        return {'l1': read_modules(lambda c: self.shell(machine, c))}


class Guest(System):
    """The measured Linux has a host, whose console is the machine's; the host's shell runs the program that connects it
    to the measured Linux's console, but while the host is asked something."""
    leave = None    # the key that ends that program

    def boot(self, machine):
        wait_ready(machine, 'host')
        self._on_host(machine, 'host start', BOOT_S)
        self._host_modules = read_modules(lambda c: ask(machine, c))
        machine.type('host console; echo "<""host again>"')
        wait_ready(machine, 'measured')

    @staticmethod
    def _on_host(machine, command, timeout=60):
        return checked(lambda c: ask(machine, c, timeout), command)

    def host(self, machine, command, timeout=60):
        """The output of a command in the host, which must not fail. The measured Linux goes on meanwhile."""
        machine.send(self.leave)
        machine.expect(RAW, r'<host again>', 20)
        try:
            return self._on_host(machine, command, timeout)
        finally:
            machine.type('host console; echo "<""host again>"')
            self._wait_measured(machine)

    @staticmethod
    def _wait_measured(machine):
        """Until the measured Linux's shell answers: the console's program drops what was typed before it began."""
        machine.console.skip(RAW)
        end = time.monotonic() + ASK_AGAIN_S
        while True:
            machine.type('')
            try:
                return machine.expect(RAW, r'measured# ', 1)
            except ConsoleError:
                if time.monotonic() > end:
                    raise

    def offloads(self, machine, on):
        super().offloads(machine, on)
        # What the host's card merges, the measured Linux would receive as one frame.
        self.host(machine, offload_command('eth0', on))

    def modules(self, machine):
        """The host's as 'l1', as they were when the measured Linux had been started, the measured Linux's as 'l2'."""
        return {'l1': self._host_modules, 'l2': read_modules(lambda c: self.shell(machine, c))}
