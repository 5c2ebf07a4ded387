# SPDX-License-Identifier: GPL-2.0-or-later
"""Set-up: no network the second time, and clear words when something cannot be had."""
import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import image
import pytest

SETUP = image.ROOT / 'scripts/setup.sh'
LIST = image.ROOT / 'scripts/packages.list'
# Where a shell or a makefile's recipe names a program.
COMMAND = re.compile(r'(?:^[\t@]*|[|;&(!]\s*|\b(?:if|then|do|else)\s+|\)\(Q\))([a-z][\w.+-]*)', re.M)
# Functions whose first argument is a program.
STARTERS = {'run', 'Popen', 'check_output', 'check_call', 'which', 'peer', 'background'}
# Words of our own that begin a list and are names of programs too.
NO_PROGRAMS = {'pc', 'write'}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)


@pytest.fixture
def copy(tmp_path):
    """A tree with set-up and a package list that a test may change."""
    shutil.copytree(image.ROOT / 'scripts', tmp_path / 'scripts', ignore=shutil.ignore_patterns('__pycache__'))
    tmp_path.chmod(0o755)
    return tmp_path


@needs_root
def test_second_run_needs_no_network():
    r = run(['unshare', '--net', str(SETUP)], env={**os.environ, 'O': str(image.OUT)})
    assert r.returncode == 0, r.stdout + r.stderr
    assert '[ .. ]' not in r.stdout, 'it did something that had been done'


@needs_root
def test_package_that_cannot_be_had_is_named_with_its_purpose(copy):
    with open(copy / 'scripts/packages.list', 'a', encoding='utf-8') as f:
        f.write('pollux-no-such-package   proves that set-up explains itself\n')
    r = run([str(copy / 'scripts/setup.sh')])
    assert r.returncode != 0
    assert 'pollux-no-such-package' in r.stderr and 'proves that set-up explains itself' in r.stderr


@needs_root
def test_the_benchmark_has_its_own_set_up(copy):
    """It names a package that cannot be had, leaves nothing that looks complete, and needs no network when all is there."""
    script, packages = copy / 'scripts/bench/setup.sh', copy / 'scripts/bench/packages.list'
    whole = packages.read_text()
    packages.write_text(f'{whole}pollux-no-such-package   proves that set-up explains itself\n')
    r = run([script])
    assert r.returncode == 1
    assert 'pollux-no-such-package' in r.stderr and 'proves that set-up explains itself' in r.stderr
    assert not (copy / 'out/bench/xen/xen.elf').exists()
    packages.write_text(whole)
    if run([script]).returncode:
        pytest.skip("Xen's packages cannot be had")
    assert (copy / 'out/bench/xen/xen.elf').read_bytes()[:4] == b'\x7fELF'
    r = run(['unshare', '--net', script])
    assert r.returncode == 0 and '[ .. ]' not in r.stdout


@needs_root
def test_the_plots_packages_are_asked_for_alone(copy):
    """By a word, so that neither the benchmark nor the tests need them."""
    script, packages = copy / 'scripts/bench/setup.sh', copy / 'scripts/bench/plots.list'
    packages.write_text('pollux-no-such-package   proves that set-up explains itself\n')
    r = run([script, 'plots'])
    assert r.returncode == 1
    assert 'pollux-no-such-package' in r.stderr and 'proves that set-up explains itself' in r.stderr
    packages.write_text('python3   is there\n')
    r = run(['unshare', '--net', script, 'plots'])
    assert r.returncode == 0 and '[ .. ]' not in r.stdout
    r = run([script, 'plot'])
    assert r.returncode == 1 and 'unknown word plot' in r.stderr
    assert not (copy / 'out/bench/xen').exists()


@needs_root
def test_without_root_it_lists_what_to_install(copy):
    with open(copy / 'scripts/packages.list', 'a', encoding='utf-8') as f:
        f.write('pollux-no-such-package   proves that set-up explains itself\n')
    (copy / 'out').mkdir()
    r = run_as_nobody(copy)
    assert r.returncode != 0
    assert 'apt-get install --no-install-recommends pollux-no-such-package' in r.stderr
    assert 'proves that set-up explains itself' in r.stderr


