# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory maps with holes, which GRUB's cutmem makes: the driver VM, whose RAM lies where the machine's does, has them too."""
import re

import image
import pytest
from run import GOOD_END

FATAL = 35
LOW_END = 0x9f000


@pytest.fixture
def holes(monkeypatch):
    """holes([(start, end), ...]): what a medium says in front, so that the machine has no RAM there."""
    monkeypatch.setattr(image, 'GRUB_MODULES', image.GRUB_MODULES + ' mmap')
    return lambda ranges: ['insmod mmap', *(f'cutmem {start:#x} {end:#x}' for start, end in ranges)]


@pytest.mark.parametrize('hole, low_end', [((0x90000, 0x92000), 0x90000), ((0x3000, 0x4000), LOW_END)], ids=['behind', 'amid'])
def test_driver_vm_has_the_machines_holes(boot, holes, hole, low_end):
    """Of what is below 1 MiB it has no more behind a hole; where what the kernel's loaders need is one, it has private pages."""
    cut = [(0x5000000, 0x5101000), hole]
    m = boot(image.Description('net=bridge', grub=holes(cut)).add_symbols().add_dvm())
    m.expect('hv', 'dvm does without 5000000-5101000, where the machine has no RAM', 60)
    m.expect('dvm', 'built-in commands', 300)
    status, text = m.shell('cat /proc/iomem')
    ram = [(int(a, 16), int(b, 16) + 1) for a, b in re.findall(r'^([0-9a-f]+)-([0-9a-f]+) : System RAM', text, re.M)]
    assert status == 0 and ram[0][1] == low_end, text
    assert all(e <= start or s >= end for s, e in ram for start, end in cut[:1]), text
    m.focus(0)
    m.send(b'quit\n')
    assert m.wait_end(30) == GOOD_END


@pytest.mark.parametrize('hole, text', [
    ((0x4000000, 0x9000000), 'too little memory: of the first 256 MiB, which dvm is to have, 80 are no RAM')], ids=['much'])
def test_too_little_is_left(boot, holes, hole, text):
    m = boot(image.Description(grub=holes([hole])).add_dvm(kernel=image.GUEST, initrd=None))
    m.expect('hv', r'\[FAIL\] .*\n', 60)
    assert m.wait_end(20) == FATAL
    assert text in m.console.text('hv')
