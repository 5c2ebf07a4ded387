# SPDX-License-Identifier: GPL-2.0-or-later
"""The hot set of the packaged e1000 does in the twin what it does in the module.

From made-up states with steered branches (differential.py), and from states recorded in a running
driver VM, as they are and changed (recorded.py). Which basic blocks that reached is in
out/tests/derive-coverage.txt. DIFFERENTIAL_RUNS=N: made-up runs of each function.
"""
import os
import re
import shutil
from types import SimpleNamespace

import pytest

from test_golden import OUT, TOP, derive
from test_input import stock_files
from twinfile import Twin

pytest.importorskip("unicorn", reason="needs the package python3-unicorn")
import blocks  # pylint: disable=wrong-import-position
import lookups  # pylint: disable=wrong-import-position
import recorded  # pylint: disable=wrong-import-position
from differential import World  # pylint: disable=wrong-import-position

RUNS = int(os.environ.get("DIFFERENTIAL_RUNS", "1000"))
OTHER_RUNS = 100
ROUNDS = 16  # changes of each recorded state
HUNT = 40  # runs of each state that look for a block which is left
RECORDING = os.path.join(OUT, "tests", "recorded", "e1000.json.gz")
TABLE = os.path.join(OUT, "tests", "derive-coverage.txt")
HOT_COVERAGE = .95
DROPPED, GUARD = 7, 3  # enum twin_map_kind

# Why a block may stay uncovered: (function, what its text must match, reason). Each one must be true
# whatever the kernel's version is; a block that no rule explains fails the test.
REASONS = []
OFF = "only behind a branch of a static key that is off, or of a stack canary: neither runs it, derive leaves it out"
PHASES = {"e1000_xmit_frame": ("small ping", "large ping", "TCP out, segments cut by the card",
                               "TCP out, nothing left to the card", "tagged frames out", "small rings, flood out"),
          "e1000_clean": ("small ping", "TCP in", "small rings, flood out", "jumbo frames in"),
          "e1000_intr": ("small ping", "link down and up"),
          "e1000_clean_rx_irq": ("small frames in", "frames in, larger than copybreak", "datagrams in",
                                 "tagged frames in, tags stripped", "small rings, flood in"),
          "e1000_clean_jumbo_rx_irq": ("jumbo frames in",)}


def derive_stock(folder, *options):
    """The packaged module's twin, made in a folder; the module is beside it."""
    module, vmlinux = stock_files()
    if not module:
        pytest.skip("no kernel package unpacked under %s/kernel" % OUT)
    shutil.copy(module, folder / "e1000.ko")
    conf = os.path.join(TOP, "drivers", "e1000", "e1000.twin.conf")
    result = derive([*options, "e1000.ko", "-c", conf, "-k", vmlinux, "-o", "e1000.twin"], folder)
    assert result.returncode == 0, result.stderr
    return Twin(folder / "e1000.twin")


@pytest.fixture(scope="module", name="stock")
def fixture_stock(tmp_path_factory):
    """The packaged module and its twin."""
    folder = tmp_path_factory.mktemp("stock")
    twin = derive_stock(folder)
    return SimpleNamespace(module=folder / "e1000.ko", twin=twin,
                           functions=[f for f in twin.functions if not f.flags & 1],
                           module_blocks=blocks.module_blocks(folder / "e1000.ko", twin, lambda s, o: (s, o)),
                           twin_blocks=blocks.twin_blocks(twin))


@pytest.fixture(scope="module", name="recording")
def fixture_recording(stock):
    """The recorded states."""
    if not os.path.exists(RECORDING):
        pytest.fail("no recorded states at %s: make record" % RECORDING)
    recording = recorded.Recording(RECORDING)
    if not recording.fits(stock.module):
        pytest.fail("states are recorded with another e1000.ko (kernel %s): make record" % recording.kernel)
    return recording


@pytest.fixture(scope="module", name="made_up")
def fixture_made_up(stock):
    """Runs from made-up states."""
    world, found, returned, runs = World(stock.module, stock.twin), [], 0, 0
    for f in stock.functions:
        name = stock.twin.string(f.name)
        for k in range(RUNS):
            end, difference = world.compare(f, k * 7919 + f.module_offset)
            returned += end == "returned"
            runs += 1
            if difference:
                found.append((name, k, difference))
    return SimpleNamespace(world=world, found=found, returned=returned, runs=runs)


