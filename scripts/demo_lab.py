# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine of the demonstration: driver VM, two lwIP guests, twin, and the programs at the wire's other end.

With a tap the peers run in its namespace. With QEMU's user network they run on the host, and reach the guests
through forwarded ports.
"""
import fcntl
import re
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import image
from peer import IPERF_PORT, Background, PeerError, is_available as tap_is_available
from run import Spec, machine_of

HOST = '10.88.0.1'
DVM_ADDRESS = '10.88.0.2'
GUESTS = (1, 2)
GUEST_WORDS = {1: 'echo iperf-server http verify-server sink', 2: 'echo iperf-server http sink'}
DVM_WORDS = f'net.ifnames=0 ip={DVM_ADDRESS}/24'
HTTP_PORT = 80
FRAMES = image.OUT / 'dvm/frames'
SILENCE_MS = 1000 # then a stream of raw frames that are not all there is over
# Decompressing a bzImage costs an emulated CPU many seconds.
KERNELS = ('kernel/vmlinux.boot', 'kernel/bzImage')
# Limits for slow machines, not expectations.
BOOT_S = 300
ANSWER_S = 60
MODE_S = 90


class DemoError(Exception):
    """What failed, in words for the user."""


def kernel():
    for name in KERNELS:
        if (image.OUT / name).is_file():
            return image.OUT / name
    raise DemoError('no kernel for the driver VM: make setup')


def describe(words='', twins=()):
    """What is on the demonstration's medium; twins: files instead of the usual ones."""
    d = image.Description(f'net=twin {words}'.strip()).add_dvm(DVM_WORDS, kernel=kernel())
    for n in GUESTS:
        d.add_guest(n, GUEST_WORDS[n], memory='32M')
    return d.add_twin(*twins).add_symbols()


def make_medium(path, words='', twins=()):
    """Write the ISO file of the demonstration."""
    return image.make(path, describe(words, twins))


