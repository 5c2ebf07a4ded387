#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a Linux VM's initrd from Debian's packages: a shell, some tools, the modules of its network.

Modules are copied byte for byte from the packaged kernel. Nothing depends on who runs this, or when: the
same inputs give the same file.
"""
import argparse
import gzip
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What each kind of VM loads, and its first program.
KINDS = {'dvm': (['e1000', 'virtio_pci', 'virtio_net', 'bridge'], HERE / 'dvm/init'),
         'linux': (['virtio_pci', 'virtio_net'], HERE / 'linux/init')}
TOOLS = ['ethtool', 'iperf', 'tcpdump'] # the rest is busybox
SEARCH = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
BUSYBOX = '/bin/busybox'


class InitrdError(Exception):
    """What is wrong, in words for the user."""


class Cpio:
    """A cpio archive in the kernel's format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.data = bytearray()
        self.names = set()
        self.inode = 0

    def add(self, name, mode, content=b'', device=(0, 0)):
        self.inode += 1
        self.names.add(name)
        raw = name.encode() + b'\0'
        fields = [self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(raw), 0]
        self.data += b'070701' + b''.join(b'%08X' % f for f in fields) + raw
        self.data += bytes(-len(self.data) % 4) + content
        self.data += bytes(-len(self.data) % 4)

    def folder(self, name):
        parts = name.split('/')
        for i in range(1, len(parts) + 1):
            part = '/'.join(parts[:i])
            if part and part not in self.names:
                self.add(part, stat.S_IFDIR | 0o755)

    def file(self, name, content, mode=0o755):
        if name in self.names:
            return
        if '/' in name:
            self.folder(os.path.dirname(name))
        self.add(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def finish(self):
        self.add('TRAILER!!!', 0)
        return bytes(self.data) + bytes(-len(self.data) % 512)


def find_tool(name):
    for folder in SEARCH:
        path = Path(folder, name)
        if path.exists():
            return path
    raise InitrdError(f'{name} is missing: make setup')


def libraries(program, folder=None):
    """The files that the dynamic linker would load, itself included. folder: looked into first."""
    env = {**os.environ, 'LD_LIBRARY_PATH': str(folder)} if folder else None
    text = subprocess.run(['ldd', program], capture_output=True, text=True, check=True, env=env).stdout
    return [Path(p) for p in re.findall(r'(/\S+) \(0x', text)]


def built_in(kernel):
    """Names of what the kernel has as no module."""
    return {Path(line).stem.replace('-', '_') for line in (kernel / 'modules/modules.builtin').read_text().split()}


def module_files(kernel, names):
    """The .ko files of the named modules and of what they need, needed ones first; without what is built in."""
    deps, present = {}, built_in(kernel)
    for line in (kernel / 'modules/modules.dep').read_text().splitlines():
        path, needs = line.split(':')
        deps[Path(path).stem.replace('-', '_')] = (path, needs.split())
    files = []
    for name in names:
        if name in present:
            continue
        if name not in deps:
            raise InitrdError(f'kernel has no module {name}')
        path, needs = deps[name]
        for p in [*reversed(needs), path]:
            if p not in files:
                files.append(p)
    return files


def add_modules(cpio, kernel, names, own=()):
    """The packaged ones of these names at their usual places, ours in extra/."""
    release = (kernel / 'version').read_text().strip()
    root = f'lib/modules/{release}'
    files = module_files(kernel, names)
    for path in files:
        cpio.file(f'{root}/{path}', (kernel / 'modules' / path).read_bytes(), 0o644)
    lines = (kernel / 'modules/modules.dep').read_text().splitlines(keepends=True)
    dep = ''.join(line for line in lines if line.split(':')[0] in files)
    cpio.file(f'{root}/modules.dep', dep.encode(), 0o644)
    for ko in own:
        cpio.file(f'{root}/extra/{ko.name}', ko.read_bytes(), 0o644)


def add_userland(cpio, tools, own_programs):
    """Folders, a console, busybox, packaged tools with their libraries, static programs of our own."""
    for folder in ['proc', 'sys', 'dev', 'run', 'tmp', 'root', 'bin', 'sbin', 'etc']:
        cpio.folder(folder)
    # The kernel opens /dev/console for init before anything is mounted.
    cpio.add('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.file('bin/busybox', Path(BUSYBOX).read_bytes())
    applets = subprocess.run([BUSYBOX, '--list'], capture_output=True, text=True, check=True).stdout
    for tool in tools:
        path = find_tool(tool)
        cpio.file(f'usr/bin/{tool}', path.read_bytes())
        for library in libraries(path):
            cpio.file(str(library)[1:], library.read_bytes())
    for program in own_programs:
        cpio.file(f'usr/bin/{program.name}', program.read_bytes())
    for applet in applets.split():
        if applet not in tools and applet != 'busybox':
            cpio.link(f'bin/{applet}', 'busybox')


def build(kernel, kind, own_modules, own_programs, tools=TOOLS):
    """The initrd's bytes, not compressed. kind: one of KINDS."""
    cpio, (modules, init) = Cpio(), KINDS[kind]
    add_userland(cpio, tools, own_programs)
    cpio.file('init', init.read_bytes())
    add_modules(cpio, kernel, modules, own_modules)
    return cpio.finish()


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--kernel', type=Path, required=True, help="set-up's kernel folder, out/kernel")
    p.add_argument('--output', type=Path, required=True)
    p.add_argument('--kind', choices=KINDS, default='dvm', help='what the VM is: the driver VM, or a Linux guest')
    p.add_argument('--module', type=Path, action='append', default=[], help='a module of our own, such as castor.ko')
    p.add_argument('--program', type=Path, action='append', default=[], help='a static program of our own')
    args = p.parse_args()
    try:
        image = gzip.compress(build(args.kernel, args.kind, args.module, args.program), compresslevel=6, mtime=0)
    except (InitrdError, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f'initrd: {e}')
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_bytes(image)


if __name__ == '__main__':
    main()
