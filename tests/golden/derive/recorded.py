# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of differential.py over recorded states (record.py), and over changes of them.

The module lies where it lay in the recorded machine, so that each pointer in the recorded pages is
right: adapter, rings, descriptors, skbs. Kernel routines return and change what they did there. What
no recording knows is made up as in differential.py: pages that only a changed state leads to, results
of further calls.

A recorded state runs as it is, without steering. Then it is changed at places that the function reads:
lengths, indexes, flags, the status and error bits of descriptors, device registers. A change that leads
to an edge that no run took is kept and changed further.
"""
import gzip
import hashlib
import json
import random

import unicorn

from differential import (ARGUMENTS, DVM_STACK, GS_BLOCK, HV_DATA, HV_STACK, KERNEL_DATA, KERNEL_SIZE, MODULE, PAGE,
                          PERCPU, PERCPU_SIZE, SHF_ALLOC, STACK_SIZE, TWIN, UPPER_HALF, WINDOW, WINDOW_SIZE, World)

VERSION = 1
WILD = HV_DATA  # a pointer into the hv: the dvm has nothing there, the twin must not reach it
SMALL = (0, 1, 2, 3, 4, 7, 8, 15, 16, 60, 64, 127, 128, 255, 256, 1514, 2047, 4095, 4096, 65535)


class Recording:
    """A file of record.py."""

    def __init__(self, path):
        with gzip.open(path) as f:
            raw = json.load(f)
        assert raw["version"] == VERSION
        self.kernel, self.module, self.symbols = raw["kernel"], raw["module"], raw["symbols"]
        self.sections = raw["sections"]
        pages = [bytes.fromhex(p) for p in raw["pages"]]
        self.states = raw["states"]
        for s in self.states:
            s["pages"] = {int(at): pages[k] for at, k in s["pages"].items()}

    def fits(self, module_path):
        """Was it made with this very module?"""
        with open(module_path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest() == self.module


class RecordedWorld(World):
    """World at the recorded addresses. One state at a time: use()."""

    def __init__(self, module_path, twin, recording):
        self.recording, self.state, self.changes = recording, None, ()
        self.recorded, self.results = [], {}
        super().__init__(module_path, twin)
        self.calls_max = 4000  # a full ring, all of it

    # Places -------------------------------------------------------------------------------------

    def place_sections(self):
        """Where they were; what the kernel has thrown away or not loaded comes behind."""
        known, places = self.recording.sections, {}
        for k, s in enumerate(self.module.sections):
            if s["flags"] & SHF_ALLOC and s["name"] in known and not s["name"].startswith(".init"):
                places[k] = known[s["name"]]
        ends = [at + self.module.sections[k]["size"] for k, at in places.items()]
        self.module_start = min(places.values()) & -PAGE
        self.module_end = max(ends) + PAGE - 1 & -PAGE
        for k, s in enumerate(self.module.sections):
            if s["flags"] & SHF_ALLOC and k not in places:
                places[k] = self.module_end
                self.module_end += s["size"] + PAGE - 1 & -PAGE
        assert MODULE <= self.module_start
        self.text = [(places[k], places[k] + s["size"]) for k, s in enumerate(self.module.sections)
                     if k in places and s["name"].startswith(".text")]
        self.percpu = {n: self.recording.symbols[n] for n in self.percpu}
        return places

    def kernel_address(self, name):
        """Variables where they were; routines are stubs at made-up addresses."""
        if name in self.kernel_data:
            return self.recording.symbols[name]
        return super().kernel_address(name)

    # States -------------------------------------------------------------------------------------

    def use(self, state, changes=(), seed=0):
        """Take this state, changed. A change is (where, size, value); where is an address, an argument's
        register, or ("read", k): what access number k is going to read, just before it does."""
        for page in self.pages + self.recorded:
            self.unmap(page, PAGE)
        self.state, self.changes, self.seed = state, changes, seed
        self.pages, self.recorded = [], []
        self.percpu_at = state["registers"]["gs_base"]
        self.pointers, self.curiosity = .98, .9
        for page in state["pages"]:
            assert not any(start - PAGE < page < end for start, end in self.text)
            if not self.module_start <= page < self.module_end:
                self.map(page, PAGE)
                self.recorded.append(page)
        for g in self.twin.gs:
            super().on_missing(self.uc, None, self.gs_source(g), 8, 0, None)  # goes into the gs block
        rng = random.Random(seed)
        self.memory = [(WINDOW, self.words(rng, WINDOW_SIZE // 8)),
                       (KERNEL_DATA, self.words(rng, KERNEL_SIZE // 8)),
                       (DVM_STACK, bytes(STACK_SIZE)), (HV_STACK, bytes(STACK_SIZE)),
                       (PERCPU, self.words(rng, PAGE // 8)), (GS_BLOCK, bytes(PAGE)), (HV_DATA, bytes(PAGE))]

    def restore(self):
        """Memory as recorded, changed."""
        super().restore()
        for page, data in self.state["pages"].items():
            self.uc.mem_write(page, data)
        self.change()
        for g in self.twin.gs:
            self.uc.mem_write(GS_BLOCK + g.gs_offset, bytes(self.uc.mem_read(self.gs_source(g), g.bytes)))
        self.results = {}
        for call in self.state["calls"]:
            self.results.setdefault(call["name"], []).append(call)

    def change(self, pages=None):
        """Make the changes; with pages: those that begin in them."""
        for address, size, value in self.changes:
            if isinstance(address, int) and (pages is None or address & -PAGE in pages):
                try:
                    self.uc.mem_write(address, (value & (1 << 8 * size) - 1).to_bytes(size, "little"))
                except unicorn.UcError:
                    pass  # in a made-up page that is not there yet

    def on_missing(self, uc, access, address, size, value, data):
        """As always; changes lie in made-up pages, too."""
        before = set(self.pages)
        there = super().on_missing(uc, access, address, size, value, data)
        self.change(set(self.pages) - before)
        return there

    def on_access(self, uc, access, address, size, value, data):
        """As always; another CPU of the dvm may change memory at any time."""
        for where, width, late in self.changes:
            if where == ("read", len(self.run.accesses)) and width == size and address >= UPPER_HALF:
                self.uc.mem_write(address, late.to_bytes(size, "little"))
        super().on_access(uc, access, address, size, value, data)

    def finish_call(self, proto):
        """What the routine returned and changed when it was recorded; else made up."""
        super().finish_call(proto)
        rows = self.results.get(self.run.calls[-1][0])
        if not rows:
            return
        row = rows.pop(0)
        for address, size, value in row["writes"]:
            self.uc.mem_write(address, value.to_bytes(size, "little"))
        self.set("rax", row["result"])

    def pages_to_compare(self):
        """All that the run could see, but the per-CPU area: the twin has the gs block for it."""
        pages = set(self.recorded) | super().pages_to_compare() | set(self.pages)
        return {p for p in pages if not self.percpu_at <= p < self.percpu_at + PERCPU_SIZE}

    def compare_state(self, state, changes=(), seed=0, steered=False):
        """Both runs from one state; (outcome of the original, difference or None)."""
        self.use(state, changes, seed)
        self.steered = steered
        function = next(f for f in self.twin.functions if self.twin.string(f.name) == state["function"])
        registers = {**state["registers"], **{at: value for at, _, value in changes if at in ARGUMENTS}}
        arguments = [registers[r] for r in ARGUMENTS]
        original = self.execute(self.dvm(function), arguments, False, None)
        derived = self.execute(TWIN + function.twin_offset, arguments, True, original)
        return original, original.differs(derived)


def recorded_names(world, state):
    """Names of the kernel routines that the recorded call called."""
    return [c["name"] for c in state["calls"]]


def mutate(rng, outcome, changes):
    """One to four more changes, at places that the run read."""
    reads = [a for a in outcome.accesses if a[0] == "read"]
    out = list(changes)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not reads:
            break
        _, address, size = rng.choice(reads)
        size = min(size, 8)
        value = rng.choice((rng.choice(SMALL), 1 << rng.randrange(8 * size), rng.getrandbits(8 * size),
                            (1 << 8 * size) - 1 - rng.choice(SMALL)))
        if size == 8 and rng.random() < .25:
            value = WILD + rng.randrange(PAGE // 2)
        elif size == 8 and value >= UPPER_HALF:
            value = WINDOW + rng.randrange(WINDOW_SIZE - 0x20000) // 8 * 8
        out.append((address, size, value))
    return tuple(out)


def wild_changes(outcome):
    """Each pointer that the run read or got, made one into the hv: one change at a time."""
    reads = [k for k, a in enumerate(outcome.accesses) if a[0] == "read" and a[2] == 8]
    return [((("read", k), 8, WILD + 0x100),) for k in reads] + \
        [((register, 8, WILD + 0x100),) for register in ARGUMENTS]


def explore(world, state, rounds, seen, seed):
    """Changed states, led by the edges they take. [(what differs, changes)]; how often they returned."""
    rng, found, returned = random.Random(seed), [], 0
    outcome, difference = world.compare_state(state)
    corpus = [(outcome, ())]
    for k in range(rounds):
        base, changes = rng.choice(corpus[-12:])
        # A quarter of the runs is steered instead: real memory faults less than a made-up one.
        steered = k % 4 == 3
        changes = () if steered else mutate(rng, base, changes)
        outcome, difference = world.compare_state(state, changes, seed * rounds + k, steered)
        if difference:
            found.append((difference, changes))
        returned += outcome.end == "returned"
        if steered:
            continue
        edges = {(key, taken) for key, _, taken in outcome.branches}
        if edges - seen:
            seen |= edges
            corpus.append((outcome, changes))
    return found, returned
