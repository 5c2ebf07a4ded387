# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole way through GRUB: words, lines and module bytes arrive as the description has them."""
import subprocess
from pathlib import Path

import image
import pytest
from console import ConsoleError
from run import GOOD_END

SOURCE = Path(__file__).with_name('medium_probe.c')


@pytest.fixture(scope='session')
def probe(tmp_path_factory):
    elf = tmp_path_factory.mktemp('probe') / 'probe.elf'
    subprocess.run(['gcc', '-m32', '-O1', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-fno-pie',
                    '-fno-stack-protector', '-fcf-protection=none', '-nostdlib', '-static', '-Wl,-Ttext=0x200000',
                    '-Wl,--build-id=none', '-Wl,-z,noexecstack', '-mgeneral-regs-only', '-o', elf, SOURCE],
                   check=True)
    return elf


@pytest.mark.parametrize('machine', ['pc', 'q35'])
def test_words_and_modules_arrive(boot, probe, tmp_path, machine):
    data = bytes(range(256)) * 40 + b'end'
    module = tmp_path / 'module.bin'
    module.write_bytes(data)
    line = "vm=dvm kind=dvm mem=256M mac=52:54:00:88:00:11 -- console=ttyS0 a=$b c;d {e} *"
    description = image.Description('net=twin run=5', hypervisor=probe).add(module, line).add(module, 'initrd=dvm')
    m = boot(description, machine=machine)
    assert m.expect('hv', r'words (.*)\n', 60).group(1) == 'net=twin run=5'
    for text in (line, 'initrd=dvm'):
        size, total, got = m.expect('hv', r'module (\w+) (\w+) (.*)\n', 20).groups()
        assert int(size, 16) == len(data) and int(total, 16) == sum(data)
        assert got == text


def test_typing_monitor_and_end(boot, probe):
    m = boot(image.Description('x', hypervisor=probe))
    m.expect('hv', 'ready', 60)
    assert m.monitor('vms') == 'got ^0vms\n'
    assert m.monitor('again') == 'got again\n', 'the focus is chosen only when it changes'
    m.type('to a VM', 2)
    m.expect('mon', r'got \^2to a VM', 20)
    assert 'EIP=' in m.hmp('info registers')
    m.type('end')
    assert m.wait_end(20) == GOOD_END
    assert (m.folder / 'mon.log').read_text().startswith('got ^0vms\nok\n')


def test_end_without_the_expected_line_fails_at_once(boot, probe):
    m = boot(image.Description('x', hypervisor=probe))
    m.expect('hv', 'ready', 60)
    m.type('end')
    with pytest.raises(ConsoleError, match='the machine ended'):
        m.expect('hv', 'never printed', 300)
