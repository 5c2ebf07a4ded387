#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies a disk image to a USB stick, after showing what will be erased and asking for the device's name.

    install_usb.py --image out/pollux.img sdb

Refused: what is no whole disk, is not removable, is too small, or is in use (mounted, swap, part of another device).
"""
import argparse
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512 # of /sys, whatever the disk's own are
PIECE = 1 << 20


class Refused(Exception):
    """Why nothing was written, in words for the user."""


@dataclass
class Disk:
    name: str             # as in /sys/block
    size: int             # bytes
    model: str
    partitions: list = field(default_factory=list) # (name, bytes)


class Host:
    """Where the system tells of its disks; tests have one of their own."""

    def __init__(self, root='/'):
        self.root = Path(root)

    def text(self, path):
        try:
            return (self.root / path).read_text(encoding='utf-8', errors='replace').strip()
        except OSError:
            return ''

    def names(self, path):
        folder = self.root / path
        return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []

    def size(self, path):
        text = self.text(f'{path}/size')
        return int(text) * SECTOR if text.isdigit() else 0


def find(host, name):
    """The disk of that name, with or without /dev/ in front. Raises Refused."""
    name = name.removeprefix('/dev/')
    if not name or '/' in name or name.startswith('.'):
        raise Refused(f'{name!r} is no name of a device, such as sdb')
    sys_path = f'sys/block/{name}'
    if not (host.root / sys_path).is_dir():
        whole = [d for d in host.names('sys/block') if name in host.names(f'sys/block/{d}')]
        raise Refused(f'{name} is a partition: name the whole disk, {whole[0]}' if whole else
                      f'there is no disk {name} (disks: {" ".join(host.names("sys/block")) or "none"})')
    parts = [p for p in host.names(sys_path) if (host.root / sys_path / p / 'partition').is_file()]
    return Disk(name, host.size(sys_path), f'{host.text(f"{sys_path}/device/vendor")} '
                f'{host.text(f"{sys_path}/device/model")}'.strip(), [(p, host.size(f'{sys_path}/{p}')) for p in parts])


def uses(host, disk):
    """What the system does with the disk, in words."""
    nodes = {f'/dev/{n}' for n in [disk.name, *(p for p, _ in disk.partitions)]}
    numbers = {host.text(f'sys/block/{p}/dev') for p in [disk.name, *(f'{disk.name}/{n}' for n, _ in disk.partitions)]}
    found = []
    for line in host.text('proc/self/mountinfo').splitlines():
        words = line.split()
        # by its number, and by its name, where a file system has a number of its own
        if len(words) > 4 and (words[2] in numbers - {''} or nodes & set(words[words.index('-'):] if '-' in words else [])):
            found.append(f'mounted on {words[4]}')
    found += [f'swap: {line.split()[0]}' for line in host.text('proc/swaps').splitlines()[1:] if line.split()[0] in nodes]
    for path in [f'sys/block/{disk.name}', *(f'sys/block/{disk.name}/{p}' for p, _ in disk.partitions)]:
        found += [f'part of {holder}' for holder in host.names(f'{path}/holders')]
    return found


def check(host, disk, size):
    """Raises Refused unless it may be written."""
    if host.text(f'sys/block/{disk.name}/removable') != '1':
        raise Refused(f'{disk.name} is not removable: a stick is expected')
    if host.text(f'sys/block/{disk.name}/ro') == '1':
        raise Refused(f'{disk.name} is write-protected')
    if not disk.size:
        raise Refused(f'{disk.name} has no medium')
    if disk.size < size:
        raise Refused(f'{disk.name} has {disk.size >> 20} MiB, the image {size >> 20}')
    if found := uses(host, disk):
        raise Refused(f'{disk.name} is in use: {", ".join(found)}')


def describe(disk):
    lines = [f'{disk.name}: {disk.model or "unknown model"}, {disk.size >> 20} MiB. All of it will be erased:']
    lines += [f'  {name}  {size >> 20} MiB' for name, size in disk.partitions] or ['  no partitions']
    return '\n'.join(lines)


def copy(image, device):
    """Through a file descriptor that nobody else may have open (O_EXCL of a block device)."""
    with open(image, 'rb') as source, os.fdopen(os.open(device, os.O_WRONLY | os.O_EXCL), 'wb') as target:
        while data := source.read(PIECE):
            target.write(data)
        target.flush()
        os.fsync(target.fileno())


def install(host, image, name, ask=input, say=print, write=copy):
    """Raises Refused. ask(question) returns what was typed."""
    if not name:
        raise Refused('which stick? make install-usb DEV=sdb')
    if not image.is_file():
        raise Refused(f'{image} is missing: make image')
    size = image.stat().st_size
    disk = find(host, name)
    check(host, disk, size)
    say(describe(disk))
    if ask(f'Type {disk.name} to erase it and write {size >> 20} MiB: ').strip() != disk.name:
        raise Refused('nothing was written')
    check(host, find(host, name), size) # it may have been mounted meanwhile
    write(image, host.root / 'dev' / disk.name)
    say(f'{disk.name}: written')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--image', type=Path, required=True)
    p.add_argument('device', nargs='?', default='')
    args = p.parse_args()
    try:
        install(Host(), args.image, args.device)
    except (Refused, EOFError, OSError) as e:
        sys.exit(f'install-usb: {e or "nothing was written"}')
    except KeyboardInterrupt:
        sys.exit('install-usb: nothing was written')


if __name__ == '__main__':
    main()