def take_turn(name, say):
    """One run of a name at a time: its logs are shared. Returns the lock's file, which holds it until closed."""
    lock = open(image.OUT / f'.{name}.lock', 'w') # pylint: disable=consider-using-with
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say('waiting for the end of another run')
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Lab:
    """Use as a context manager: machine, peers and namespace are gone afterwards."""

    def __init__(self, say, echo=None, name='demo', words='', twins=(), machine='pc'):
        self.say = say
        self._medium = words, twins
        self.reduced = not tap_is_available()
        self.server_port = free_port() if self.reduced else IPERF_PORT
        self.forwarded = {p: free_port() for p in (IPERF_PORT, HTTP_PORT)} if self.reduced else {}
        rules = ',hostfwd='.join(f'tcp:127.0.0.1:{mine}-{image.guest_address(1)}:{p}'
                                 for p, mine in self.forwarded.items())
        self._folder = tempfile.TemporaryDirectory(prefix='pollux-demo-')
        self.spec = Spec(name=name, iso=Path(self._folder.name, 'pollux.iso'),
                         net='user' if self.reduced else 'tap', forward=rules, machine=machine)
        self.machine = machine_of(self.spec, echo=echo, say=say)
        self._servers = []
        self._lock = None
        self._sink = Path(self._folder.name, 'sink') # what the peer's sink has printed
        self._reports = 0                           # so many lines of it are read

    def __enter__(self):
        try:
            self._lock = take_turn(self.spec.name, self.say)
            self.say('making the boot medium')
            make_medium(self.spec.iso, *self._medium)
            self.machine.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for s in self._servers:
            s.stop()
        self.machine.stop()
        self._folder.cleanup()
        if self._lock:
            self._lock.close()

    # Boot and modes

    def wait_boot(self):
        """Until the driver VM and each guest say that they are up."""
        for n in GUESTS:
            self.machine.expect(f'g{n}', r'http: listening', BOOT_S)
        m = self.machine.expect('dvm', r'e1000\.ko sha256 ([0-9a-f]{64})', BOOT_S)
        self.machine.expect('dvm', r'^dvm ready', BOOT_S)
        return m.group(1)

    def twin_state(self):
        """(state, the monitor's whole answer)"""
        text = self.machine.monitor('twin', ANSWER_S)
        m = re.search(r'^(absent|detached|attached|dead);', text, re.M)
        return m.group(1) if m else 'unknown', text

    def wait_twin(self, wanted):
        end = time.monotonic() + MODE_S
        while True:
            state, text = self.twin_state()
            if state == wanted:
                return
            if state in ('absent', 'dead') or time.monotonic() > end:
                raise DemoError(f'the twin is {state}, not {wanted}:\n{text}')
            time.sleep(0.2)

    def set_mode(self, mode):
        """Switch, and wait until each guest is reachable again."""
        self.machine.monitor(f'mode {mode}', ANSWER_S)
        self.wait_twin('attached' if mode == 'twin' else 'detached')
        if self.reduced:
            return
        for n in GUESTS:
            self._wait_reachable(image.guest_address(n))

    def _wait_reachable(self, address):
        end = time.monotonic() + ANSWER_S
        while '1 received' not in self.peer('ping', '-n', '-c', 1, '-W', 1, address, check=False):
            if time.monotonic() > end:
                raise DemoError(f'{address} does not answer to ping')

    # The other end of the wire

    def command(self, *args):
        return self.machine.peer.command(args) if self.machine.peer else [str(a) for a in args]

    def peer(self, *args, timeout=ANSWER_S, check=True):
        """Run a program at the other end; returns what it printed. Raises PeerError."""
        try:
            r = subprocess.run(self.command(*args), timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired as e:
            raise PeerError(f'{args}: no end within {timeout} s\n{e.output}') from None
        if check and r.returncode != 0:
            raise PeerError(f'{args}: exit {r.returncode}\n{r.stdout}')
        return r.stdout

    def peers(self, commands, timeout=ANSWER_S):
        """Several programs at once; what each printed."""
        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(lambda c: self.peer(*c, timeout=timeout), commands))

    def start_servers(self):
        """Debian's iperf, for TCP and (with a tap) for UDP, and the sink of raw frames."""
        listen = ['iperf', '-s', '-p', self.server_port]
        # Their output is not needed, and an unread pipe would stop them.
        for args in [listen] if self.reduced else [listen, [*listen, '-u']]:
            self._servers.append(Background(self.command('sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', *args)))
        if not self.reduced:
            self.start_sink()

    def target(self, guest, port):
        """(address, port) where the peer reaches a guest's server."""
        if self.reduced:
            return '127.0.0.1', self.forwarded[port]
        return image.guest_address(guest), port

    def wire_frames(self):
        """Frames that came out of the NIC so far."""
        return int(self.peer('cat', f'/sys/class/net/{self.machine.peer.tap}/statistics/rx_packets'))

    def tap_mac(self):
        return self.peer('cat', f'/sys/class/net/{self.machine.peer.tap}/address').strip()

    def start_sink(self):
        """The peer's sink of raw frames, for sink_result()."""
        self._servers.append(Background(self.command('sh', '-c', f'exec "$@" >{self._sink}', 'sh', FRAMES, 'sink',
                                                     self.machine.peer.tap, SILENCE_MS)))

    def sink_results(self, count):
        """The key=value pairs of the next so many streams that the peer's sink reports."""
        end = time.monotonic() + ANSWER_S
        while len(lines := re.findall(r'sink: done .*\n', self._sink.read_text())) < self._reports + count:
            if time.monotonic() > end:
                raise DemoError(f'the sink of the peer reports nothing: {lines[self._reports:]}')
            time.sleep(0.05)
        lines = lines[self._reports:self._reports + count]
        self._reports += count
        return [dict(re.findall(r'(\w+)=(\S+)', line)) for line in lines]

    # Guests' consoles

    def on_guests(self, guests, words):
        """Type the same words on each guest's console."""
        for g in guests:
            self.machine.console.skip(f'g{g}')
        for g in guests:
            self.machine.type(words, 1 + g)

    def skip(self, guests):
        for g in guests:
            self.machine.console.skip(f'g{g}')

    def result(self, guest, what, timeout=ANSWER_S):
        """The key=value pairs of a guest's next result line that begins with `what`."""
        word = what.split(':')[0]
        m = self.machine.expect(f'g{guest}', rf'^{word}: (?:error|aborted)[^\n]*\n|^{what}[^\n]*\n', timeout)
        line = m.group(0)
        if not line.startswith(what):
            raise DemoError(f'g{guest}: {line.strip()}')
        return dict(re.findall(r'(\w+)=(\S+)', line))
