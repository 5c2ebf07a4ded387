# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark's figures depend on. When one of these changes, what was measured before is forgotten."""
import hashlib
import subprocess

import booted
import image
import web
import xen

HERE = image.ROOT / 'scripts/bench'
QEMU = 'qemu-system-x86_64', '--version'
PRODUCTS = [image.HYPERVISOR, image.TWIN, image.TWIN_STLB, image.INITRD, image.GUEST, image.OUT / 'linux/initrd.img',
            booted.PLUGIN, booted.LOAD]
# An initrd of its own for most systems, so the kernel's modules are not in those above; the version stands for them.
KERNEL = [image.KERNEL, image.KERNEL.with_name('vmlinux.boot'), image.KERNEL.with_name('version')]
PACKAGES = [xen.XEN, xen.ROOT, web.SERVER]
# They only show figures.
SHOWS = ['aims.py', 'plots.py', 'results.py', 'publish.py', 'plots.list']
LAUNCHER = [image.ROOT / 'scripts' / f'{name}.py' for name in ('accel', 'console', 'demo_lab', 'image', 'initramfs', 'overhead',
                                                               'overhead_sums', 'overhead_twin', 'peer', 'run')]


def sources():
    """Of the benchmark itself, its generator's among them."""
    return [f for f in (*HERE.iterdir(), *(HERE / 'load').iterdir()) if f.is_file() and f.name not in SHOWS]


def files():
    """All of them; what is not there counts as such."""
    found = []
    for path in [*PRODUCTS, *KERNEL, *PACKAGES, *LAUNCHER, *sources()]:
        found += [f for f in path.rglob('*') if f.is_file() and not f.is_symlink()] if path.is_dir() else [path]
    return sorted(found)


def fingerprint(quick):
    h = hashlib.sha256(str(quick).encode())
    h.update(subprocess.run(QEMU, capture_output=True, check=True).stdout)
    for f in files():
        content = hashlib.sha256(f.read_bytes()).hexdigest() if f.exists() else 'absent'
        h.update(f'{f}\n{content}\n'.encode())
    return h.hexdigest()
