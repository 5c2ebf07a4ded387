# SPDX-License-Identifier: GPL-2.0-or-later
"""One virtual machine for each test. A test in five lines:

    def test_dvm_reaches_its_shell(boot):
        machine = boot(Description('net=bridge').add_symbols().add_dvm())
        machine.expect('dvm', 'dvm ready', 120)
        status, text = machine.shell('ip -br link')
        assert status == 0 and 'eth0' in text

Consoles and the emulator line of a failed test are in out/run/TEST/.
"""
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))
sys.path.insert(0, str(ROOT / 'tests'))

import disk # noqa: E402
import image # noqa: E402
import peer # noqa: E402
from run import Spec, machine_of # noqa: E402


def pytest_configure(config):
    config.addinivalue_line('markers', 'long: only part of make test-all')


def pytest_collection_modifyitems(config, items):
    if os.environ.get('POLLUX_LONG'):
        return
    skip = pytest.mark.skip(reason='long: make test-all')
    for item in items:
        if 'long' in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def run_name(request):
    """A folder name of its own for each test."""
    return re.sub(r'[^A-Za-z0-9_.-]+', '-', request.node.name).strip('-')


@pytest.fixture
def start(run_name):
    """start(spec) starts a machine that ends with the test. Several in one test get numbered folders."""
    machines = []

    def begin(spec):
        spec.name = f'{run_name}-{len(machines)}' if machines else run_name
        if (spec.net == 'tap' or spec.machine == 'bochs') and not peer.is_available():
            pytest.skip('network namespaces and taps need root')
        machines.append(machine_of(spec).__enter__())
        return machines[-1]

    yield begin
    for m in machines:
        m.stop()


@pytest.fixture
def boot(start, tmp_path):
    """boot(description, **spec) makes the medium and boots it; without a network unless net= says so. medium: iso or disk."""
    def begin(description, medium='iso', **spec):
        make = disk.make if medium == 'disk' else image.make
        spec[medium] = make(tmp_path / f'medium.{medium}', description)
        return start(Spec(**{'net': 'none', **spec}))
    return begin


@pytest.fixture
def native(start):
    """native(words, **spec) boots the driver VM's kernel and initrd without the hypervisor."""
    def begin(words='mode=native', **spec):
        return start(Spec(kernel=image.KERNEL, initrd=image.INITRD,
                          append=f'console=ttyS0 quiet panic=-1 {words}', **{'net': 'tap', **spec}))
    return begin
