# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver VM and lwIP guests on the hypervisor, a peer on the wire. A test in four lines:

    def test_guest_answers(system):
        s = system('net=twin', ['echo'])
        s.attached()
        assert s.peer.ping(s.address(1))[0] == 5

Fixtures of tests/boot serve here too; what they leave behind is in out/run/TEST/.
"""
import gzip
import importlib.util
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location('boot_conftest', TESTS / 'boot/conftest.py')
boot_conftest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(boot_conftest)
pytest_configure = boot_conftest.pytest_configure
pytest_collection_modifyitems = boot_conftest.pytest_collection_modifyitems
run_name, start, unwatched_boot = boot_conftest.run_name, boot_conftest.start, boot_conftest.boot

import image # noqa: E402
from initramfs import Cpio # noqa: E402

STUB_PEER = TESTS / 'guest-stub/stub_peer.py'
VERIFY_PEER = image.OUT / 'tests/guest-stub/verify-peer'
VERIFY_PORT = 5002
ENDLESS = '1000G' # bytes
FLOW_BYTES = 100000 # of a stream: it runs
PATIENCE_S = 120 # of a stream, for its next byte: TCP asks ever more seldom
DVM_IP = '10.88.0.2'
PEER_IP = '10.88.0.1'
BOOT_S = 600 # no expectation: a limit for slow machines, as those below
OOPS = 'Oops|BUG:|WARNING: CPU|Call Trace' # in a kernel's log
VMLINUX = image.OUT / 'kernel/vmlinux.boot'


class System:
    """A booted machine with the driver VM (VM 1) and guests g1.. (VM 2..); so many of these are lwIP guests to wait for."""

    def __init__(self, machine, guests):
        self.machine = machine
        machine.system = self # for the check at the test's end
        self.peer = machine.peer
        self.guests = guests
        self.fingerprints = None # of the hypervisor, when all were ready
        self.checked = False # that it is still so, at the machine's end

    def ready(self):
        self.machine.expect('dvm', 'dvm ready', BOOT_S)
        self.machine.expect('dvm', 'built-in commands', 120) # its shell; a prompt alone is no line
        for n in range(1, self.guests + 1):
            self.machine.expect(f'g{n}', r'^net: link=up', 120)
        self.fingerprints = self._fingerprints()
        return self

    def running(self):
        """Instead of ready(): the hypervisor runs the VMs, ready or not."""
        end = time.monotonic() + BOOT_S
        while '[ ok ] running' not in self.machine.console.text('hv'):
            assert time.monotonic() < end and self.machine.process.poll() is None, 'the hypervisor does not run'
            time.sleep(0.2)
        self.fingerprints = self._fingerprints()
        return self

    def _fingerprints(self):
        """Of text, constants and descriptors; a placed twin changes the mappings."""
        return self.machine.monitor('hash').split(', mappings')[0]

    def whole(self):
        """The hypervisor with the twin attached: text, constants, descriptors, mappings, and who owns how much RAM."""
        return self.machine.monitor('hash') + self.machine.monitor('memory')

    def sound(self, attached=None):
        """The hypervisor is what it was when all were ready, and each buffer of the pool is accounted for (R16). attached:
        what whole() was, as it is again."""
        if attached:
            now = self.whole()
            assert now == attached, f'the hypervisor changed: {attached}, now {now}'
        now = self._fingerprints()
        assert now == self.fingerprints, f'the hypervisor changed: {self.fingerprints}, now {now}'
        assert self.stats()['twin']['pool_adds_up'] and 'DOES NOT ADD UP' not in self.machine.console.text('hv')

    @staticmethod
    def address(number):
        return image.guest_address(number)

    def attached(self, times=1):
        """Wait until the twin is attached for the so manieth time."""
        return self.machine.expect('hv', rf'twin attached \({times}\. time\)', 240)

    def wait_attached(self, seconds=60):
        """Wait until the twin is attached, for the first time or again."""
        end = time.monotonic() + seconds
        while self.stats()['twin']['state'] != 'attached':
            assert time.monotonic() < end, 'the twin is not attached'
            time.sleep(0.2)

    def dvm(self, command, timeout=60):
        """Output of a command in the driver VM, which must succeed."""
        status, text = self.machine.shell(command, timeout=timeout)
        assert status == 0, f'{command}: {status}\n{text}'
        return text

    def dvm_rx(self, *cards):
        """Received packets of each card in the driver VM, as it counts them itself."""
        text = self.dvm('cat /proc/net/dev')
        return [int(re.search(rf'^\s*{c}:\s*\d+\s+(\d+)', text, re.M).group(1)) for c in cards]

    def guest(self, number, words, pattern, timeout=60):
        """Type words to a guest; the key=value pairs of the next line that begins with pattern."""
        name = f'g{number}'
        self.machine.console.skip(name)
        self.machine.type(words, number + 1)
        return self.guest_values(number, pattern, timeout)

    def guest_values(self, number, pattern, timeout=60):
        line = self.machine.expect(f'g{number}', rf'^(?:{pattern}|[a-z-]+: error).*\n', timeout).group(0)
        assert re.match(pattern, line), line
        return dict(w.split('=', 1) for w in line.split() if '=' in w)

    def python(self, *args):
        return ['/usr/bin/python3', STUB_PEER, *args]

    def send_to_guest(self, number, size):
        """TCP to a guest's verify-server, until it has answered with the right hash."""
        self.start_sending(number, size).finish(90)

    def start_sending(self, number, size=0, patience=PATIENCE_S):
        """The same in the background; without a size until SIGTERM."""
        return self.peer.background(VERIFY_PEER, 'send', self.address(number), VERIFY_PORT, size, patience)

    def listen(self, port=VERIFY_PORT, patience=PATIENCE_S):
        """The peer's side of a guest's verify-client: each byte is compared."""
        return self.peer.serve(port, VERIFY_PEER, 'listen', port, patience)

    def send_to_peer(self, number, size):
        """TCP from a guest's verify-client; both compute the hash."""
        server = self.listen()
        v = self.guest(number, f'verify-client={PEER_IP} bytes={size}', 'verify-client: done', 90)
        assert f'bytes={size} hash={v["hash"]}' in server.finish(20)

    def iperf_to_guest(self, number, seconds=2):
        return self.peer.iperf(self.address(number), seconds)

    def iperf_to_peer(self, number, seconds=2):
        server = self.peer.iperf_server()
        v = self.guest(number, f'iperf-client={PEER_IP} time={seconds}', 'iperf-client: done', 60)
        out = server.stop()
        assert 'Mbits/sec' in out, out
        return int(v['bytes']) * 8 / seconds / 1e6

    def stats(self):
        return self.machine.stats()

    def quit(self, code=33):
        """All is sound; end by the monitor, QEMU's exit status says whether a VM was killed."""
        self.sound()
        self.checked = True
        self.machine.focus(0)
        self.machine.send(b'quit\n')
        assert self.machine.wait_end(30) == code