@pytest.fixture(scope="module", name="real")
def fixture_real(stock, recording):
    """Runs from recorded states, then from changes of them."""
    world = recorded.RecordedWorld(stock.module, stock.twin, recording)
    plain, edges, found, returned = [], set(), [], 0
    for state in recording.states:
        world.covered_twin, before = set(), world.covered_twin
        outcome, difference = world.compare_state(state)
        plain.append(SimpleNamespace(state=state, outcome=outcome, difference=difference,
                                     seen=world.executed()[1]))
        world.covered_twin |= before
    alone = world.executed()
    for k, state in enumerate(recording.states):
        differences, ends = recorded.explore(world, state, ROUNDS, edges, k)
        found += [(state["function"], state["phase"], *d) for d in differences]
        returned += ends
    return SimpleNamespace(world=world, plain=plain, alone=alone, found=found, returned=returned)


@pytest.fixture(scope="module", name="hunted")
def fixture_hunted(stock, recording, made_up, real):
    """Runs from recorded states that are steered to the blocks which are still left. What differs."""
    found = []
    for f in stock.functions:
        name = stock.twin.string(f.name)
        mine = [b for b in stock.module_blocks if b.function == name]
        states = [s for s in recording.states if s["function"] == name][:20]
        for goal in left(mine, made_up.world.executed()[0] | real.world.executed()[0], name):
            if reason(stock, goal, "module"):
                continue
            ways = blocks.ways_to(mine, goal)
            for world in (real.world, made_up.world):
                world.goal = {world.section_at[world.by_name[section]] + offset: way
                              for (section, offset), way in ways.items()}
            for k in range(HUNT):
                found += [real.world.compare_state(s, (), k, True)[1] for s in states]
                found.append(made_up.world.compare(f, k)[1])
                if blocks.executed(real.world.executed()[0] | made_up.world.executed()[0], goal):
                    break
    real.world.goal, made_up.world.goal = {}, {}
    return [d for d in found if d]


def left(all_blocks, seen, function):
    """Blocks of a function that were not executed."""
    return [b for b in all_blocks if b.function == function and not blocks.executed(seen, b)]


def test_made_up_states(made_up):
    """No difference."""
    assert not made_up.found
    assert made_up.returned > made_up.runs // 3


def test_recorded_states_are_real(stock, recording, real):
    """Traffic reached each function that traffic can reach, and in each kind that the recorder makes;
    a run here calls what the recorded call called."""
    kinds = {(s["function"], s["phase"]) for s in recording.states}
    assert not {(f, p) for f, phases in PHASES.items() for p in phases} - kinds
    # A frame with errors, of a card with a fibre port, is not on this wire; and the dummy has one instruction.
    assert {s["function"] for s in recording.states} == \
        {stock.twin.string(f.name) for f in stock.functions} - {"e1000_tbi_should_accept", "e1000_alloc_dummy_rx_buffers"}
    for p in real.plain:
        assert p.outcome.end == "returned", (p.state["function"], p.state["phase"], p.outcome.end)
        names = [c[0] for c in p.outcome.calls if c[0] != "indirect"]
        assert names == [c["name"] for c in p.state["calls"]], (p.state["function"], p.state["phase"])


def test_recorded_states(real):
    """No difference, with branches as they fall."""
    assert not [(p.state["function"], p.state["phase"], p.difference) for p in real.plain if p.difference]


def test_changed_states(real):
    """No difference when fields, descriptors, registers of the card, pointers are anything."""
    assert not real.found
    assert real.returned > len(real.plain)


def same_as_the_module(made_up_world, recorded_world):
    """Of another twin: from made-up states and from recorded ones as they are."""
    twin, returned, runs = made_up_world.twin, 0, 0
    for f in (f for f in twin.functions if not f.flags & 1):
        for k in range(OTHER_RUNS):
            end, difference = made_up_world.compare(f, k * 7919 + f.module_offset)
            assert not difference, (twin.string(f.name), k, difference)
            returned += end == "returned"
            runs += 1
    assert returned > runs // 3
    for state in recorded_world.recording.states:
        outcome, difference = recorded_world.compare_state(state)
        assert outcome.end == "returned" and not difference, (state["function"], state["phase"], difference)


def test_r6_twin_of_the_strict_level(stock, recording, tmp_path):
    """R6: it rests on fewer facts and does the same."""
    twin = derive_stock(tmp_path, "--facts=strict")
    same_as_the_module(World(stock.module, twin), recorded.RecordedWorld(stock.module, twin, recording))


