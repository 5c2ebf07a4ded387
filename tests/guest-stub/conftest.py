# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stub_lab import ELF, Guest, Lab  # noqa: E402


@pytest.fixture(scope="session")
def lab():
    """One namespace for all tests; taps are made and removed with each guest."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces and taps need root")
    assert ELF.exists(), f"{ELF} is missing: make guest-stub"
    with Lab() as the_lab:
        yield the_lab


@pytest.fixture
def guest(lab):
    """guest(words, ...) starts a guest that ends with the test."""
    guests = []

    def start(words, **kwargs):
        guests.append(Guest(lab, words, **kwargs))
        return guests[-1]

    yield start
    for g in guests:
        g.__exit__()