def wait_for_link(s):
    """Until the driver VM's card has a carrier again: after a reset that takes it about two seconds."""
    deadline = time.monotonic() + 120
    while s.dvm('cat /sys/class/net/eth0/carrier').strip() != '1':
        assert time.monotonic() < deadline, 'no link'
        time.sleep(0.2)


def set_mtu(s, mtu):
    s.dvm(f'ip link set eth0 mtu {mtu}')
    wait_for_link(s)


def end_stream(program, timeout=90):
    """One without a size, of listen() or start_sending(), ends now: its bytes, all right."""
    program.process.send_signal(signal.SIGTERM)
    return int(re.match(r'bytes=(\d+) hash=\w+ right', program.finish(timeout)).group(1))


def tcp_bytes(s, sender, receiver, port):
    """As the peer's TCP counts: (received on that port from guest `sender`, acknowledged by guest `receiver`)."""
    text, found = s.peer.run('ss', '-tinH', 'state', 'established'), [0, 0]
    for local, remote, counts in re.findall(r'\S+:(\d+) +(\S+:\d+) *\n\t(.*)', text):
        for way, here, word in ((0, local == str(port) and remote.startswith(f'{s.address(sender)}:'), 'bytes_received'),
                                (1, remote == f'{s.address(receiver)}:{VERIFY_PORT}', 'bytes_acked')):
            if here and (m := re.search(rf'{word}:(\d+)', counts)):
                found[way] = int(m.group(1))
    return tuple(found)


