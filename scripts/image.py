#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a bootable medium: GRUB (BIOS and UEFI), the hypervisor and its modules, by Multiboot2.

    image.py --output X.iso --words 'net=bridge' \\
        --module 'FILE:vm=dvm kind=dvm mem=256M -- console=ttyS0' --module 'FILE:initrd=dvm'
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = Path(os.environ.get('O', 'out'))
OUT = OUT if OUT.is_absolute() else ROOT / OUT
HYPERVISOR = OUT / 'hv/pollux.elf'
SYMBOLS = OUT / 'hv/pollux.sym'
# Both kernels boot. Measured from power-on to the driver VM's shell, CPU seconds of the emulator, two runs each:
# bzImage 9.7 9.2, vmlinux.boot 8.3 9.2, that one compressed for GRUB 8.4 9.2. The smaller medium wins.
KERNEL = OUT / 'kernel/bzImage'
INITRD = OUT / 'dvm/initrd.img'
GUEST = OUT / 'guest-stub/guest.elf'
TWIN = OUT / 'drivers/e1000.twin'
TWIN_STRICT = OUT / 'drivers/e1000-strict.twin'
TWIN_STLB = OUT / 'drivers/e1000-stlb.twin' # for the boot word svm=stlb
# would end a line
FORBIDDEN = '\n\r'
LINES = 'boot/pollux.cfg' # on each medium: what is loaded, in lines that GRUB and our loader for UEFI understand
GRUB_CONFIG = 'boot/grub/grub.cfg'
# The part_* are what grub-mkrescue's own start for UEFI asks for.
GRUB_MODULES = 'normal configfile multiboot2 serial terminal test wrmsr all_video iso9660 fat part_acorn part_amiga ' \
               'part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc'
# The hypervisor asks for a framebuffer. It needs none beside a serial port, which GRUB knows of on a BIOS alone. The second
# entry says what the machine has and lacks; `p` and `h` choose.
GRUB_SCRIPT = f'''set screen=auto,text
if serial --unit=0 --speed=115200; then
  terminal_input serial
  terminal_output serial
  if [ $grub_platform = pc ]; then set screen=text; fi
fi
if [ $screen != text ]; then insmod all_video; fi
{{first}}
set timeout={{menu}}
menuentry 'Pollux' --hotkey=p {{{{
  source /{LINES}
  set gfxpayload=$screen
  boot
}}}}
menuentry 'Pollux: hv check' --hotkey=h {{{{
  multiboot2 /boot/{{hypervisor}} check
  set gfxpayload=$screen
  boot
}}}}
'''


class ImageError(Exception):
    """What is wrong, in words for the user."""


@dataclass
class Module:
    file: Path
    line: str


@dataclass
class Description:
    """What is on the medium. `words` is the hypervisor's command line; menu: seconds that GRUB waits for a choice."""
    words: str = ''
    modules: list = field(default_factory=list)
    hypervisor: Path = HYPERVISOR
    menu: int = 0
    grub: list = field(default_factory=list) # commands of GRUB's in front

    def add(self, file, line):
        self.modules.append(Module(Path(file), line))
        return self

    def add_dvm(self, words='', memory='256M', kernel=KERNEL, initrd=INITRD):
        line = f'vm=dvm kind=dvm mem={memory} -- console=ttyS0 acpi=off tsc=reliable noreplace-smp quiet panic=-1'
        self.add(kernel, f'{line} {words}'.strip())
        if initrd:
            self.add(initrd, 'initrd=dvm')
        return self

    def add_guest(self, number, words, memory='64M', elf=GUEST, locked=False):
        """Guest `number` from 1 on: its name, address and MAC follow from the number. locked: it may send from that
        address alone."""
        address = f'ip={guest_address(number)}/24 gw=10.88.0.1'
        own = f'ip={guest_address(number)} ' if locked else ''
        return self.add(elf, f'vm=g{number} kind=guest mem={memory} mac={guest_mac(number)} {own}-- {address} {words}'
                        .strip())

    def add_linux(self, number, locked=False, flavour='', memory='192M', words='', initrd=None, plain=False):
        """Guest `number` with a stock Linux: the driver VM's kernel, or one of another flavour (-cloud). plain: its card has
        no large frames."""
        own = (f'ip={guest_address(number)} ' if locked else '') + ('frames=plain ' if plain else '')
        self.add(OUT / f'kernel{flavour}/vmlinux.boot', f'vm=g{number} kind=guest mem={memory} mac={guest_mac(number)} '
                 f'{own}-- console=ttyS0 tsc=reliable quiet panic=-1 ip={guest_address(number)}/24 {words}'.strip())
        return self.add(initrd or OUT / f'linux{flavour}/initrd.img', f'initrd=g{number}')

    def add_symbols(self):
        return self.add(SYMBOLS, 'symbols')

    def add_twin(self, *files, driver='e1000'):
        """A twin for each level of the judge, or just these files."""
        for f in files or (TWIN, TWIN_STRICT):
            self.add(f, f'twin={driver}')
        return self


