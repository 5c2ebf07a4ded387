# SPDX-License-Identifier: GPL-2.0-or-later
"""What one call of a driver function needs of a machine that stands still at the function's entry.

The function, and the kernel routines that it calls, run in Unicorn over the machine's own memory, page
by page as it is touched; the machine itself does not notice. That shows which pages the function
reads, and what each kernel routine returned and changed there: a recorded state is these pages, as
they were at the entry, and those results.
"""
import re
import struct

import unicorn
from unicorn import x86_const as x86

PAGE = 4096
MASK64 = (1 << 64) - 1
FRAME = 0x000FFFFFFFFFF000  # address bits of a page-table entry
PRESENT, LARGE = 1, 0x80
VIDEO_HOLE = range(0xA0000, 0x100000)
STACK_NEAR = 16384  # the kernel's stack is that large
# The way of a frame up the network stack is not followed: the driver does not look at what comes of it.
UPWARD = "napi_gro_"
# A routine that takes longer, or does what the emulator cannot, is cut off: it returned 0.
ROUTINE_BLOCKS = 4000
FUNCTION_BLOCKS = 100000
SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
# Thunks of returns and indirect calls, as the kernel patches them in, and the tracer's hook: steps of
# the function, not calls.
THUNK = re.compile(r"__x86_|srso_|retbleed_|zen_|__fentry__$")
REGISTERS = {n: getattr(x86, "UC_X86_REG_" + n.upper()) for n in
             "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags".split()}


class Memory:
    """The machine's RAM, a file that the emulator shares, seen through the machine's page tables."""

    def __init__(self, ram, cr3):
        self.ram, self.root = ram, cr3 & FRAME

    def physical(self, address):
        """Physical address behind a virtual one, None where nothing is mapped."""
        table = self.root
        for shift in (39, 30, 21, 12):
            entry, = struct.unpack_from("<Q", self.ram, table + (address >> shift & 511) * 8)
            if not entry & PRESENT:
                return None
            if shift == 12 or (entry & LARGE and shift < 39):
                low = (1 << shift) - 1
                return (entry & FRAME & ~low) + (address & low)
            table = entry & FRAME

    def page(self, address):
        """(bytes, False) of a page of RAM, (zeros, True) of a device; None if there is none."""
        at = self.physical(address & -PAGE)
        if at is None:
            return None
        if at + PAGE > len(self.ram) or at in VIDEO_HOLE:
            return bytes(PAGE), True
        return self.ram[at:at + PAGE], False