class Load:
    """TCP both ways while something else happens: guest `sender` sends, guest `receiver` receives, until finish(). Several
    at a time need a port each.

    megabytes: each stream ends behind so many, and keep() begins the next.
    patience: seconds (of the host) that a stream may stand still before that is an error.
    """

    def __init__(self, s, sender=1, receiver=2, megabytes=0, port=VERIFY_PORT, patience=PATIENCE_S):
        self.s, self.sender, self.receiver = s, sender, receiver
        self.size, self.port, self.patience = megabytes << 20, port, patience
        self.ended = [0, 0] # streams that ended with the right hash, to the peer and from it
        assert s.peer.ping(s.address(receiver), count=2)[0]
        self._send_to_peer()
        self._send_to_guest()
        self.flows() # a handshake that falls into an outage is another matter than a connection

    def _send_to_peer(self):
        self.listening = self.s.listen(self.port, self.patience)
        self._dial()

    def _dial(self):
        self.said = len(self.s.machine.console.text(f'g{self.sender}'))
        self.s.machine.type(f'verify-client={PEER_IP} bytes={self.size or ENDLESS} port={self.port}', self.sender + 1)

    def _never_came(self):
        """Whether the sender's connection was reset before the peer's program had one: its handshake fell into an outage,
        and Linux gives up one that is half done after a minute."""
        said = self.s.machine.console.text(f'g{self.sender}')[self.said:]
        return 'verify-client: error reset' in said and \
            not self.s.peer.run('ss', '-tnH', 'sport', '=', f':{self.port}').strip() and \
            self.listening.process.poll() is None

    def _send_to_guest(self):
        self.sending = self.s.start_sending(self.receiver, self.size, self.patience)

    @property
    def finished(self):
        return sum(self.ended)

    def _sent_to_peer(self, timeout):
        """Both ends have the same hash; of an endless one each byte was right."""
        if not self.size:
            end_stream(self.listening, timeout)
            self.s.machine.expect(f'g{self.sender}', r'^verify-client: error (?:reset|closed by peer).*\n', timeout)
            self.ended[0] += 1
            return
        v = self.s.guest_values(self.sender, 'verify-client: done', timeout)
        assert f'bytes={self.size} hash={v["hash"]}' in self.listening.finish(60)
        self.ended[0] += 1

    def _sent_to_guest(self, timeout):
        """The peer's end has compared the guest's answer."""
        if self.size:
            self.sending.finish(timeout)
        else:
            end_stream(self.sending, timeout)
        self.ended[1] += 1

    def runs(self):
        return self.listening.process.poll() is None or self.sending.process.poll() is None

    def keep(self):
        """Check the stream that has ended, start it again; an endless one must not have."""
        assert self.size or all(b.process.poll() is None for b in (self.listening, self.sending)), \
            f'a stream has ended: {self.state()}'
        if self.size and self._never_came():
            self.s.machine.expect(f'g{self.sender}', r'^verify-client: error reset.*\n', 10)
            self._dial()
        if self.listening.process.poll() is not None:
            assert self.listening.process.returncode == 0, f'a stream has failed: {self.state()}'
            self._sent_to_peer(self.patience)
            self._send_to_peer()
        if self.sending.process.poll() is not None:
            self._sent_to_guest(self.patience)
            self._send_to_guest()

    def state(self):
        """For a failure: what became of the peer's two programs, what the guests said last, whether they answer and run,
        the peer's connections."""
        ends = {b.command[5]: b.stop() if b.process.poll() is not None else 'runs' for b in (self.listening, self.sending)}
        said = [self.s.machine.console.text(f'g{n}').splitlines()[-2:] for n in (self.sender, self.receiver)]
        answers = [self.s.peer.ping(self.s.address(n), count=1)[0] for n in (self.sender, self.receiver)]
        return f'{ends}, {said}, ping: {answers}\n{self.s.machine.monitor("vms")}{self.s.peer.run("ss", "-tanoi")}'

    def moved(self):
        """Bytes of the present streams: that the peer has received, that were acknowledged to it."""
        return tcp_bytes(self.s, self.sender, self.receiver, self.port)

    def flows(self, until=lambda: False, keep=None):
        """Wait until both streams run, or something else has happened. keep: instead of keep().

        A short stream may pass between two looks: the second that ends meanwhile has begun meanwhile.
        """
        keep, moved, last, ended = keep or self.keep, [0, 0], self.moved(), list(self.ended)
        end = time.monotonic() + self.patience
        while not until() and not all(m >= FLOW_BYTES or n - e >= 2 for m, n, e in zip(moved, self.ended, ended)):
            assert time.monotonic() < end, f'traffic stands still: {self.state()}'
            keep()
            time.sleep(0.05)
            now = self.moved() # less than before: the next stream
            moved = [m + (b - a if b >= a else b) for m, a, b in zip(moved, last, now)]
            last = now

    def finish(self, timeout=120):
        """Both streams end, and right; what has no end of its own runs until now."""
        timeout = max(timeout, self.patience)
        if not self.size:
            self.flows()
        self._sent_to_peer(timeout)
        self._sent_to_guest(timeout)


