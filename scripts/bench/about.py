# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures hold for: commit, machine, versions, charges."""
import gzip
import os
import re
import subprocess

import cost
import image
import systems
import web
import xen

CPUINFO = '/proc/cpuinfo'


def output(*command):
    """Of a command that may fail: then None."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=image.ROOT).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def commit():
    """(its hash, whether the tree is as it was committed); (None, None) outside of git."""
    head, status = output('git', 'rev-parse', 'HEAD'), output('git', 'status', '--porcelain')
    if head is None or status is None:
        return None, None
    return head.strip(), not status.strip()


def processor(text):
    """The model that /proc/cpuinfo names, or None."""
    m = re.search(r'(?m)^model name\s*: *(.+)$', text)
    return m and m[1].strip()


def package_version(root, name):
    """Of a package of Debian's that was unpacked below a folder, or None when it is not there."""
    for file in sorted(root.glob(f'usr/share/doc/{name}/changelog.Debian.gz')):
        with gzip.open(file, 'rt', encoding='utf-8', errors='replace') as f:
            m = re.match(r'\S+ \((\S+)\)', f.readline())
        return m and m[1]
    return None


def about(quick, begun, seconds):
    """begun: text; seconds: that it took so far, pauses not counted."""
    head, clean = commit()
    with open(CPUINFO, encoding='utf-8') as f:
        model = processor(f.read())
    version = output('qemu-system-x86_64', '--version')
    return {'commit': head, 'clean': clean, 'begun': begun, 'seconds': round(seconds), 'quick': quick,
            'host_cpu': model, 'host_cpus': os.cpu_count(), 'qemu': version and version.splitlines()[0],
            'kernel': (image.OUT / 'kernel/version').read_text().strip(),
            'xen': package_version(xen.ROOT, 'xen-hypervisor-*'), 'lighttpd': package_version(web.SERVER, 'lighttpd'),
            'cpu': systems.CPU, 'mitigations': systems.MITIGATIONS, 'per_rep': cost.PER_REP, 'per_switch': cost.PER_SWITCH}