class Snapshot:
    """One run of the function at rip. code: [(start, end)] of the module's text in the machine.

    symbol(address): name of the kernel routine there. device(address, size): what the device answers.
    """

    def __init__(self, memory, registers, code, symbol, device):
        self.memory, self.code, self.symbol, self.device = memory, code, symbol, device
        self.registers = registers
        self.pages, self.devices = set(), {}  # touched by the function itself: RAM; device words
        self.device_pages = set()
        self.calls, self.edges = [], set()
        self.call = None  # (return address, rsp behind it, blocks left) inside a kernel routine
        self.saved = {}  # callee-saved registers at its entry
        self.last, self.block, self.blocks, self.end = 0, None, 0, ""
        self.in_module = True
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.uc.ctl_set_cpu_model(x86.UC_CPU_X86_EPYC)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self.on_missing)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self.on_access)
        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, self.on_block)

    def run(self):
        """To the function's return. True when it came there."""
        rsp = self.registers["rsp"]
        back, = struct.unpack("<Q", self.memory.page(rsp)[0][rsp % PAGE:rsp % PAGE + 8])
        for name, number in REGISTERS.items():
            self.uc.reg_write(number, self.registers[name])
        self.uc.reg_write(x86.UC_X86_REG_GS_BASE, self.registers["gs_base"])
        self.uc.reg_write(x86.UC_X86_REG_FS_BASE, self.registers["fs_base"])
        self.on_missing(self.uc, None, rsp, 8, 0, None)  # on_block looks at it
        at = self.registers["rip"]
        while at is not None:
            try:
                self.uc.emu_start(at, back)
                at = None
            except unicorn.UcError as e:
                # A routine may do what the emulator cannot: it is cut off, the function goes on.
                at = self.cut() if self.call else None
                self.end = "" if at else self.end or str(e)
        if self.uc.reg_read(REGISTERS["rip"]) == back and not self.end:
            if self.call:
                self.leave()  # it ended by a tail call
            return True
        self.end = self.end or "stopped"
        return False

    def is_own(self, address):
        """Is that the module's code?"""
        return any(start <= address < end for start, end in self.code)

    def leave(self, result=None):
        """A kernel routine has returned."""
        self.call = None
        self.calls[-1]["result"] = self.uc.reg_read(REGISTERS["rax"]) if result is None else result

    def cut(self):
        """Give up a kernel routine: it failed (0). Returns where the function goes on."""
        back, behind, _ = self.call
        self.calls[-1]["cut"] = True
        self.leave(0)
        for name, value in {**self.saved, "rsp": behind, "rax": 0}.items():
            self.uc.reg_write(REGISTERS[name], value)
        return back

    def on_block(self, uc, address, _size, _data):
        """Follow calls into the kernel and back; paths of the function itself."""
        if address == self.block:
            return  # rep stos and the like: each step is a block
        self.block = address
        self.blocks += 1
        if self.blocks > FUNCTION_BLOCKS:
            self.end = "too long"
            uc.emu_stop()
        rsp = uc.reg_read(REGISTERS["rsp"])
        if self.call:
            back, behind, left = self.call
            if address == back and rsp == behind:
                self.leave()
            elif left == 0:
                uc.reg_write(REGISTERS["rip"], self.cut())
                return
            else:
                self.call = back, behind, left - 1
                return
        if self.is_own(address):
            self.edges.add((self.last, address))
            self.last, self.in_module = address, True
            return
        name = self.symbol(address)
        if self.in_module and not THUNK.match(name):
            back, = struct.unpack("<Q", uc.mem_read(rsp, 8))
            self.call = back, rsp + 8, ROUTINE_BLOCKS
            self.saved = {n: uc.reg_read(REGISTERS[n]) for n in SAVED}
            self.calls.append({"name": name, "writes": []})
            self.in_module = False
            if name.startswith(UPWARD):
                uc.reg_write(REGISTERS["rip"], self.cut())

    def on_access(self, uc, access, address, size, value, _data):
        """Note the pages of the function, the writes of the routines."""
        # Its own frames are no state; what its caller has there, it may be given a pointer to.
        if -STACK_NEAR < address - self.registers["rsp"] < 8:
            return
        page = address & -PAGE
        if access == unicorn.UC_MEM_READ and page in self.device_pages:
            if address not in self.devices:
                self.devices[address] = self.device(address, size)
            uc.mem_write(address, self.devices[address])
        if not self.call:
            self.pages |= {page, address + size - 1 & -PAGE}
        elif access == unicorn.UC_MEM_WRITE:
            self.calls[-1]["writes"].append((address, size, value & (1 << 8 * size) - 1))

    def on_missing(self, uc, _access, address, size, _value, _data):
        """Bring the page in."""
        for page in {address & -PAGE, address + max(size, 1) - 1 & -PAGE}:
            found = self.memory.page(page)
            if found is None:
                self.end = "nothing at %#x" % address
                return False
            try:
                uc.mem_map(page, PAGE)
            except unicorn.UcError:
                continue  # the other half of the access was there
            uc.mem_write(page, found[0])
            if found[1]:
                self.device_pages.add(page)
        return True

    def state(self):
        """The recorded state, made of plain values."""
        own = self.pages
        calls = [{**c, "writes": [w for w in c["writes"] if w[0] & -PAGE in own]} for c in self.calls]
        pages = {p: self.memory.page(p)[0] for p in own}
        for address, data in self.devices.items():
            page = pages.get(address & -PAGE)
            if page is not None:
                at = address % PAGE
                pages[address & -PAGE] = page[:at] + data + page[at + len(data):]
        return {"registers": self.registers, "pages": pages, "calls": calls,
                "devices": sorted(own & self.device_pages)}
