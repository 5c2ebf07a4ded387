#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a function of the stock module and its derived copy side by side in an emulator.

Both start from the same made-up memory, full of pointers into itself. Kernel routines are stubs
whose results follow from the seed and the number of the call. What must agree: every write in
order (so also each access to a device register), every call with its arguments, the way the run
ends, the result, the callee-saved registers and rsp.

Branches are steered: at a conditional jump of the original the way is taken that has been seen
less, and the derived copy must come to the same jumps in the same order and is sent the same way.
That reaches code which no made-up state would.

The two stacks are laid out so that a pointer to a stack object is the same number in both runs.
"""
import random
import struct

import unicorn
from unicorn import x86_const as x86

SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS = 2, 4, 8
R_64, R_PC32, R_PLT32, R_32, R_32S, R_PC64 = 1, 2, 4, 10, 11, 24
MASK64 = (1 << 64) - 1
PAGE = 4096

WINDOW, WINDOW_SIZE = 0xFFFF888000000000, 1 << 20  # the dvm's memory
KERNEL_TEXT, KERNEL_DATA, KERNEL_SIZE = 0xFFFFFFFF81000000, 0xFFFFFFFF82000000, 0x40000
MODULE = 0xFFFFFFFFC0000000
DVM_STACK, HV_STACK, STACK_SIZE = 0xFFFFC90000000000, 0x20010000000, 0x10000
DISTANCE = DVM_STACK - HV_STACK
PERCPU, PERCPU_SIZE = 0xFFFF8880F0000000, 0x40000
GS_BLOCK = 0x20020000000
TWIN, NATIVES = 0x20000000000, 0x1FFFFF00000
RETURN = 0xFFFFFFFF81800000
UPPER_HALF = 0xFFFF800000000000

REGISTERS = {name: getattr(x86, "UC_X86_REG_" + name.upper())
             for name in ("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip "
                          "eflags fs_base gs_base").split()}
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
SCRATCH = ("rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
POOL = 1 << 18  # words
CALLS_MAX, BLOCKS_MAX, PAGES_MAX = 300, 20000, 3000


class Module:
    """Sections, symbols and relocations of a .ko."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.bytes = f.read()
        shoff, = struct.unpack_from("<Q", self.bytes, 0x28)
        count, names = struct.unpack_from("<HH", self.bytes, 0x3C)
        keys = "name type flags address offset size link info align entry".split()
        self.sections = [dict(zip(keys, struct.unpack_from("<IIQQQQIIQQ", self.bytes,
                                                           shoff + 64 * k))) for k in range(count)]
        for s in self.sections:
            s["name"] = self.string(names, s["name"])
        self.symbols, self.relocs = [], {}
        for s in self.sections:
            if s["type"] == 2:
                self.symbols = [self.symbol(s, k) for k in range(s["size"] // 24)]
            elif s["type"] == 4:
                self.relocs[s["info"]] = [
                    struct.unpack_from("<QIIq", self.bytes, s["offset"] + 24 * k)
                    for k in range(s["size"] // 24)]

    def string(self, table, at):
        """NUL-terminated string of a string table."""
        start = self.sections[table]["offset"] + at
        return self.bytes[start:self.bytes.index(b"\0", start)].decode()

    def symbol(self, table, k):
        """(name, section, value)."""
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.bytes,
                                                           table["offset"] + 24 * k)
        return self.string(table["link"], name), section, value

    def data(self, s):
        """Bytes of a section."""
        if s["type"] == SHT_NOBITS:
            return bytes(s["size"])
        return self.bytes[s["offset"]:s["offset"] + s["size"]]


class Outcome:
    """What one run did."""

    def __init__(self):
        self.end = None  # how it stopped, None while it runs
        self.writes, self.calls, self.branches = [], [], []
        self.blocks, self.pages = 0, []
        self.registers = ()

    def differs(self, other):
        """What is different, in words; None if nothing is."""
        if self.end != other.end:
            return "end: %s / %s" % (self.end, other.end)
        for what in ("branches", "calls", "writes"):
            a, b = getattr(self, what), getattr(other, what)
            if a != b:
                k = next((k for k, (x, y) in enumerate(zip(a, b)) if x != y),
                         min(len(a), len(b)))
                return "%s, number %d: %s / %s" % (what, k, a[k:k + 1], b[k:k + 1])
        if self.end == "returned" and self.registers != other.registers:
            return "registers: %s / %s" % (self.registers, other.registers)
        return None


class World:
    """An emulator with the module at its place in the dvm and the twin at its place in the hv."""

    def __init__(self, module_path, twin):
        self.module, self.twin = Module(module_path), twin
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.imports = {}  # name -> number, for addresses in the kernel
        self.prototypes = {twin.string(i.name): i for i in twin.imports if i.kind in (1, 4)}
        self.kernel_data = {twin.string(i.name) for i in twin.imports if i.kind == 2}
        self.percpu = {twin.string(g.name): 0x1000 * k for k, g in enumerate(twin.gs)
                       if twin.string(g.name) != "fixed_percpu_data"}
        self.section_at = self.place_sections()
        self.by_name = {s["name"]: k for k, s in enumerate(self.module.sections)}
        self.images = {k: self.relocate_section(k) for k in self.section_at}
        self.targets = {self.dvm(t): TWIN + t.twin_offset for t in twin.targets}
        self.upcalls = {self.dvm(i): twin.string(i.name) for i in twin.imports if i.kind == 4}
        self.pages, self.pools, self.pointers, self.curiosity = [], {}, 1, 1
        self.covered, self.covered_twin, self.ways = set(), set(), {}
        self.run, self.seed, self.in_twin, self.plan = Outcome(), 0, False, None
        self.map_memory()
        self.names = {number: name for name, number in self.imports.items()}
        self.add_hooks()

    def place_sections(self):
        """Section number -> address in the dvm."""
        at, places = MODULE, {}
        for k, s in enumerate(self.module.sections):
            if s["flags"] & SHF_ALLOC:
                places[k] = at
                at += (s["size"] + PAGE) & -PAGE
        self.module_end = at
        return places

    def dvm(self, row):
        """Address in the dvm of a table element that has section and module_offset."""
        name = self.twin.string(self.twin.sections[row.section].name)
        return self.section_at[self.by_name[name]] + row.module_offset

    def kernel_address(self, name):
        """Made-up address of a kernel symbol; per-CPU ones are offsets."""
        if name in self.percpu:
            return self.percpu[name]
        number = self.imports.setdefault(name, len(self.imports))
        return (KERNEL_DATA + 64 * number if name in self.kernel_data else
                KERNEL_TEXT + 16 * number)

    def relocate_section(self, k):
        """Bytes of a section as the module loader would leave them."""
        base, out = self.section_at[k], bytearray(self.module.data(self.module.sections[k]))
        for where, kind, symbol, addend in self.module.relocs.get(k, []):
            name, section, value = self.module.symbols[symbol]
            if section == 0:
                value = self.kernel_address(name)
            elif section in self.section_at:
                value += self.section_at[section]
            value += addend
            if kind in (R_PC32, R_PLT32, R_PC64):
                value -= base + where
            size = 8 if kind in (R_64, R_PC64) else 4
            out[where:where + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        return bytes(out)

    def relocate_twin(self):
        """The twin's text as the hv's loader would leave it."""
        out = bytearray(self.twin.text)
        for r in self.twin.relocs:
            if r.type == 1:
                name = self.twin.string(self.twin.sections[r.index].name)
                value = self.section_at[self.by_name[name]] + r.addend
            elif r.type == 2:
                name = self.twin.string(self.twin.imports[r.index].name)
                value = self.kernel_address(name) + r.addend
            elif r.type == 3:
                value = NATIVES + 16 * r.index - (TWIN + r.where + 4)
            else:
                out[r.where:r.where + 8] = (DISTANCE & MASK64).to_bytes(8, "little")
                continue
            out[r.where:r.where + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")
        return bytes(out)

    def map_memory(self):
        """Everything that is there in each run; other pages appear when they are touched."""
        text = self.relocate_twin()
        for at, size in ((WINDOW, WINDOW_SIZE), (KERNEL_TEXT, KERNEL_SIZE),
                         (KERNEL_DATA, KERNEL_SIZE), (MODULE, self.module_end - MODULE),
                         (DVM_STACK, STACK_SIZE), (HV_STACK, STACK_SIZE), (PERCPU, PERCPU_SIZE),
                         (GS_BLOCK, PAGE), (TWIN, len(text) + PAGE & -PAGE),
                         (NATIVES, KERNEL_SIZE), (RETURN, PAGE)):
            self.uc.mem_map(at, size)
        self.uc.mem_write(TWIN, text)
        for at in (KERNEL_TEXT, NATIVES):
            self.uc.mem_write(at, b"\xc3" * KERNEL_SIZE)

    def add_hooks(self):
        """Stubs, traps, branches, blocks, writes, missing pages."""
        def code(hook, first, last=None):
            self.uc.hook_add(unicorn.UC_HOOK_CODE, hook, None, first, last or first)
        code(self.on_kernel, KERNEL_TEXT, KERNEL_TEXT + KERNEL_SIZE - 1)
        code(self.on_native, NATIVES, NATIVES + KERNEL_SIZE - 1)
        for at in self.upcalls:
            code(self.on_upcall, at)
        row = {m.twin_offset: m for m in self.twin.by_twin}
        for t in self.twin.traps:
            code(self.on_warn, TWIN + t.twin_offset)
            code(self.on_warn, self.dvm(row[t.twin_offset]))
        self.jumps = {}
        for at, text in self.twin.disassemble():
            if text[0] == "j" and not text.startswith("jmp"):
                self.jumps[TWIN + at] = self.jumps[self.dvm(row[at])] = self.dvm(row[at])
        for at in self.jumps:
            code(self.on_branch, at)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.on_block, None, MODULE, self.module_end - 1)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.on_block, None, TWIN,
                         TWIN + len(self.twin.text))
        self.uc.hook_add(unicorn.UC_HOOK_MEM_WRITE, self.on_write)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self.on_missing)

    def get(self, name):
        """A register."""
        return self.uc.reg_read(REGISTERS[name])

    def set(self, name, value):
        """Change a register."""
        self.uc.reg_write(REGISTERS[name], value)

    def stop(self, why):
        """End the run."""
        self.run.end = self.run.end or why
        self.uc.emu_stop()

    # Made-up values -----------------------------------------------------------------------------

    def value(self, rng):
        """A word of memory: mostly a pointer into the window, or else a small number."""
        if rng.random() < self.pointers:
            return WINDOW + rng.randrange(WINDOW_SIZE - 0x20000) // 8 * 8
        return rng.choice((0, 1, 2, 4, 8, 64, 255, rng.randrange(4096), rng.getrandbits(32)))

    def words(self, rng, count):
        """That many words, packed: a stretch of the pool of this density of pointers."""
        if self.pointers not in self.pools:
            pool = random.Random(self.pointers)
            self.pools[self.pointers] = struct.pack(
                "<%dQ" % POOL, *(self.value(pool) for _ in range(POOL)))
        start = 8 * rng.randrange(POOL - count)
        return self.pools[self.pointers][start:start + 8 * count]

    # Hooks --------------------------------------------------------------------------------------

    def call(self, name):
        """A kernel routine: note the call, make up a result, destroy what a call may destroy."""
        proto = self.prototypes.get(name)
        args = []
        if proto is not None and proto.flags & 4:
            args = [self.get(r) for r in ARGUMENTS[:proto.nargs]]
            if proto.nstack and not proto.flags & 2:
                at = self.get("rsp") + 8
                args += struct.unpack("<%dQ" % proto.nstack,
                                      self.uc.mem_read(at, 8 * proto.nstack))
            for a in args:
                if DVM_STACK <= a < DVM_STACK + STACK_SIZE:  # routines may write to stack objects
                    self.uc.mem_write(a, bytes([len(self.run.calls) & 255]))
            args = [a & (1 << 8 * (code >> 4)) - 1 for a, code in zip(args, proto.args)]
        self.run.calls.append((name, tuple(args)))
        if len(self.run.calls) > CALLS_MAX:
            self.stop("too long")
        elif proto is not None and proto.flags & 1:
            self.stop("never returns")
        self.finish_call(proto)

    def finish_call(self, proto):
        """Result and destroyed registers."""
        rng = random.Random(self.seed * 1000003 + len(self.run.calls))
        kind, size = (proto.ret & 15, proto.ret >> 4) if proto is not None else (1, 8)
        result = self.value(rng)
        if kind == 3:
            result = WINDOW + rng.randrange(WINDOW_SIZE - 0x20000) // 8 * 8
            result = result if rng.random() < .9 else 0
        elif 0 < size < 8:
            result = rng.choice((0, 1, result & 0xFFFF))
        self.set("rax", result)
        for k, name in enumerate(SCRATCH):
            self.set(name, 0x1111111111111111 * (k + 1))

    def indirect(self, register):
        """A call through a pointer: to a target that both know, or to nowhere."""
        to = self.get(register)
        self.run.calls.append(("indirect", to))
        if to in self.targets:
            self.set("rip", self.targets[to] if self.in_twin else to)
        elif len(self.run.calls) > CALLS_MAX:
            self.stop("too long")
        else:
            self.finish_call(None)

    def on_kernel(self, _uc, address, _size, _data):
        """The original calls the kernel."""
        name = self.names[(address - KERNEL_TEXT) // 16]
        if name.startswith("__x86_indirect_thunk_"):
            self.indirect(name[21:])
        elif name not in ("__fentry__", "__x86_return_thunk"):
            self.call(name)

    def on_native(self, _uc, address, _size, _data):
        """The twin calls an import."""
        row = self.twin.imports[(address - NATIVES) // 16]
        name = self.twin.string(row.name)
        if row.kind == 3:
            self.indirect(name[21:])
        else:
            self.call(name)

    def on_upcall(self, _uc, address, _size, _data):
        """The original comes to a function that the twin upcalls: the same stub."""
        self.call(self.upcalls[address])
        rsp = self.get("rsp")
        back, = struct.unpack("<Q", self.uc.mem_read(rsp, 8))
        self.set("rsp", rsp + 8)
        self.set("rip", back)

    def on_warn(self, _uc, address, _size, _data):
        """ud2 of a WARN."""
        self.run.calls.append(("warn",))
        self.set("rip", address + 2)

    def on_branch(self, _uc, address, _size, _data):
        """Steer a conditional jump."""
        key = self.jumps[address]
        if self.in_twin:
            step = len(self.run.branches)
            if step >= len(self.plan) or self.plan[step][0] != key:
                self.stop("another branch")
                return
            taken = self.plan[step][1]
        else:
            seen = self.ways.setdefault(key, [0, 0])
            rng = random.Random(self.seed << 20 ^ len(self.run.branches))
            fresh = 0 if seen[0] < seen[1] else 1
            taken = fresh if rng.random() < self.curiosity else rng.randrange(2)
            seen[taken] += 1
        self.run.branches.append((key, taken))
        code = bytes(self.uc.mem_read(address, 6))
        if code[0] == 0x0F:
            length, (distance,) = 6, struct.unpack_from("<i", code, 2)
        else:
            length, (distance,) = 2, struct.unpack_from("<b", code, 1)
        self.set("rip", address + length + (distance if taken else 0))

    def on_block(self, _uc, address, size, _data):
        """Coverage, and an end to loops."""
        if self.in_twin:
            self.covered_twin.add((address - TWIN, size))
        else:
            self.covered.add((address, size))
        self.run.blocks += 1
        if self.run.blocks > BLOCKS_MAX:
            self.stop("too long")

    def on_write(self, _uc, _access, address, size, value, _data):
        """All writes but those to the stacks and the per-CPU area."""
        if address < UPPER_HALF and not HV_STACK <= address < HV_STACK + STACK_SIZE:
            return  # it faults, and the guarded address is another one
        if not (DVM_STACK <= address < DVM_STACK + STACK_SIZE or
                HV_STACK <= address < HV_STACK + STACK_SIZE or
                PERCPU <= address < PERCPU + PERCPU_SIZE or GS_BLOCK <= address < GS_BLOCK + PAGE):
            self.run.writes.append((address, size, value & (1 << 8 * size) - 1))

    def on_missing(self, _uc, access, address, size, _value, _data):
        """Upper half: a page with contents that follow from its address. Else the run ends."""
        fetch = access in (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)
        if fetch or address < UPPER_HALF or len(self.pages) >= PAGES_MAX:
            self.run.end = "fault"
            return False
        for page in sorted({address & -PAGE, address + size - 1 & -PAGE}):
            if page in self.pages:
                continue
            try:
                self.uc.mem_map(page, PAGE)
            except unicorn.UcError:
                continue
            self.pages.append(page)
            self.uc.mem_write(page, self.words(random.Random(page), PAGE // 8))
        return True

    # Runs ---------------------------------------------------------------------------------------

    def prepare(self, seed):
        """Memory as the seed wants it."""
        rng = random.Random(seed)
        self.seed = seed
        self.pointers = .7 if seed % 4 == 0 else .98
        self.curiosity = .9 if seed % 4 else .5
        for page in self.pages:
            self.uc.mem_unmap(page, PAGE)
        self.pages = []
        self.memory = [(WINDOW, self.words(rng, WINDOW_SIZE // 8)),
                       (KERNEL_DATA, self.words(rng, KERNEL_SIZE // 8)),
                       (DVM_STACK, bytes(STACK_SIZE)), (HV_STACK, bytes(STACK_SIZE)),
                       (PERCPU, self.words(rng, PERCPU_SIZE // 8)), (GS_BLOCK, bytes(PAGE))]

    def restore(self):
        """Memory as prepare left it, for the second run."""
        for page in self.pages:
            self.uc.mem_write(page, self.words(random.Random(page), PAGE // 8))
        for at, data in self.memory:
            self.uc.mem_write(at, data)
        for k, at in self.section_at.items():
            self.uc.mem_write(at, self.images[k])
        percpu = self.memory[4][1]
        for g in self.twin.gs:
            at = self.percpu.get(self.twin.string(g.name), 0) + g.addend
            self.uc.mem_write(GS_BLOCK + g.gs_offset, percpu[at:at + g.bytes])

    def execute(self, at, arguments, in_twin, plan):
        """One run."""
        self.restore()
        self.in_twin, self.plan, self.run = in_twin, plan, Outcome()
        rsp = (HV_STACK if in_twin else DVM_STACK) + STACK_SIZE - PAGE - 8
        self.uc.mem_write(rsp, struct.pack("<Q", RETURN))
        for name in REGISTERS:
            if name not in ("rip", "fs_base", "gs_base", "eflags"):
                self.set(name, 0)
        for k, name in enumerate(SAVED):
            self.set(name, 0xABCD0000 + k)
        for name, value in zip(ARGUMENTS, arguments):
            self.set(name, value)
        self.set("rsp", rsp)
        self.set("eflags", 2)
        self.set("fs_base", DISTANCE & MASK64)
        self.set("gs_base", GS_BLOCK if in_twin else PERCPU)
        try:
            self.uc.emu_start(at, RETURN)
            self.run.end = self.run.end or (
                "returned" if self.get("rip") == RETURN else "trap")  # ud2 of BUG, division
        except unicorn.UcError:
            self.run.end = self.run.end or "fault"
        self.run.registers = tuple(self.get(r) for r in ("rax",) + SAVED) + (self.get("rsp") - rsp,)
        return self.run

    def compare(self, function, seed):
        """Both runs of one function; (end, difference or None)."""
        self.prepare(seed)
        rng = random.Random(seed ^ 0x5555)
        arguments = [WINDOW + 0x10000 + rng.randrange(0x2000) // 8 * 8,
                     WINDOW + 0x20000 + rng.randrange(0x800) // 8 * 8,
                     rng.choice((WINDOW + 0x30000, rng.randrange(64), 0)),
                     rng.choice((WINDOW + 0x31000, rng.randrange(64))), WINDOW + 0x32000, 1]
        original = self.execute(self.dvm(function), arguments, False, None)
        derived = self.execute(TWIN + function.twin_offset, arguments, True, original.branches)
        return original.end, original.differs(derived)

    def coverage(self, function):
        """(covered, all, [module offsets not covered]) over the derived instructions."""
        index = self.twin.functions.index(function)
        parts = [f for f in self.twin.functions if f.parent == index]
        seen = {at + k for at, size in self.covered_twin for k in range(size)}
        rows = [m for m in self.twin.by_twin for f in parts
                if f.twin_offset <= m.twin_offset < f.twin_offset + f.twin_size]
        missing = [m.module_offset for m in rows if m.twin_offset not in seen]
        return len(rows) - len(missing), len(rows), missing