def test_twin_of_the_engine_stlb(stock, recording, tmp_path):
    """Through lookups, on memory that is elsewhere in the hv, it does the same; a pointer into the hv ends it."""
    twin = derive_stock(tmp_path, "--svm=stlb")
    made_up, real = lookups.LookupWorld(stock.module, twin), lookups.RecordedLookupWorld(stock.module, twin, recording)
    same_as_the_module(made_up, real)
    assert made_up.misses > 1000 and real.misses > 1000
    wild, faults = recording.states[::len(recording.states) // 12], 0
    for state in wild:
        outcome, _ = real.compare_state(state)
        for at in sorted({a[1] for a in outcome.accesses if a[0] == "read" and a[2] == 8})[:20]:
            outcome, difference = real.compare_state(state, ((at, 8, recorded.WILD + 0x100),))
            assert not difference, (state["function"], state["phase"], hex(at), difference)
            faults += outcome.end == "fault"
    assert faults > len(wild)


def test_spoiled_lookups_are_noticed(stock, recording, tmp_path):
    """One instruction of a lookup becomes a nop: recorded states tell."""
    twin = derive_stock(tmp_path, "--svm=stlb")
    world = lookups.RecordedLookupWorld(stock.module, twin, recording)
    length = {m.twin_offset: m.length for m in twin.by_twin}
    for what in (r"xor %gs:", r"and \$0xfff0,", r"shr \$0x8,", r"lea "):
        tried = 0
        for at, _ in [c for c in twin.disassemble() if re.match(what, c[1])][::60]:
            states = [s for s in recording.states[::7] if reaches(world, s, at)][:3]
            old = world.spoil(at, b"\x90" * length[at]) if states else b""
            assert not states or any(world.compare_state(s)[1] for s in states), (what, hex(at))
            if states:
                world.spoil(at, old)
            tried += bool(states)
        assert tried >= 2, what


def reaches(world, state, at):
    """Does the twin come to that offset from a recorded state?"""
    world.covered_twin = set()
    world.compare_state(state)
    return at in world.executed()[1]


def reason(stock, block, side):
    """Why it may stay uncovered, None if there is no reason."""
    if side == "module":
        kept = {(stock.twin.string(stock.twin.sections[m.section].name), m.module_offset)
                for m in stock.twin.by_module if m.kind != DROPPED}
        if not kept & {c.at for c in block.codes}:
            return OFF
    return next((why for function, pattern, why in REASONS
                 if function == block.function and re.search(pattern, block.text())), None)


def test_block_coverage(stock, made_up, real, hunted):
    """At least 95 % of each function's blocks, in both versions; the rest for a reason."""
    assert not hunted
    lines, wrong = [], []
    seen = [a | b for a, b in zip(made_up.world.executed(), real.world.executed())]
    for f in stock.functions:
        name = stock.twin.string(f.name)
        row = "%-34s" % name
        for side, rows, k in (("module", stock.module_blocks, 0), ("twin", stock.twin_blocks, 1)):
            mine = [b for b in rows if b.function == name]
            missing = left(mine, seen[k], name)
            why = {b.at: reason(stock, b, side) for b in missing}
            reachable = len(mine) - sum(w == OFF for w in why.values())
            covered = len(mine) - len(missing)
            row += "  %s %3d of %3d, %3d by recorded states alone, %2d off;" % (
                side, covered, reachable, len(mine) - len(left(mine, real.alone[k], name)), len(mine) - reachable)
            lines += ["  %s %s: %s: %s" % (side, b.at, why[b.at] or "NO REASON", b.text()) for b in missing]
            wrong += [(side, name, b.at, b.text()) for b in missing if not why[b.at]]
            if covered < HOT_COVERAGE * reachable:
                wrong.append((side, name, covered, reachable))
        lines.append(row)
    os.makedirs(os.path.dirname(TABLE), exist_ok=True)
    with open(TABLE, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    print("\n".join(line for line in lines if line[0] != " "))
    assert not wrong


# What is spoiled in the twin, and must be noticed in every run that comes there.
SPOILED = {"store": re.compile(r"^(mov[bwlq]?|add[bwlq]?|or[bwlq]?|sub[bwlq]?) [^,(]+,(0x[0-9a-f]+)?\((?!%rsp)"),
           "call": re.compile(r"^call "), "saved register": re.compile(r"^pop "),
           "guard": re.compile(r"^bts \$0x2f")}


@pytest.mark.parametrize("kind", SPOILED)
def test_spoiled_twin_is_noticed(stock, real, kind):
    """One instruction of the twin becomes a nop: recorded states tell. A guard matters only for a pointer
    into the hv, so such ones are tried, read at any time."""
    length = {m.twin_offset: m.length for m in stock.twin.by_twin}
    reached = [(at, [p for p in real.plain if at in p.seen]) for at, text in stock.twin.disassemble()
               if SPOILED[kind].match(text)]
    reached = [r for r in reached if r[1]]
    missed, tried = [], reached[::max(len(reached) // 12, 1)]
    for at, runs in tried:
        shortest = min(runs, key=lambda p: len(p.outcome.accesses))
        old = real.world.spoil(at, b"\x90" * length[at])
        changes = [()] if kind != "guard" else recorded.wild_changes(shortest.outcome)
        if not any(real.world.compare_state(shortest.state, c)[1] for c in changes):
            missed.append(hex(at))
        real.world.spoil(at, old)
        assert not real.world.compare_state(shortest.state)[1]
    assert len(tried) >= 8 and not missed
