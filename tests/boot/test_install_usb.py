# SPDX-License-Identifier: GPL-2.0-or-later
"""What make install-usb writes to, and what it refuses, on a made-up system: no real device is touched."""
import subprocess
import sys

import image
import pytest
from install_usb import Host, Refused, install

MIB = 1 << 20


@pytest.fixture
def machine(tmp_path):
    """A system with a stick sdb of two partitions, and a fixed disk sda that is in use."""
    root = tmp_path / 'root'
    for path, text in {'sys/block/sda/removable': '0', 'sys/block/sda/size': '100000', 'sys/block/sda/ro': '0',
                       'sys/block/sdb/removable': '1', 'sys/block/sdb/size': '32768', 'sys/block/sdb/ro': '0',
                       'sys/block/sdb/dev': '8:16', 'sys/block/sdb/device/vendor': 'Example ',
                       'sys/block/sdb/device/model': 'Stick', 'sys/block/sdb/sdb1/partition': '1',
                       'sys/block/sdb/sdb1/size': '2048', 'sys/block/sdb/sdb1/dev': '8:17',
                       'sys/block/sdb/sdb2/partition': '2', 'sys/block/sdb/sdb2/size': '4096',
                       'sys/block/sdb/sdb2/dev': '8:18', 'sys/block/sdb/queue/rotational': '0',
                       'proc/self/mountinfo': '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 1 0:5 / /dev rw - devtmpfs udev rw',
                       'proc/swaps': 'Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2', 'dev/sdb': 'old'}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + '\n')
    return Machine(root, tmp_path)


class Machine:
    def __init__(self, root, folder):
        self.root, self.said, self.asked = root, [], []
        self.image = folder / 'pollux.img'
        self.image.write_bytes(bytes(range(256)) * (3 * MIB // 256) + b'end')

    def set(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + '\n')

    def install(self, name='sdb', answer='sdb', meanwhile=lambda: None):
        def ask(question):
            self.asked.append(question)
            meanwhile()
            return answer

        install(Host(self.root), self.image, name, ask, self.said.append, self._write)

    def _write(self, source, device):
        device.write_bytes(source.read_bytes()) # a plain file here: O_EXCL is of block devices

    def refuses(self, text, **how):
        with pytest.raises(Refused, match=text):
            self.install(**how)
        assert (self.root / 'dev/sdb').read_text() == 'old\n'


@pytest.mark.parametrize('name', ['sdb', '/dev/sdb'])
def test_writes_after_its_name_was_typed(machine, name):
    machine.install(name)
    assert (machine.root / 'dev/sdb').read_bytes() == machine.image.read_bytes()
    assert machine.said[0] == ('sdb: Example Stick, 16 MiB. All of it will be erased:\n  sdb1  1 MiB\n  sdb2  2 MiB')
    assert machine.asked == ['Type sdb to erase it and write 3 MiB: ']


@pytest.mark.parametrize('answer', ['', 'y', 'yes', 'sda', 'sdb1', '/dev/sdb'])
def test_other_answers_write_nothing(machine, answer):
    machine.refuses('nothing was written', answer=answer)
    assert machine.said, 'what would be erased was not shown'


@pytest.mark.parametrize('name, text', [
    ('', r'which stick\? make install-usb DEV=sdb'), ('sdc', r'there is no disk sdc \(disks: sda sdb\)'),
    ('sda', 'sda is not removable'), ('sdb1', 'sdb1 is a partition: name the whole disk, sdb'),
    ('../sdb', 'no name of a device'), ('.', 'no name of a device'), ('/dev/', 'no name of a device')])
def test_wrong_devices(machine, name, text):
    machine.refuses(text, name=name)
    assert not machine.asked


@pytest.mark.parametrize('path, content, text', [
    ('proc/self/mountinfo', '40 22 8:18 / /media/stick rw - vfat /dev/sdb2 rw', 'mounted on /media/stick'),
    ('proc/self/mountinfo', '40 22 0:50 / /media/pool rw - btrfs /dev/sdb1 rw', 'mounted on /media/pool'),
    ('proc/self/mountinfo', '40 22 8:16 / /mnt rw shared:1 - vfat /dev/sdb rw', 'mounted on /mnt'),
    ('proc/swaps', 'Filename\n/dev/sdb1 partition 1 0 -2', 'swap: /dev/sdb1'),
    ('sys/block/sdb/sdb2/holders/dm-0', '', 'part of dm-0'), ('sys/block/sdb/ro', '1', 'write-protected'),
    ('sys/block/sdb/size', '0', 'no medium'), ('sys/block/sdb/size', '2048', 'sdb has 1 MiB, the image 3')])
def test_disks_in_use_or_too_small(machine, path, content, text):
    machine.set(path, content)
    machine.refuses(text)
    assert not machine.asked


def test_mounted_while_it_asked(machine):
    machine.refuses('mounted on /media/late', meanwhile=lambda: machine.set(
        'proc/self/mountinfo', '40 22 8:17 / /media/late rw - vfat /dev/sdb1 rw'))
    assert machine.asked


def test_missing_image(machine):
    machine.image.unlink()
    machine.refuses('pollux.img is missing: make image')


def test_program_says_why_and_fails(tmp_path):
    (tmp_path / 'x.img').write_bytes(b'x')
    r = subprocess.run([sys.executable, image.ROOT / 'scripts/install_usb.py', '--image', tmp_path / 'x.img', 'no-such-disk'],
                       capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert r.returncode == 1 and 'install-usb: there is no disk no-such-disk' in r.stderr and not r.stdout