def guest_address(number):
    return f'10.88.0.{10 + number}'


def guest_mac(number):
    return f'52:54:00:88:00:{10 + number}'


def quote(line):
    """One argument list of a GRUB command: every word in single quotes, so that GRUB changes nothing."""
    if any(c in line for c in FORBIDDEN):
        raise ImageError(f'a line of the description has a line break: {line!r}')
    return ' '.join("'" + w.replace("'", "'\\''") + "'" for w in line.split())


def lines(description, names):
    """The text of LINES; names: of the files in /boot, the hypervisor's first."""
    out = [f'multiboot2 /boot/{names[0]} {quote(description.words)}'.strip()]
    for module, name in zip(description.modules, names[1:]):
        out.append(f'module2 /boot/{name} {quote(module.line)}')
    return '\n'.join([*out, ''])


def fill(folder, description):
    """What any medium has: LINES, GRUB's script, the files. Raises ImageError that names a missing file."""
    files = [description.hypervisor] + [m.file for m in description.modules]
    for f in files:
        if not f.is_file():
            raise ImageError(f'{f} is missing')
    boot = folder / 'boot'
    (boot / 'grub').mkdir(parents=True)
    names = []
    for f in files:
        # The same file used for two VMs is on the medium once.
        name = f'{files.index(f)}-{f.name}'
        if name not in names:
            shutil.copyfile(f, boot / name)
        names.append(name)
    (folder / GRUB_CONFIG).write_text(GRUB_SCRIPT.format(first='\n'.join(description.grub), menu=description.menu,
                                                         hypervisor=names[0]))
    (folder / LINES).write_text(lines(description, names))


def write_iso(output, folder):
    """What fill() made, and GRUB."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True) # what is there is not added to
    run(['grub-mkrescue', f'--install-modules={GRUB_MODULES}', '--fonts=', '--locales=', '--themes=', '-o', output, folder])
    return output


def make(output, description):
    """Write the ISO file. Raises ImageError that names a missing file."""
    with tempfile.TemporaryDirectory(prefix='pollux-iso-') as tmp:
        fill(Path(tmp), description)
        return write_iso(output, tmp)


def reword(source, output, key, value):
    """A copy of a medium on which the hypervisor's line says KEY=VALUE. Raises ImageError."""
    with tempfile.TemporaryDirectory(prefix='pollux-iso-') as tmp:
        tmp = Path(tmp)
        run(['xorriso', '-osirrox', 'on', '-indev', source, '-extract', '/boot', tmp / 'boot'])
        run(['chmod', '-R', 'u+w', tmp])
        script = (tmp / GRUB_CONFIG).read_text()
        shutil.rmtree(tmp / 'boot/grub') # GRUB's own files come anew
        (tmp / 'boot/grub').mkdir()
        (tmp / GRUB_CONFIG).write_text(script)
        text, n = re.subn(r'^(multiboot2 \S+)(.*)$', lambda m: m.group(1) + new_words(m.group(2), key, value),
                          (tmp / LINES).read_text(), flags=re.M)
        if n != 1:
            raise ImageError(f'{source}: its {LINES} does not boot a hypervisor')
        (tmp / LINES).write_text(text)
        return write_iso(output, tmp)


def new_words(words, key, value):
    kept = [w for w in words.split() if not w.startswith(f"'{key}=")]
    return ''.join(f' {w}' for w in [*kept, quote(f'{key}={value}')])


def run(command):
    command = [str(w) for w in command]
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if r.returncode != 0:
        raise ImageError(f'{command[0]} failed:\n{r.stdout}')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--output', type=Path, required=True)
    p.add_argument('--hypervisor', type=Path, default=HYPERVISOR)
    p.add_argument('--words', default='', help="the hypervisor's command line")
    p.add_argument('--menu', type=int, default=0, metavar='SECONDS', help='how long GRUB waits for a choice (default: 0)')
    p.add_argument('--module', action='append', default=[], metavar='FILE:LINE',
                   help='a boot module and its line; the order counts')
    args = p.parse_args()
    description = Description(args.words, hypervisor=args.hypervisor, menu=args.menu)
    try:
        for m in args.module:
            file, colon, line = m.partition(':')
            if not colon:
                raise ImageError(f'--module {m}: FILE:LINE expected')
            description.add(file, line)
        make(args.output, description)
    except (ImageError, OSError) as e:
        sys.exit(f'image: {e}')


if __name__ == '__main__':
    main()
