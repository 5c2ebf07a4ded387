#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a function of the stock module and its derived copy side by side in an emulator.

Both start from the same made-up memory, full of pointers into itself; recorded.py does the same with
recorded states. Kernel routines are stubs whose results follow from the seed and the number of the
call. What must agree: every read and write outside the stacks in order (so also each access to a
device register), every call with its arguments, every condition of a jump, the way the run ends, the
result, the callee-saved registers and rsp, and memory afterwards.

Branches are steered: at a conditional jump of the original the way is taken that has been seen
less, and the derived copy must come to the same jumps in the same order, find the same condition
there, and is sent the same way. That reaches code which no made-up state would.

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

# Places where a kernel without KASLR has nothing: recorded memory (recorded.py) lies beside them.
WINDOW, WINDOW_SIZE = 0xFFFFA00000000000, 1 << 20  # the dvm's memory
KERNEL_TEXT, KERNEL_DATA, KERNEL_SIZE = 0xFFFFFFFF90000000, 0xFFFFFFFF91000000, 0x40000
MODULE = 0xFFFFFFFFC0000000
DVM_STACK, HV_STACK, STACK_SIZE = 0xFFFFB00000000000, 0x20010000000, 0x10000
DISTANCE = DVM_STACK - HV_STACK
PERCPU, PERCPU_SIZE = 0xFFFFB10000000000, 0x40000
GS_BLOCK, HV_DATA = 0x20020000000, 0x20030000000  # the second one: what the twin must not reach
TWIN, NATIVES = 0x20000000000, 0x1FFFFF00000
RETURN = 0xFFFFFFFF91800000
UPPER_HALF, LOWER_END, TIB = 0xFFFF800000000000, 1 << 47, 1 << 40

