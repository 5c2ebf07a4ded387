#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of derive share."""
import os
import subprocess

import pytest

import fakekernel
from test_golden import DERIVE, TOP


@pytest.fixture(scope="session", name="kernel")
def fixture_kernel(tmp_path_factory):
    """The small vmlinux; derive is built if it is not there."""
    if not os.path.exists(DERIVE):
        subprocess.run(["make", "-s", "-C", TOP, "derive"], check=True)
    path = tmp_path_factory.mktemp("kernel") / "vmlinux"
    fakekernel.write(path)
    return str(path)
