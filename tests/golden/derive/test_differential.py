#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Derived code does what the original does: see differential.py.

Over the golden cases that can be derived. The hot set of the stock e1000: test_hot_set.py.
"""
import pytest

from test_golden import assemble, cases, derive, run_case
from test_input import BODY, CONF
from twinfile import Twin

pytest.importorskip("unicorn", reason="needs the package python3-unicorn")
from differential import TWIN, Outcome, World, condition  # pylint: disable=wrong-import-position
from lookups import world_of  # pylint: disable=wrong-import-position

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
    found, _ = differences(world_of(tmp_path / "golden.ko", Twin(tmp_path / "golden.twin")), 20)
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


def test_wild_stores_leave_code_alone(kernel, tmp_path):
    """A store of the original to where the emulator has the twin's code faults, and changes no later run."""
    twin = derive_source(kernel, tmp_path)
    world, faults = World(tmp_path / "golden.ko", twin), 0
    for f in functions(twin):
        world.prepare(0)
        faults += world.execute(world.dvm(f), [TWIN] * 6, False, None).end == "fault"
    assert faults
    assert world.uc.mem_read(TWIN, len(twin.text)) == world.relocate_twin()


@pytest.mark.parametrize("what,value", [
    ("end", "fault"), ("branches", [(1, True, False)]), ("calls", [("kfree", (2,))]),
    ("accesses", [("read", 4096, 4), ("write", 4100, 4, 1)]),
    ("accesses", [("write", 4100, 4, 1), ("read", 4096, 4)]), ("accesses", [("read", 4096, 8)]),
    ("registers", (0, 1)), ("memory", {4096: b"2"})])
def test_everything_is_compared(what, value):
    """Two runs that differ in one thing are not equal: also in the order of accesses."""
    def outcome():
        o = Outcome()
        o.end, o.branches, o.calls = "returned", [(1, True, True)], [("kfree", (1,))]
        o.accesses = [("read", 4096, 4)]
        o.registers, o.memory = (0, 0), {4096: b"1"}
        return o
    other = outcome()
    assert outcome().differs(other) is None
    setattr(other, what, value)
    assert outcome().differs(other)


def test_conditions():
    """Conditional jumps are decided as the processor does (Intel manual, appendix B.1)."""
    zero, sign, carry, overflow = 1 << 6, 1 << 7, 1, 1 << 11
    assert condition(0x4, zero) and not condition(0x5, zero)
    assert condition(0x2, carry) and condition(0x6, carry) and not condition(0x7, zero)
    assert condition(0xC, sign) and not condition(0xC, sign | overflow) and condition(0xD, 0)
    assert condition(0xE, zero) and condition(0xF, 0) and not condition(0xF, overflow)
