# SPDX-License-Identifier: GPL-2.0-or-later
"""The same files from each firmware, in each machine: the twin is attached, a guest answers through it, and the page tables
of the running hypervisor are as the rules say. (BIOS and the ISO: boot/test_paging.py, net/test_machines.py.)"""
import image
import pytest
from live_tables import LOWER_END, check_machine

long = pytest.mark.long


# A disk image boots by GRUB on a BIOS, by our own loader on UEFI.
@pytest.mark.parametrize('firmware, medium, machine', [
    ('uefi', 'iso', 'pc'), ('uefi', 'disk', 'q35'), ('bios', 'disk', 'pc'),
    pytest.param('uefi', 'iso', 'q35', marks=long), pytest.param('uefi', 'disk', 'pc', marks=long),
    pytest.param('bios', 'disk', 'q35', marks=long), pytest.param('bios', 'iso', 'q35', marks=long)])
def test_main_job(system, tmp_path, firmware, medium, machine):
    """Its shortest form."""
    s = system('net=twin', ['echo'], firmware=firmware, medium=medium, machine=machine)
    s.attached()
    assert s.peer.ping(s.address(1))[0] == 5
    assert s.stats()['twin']['rx_to_guests'] >= 5
    pages = check_machine(s.machine, tmp_path, window=True)
    assert any(va >= LOWER_END for va, *_ in pages), 'the window is empty: the twin did not run'
    assert 'ACPI' not in s.machine.console.text('hv'), 'a warning about the tables'
    assert bool(s.machine.console.text('efi')) == (firmware == 'uefi' and medium == 'disk')
    s.quit()


@long
def test_memory_map_with_holes(system, tmp_path, monkeypatch):
    """GRUB says of three pieces of RAM that they are none: the driver VM does without, and is told so. Of low memory it has
    some of its own behind the hole."""
    cut = ''.join(f'cutmem {start} {end}\n' for start, end in (('320K', '324K'), ('10M', '11M'), ('200M', '201M')))
    monkeypatch.setattr(image, 'GRUB_MODULES', image.GRUB_MODULES + ' mmap')
    monkeypatch.setattr(image, 'GRUB_SCRIPT', f'insmod mmap\n{cut}{image.GRUB_SCRIPT}')
    s = system('net=twin', ['verify-server'])
    s.attached()
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(1, 1 << 20)
    for hole in ('a00000-b00000', 'c800000-c900000'):
        assert f'dvm does without {hole}, where the machine has no RAM' in s.machine.console.text('hv')
    iomem = s.dvm('cat /proc/iomem').lower()
    assert '00a00000-00afffff : reserved' in iomem and '0c800000-0c8fffff : reserved' in iomem, iomem
    check_machine(s.machine, tmp_path, window=True)
    s.quit()
