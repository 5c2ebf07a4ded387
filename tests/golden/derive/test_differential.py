#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Derived code does what the original does: see differential.py.

Over the golden cases that can be derived, and over the hot set of the stock e1000 when set-up has
unpacked the kernel package. DIFFERENTIAL_RUNS=N: runs per function of e1000.
"""
import os
import shutil

import pytest

from test_golden import OUT, TOP, assemble, cases, derive, run_case
from test_input import BODY, CONF, stock_files
from twinfile import Twin

pytest.importorskip("unicorn", reason="needs the package python3-unicorn")
from differential import World  # pylint: disable=wrong-import-position

RUNS = int(os.environ.get("DIFFERENTIAL_RUNS", "2000"))
HOT_COVERAGE = .95
DERIVABLE = [c for c in cases() if not c[3].startswith("derive:") and
             "#option --no-load" not in c[2]]


def functions(twin):
    """Functions with their entries: cold parts belong to them."""
    return [f for f in twin.functions if not f.flags & 1]


def differences(world, runs):
    """[(function, seed, difference)]; how often a function returned."""
    found, returned = [], 0
    for f in functions(world.twin):
        for k in range(runs):
            end, difference = world.compare(f, k * 7919 + f.module_offset)
            returned += end == "returned"
            if difference:
                found.append((world.twin.string(f.name), k, difference))
    return found, returned


@pytest.mark.parametrize("name,number,source,expected", DERIVABLE,
                         ids=["%s-%d" % c[:2] for c in DERIVABLE])
def test_golden_case(name, number, source, expected, kernel, tmp_path):
    """Every derivable golden case, 20 states each."""
    del name, number, expected
    run_case(source, kernel, tmp_path)
    found, _ = differences(World(tmp_path / "golden.ko", Twin(tmp_path / "golden.twin")), 20)
    assert not found


def derive_source(kernel, tmp_path):
    """The module of test_input.py, that has a bit of everything."""
    assemble(BODY, tmp_path)
    (tmp_path / "golden.conf").write_text(CONF)
    result = derive(["golden.ko", "-c", "golden.conf", "-k", kernel, "-o", "golden.twin"], tmp_path)
    assert result.returncode == 0, result.stderr
    return Twin(tmp_path / "golden.twin")


def test_wrong_copies_are_noticed(kernel, tmp_path):
    """The comparison can fail: each kind of instruction that is spoiled makes a difference."""
    twin = derive_source(kernel, tmp_path)
    found, returned = differences(World(tmp_path / "golden.ko", twin), 30)
    assert not found and returned > 30
    text, spoiled = twin.text, 0
    for at, line in twin.disassemble():
        if not line.startswith(("bts", "add $0x10,%rsp", "lea", "mov %fs", "inc", "pop %rbx")):
            continue
        length = next(m.length for m in twin.by_twin if m.twin_offset == at)
        twin.text = text[:at] + b"\x90" * length + text[at + length:]
        found, _ = differences(World(tmp_path / "golden.ko", twin), 30)
        # A guard changes nothing for valid pointers, a per-CPU counter is not compared.
        assert bool(found) == (not line.startswith(("bts", "inc"))), line
        spoiled += bool(found)
    assert spoiled >= 3


def test_stock_e1000(tmp_path):
    """The hot set of the packaged driver: no difference, nearly every instruction executed."""
    module, vmlinux = stock_files()
    if not module:
        pytest.skip("no kernel package unpacked under %s/kernel" % OUT)
    shutil.copy(module, tmp_path / "e1000.ko")
    conf = os.path.join(TOP, "drivers", "e1000", "e1000.twin.conf")
    result = derive(["e1000.ko", "-c", conf, "-k", vmlinux, "-o", "e1000.twin"], tmp_path)
    assert result.returncode == 0, result.stderr
    world = World(tmp_path / "e1000.ko", Twin(tmp_path / "e1000.twin"))
    found, returned = differences(world, RUNS)
    assert not found
    assert returned > RUNS * len(functions(world.twin)) // 2
    for f in functions(world.twin):
        covered, total, missing = world.coverage(f)
        print("%-34s %4d of %4d instructions%s" % (
            world.twin.string(f.name), covered, total,
            ", not: " + " ".join("0x%x" % m for m in missing) if missing else ""))
        assert covered >= HOT_COVERAGE * total, (world.twin.string(f.name), missing)
