# SPDX-License-Identifier: GPL-2.0-or-later
"""`hv check`: what the machine has and lacks, by name, all of it, and the end; and what an ordinary boot makes of that."""
import re

import image
import pytest
from run import GOOD_END

FATAL = 35


def rows(machine):
    """{name: state}; the machine has ended well, whatever it lacks."""
    assert machine.wait_end(60) == GOOD_END
    text = machine.console.text('hv')
    assert '[FAIL]' not in text and 'running' not in text
    return {m[1].strip(): m[0] for m in re.findall(r'^check: (ok|optional|missing|locked) +(.{16}) ', text, re.M)}


def test_chosen_in_the_menu(boot):
    """GRUB's second entry; the VMs of the first are not started. The machine's tables are named too."""
    m = boot(image.Description('net=bridge', menu=30).add_guest(1, 'echo'))
    m.expect('raw', 'hv check', 60)
    m.send(b'h')
    found = rows(m)
    assert found['AMD-V'] == found["AMD-V's switch"] == found['nested paging'] == found['NX'] == 'ok', found
    assert found['decode assists'] == 'optional' and 'missing' not in found.values(), found
    text = m.console.text('hv')
    assert 'check: 0 needed features are missing' in text
    assert re.search(r'check: ok +MADT: 1 CPUs, 1 IOAPICs, the first at fec00000\n', text)
    assert re.search(r'check: ok +power off: S5 by port 604, value 0\n', text)
    assert re.search(r'check: optional MCFG: ', text) and re.search(r'check: optional reset register: ', text)


def test_everything_that_lacks_is_named(boot):
    """Not only the first: neither AMD-V nor NPT, on a machine with PCI Express."""
    found = rows(m := boot(image.Description('check'), cpu='qemu64,-svm', machine='q35'))
    lack = {k for k, v in found.items() if v == 'missing'}
    assert lack == {'AMD-V', "AMD-V's switch", 'nested paging'}, found
    assert 'check: 3 needed features are missing' in m.console.text('hv')
    assert re.search(r'check: ok +MCFG: PCI buses 0 to 255 at b0000000; not used yet\n', m.console.text('hv'))
    assert re.search(r'check: ok +reset register: port cf9, value f\n', m.console.text('hv'))


@pytest.mark.parametrize('cpu, text', [
    ('qemu64,-svm', "AMD-V (cpuid 80000001.ecx[2]), AMD-V's switch (msr c0010114[4]), nested paging"),
    ('EPYC,+svm,-npt', 'it lacks nested paging (cpuid 8000000a.edx[0])')], ids=['no-amdv', 'no-npt'])
def test_an_ordinary_boot_names_what_lacks(boot, cpu, text):
    m = boot(image.Description().add_guest(1, 'echo'), cpu=cpu)
    m.expect('hv', r'\[FAIL\] this machine cannot host VMs: .*\n', 60)
    assert m.wait_end(20) == FATAL
    assert text in m.console.text('hv')
