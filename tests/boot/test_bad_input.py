# SPDX-License-Identifier: GPL-2.0-or-later
"""What an administrator can get wrong on the medium: one clear line that names it, then the end of the boot,
where nothing sensible can be run without it."""
import subprocess

import image
import pytest
from run import GOOD_END, Spec

FATAL = 35
GUEST = 'vm=g1 kind=guest mem=16M --'
DVM = 'vm=dvm kind=dvm mem=64M --'

# (the hypervisor's words, lines of modules, what the [FAIL] line says)
WORDS = [
    ('wibble', [GUEST], "hypervisor: unknown word 'wibble' (known: net= judge= svm= focus= run= restarts= panic= check)"),
    ('panic=stop', [GUEST], 'panic=stop (known: halt, reboot)'),
    ('panic=halt panic=reboot', [GUEST], 'panic= is given twice'),
    ('net=wire', [GUEST], 'net=wire (known: bridge, twin)'),
    ('net=bridge net=twin', [GUEST], 'net= is given twice'),
    ('judge=lax', [GUEST], 'judge=lax (known: strict, normal)'),
    ('judge=strict judge=normal', [GUEST], 'judge= is given twice'),
    ('svm=tlb', [GUEST], 'svm=tlb (known: window, stlb)'),
    ('svm=stlb svm=stlb', [GUEST], 'svm= is given twice'),
    ('restarts=0', [GUEST], 'restarts=0 (1 to 1000)'),
    ('run=soon', [GUEST], 'hypervisor: run=soon is not a number'),
    ('focus=nobody', [GUEST], 'focus=nobody: there is no such VM'),
    ('', ['symbols'], 'no VM: give at least one module a line vm=NAME kind=... mem=...'),
    ('', [GUEST, 'kernel=g1'], "module 2: unknown word 'kernel' (known: vm= initrd= twin= symbols)"),
    ('', [GUEST, ''], 'module 2 has no words'),
    ('', ['vm=g1 kind=guest mem=16M colour=red --'], "g1: unknown word 'colour' (known: kind= mem= mac= ip= frames= --)"),
    ('', ['vm=g1 kind=robot mem=16M --'], 'g1: kind=robot (known: dvm, guest)'),
    ('', ['vm=g1 kind=guest kind=dvm mem=16M --'], 'g1: kind= is given twice'),
    ('', ['vm=g1 kind=guest --'], 'vm=g1 needs mem='),
    ('', ['vm=g1 kind=guest mem=lots --'], 'g1: mem=lots is not a number'),
    ('', ['vm=g1 kind=guest mem=1M --'], 'g1: mem=1M (8M to 3G)'),
    ('', ['vm=g1 kind=guest mem=16M mac=52:54:00:88:00 --'], 'g1: mac=52:54:00:88:00 is not aa:bb:cc:dd:ee:ff'),
    ('', ['vm=g1 kind=guest mem=16M mac=ff:54:00:88:00:11 --'], 'mac=ff:54:00:88:00:11 is a group address'),
    ('', ['vm=g1 kind=guest mem=16M frames=jumbo --'], 'g1: frames=jumbo (known: large, plain)'),
    ('', ['vm=g1 kind=guest mem=16M frames=plain frames=large --'], 'g1: frames= is given twice'),
    ('', ['vm=g1 kind=guest mem=16M ip=10.0.256.1 --'], 'g1: ip=10.0.256.1 is not a.b.c.d'),
    ('', ['vm=g1 kind=guest mem=16M ip=0.0.0.0 --'], "g1: ip=0.0.0.0 is nobody's address"),
    ('', ['vm=dvm ip=10.0.0.1 kind=dvm mem=64M --'], 'vm=dvm: ip= is for guests'),
    ('', ['vm=g1 kind=guest mem=16M ip=10.0.0.1 --', 'vm=g2 kind=guest mem=16M ip=10.0.0.1 --'],
     'g1 and g2 have the same ip='),
    ('', [GUEST, GUEST], 'two VMs are called g1'),
    ('', ['vm=hv kind=guest mem=16M --'], "vm=hv: this name is the hypervisor's own"),
    ('', [DVM, DVM.replace('vm=dvm', 'vm=dvm2')], 'more than one VM of kind=dvm'),
    ('', ['initrd=g1', GUEST], 'initrd=g1: there is no such VM before this module'),
    ('', [GUEST, *['twin=e1000'] * 4], 'twin= is given more than 3 times'),
    ('', [GUEST, 'twin=e1000', 'twin=igb'], 'twin=e1000 and twin=igb: only one driver has a twin'),
    ('', [GUEST, 'symbols please'], "symbols please: unknown word 'please'"),
]