def unharmed(s):
    s.sound()
    assert 'twin killed' not in s.machine.console.text('hv')
    assert not re.search(OOPS, s.dvm('dmesg'))


def initrd_with(folder, programs, base=image.INITRD):
    """An initrd, usually the driver VM's, and more: {path: bytes}. The kernel takes several archives in a row."""
    initrd, more = folder / 'initrd.img', Cpio()
    for path, content in programs.items():
        more.file(path, content)
    initrd.write_bytes(gzip.compress(gzip.decompress(base.read_bytes()) + more.finish(), 1))
    return initrd


def static_program(folder, source):
    """A C program for the driver VM."""
    (folder / 'program.c').write_text(source)
    subprocess.run(['gcc', '-O2', '-static', '-o', folder / 'program', folder / 'program.c'], check=True)
    return (folder / 'program').read_bytes()


KERNEL = '''
    .section .note.Xen, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start
    .text
    .code32
    .globl start
start: {}
'''


def tiny_kernel(folder, name, code):
    """A guest's ELF file, by PVH, of an instruction or two; `start` is its first."""
    source, elf = folder / f'{name}.S', folder / f'{name}.elf'
    source.write_text(KERNEL.format(code))
    subprocess.run(['gcc', '-nostdlib', '-static', '-Wl,-Ttext=0x100000,--build-id=none,-z,noexecstack,-e,start',
                    '-Wl,-z,max-page-size=4096', '-o', elf, source], check=True)
    return elf


def describe(words, guests, twin=None, dvm_words='', dvm_kernel=VMLINUX, initrd=image.INITRD, without='',
             linux=0, linux_initrd=None, other=None):
    """The medium of a System. twin: a file, True, or None: if the words speak of one. without: a word that
    the driver VM's kernel is not to get. linux: so many guests more, which run Linux, from an initrd of their own if there is
    one. other: the ELF file of one more,
    the last, which may send from its own addresses alone."""
    d = image.Description(words).add_symbols()
    d.add_dvm(dvm_words, kernel=dvm_kernel, initrd=initrd)
    for m in d.modules if without else ():
        m.line = m.line.replace(f' {without} ', ' ')
    for n, w in enumerate(guests, 1):
        d.add_guest(n, w, memory='32M')
    for n in range(len(guests) + 1, len(guests) + linux + 1):
        d.add_linux(n, initrd=linux_initrd)
    if other:
        d.add_guest(len(guests) + linux + 1, '', memory='8M', elf=other, locked=True)
    if twin or (twin is None and 'twin' in words):
        d.add_twin(*([] if twin in (None, True) else [twin]))
    return d


@pytest.fixture
def boot(unwatched_boot):
    """That of tests/boot, for tests that make a System of the machine. At the test's end, if not at the machine's, the
    hypervisor must be as it was when all were ready, and the pool add up."""
    begun = []

    def begin(description, **spec):
        begun.append(unwatched_boot(description, **spec))
        return begun[-1]
    yield begin
    for machine in begun:
        s = getattr(machine, 'system', None)
        assert s and s.fingerprints, 'what the hypervisor was like is not known: System(machine, guests).ready(), or .running()'
        if not s.checked:
            s.sound()


@pytest.fixture
def system(boot):
    """system(words, [words of g1, ...], ...) boots what describe() describes, waits until all are ready."""
    def begin(words, guests, twin=None, dvm_words='', wait=True, dvm_kernel=VMLINUX, initrd=image.INITRD,
              without='', **spec):
        d = describe(words, guests, twin, dvm_words, dvm_kernel, initrd, without)
        s = System(boot(d, **{'net': 'tap', **spec}), len(guests))
        return s.ready() if wait else s.running()
    return begin
