# SPDX-License-Identifier: GPL-2.0-or-later
"""The launcher leaves nothing behind, however it ends, and says what it did by its exit status."""
import os
import signal
import subprocess
import sys
import time

import accel
import image
import peer
import pytest

RUN = [sys.executable, str(image.ROOT / 'scripts/run.py')]
BARE = [*RUN, '--name', 'launcher', '--accel', 'tcg', '--kernel', str(image.KERNEL), '--append', 'console=ttyS0']


def namespaces():
    folder = peer.NETNS_FOLDER
    return {p.name for p in folder.iterdir() if p.name.startswith(peer.PREFIX)} if folder.is_dir() else set()


def emulators_of(pid):
    """Process numbers of emulators whose parent is pid."""
    text = subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', str(pid)], capture_output=True, text=True,
                          check=False).stdout
    return [int(line.split()[0]) for line in text.splitlines() if 'qemu' in line]


def wait_until(condition, timeout=30):
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, 'it did not happen'
        time.sleep(0.05)
    return value


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(how):
    """Ctrl-C, kill, and even kill -9: no emulator stays; the namespace goes at once or with the next run."""
    if not peer.is_available():
        pytest.skip('network namespaces and taps need root')
    with subprocess.Popen([*BARE, '--net', 'tap'], stdout=subprocess.DEVNULL) as launcher:
        emulator = wait_until(lambda: emulators_of(launcher.pid))[0]
        ours = f'{peer.PREFIX}{launcher.pid}-1'
        assert ours in namespaces()
        launcher.send_signal(how)
        try:
            launcher.wait(20)
        finally:
            launcher.kill()
    wait_until(lambda: not os.path.exists(f'/proc/{emulator}'))
    peer.remove_stale()
    assert ours not in namespaces()


def test_timeout_has_its_own_status():
    r = subprocess.run([*BARE, '--net', 'none', '--timeout', '2'], capture_output=True, text=True, timeout=60,
                       check=False)
    assert r.returncode == 2 and 'still running after 2' in r.stderr


def test_missing_medium_is_named(tmp_path):
    r = subprocess.run([*RUN, '--name', 'launcher', '--net', 'none', '--iso', str(tmp_path / 'absent.iso')],
                       capture_output=True, text=True, timeout=60, check=False)
    assert r.returncode != 0 and 'absent.iso' in r.stdout + r.stderr


def test_emulator_line_is_printed_and_kept():
    r = subprocess.run([*BARE, '--net', 'none', '--timeout', '1'], capture_output=True, text=True, timeout=60,
                       check=False)
    kept = (image.OUT / 'run/launcher/command').read_text().strip()
    assert kept.startswith('qemu-system-x86_64') and kept in r.stdout


def test_probe_tells_working_virtualization_from_none():
    """The probe that decides about KVM, tried where the answers are known."""
    assert accel.amdv_works('tcg', accel.TCG_CPU)
    assert not accel.amdv_works('tcg', 'EPYC,-svm')
    assert not accel.amdv_works('tcg', 'EPYC,+svm,-npt')


def test_judge_is_a_word_in_a_copy_of_the_medium(tmp_path):
    """--judge replaces what the medium says, and leaves the medium alone."""
    d = image.Description('run=2 judge=normal net=bridge').add_guest(1, 'echo')
    iso = image.make(tmp_path / 'medium.iso', d)
    before = iso.read_bytes()
    for args, level in ([], 'normal'), (['--judge', 'strict'], 'strict'):
        r = subprocess.run([*RUN, '--name', 'launcher', '--accel', 'tcg', '--net', 'none', '--iso', iso, *args],
                           capture_output=True, text=True, timeout=120, check=False)
        assert r.returncode == 0, r.stdout + r.stderr
        assert f'judge of twins: {level} (by the boot word judge=)' in r.stdout
    assert iso.read_bytes() == before
    r = subprocess.run([*BARE, '--judge', 'strict'], capture_output=True, text=True, timeout=60, check=False)
    assert r.returncode == 2 and '--judge is a word of the hypervisor' in r.stderr


@pytest.mark.parametrize('program', ['frames', 'witness'])
def test_programs_of_the_driver_vm_explain_themselves(program):
    path = image.OUT / 'dvm' / program
    asked = subprocess.run([path, '--help'], capture_output=True, text=True, timeout=20, check=False)
    assert asked.returncode == 0 and asked.stdout.startswith(f'usage: {program} ') and not asked.stderr
    bare = subprocess.run([path], capture_output=True, text=True, timeout=20, check=False)
    assert bare.returncode == 1 and bare.stderr == asked.stdout and not bare.stdout