REGISTERS = {name: getattr(x86, "UC_X86_REG_" + name.upper())
             for name in ("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip "
                          "eflags fs_base gs_base").split()}
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
SCRATCH = ("rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
POOL = 1 << 18  # words
CALLS_MAX, BLOCKS_MAX, PAGES_MAX = 300, 20000, 3000
GUARD = 3  # enum twin_map_kind
KEPT = {"jiffies"}  # variables of the kernel that the hv keeps in the gs block, 8 bytes each


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


def condition(code, eflags):
    """Does a condition code of x86 (the low four bits of a jump's opcode) hold with these flags?"""
    carry, parity, zero, sign, overflow = (eflags >> bit & 1 for bit in (0, 2, 6, 7, 11))
    holds = (overflow, carry, zero, carry | zero, sign, parity, sign ^ overflow,
             zero | sign ^ overflow)[code >> 1]
    return bool(holds ^ code & 1)


class Outcome:
    """What one run did."""

    def __init__(self):
        self.end = None  # how it stopped, None while it runs
        self.at = 0      # and where, if it did not return
        self.accesses, self.calls, self.branches = [], [], []
        self.blocks, self.last_block = 0, None
        self.registers, self.memory = (), {}

    def differs(self, other):
        """What is different, in words; None if nothing is."""
        if self.end != other.end:
            return "end: %s at %#x / %s at %#x" % (self.end, self.at, other.end, other.at)
        endless = self.end == "too long"  # stopped somewhere: so far they must agree
        for what in ("branches", "calls", "accesses"):
            a, b = getattr(self, what), getattr(other, what)
            if endless:
                a, b = a[:len(b)], b[:len(a)]
            if a != b:
                k = next((k for k, (x, y) in enumerate(zip(a, b)) if x != y),
                         min(len(a), len(b)))
                return "%s, number %d: %s / %s" % (what, k, a[k:k + 1], b[k:k + 1])
        if self.end == "returned" and self.registers != other.registers:
            return "registers: %s / %s" % (self.registers, other.registers)
        wrong = [hex(p) for p in self.memory if self.memory[p] != other.memory.get(p) and not endless]
        return "memory of pages %s" % wrong if wrong else None


class World:
    """An emulator with the module at its place in the dvm and the twin at its place in the hv."""

    def __init__(self, module_path, twin):
        self.module, self.twin = Module(module_path), twin
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.imports = {}  # name -> number, for addresses in the kernel
        self.prototypes = {twin.string(i.name): i for i in twin.imports if i.kind in (1, 4)}
        self.kept = {twin.string(g.name) for g in twin.gs} & KEPT
        self.kernel_data = {twin.string(i.name) for i in twin.imports if i.kind == 2} | self.kept
        self.percpu = {twin.string(g.name): 0x1000 * (k + 1) for k, g in enumerate(twin.gs)
                       if twin.string(g.name) not in KEPT | {"fixed_percpu_data"}}
        self.section_at = self.place_sections()
        self.by_name = {s["name"]: k for k, s in enumerate(self.module.sections)}
        self.images = {k: self.relocate_section(k) for k in self.section_at}
        self.targets = {self.dvm(t): TWIN + t.twin_offset for t in twin.targets}
        self.upcalls = {self.dvm(i): twin.string(i.name) for i in twin.imports if i.kind == 4}
        self.pages, self.pools, self.pointers, self.curiosity = [], {}, 1, 1
        self.covered, self.covered_twin, self.ways = set(), set(), {}  # (address, size) of blocks
        self.run, self.seed, self.in_twin, self.plan = Outcome(), 0, False, None
        self.goal = {}  # jump's address -> way to a block that is looked for
        self.steered, self.percpu_at, self.calls_max = True, PERCPU, CALLS_MAX
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
        self.module_start, self.module_end = MODULE, at
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
        for at, size in ((WINDOW, WINDOW_SIZE), (KERNEL_DATA, KERNEL_SIZE),
                         (self.module_start, self.module_end - self.module_start),
                         (DVM_STACK, STACK_SIZE), (HV_STACK, STACK_SIZE), (PERCPU, PERCPU_SIZE),
                         (GS_BLOCK, PAGE), (HV_DATA, PAGE)):
            self.map(at, size)
        # Code that no run restores: a wild store of one run must not change what the next ones execute.
        for at, size in ((KERNEL_TEXT, KERNEL_SIZE), (TWIN, len(text) + PAGE & -PAGE),
                         (NATIVES, KERNEL_SIZE), (RETURN, PAGE)):
            self.uc.mem_map(at, size, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self.uc.mem_write(TWIN, text)
        for at in (KERNEL_TEXT, NATIVES):
            self.uc.mem_write(at, b"\xc3" * KERNEL_SIZE)

    def map(self, at, size):
        """Memory that runs may write to."""
        self.uc.mem_map(at, size)

    def unmap(self, at, size):
        """And take it away."""
        self.uc.mem_unmap(at, size)

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
            if text[0] == "j" and not text.startswith("jmp") and row[at].kind != GUARD:
                self.jumps[TWIN + at] = self.jumps[self.dvm(row[at])] = self.dvm(row[at])
        for at in self.jumps:
            code(self.on_branch, at)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.on_block, None, self.module_start,
                         self.module_end - 1)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.on_block, None, TWIN,
                         TWIN + len(self.twin.text))
        self.uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self.on_access)
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
        if len(self.run.calls) > self.calls_max:
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
        elif len(self.run.calls) > self.calls_max:
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
        """Note the condition of a conditional jump; steer it."""
        key = self.jumps[address]
        code = bytes(self.uc.mem_read(address, 6))
        holds = condition((code[1] if code[0] == 0x0F else code[0]) & 15, self.get("eflags"))
        taken = holds
        if self.in_twin:
            step = len(self.run.branches)
            if step >= len(self.plan.branches) or self.plan.branches[step][0] != key:
                endless = step == len(self.plan.branches) and self.plan.end == "too long"
                self.stop("too long" if endless else "another branch")
                return
            taken = self.plan.branches[step][2]
        elif self.steered:
            seen = self.ways.setdefault(key, [0, 0])
            rng = random.Random(self.seed << 20 ^ len(self.run.branches))
            fresh = seen[0] >= seen[1]
            if key in self.goal and rng.random() < .95:
                taken = self.goal[key]
            elif 0 in seen:
                taken = fresh
            elif self.seed % 3 == 2:  # long chains of comparisons are left at their end only so
                taken = rng.random() < .1
            else:
                taken = fresh if rng.random() < self.curiosity else rng.random() < .5
            seen[taken] += 1
        self.run.branches.append((key, holds, taken))
        if taken == holds:
            return
        if code[0] == 0x0F:
            length, (distance,) = 6, struct.unpack_from("<i", code, 2)
        else:
            length, (distance,) = 2, struct.unpack_from("<b", code, 1)
        self.set("rip", address + length + (distance if taken else 0))

    def on_block(self, _uc, address, size, _data):
        """Coverage, and an end to loops. A block counts when it has been left, not when it begins."""
        self.block_done()
        self.run.last_block = address, size
        self.run.blocks += 1
        if self.run.blocks > BLOCKS_MAX:
            self.stop("too long")

    def block_done(self):
        """The block that began last was executed to its end."""
        if self.run.last_block and self.in_twin:
            self.covered_twin.add((self.run.last_block[0] - TWIN, self.run.last_block[1]))
        elif self.run.last_block:
            self.covered.add(self.run.last_block)

    def on_access(self, _uc, access, address, size, value, _data):
        """All accesses but those to the stacks and the per-CPU area."""
        if address < UPPER_HALF and not (HV_STACK <= address < HV_STACK + STACK_SIZE and self.in_twin or
                                         GS_BLOCK <= address < GS_BLOCK + PAGE):
            self.stop(self.lower_half(address))
            return
        if not (DVM_STACK <= address < DVM_STACK + STACK_SIZE or
                HV_STACK <= address < HV_STACK + STACK_SIZE or
                self.percpu_at <= address < self.percpu_at + PERCPU_SIZE or
                GS_BLOCK <= address < GS_BLOCK + PAGE):
            write = access == unicorn.UC_MEM_WRITE
            if not write and any(0 <= address - self.kernel_address(name) < 8 for name in self.kept):
                return  # the twin reads the gs block
            self.run.accesses.append(("write", address, size, value & (1 << 8 * size) - 1) if write
                                     else ("read", address, size))

    def lower_half(self, address):
        """How a run ends that comes to a lower address. Nothing of the dvm is there, so it faults; in the
        twin at another address, a guarded one. The twin must not come to the hv's memory; beside that
        nothing is mapped (rule R2)."""
        return "an access of the hv's memory" if self.in_twin and TIB <= address < LOWER_END - TIB else "fault"

    def on_missing(self, _uc, access, address, size, _value, _data):
        """Upper half: a page with contents that follow from its address. Else the run ends."""
        fetch = access in (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)
        if fetch or address < UPPER_HALF or len(self.pages) >= PAGES_MAX or access == unicorn.UC_MEM_WRITE_PROT:
            self.run.end = self.run.end or ("fault" if fetch else self.lower_half(address))
            return False
        for page in sorted({address & -PAGE, address + size - 1 & -PAGE}):
            if page in self.pages:
                continue
            try:
                self.map(page, PAGE)
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
            self.unmap(page, PAGE)
        self.pages = []
        self.memory = [(WINDOW, self.words(rng, WINDOW_SIZE // 8)),
                       (KERNEL_DATA, self.words(rng, KERNEL_SIZE // 8)),
                       (DVM_STACK, bytes(STACK_SIZE)), (HV_STACK, bytes(STACK_SIZE)),
                       (PERCPU, self.words(rng, PERCPU_SIZE // 8)), (GS_BLOCK, bytes(PAGE)),
                       (HV_DATA, bytes(PAGE))]

    def restore(self):
        """Memory as prepare left it, for the second run."""
        for page in self.pages:
            self.uc.mem_write(page, self.words(random.Random(page), PAGE // 8))
        for at, data in self.memory:
            self.uc.mem_write(at, data)
        for k, at in self.section_at.items():
            self.uc.mem_write(at, self.images[k])
        for g in self.twin.gs:
            self.uc.mem_write(GS_BLOCK + g.gs_offset, bytes(self.uc.mem_read(self.gs_source(g), g.bytes)))

    def gs_source(self, g):
        """Address in the dvm of what an element of the twin's table of the gs block stands for."""
        name = self.twin.string(g.name)
        at = self.kernel_address(name) if name in self.kept else self.percpu_at + self.percpu.get(name, 0)
        return at + g.addend

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
        self.set("gs_base", GS_BLOCK if in_twin else self.percpu_at)
        try:
            self.uc.emu_start(at, RETURN)
            self.run.end = self.run.end or (
                "returned" if self.get("rip") == RETURN else "trap")  # ud2 of BUG, division
        except unicorn.UcError:
            self.run.end = self.run.end or "fault"
        self.run.at = self.get("rip")
        if self.run.end in ("returned", "never returns", "trap"):
            self.block_done()
        self.run.registers = tuple(self.get(r) for r in ("rax",) + SAVED) + (self.get("rsp") - rsp,)
        self.run.memory = {p: bytes(self.uc.mem_read(p, PAGE)) for p in self.pages_to_compare()}
        return self.run

    def pages_to_compare(self):
        """The pages that were written to."""
        return {a[1] & -PAGE for a in self.run.accesses if a[0] == "write"}

    def compare(self, function, seed):
        """Both runs of one function; (end, difference or None)."""
        self.prepare(seed)
        rng = random.Random(seed ^ 0x5555)
        arguments = [WINDOW + 0x10000 + rng.randrange(0x2000) // 8 * 8,
                     WINDOW + 0x20000 + rng.randrange(0x800) // 8 * 8,
                     rng.choice((WINDOW + 0x30000, rng.randrange(64), 0)),
                     rng.choice((WINDOW + 0x31000, rng.randrange(64))), WINDOW + 0x32000, 1]
        original = self.execute(self.dvm(function), arguments, False, None)
        derived = self.execute(TWIN + function.twin_offset, arguments, True, original)
        return original.end, original.differs(derived)

    def spoil(self, at, code):
        """Put other code at an offset of the twin's text; returns what was there."""
        old = bytes(self.uc.mem_read(TWIN + at, len(code)))
        self.uc.mem_write(TWIN + at, code)
        self.uc.ctl_remove_cache(TWIN + at, TWIN + at + len(code))
        return old

    def executed(self):
        """Bytes that were executed: {(section, offset)} of the module, {offset} of the twin's text."""
        bases = sorted((at, k) for k, at in self.section_at.items())
        module = set()
        for address, size in self.covered:
            base, k = max(b for b in bases if b[0] <= address)
            module |= {(self.module.sections[k]["name"], address - base + n) for n in range(size)}
        return module, {at + n for at, size in self.covered_twin for n in range(size)}
