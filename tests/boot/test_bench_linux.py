# SPDX-License-Identifier: GPL-2.0-or-later
"""How the benchmark talks to the Linuxes that it compares with (scripts/bench/linux.py, ask): busybox's shell on a
terminal stands for the machine, and what is typed or shown can be damaged on the way."""
import os
import pty
import subprocess
import sys
import threading

import image
import pytest
from console import Console, ConsoleError

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import kvm # noqa: E402
import linux # noqa: E402
import xen # noqa: E402

NOISE = b'\r\n[   12.345678] e1000: eth0 NIC Link is Down\r\n'


class Terminal:
    """As much of run.Machine as ask() uses. typed, shown: what becomes of bytes on the way."""

    def __init__(self, folder, typed=lambda b: b, shown=lambda b: b):
        self.typed = typed
        self.console = Console(folder / 'console')
        main, other = pty.openpty()
        env = {'PATH': '/bin:/usr/bin', 'PS1': 'measured# ', 'ENV': str(linux.HERE / 'ask'), 'ANSWERS': str(folder)}
        self.process = subprocess.Popen(['busybox', 'sh', '-i'], stdin=other, stdout=other, stderr=other, env=env,
                                        start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)))
        os.close(other)
        self.main = main

        def read():
            try:
                while data := os.read(main, 4096):
                    self.console.feed(shown(data))
            except OSError: # the shell is gone
                self.console.end()
        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()

    def send(self, data):
        os.write(self.main, self.typed(data))

    def expect(self, source, pattern, timeout):
        return self.console.expect(source, pattern, timeout)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        os.close(self.main)


@pytest.fixture
def terminal(tmp_path):
    made = []

    def make(**damage):
        made.append(Terminal(tmp_path, **damage))
        return made[-1]
    yield make
    for t in made:
        t.close()


class Once:
    """Replaces old by new the first time that it comes by."""

    def __init__(self, old, new):
        self.old, self.new, self.count = old, new, 0

    def __call__(self, data):
        if not self.count and self.old in data:
            self.count += 1
            return data.replace(self.old, self.new, 1)
        return data


class Always(Once):
    def __call__(self, data):
        self.count += self.old in data
        return data.replace(self.old, self.new)


def test_answer_has_status_and_output(terminal):
    t = terminal()
    assert linux.ask(t, 'echo one; echo "two  $HOME" >&2; (exit 7)') == (7, 'one\ntwo  \n')
    assert linux.ask(t, 'true') == (0, '')
    assert linux.ask(t, "printf 'no line break'") == (0, 'no line break\n')
    assert linux.ask(t, r"printf 'a\r\nb|\tc\n'") == (0, 'a\nb|\tc\n')
    assert linux.ask(t, 'echo "dvm| not a source"') == (0, 'dvm| not a source\n')
    assert linux.ask(t, 'seq 3000')[1] == ''.join(f'{n}\n' for n in range(1, 3001))


def test_shell_stays_the_same_and_background_programs_do_not_disturb(terminal):
    t = terminal()
    linux.ask(t, 'cd /usr; x=5; (sleep 0.3; echo late) &')
    assert linux.ask(t, 'pwd; echo $x; sleep 0.5') == (0, '/usr\n5\n')


def test_lines_of_others_are_left_out(terminal):
    noise = Always(b'\r\n', b'\r\n' + NOISE)
    assert linux.ask(terminal(shown=noise), 'seq 3') == (0, '1\n2\n3\n')
    assert noise.count


@pytest.mark.parametrize('place', [b'=second', b' end>'])
def test_answer_that_others_print_into_is_asked_for_again(terminal, monkeypatch, place):
    """Into a line of it, and into its last mark, which is missed only when the time is over."""
    noise = Once(place, place[:2] + NOISE + place[2:])
    t = terminal(shown=noise)
    monkeypatch.setattr(linux, 'ASK_AGAIN_S', 5)
    assert linux.ask(t, 'echo first; echo second; date >>run; wc -l <run', 2)[1] == 'first\nsecond\n1\n'
    assert noise.count == 1
    assert linux.ask(t, 'rm run')[0] == 0


