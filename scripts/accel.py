# SPDX-License-Identifier: GPL-2.0-or-later
"""Which accelerator a run gets. KVM is taken only when a tiny machine has proved that AMD-V works in it:
a module parameter or a CPUID bit promises it even where the host below refuses.
"""
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TCG_CPU = 'EPYC,+svm,+npt'
PROBE_GOOD = 33 # the probe wrote 0x10 to isa-debug-exit
PROBE_TIMEOUT_S = 20


def probe_command(accel, cpu, probe):
    return ['qemu-system-x86_64', '-accel', accel, '-cpu', cpu, '-M', 'pc', '-m', '32', '-nodefaults',
            '-display', 'none', '-no-reboot', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04',
            '-kernel', str(probe)]


def build_probe(folder):
    """The probe's ELF file in folder."""
    elf = Path(folder, 'amdv.elf')
    subprocess.run(['gcc', '-m32', '-nostdlib', '-static', '-Wl,-Ttext=0x100000,-N,--build-id=none',
                    '-Wl,-z,noexecstack', '-Wl,--no-warn-rwx-segments', '-o', elf, HERE / 'probe/amdv.S'], check=True)
    return elf


def amdv_works(accel, cpu):
    """Boot the probe; True when its guest ran."""
    with tempfile.TemporaryDirectory(prefix='pollux-probe-') as tmp:
        try:
            r = subprocess.run(probe_command(accel, cpu, build_probe(tmp)), timeout=PROBE_TIMEOUT_S,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               check=False)
        except (subprocess.TimeoutExpired, OSError):
            return False
    return r.returncode == PROBE_GOOD


def why_not_kvm():
    """None when KVM serves, else the reason in words."""
    if not os.path.exists('/dev/kvm'):
        return '/dev/kvm is absent'
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return '/dev/kvm cannot be opened by this user'
    nested = Path('/sys/module/kvm_amd/parameters/nested')
    if not nested.exists():
        return 'no AMD-V on this host (nested VT-x was never tried)'
    if nested.read_text().strip() not in ('1', 'Y'):
        return 'kvm_amd has nested=0'
    if not amdv_works('kvm', 'host'):
        return 'the AMD-V probe failed under KVM'
    return None


def choose(wanted):
    """(accelerator, CPU model, line that says which and why). wanted: auto, tcg, kvm."""
    if wanted == 'tcg':
        return 'tcg', TCG_CPU, 'accelerator: TCG, as asked for'
    reason = why_not_kvm()
    if not reason:
        return 'kvm', 'host', 'accelerator: KVM, a probe ran a nested guest'
    if wanted == 'kvm':
        raise RuntimeError(f'KVM does not serve: {reason}')
    return 'tcg', TCG_CPU, f'accelerator: TCG, not KVM: {reason}'