@needs_root
def test_without_root_the_headers_of_the_kernel_are_in_the_same_list(copy):
    if 'linux-image-6' not in run(['apt-cache', 'depends', 'linux-image-amd64']).stdout:
        pytest.skip('no package lists')
    (copy / 'out').mkdir()
    fake = copy / 'dpkg-query' # to it nothing is installed
    fake.write_text('#!/bin/sh\nexit 1\n')
    fake.chmod(0o755)
    r = run_as_nobody(copy)
    assert r.returncode != 0
    command = re.search(r'apt-get install --no-install-recommends make .* python3 .*', r.stderr).group(0)
    assert re.search(r' linux-headers-6\S*-amd64\b', command), r.stderr
    assert 'castor.ko is built against them' in r.stderr


def run_as_nobody(tree):
    """pytest's own folders are closed to other users, so the tree moves to one that is not."""
    open_tree = shutil.copytree(tree, f'/tmp/pollux-setup-{os.getpid()}')
    os.chown(f'{open_tree}/out', 65534, 65534)
    try:
        return run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
                    f'{open_tree}/scripts/setup.sh'], env={**os.environ, 'PATH': f'{open_tree}:{os.environ["PATH"]}'})
    finally:
        shutil.rmtree(open_tree)


def begins(node):
    """What a list or a call begins with, when that may be a command line."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return node.elts[:1]
    if isinstance(node, ast.Call) and getattr(node.func, 'attr', getattr(node.func, 'id', '')) in STARTERS:
        return node.args[:1]
    return []


def programs_of(path):
    """Names of programs that a file of ours may start."""
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.py':
        words = {first.value for node in ast.walk(ast.parse(text)) for first in begins(node)
                 if isinstance(first, ast.Constant) and isinstance(first.value, str)}
    else:
        words = set(COMMAND.findall(re.sub(r'#.*', '', text)))
    return {w.removeprefix('/usr/bin/').removeprefix('/usr/sbin/') for w in words} - NO_PROGRAMS


def names_of(program):
    """Where dpkg may know a program of this machine: its file, what its links lead to, with and without /usr."""
    found = shutil.which(program)
    if not found or not found.startswith(('/usr/bin/', '/usr/sbin/', '/bin/', '/sbin/')):
        return set()
    files = {Path(found), Path(os.path.realpath(found))}
    return {name for f in files for name in (str(f), str(f).removeprefix('/usr'), f'/usr{f}')}


def owners(names):
    """{name: packages that hold it}"""
    held = {}
    for line in run(['dpkg', '-S', *names]).stdout.splitlines():
        packages, _, name = line.rpartition(': ')
        held.setdefault(name, set()).update(p.split(':')[0] for p in packages.split(', '))
    return held


def installed_with(names):
    """These packages, what they depend on, and what every Debian has. Recommended ones are not installed."""
    depends, provides, todo = {}, {}, {'apt', *names}
    fields = '${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n'
    for line in run(['dpkg-query', '-W', '-f', fields]).stdout.splitlines():
        name, essential, on, others = line.split('\t')
        depends[name] = re.findall(r'(?:^|[,|]) *([a-z0-9][a-z0-9.+-]*)', on)
        for other in re.findall(r'(?:^|,) *([a-z0-9][a-z0-9.+-]*)', others):
            provides.setdefault(other, set()).add(name)
        if essential == 'yes':
            todo.add(name)
    whole = set()
    while todo:
        name = todo.pop()
        if name not in whole:
            whole.add(name)
            todo |= {*depends.get(name, ()), *provides.get(name, ())}
    return whole


def test_every_program_that_is_started_is_in_a_listed_package():
    if not shutil.which('dpkg-query'):
        pytest.skip('not a Debian')
    listed = {line.split()[0] for line in LIST.read_text().splitlines() if not line.startswith('#')}
    whole = installed_with(listed)
    files = run(['git', '-C', str(image.ROOT), 'ls-files', 'Makefile', '.ci', '*.mk', '*.sh', '*.py']).stdout.split()
    where = {}
    for path in files:
        for word in programs_of(image.ROOT / path):
            where.setdefault(word, path)
    held = owners({name for w in where for name in names_of(w)})
    missing = {}
    for word, path in where.items():
        found = set().union(*(held.get(name, set()) for name in names_of(word)))
        if found and not found & whole:
            missing[word] = path, found
    assert missing == {}
    assert {'qemu-system-x86_64', 'ps', 'curl', 'git', 'ip', 'objdump', 'flock'} <= set(where)