def test_command_that_arrives_damaged_is_not_run(terminal):
    """What is lost may leave another command: this one would say `ho one`, were it run."""
    loss = Once(b'echo', b'cho')
    assert linux.ask(terminal(typed=loss), 'echo one') == (0, 'one\n')
    assert loss.count == 1


def test_unfinished_line_is_an_error_and_the_shell_goes_on(terminal):
    t = terminal(typed=Once(b"'\n", b'\n'))
    with pytest.raises(ConsoleError, match='no whole answer'):
        linux.ask(t, 'echo one two', 1)
    assert linux.ask(t, 'echo one two') == (0, 'one two\n')


def test_long_command_is_interrupted(terminal):
    t = terminal()
    with pytest.raises(ConsoleError, match='sleep 100: no whole answer in 1 s'):
        linux.ask(t, 'sleep 100', 1)
    assert linux.ask(t, 'echo alive') == (0, 'alive\n')


def test_machine_that_ends_is_an_error_at_once(terminal):
    t = terminal()
    with pytest.raises(ConsoleError, match='the machine ended'):
        linux.ask(t, 'exit', 60)


@pytest.mark.parametrize('command', ['x' * 2000, 'one\ntwo'])
def test_command_that_cannot_be_typed_is_refused(command):
    with pytest.raises(ValueError):
        linux.question('1', command)


def test_modules_and_text_have_addresses():
    text = ('vhost_net 36864 1 - Live 0xffffffffc059e000\n'
            'vhost 57344 1 vhost_net, Live 0xffffffffc058f000\n'
            'castor 16384 0 - Live 0xffffffffc0389000 (OE)\n')
    assert linux.parse_modules(text) == {'vhost_net': (0xffffffffc059e000, 0xffffffffc05a7000),
                                         'vhost': (0xffffffffc058f000, 0xffffffffc059d000),
                                         'castor': (0xffffffffc0389000, 0xffffffffc038d000)}
    with pytest.raises(ConsoleError, match='hides'):
        linux.parse_modules('e1000 163840 0 - Live 0x0000000000000000\n')
    symbols = 'ffffffff81000000 T _stext\nffffffff81e01cb2 T _etext\n'
    assert linux.parse_text(symbols) == (0xffffffff81000000, 0xffffffff81e01cb2)


@pytest.mark.parametrize('mitigations', ['off', 'auto'])
@pytest.mark.parametrize('system', [kvm.Kvm, xen.Dom0, xen.DomU, xen.PvhDomU], ids=lambda s: s.name)
def test_every_kernel_has_the_same_mitigations(tmp_path, system, mitigations):
    if system.missing():
        pytest.skip(system.missing())
    word = f'mitigations={mitigations}'
    spec = system(mitigations, programs=[]).spec(tmp_path)
    lines = f'{spec.append} {spec.initrd}'
    initrd = next(tmp_path.glob('*.img')).read_bytes()
    assert lines.count(word) == 1 and initrd.count(word.encode()) == issubclass(system, linux.Guest)
    assert ('spec-ctrl=no xpti=no' in lines) == (mitigations == 'off' and issubclass(system, xen.Xen))


def test_system_that_cannot_be_had_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(xen, 'XEN', tmp_path / 'xen.elf')
    assert xen.Dom0.missing() == 'Xen is not there: scripts/bench/setup.sh'
    assert xen.DomU.missing() == 'Xen is not there: scripts/bench/setup.sh'
    monkeypatch.setattr(kvm, 'FIRMWARE_FOLDERS', [tmp_path])
    assert 'firmware' in kvm.Kvm.missing()
    monkeypatch.setattr(linux, 'KERNEL', tmp_path / 'vmlinux.boot')
    assert 'make setup' in linux.System.missing()
