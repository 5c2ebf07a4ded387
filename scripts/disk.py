#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a disk image that boots both ways: by GRUB on a BIOS, by our own loader (boot/efi) on UEFI.

    disk.py --output out/pollux.img            the system of `make run`, with the monitor on its console

A GPT with a partition for GRUB's core and an EFI system partition, on which everything else is: both read
/boot/pollux.cfg. Nothing is mounted. Written to a USB stick by install_usb.py.
"""
import argparse
import struct
import sys
import tempfile
from pathlib import Path

import image
from image import ImageError, run

LOADER = image.OUT / 'efi/pollux.efi'
GRUB = Path('/usr/lib/grub/i386-pc')
# All that GRUB needs is in its core: it reads no module from the disk.
CORE_MODULES = 'biosdisk part_gpt fat normal configfile multiboot2 serial terminal test ' \
               'all_video vbe vga video_bochs video_cirrus'
SECTOR = 512
MIB = 1 << 20
CORE_START = MIB
ESP_START = 2 * MIB
ESP_LEAST = 64 * MIB
CLUSTERS_MOST = 60000     # of FAT16
SLACK = 16 * MIB          # of the file system, and for the user's own files
END = MIB                 # the second copy of the partition table
# Fields of GRUB's boot.img and core.img (include/grub/i386/pc/boot.h, offsets.h): where the core begins, an instruction
# that is to be skipped on hard disks, where the core goes on behind its first sector.
FIRST_SIZE = 440          # behind it: the disk's own partition table
FIRST_CORE_SECTOR = 0x5c
FIRST_DRIVE_CHECK = 0x66
CORE_REST_SECTOR = SECTOR - 12
NOPS = 0x9090


def partition(disk, esp_size):
    """An empty disk with both partitions."""
    with open(disk, 'wb') as f:
        f.truncate(ESP_START + esp_size + END)
    command = ['sgdisk', '--clear', '--set-alignment=1']
    for number, name, kind, start, end in ((1, 'GRUB', 'ef02', CORE_START, ESP_START),
                                           (2, 'Pollux', 'ef00', ESP_START, ESP_START + esp_size)):
        command += [f'--new={number}:{start // SECTOR}:{end // SECTOR - 1}', f'--typecode={number}:{kind}',
                    f'--change-name={number}:{name}']
    run([*command, disk])


def fill_esp(disk, folder, esp_size):
    """FAT16, which UEFI has to read on removable media, and whose clusters are larger: GRUB reads one at a time."""
    esp, cluster = f'{disk}@@{ESP_START}', 4096
    while esp_size // cluster > CLUSTERS_MOST:
        cluster *= 2
    run(['mformat', '-i', esp, '-c', cluster // SECTOR, '-v', 'POLLUX', '-T', esp_size // SECTOR, '-H', ESP_START // SECTOR,
         '-h', '255', '-s', '63', '::'])
    run(['mcopy', '-i', esp, '-s', *sorted(folder.iterdir()), '::'])


def install_grub(disk, tmp):
    """GRUB's first sector and its core, which finds its configuration on the disk that it was started from. The program
    that GRUB has for this wants a mounted file system, so its fields are filled in here."""
    core = tmp / 'core.img'
    run(['grub-mkimage', '-d', GRUB, '-O', 'i386-pc', '-o', core, '-p', '(,gpt2)/boot/grub', *CORE_MODULES.split()])
    first, core = bytearray((GRUB / 'boot.img').read_bytes()), bytearray(core.read_bytes())
    if len(core) > ESP_START - CORE_START:
        raise ImageError(f"GRUB's core has {len(core)} bytes, too many for its partition")
    struct.pack_into('<Q', first, FIRST_CORE_SECTOR, CORE_START // SECTOR)
    struct.pack_into('<H', first, FIRST_DRIVE_CHECK, NOPS)
    struct.pack_into('<Q', core, CORE_REST_SECTOR, CORE_START // SECTOR + 1)
    with open(disk, 'r+b') as f:
        f.write(first[:FIRST_SIZE])
        f.seek(CORE_START)
        f.write(core)


def make(output, description):
    """Write the disk image. Raises ImageError that names a missing file."""
    if not LOADER.is_file():
        raise ImageError(f'{LOADER} is missing: make efi')
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='pollux-disk-') as tmp:
        tmp = Path(tmp)
        root = tmp / 'root'
        image.fill(root, description)
        start = root / 'EFI/BOOT'
        start.mkdir(parents=True)
        (start / 'BOOTX64.EFI').write_bytes(LOADER.read_bytes())
        used = sum(f.stat().st_size for f in root.rglob('*') if f.is_file())
        size = max(ESP_LEAST, (used + SLACK + MIB - 1) // MIB * MIB)
        disk = tmp / 'disk.img'
        partition(disk, size)
        fill_esp(disk, root, size)
        install_grub(disk, tmp)
        run(['cp', '--sparse=always', disk, output])
    return output


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--output', type=Path, required=True)
    args = p.parse_args()
    from demo_lab import describe # what it starts is the demonstration's business
    try:
        make(args.output, describe())
    except (ImageError, OSError) as e:
        sys.exit(f'disk: {e}')
    print(f'{args.output}: {args.output.stat().st_size >> 20} MiB, boots on BIOS and UEFI (without Secure Boot)')


if __name__ == '__main__':
    main()
