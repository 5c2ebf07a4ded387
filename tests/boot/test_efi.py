# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong on an EFI system partition: the loader names the file and the line, and nothing is started."""
import re
import struct
import subprocess
import time
from pathlib import Path

import disk
import image
import pytest
from run import Spec

FATAL = 35
GUEST = 'vm=g1 kind=guest mem=32M -- ip=10.88.0.11/24'
KERNEL = '1-guest.elf'
OVMF_KEY = Path('/usr/share/ovmf/PkKek-1-snakeoil')
SECURE = Path('/usr/share/OVMF') # firmware with Secure Boot
long = pytest.mark.long


class Stick:
    """A disk image whose files are changed as a user would, or a bad stick."""

    def __init__(self, path):
        self.path, self.esp = path, f'{path}@@{disk.ESP_START}'

    def mtools(self, *command):
        return subprocess.run([command[0], '-i', self.esp, *command[1:]], capture_output=True, text=True, check=True).stdout

    def remove(self, name):
        self.mtools('mdel', f'::/boot/{name}')

    def write(self, name, content, folder):
        (folder / 'new').write_bytes(content)
        self.mtools('mcopy', '-o', folder / 'new', f'::/boot/{name}')

    def read(self, name, folder):
        self.mtools('mcopy', '-n', f'::/boot/{name}', folder / 'old')
        return (folder / 'old').read_bytes()

    def cut_chain(self, name):
        """Its clusters end in the middle, whatever its size says. Returns how many bytes are left."""
        chain = [int(n) for n in re.search(r'<(\d+)-(\d+)>', self.mtools('mshowfat', f'::/boot/{name}')).groups()]
        with open(self.path, 'r+b') as f:
            f.seek(disk.ESP_START)
            boot = f.read(512)
            sector, cluster, reserved, fats = struct.unpack_from('<HBHB', boot, 11)
            size, last = struct.unpack_from('<H', boot, 22)[0], sum(chain) // 2
            for fat in range(fats):
                f.seek(disk.ESP_START + (reserved + fat * size) * sector + 2 * last)
                f.write(b'\xff\xff')
        return (last - chain[0] + 1) * cluster * sector


@pytest.fixture
def stick(tmp_path):
    d = image.Description('net=bridge').add(image.GUEST, GUEST)
    return Stick(disk.make(tmp_path / 'stick.img', d))


@pytest.fixture
def says(start, stick):
    """says(text) boots the stick and waits for the loader's one [FAIL] line; the hypervisor has not run."""
    def begin(text):
        m = start(Spec(disk=stick.path, firmware='uefi', net='none'))
        m.expect('efi', r'\[FAIL\] .*\n', 180)
        end = time.monotonic() + 5 # the firmware's console breaks lines at the 80th column
        while text.replace(' ', '') not in re.sub(r'\s+', '', said := m.console.text('efi') + m.console.text('raw')):
            assert time.monotonic() < end, said
            time.sleep(0.2)
        assert not m.console.text('hv')
    return begin


def test_file_missing(stick, says):
    stick.remove(KERNEL)
    says(f"/boot/pollux.cfg line 2: /boot/{KERNEL} is not on the loader's volume: copy it there, or take the line out")


def test_line_wrong(stick, says, tmp_path):
    stick.write('pollux.cfg', stick.read('pollux.cfg', tmp_path) + b'# a comment\r\n\r\nmodul2 /boot/x vm=g2\n', tmp_path)
    says("/boot/pollux.cfg line 5: unknown command 'modul2' (known: multiboot2, module2)")


@long
def test_lines_missing(stick, says):
    stick.remove('pollux.cfg')
    says("the loader: /boot/pollux.cfg is not on the loader's volume")


@long
def test_hypervisor_truncated(stick, says, tmp_path):
    stick.write('0-pollux.elf', stick.read('0-pollux.elf', tmp_path)[:100000], tmp_path)
    says('/boot/pollux.cfg line 1: /boot/0-pollux.elf: it is cut off: copy it again')


@long
def test_empty_file(stick, says, tmp_path):
    stick.write(KERNEL, b'', tmp_path)
    says(f'/boot/pollux.cfg line 2: /boot/{KERNEL} has 0 bytes: copy it again')


@long
def test_another_file_for_the_hypervisor(stick, says, tmp_path):
    stick.write('0-pollux.elf', b'text\n' * 100, tmp_path)
    says('/boot/0-pollux.elf: it is no hypervisor (ELF executable for x86-64)')


@long
def test_file_truncated_on_the_disk(stick, says):
    """The folder says how large it is, the clusters end before."""
    size = image.GUEST.stat().st_size
    left = stick.cut_chain(KERNEL)
    assert 0 < left < size
    says(f'/boot/pollux.cfg line 2: /boot/{KERNEL} ends behind 0 of {size} bytes: copy it again, check its file system')


@long
def test_hypervisor_alone(start, stick, tmp_path):
    """Loaded and started: it is the one that says what it lacks."""
    stick.write('pollux.cfg', b'multiboot2 /boot/0-pollux.elf\n', tmp_path)
    m = start(Spec(disk=stick.path, firmware='uefi', net='none'))
    m.expect('hv', r'\[FAIL\] no VM: give at least one module', 180)
    assert m.wait_end(20) == FATAL


@long
def test_module_truncated(start, stick, tmp_path):
    """A kernel that was cut off when it was copied: that VM is not started, and its name is told."""
    stick.write(KERNEL, stick.read(KERNEL, tmp_path)[:50000], tmp_path)
    m = start(Spec(disk=stick.path, firmware='uefi', net='none'))
    m.expect('hv', 'g1.*not started: its ELF kernel is cut off', 180)


def signed_loader(folder):
    """Our loader, signed by the key that is in the variables of OVMF's package for tests: its secret is known to everybody."""
    key, out = folder / 'key', folder / 'signed.efi'
    subprocess.run(['openssl', 'rsa', '-in', OVMF_KEY.with_suffix('.key'), '-passin', 'pass:snakeoil', '-out', key],
                   check=True, capture_output=True)
    subprocess.run(['sbsign', '--key', key, '--cert', OVMF_KEY.with_suffix('.pem'), '--output', out, disk.LOADER],
                   check=True, capture_output=True)
    return out.read_bytes()


@long
@pytest.mark.parametrize('signed', [False, True])
def test_secure_boot_is_refused(start, stick, tmp_path, signed):
    """By the firmware; and where somebody has signed the loader, by the loader."""
    if signed:
        (tmp_path / 'new').write_bytes(signed_loader(tmp_path))
        stick.mtools('mcopy', '-o', tmp_path / 'new', '::/EFI/BOOT/BOOTX64.EFI')
    flash = [f'if=pflash,format=raw,unit={n},file={SECURE}/OVMF_{name}_4M.snakeoil.fd,{how}'
             for n, (name, how) in enumerate([('CODE', 'readonly=on'), ('VARS', 'snapshot=on')])]
    m = start(Spec(disk=stick.path, machine='q35', net='none', extra=(
        '-machine', 'smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on', '-drive', flash[0], '-drive', flash[1])))
    if signed:
        m.expect('efi', r'\[FAIL\] UEFI Secure Boot is on, which Pollux does not support', 240)
    else:
        m.expect('raw', r'(?s)Access\s+Denied', 240)
        assert not m.console.text('efi')
    assert not m.console.text('hv')
