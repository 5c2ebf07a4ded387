# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot media and the uncompressed kernel."""
import subprocess
import sys

import image
import pytest
import vmlinux


def test_missing_module_is_named(tmp_path):
    description = image.Description(hypervisor=image.KERNEL).add(tmp_path / 'absent.elf', 'vm=g1')
    with pytest.raises(image.ImageError, match='absent.elf is missing'):
        image.make(tmp_path / 'x.iso', description)


def test_grub_gets_every_word_unchanged():
    line = "vm=a kind=guest mem=64M -- x='y z' $HOME \"q\" ; \\ #"
    assert image.quote(line).startswith("'vm=a' 'kind=guest' 'mem=64M' '--' 'x='\\''y'")
    with pytest.raises(image.ImageError, match='line break'):
        image.quote('a\nboot')


def test_one_file_for_two_vms_is_stored_once(tmp_path):
    guest = tmp_path / 'guest.elf'
    guest.write_bytes(b'x' * (8 << 20))
    sizes = []
    for count in (1, 2):
        description = image.Description(hypervisor=image.KERNEL)
        for n in range(count):
            description.add_guest(n + 1, 'echo', elf=guest)
        sizes.append(image.make(tmp_path / f'{count}.iso', description).stat().st_size)
    assert sizes[1] - sizes[0] < 1 << 20


def test_boot_kernel_has_the_same_memory_image():
    """Each loaded segment of vmlinux.boot, with the zeros that the loader adds, equals vmlinux's."""
    full, small = ((image.OUT / 'kernel' / n).read_bytes() for n in ('vmlinux', 'vmlinux.boot'))
    assert len(small) < 0.6 * len(full)
    segments = [loaded(full), loaded(small)]
    assert segments[0] and segments[0] == segments[1]


def loaded(elf):
    """(physical address, memory content) of each loaded segment."""
    head = vmlinux.EHDR.unpack_from(elf)
    result = []
    for i in range(head[10]):
        h = vmlinux.PHDR.unpack_from(elf, head[5] + i * vmlinux.PHDR.size)
        if h[0] == vmlinux.PT_LOAD:
            assert h[5] <= h[6]
            result.append((h[3], h[4], elf[h[2]:h[2] + h[5]].ljust(h[6], b'\0')))
    return result


@pytest.mark.parametrize('content', [b'', b'\x7fELF' + bytes(1000), bytes(0x202) + b'HdrS' + bytes(0x200)])
def test_what_is_no_bzimage_is_refused(tmp_path, content):
    bad = tmp_path / 'bad'
    bad.write_bytes(content)
    r = subprocess.run([sys.executable, str(image.ROOT / 'scripts/vmlinux.py'), str(bad), str(tmp_path / 'v'),
                        str(tmp_path / 'b')], capture_output=True, text=True, check=False)
    assert r.returncode == 1 and 'bad: ' in r.stderr and 'Traceback' not in r.stderr