def fails(machine, text):
    machine.expect('hv', r'\[FAIL\] .*\n', 60)
    assert machine.wait_end(20) == FATAL
    lines = [line for line in machine.console.text('hv').splitlines() if line.startswith('[FAIL]')]
    assert len(lines) == 1 and text in lines[0], lines


@pytest.mark.parametrize('words, lines, text', WORDS, ids=lambda v: None)
def test_word_is_named(boot, tmp_path, words, lines, text):
    file = tmp_path / 'module'
    file.write_bytes(b'a module\n' * 100)
    d = image.Description(words)
    for line in lines:
        d.add(file, line)
    fails(boot(d), text)


def boot_without(start, tmp_path, d, missing):
    """GRUB names the file and goes on."""
    iso = image.make(tmp_path / 'medium.iso', d)
    subprocess.run(['xorriso', '-dev', iso, '-boot_image', 'any', 'keep', '-rm', f'/boot/{missing}', '--'],
                   capture_output=True, check=True)
    m = start(Spec(iso=iso, net='none'))
    m.expect('raw', f"error: file `/boot/{missing}' not found", 60)
    return m


def test_kernel_missing_on_the_medium(start, tmp_path):
    """The only VM: the hypervisor says what it cannot do without it."""
    d = image.Description('net=bridge').add(image.GUEST, GUEST)
    fails(boot_without(start, tmp_path, d, '1-guest.elf'), 'no VM: give at least one module')


def test_twin_missing_on_the_medium(start, tmp_path):
    """It is named, and the boot goes on (net/test_bad_vms.py sees guests use the bridge)."""
    d = image.Description('net=twin').add(image.GUEST, DVM).add(image.GUEST, GUEST).add_twin(image.TWIN)
    m = boot_without(start, tmp_path, d, '3-e1000.twin')
    m.expect('hv', 'net=twin: no module twin=DRIVER was loaded, so guests use the bridge', 60)
    m.expect('hv', r'\[ ok \] running', 60)
    m.expect('g1', 'stub: Pollux guest', 60)


def test_twin_without_a_driver_vm(boot):
    m = boot(image.Description('net=twin').add_guest(1, 'echo').add_twin(image.TWIN))
    m.expect('hv', 'net=twin: there is no VM of kind=dvm, so guests have no way to the wire', 60)
    m.expect('hv', r'\[ ok \] running', 60)


def test_too_little_memory_for_the_driver_vm(boot):
    d = image.Description('net=bridge').add_dvm(kernel=image.GUEST, initrd=None)
    fails(boot(d, memory=128), 'too little memory: ')


def test_too_little_memory_for_a_guest(boot):
    """It is not started, those before and behind it are."""
    d = image.Description('net=bridge').add_guest(1, 'echo').add_guest(2, 'echo', memory='2G').add_guest(3, 'echo')
    m = boot(d, memory=256)
    m.expect('hv', r'g2 killed: not started: too little memory: mem=2048M, free are \d+ MiB', 60)
    for name in ('g1', 'g3'):
        m.expect(name, 'echo: listening', 60)
    states = {line.split()[1]: line.split()[3] for line in m.monitor('vms').splitlines() if line[:1].isdigit()}
    assert states == {'g1': 'running', 'g2': 'killed', 'g3': 'running'}
    assert set(m.stats()['vms']) == {'g1', 'g2', 'g3'}
    m.send(b'quit\n')
    assert m.wait_end(30) == GOOD_END
