# SPDX-License-Identifier: GPL-2.0-or-later
"""Set-up: no network the second time, and clear words when something cannot be had."""
import os
import shutil
import subprocess

import image
import pytest

SETUP = image.ROOT / 'scripts/setup.sh'
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
def test_without_root_it_lists_what_to_install(copy):
    with open(copy / 'scripts/packages.list', 'a', encoding='utf-8') as f:
        f.write('pollux-no-such-package   proves that set-up explains itself\n')
    (copy / 'out').mkdir()
    r = run_as_nobody(copy)
    assert r.returncode != 0
    assert 'apt-get install --no-install-recommends pollux-no-such-package' in r.stderr
    assert 'proves that set-up explains itself' in r.stderr


def run_as_nobody(tree):
    """pytest's own folders are closed to other users, so the tree moves to one that is not."""
    open_tree = shutil.copytree(tree, f'/tmp/pollux-setup-{os.getpid()}')
    os.chown(f'{open_tree}/out', 65534, 65534)
    try:
        return run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
                    f'{open_tree}/scripts/setup.sh'])
    finally:
        shutil.rmtree(open_tree)
