# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of differential.py for a twin of engine stlb.

All memory of the dvm is there twice, at its own addresses and at others in the lower half: the hv's. The table of
lookups leads from the one to the other, empty at first; a miss fills one entry, or ends the run where the hv would kill
the twin. What the twin accesses in the hv's half is taken for the access of the dvm's address, so that it must agree
with the original's; all else there is still a way out.
"""
import ctypes
import mmap
import struct

import unicorn

from differential import DVM_STACK, GS_BLOCK, NATIVES, PAGE, STACK_SIZE, UPPER_HALF, World
from recorded import RecordedWorld

TABLE, ENTRIES, EMPTY = GS_BLOCK + 0x1000, 4096, 1  # TWIN_STLB_TABLE, TWIN_STLB_ENTRIES
MISS = 5  # enum twin_import_kind
GENERAL = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()


class Lookups:
    """Before World or RecordedWorld in the list of bases."""

    def map(self, at, size):
        """Memory of the dvm gets its second place."""
        self.misses = getattr(self, "misses", 0)
        places = vars(self).setdefault("second_place", {})
        if at < UPPER_HALF:
            super().map(at, size)
            return
        memory = mmap.mmap(-1, size)
        pointer = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for place in (at, at - UPPER_HALF):
            self.uc.mem_map_ptr(place, size, unicorn.UC_PROT_ALL, ctypes.c_void_p(pointer))
        for page in range(at, at + size, PAGE):
            places[page - UPPER_HALF] = memory

    def unmap(self, at, size):
        """Both places."""
        super().unmap(at, size)
        if at >= UPPER_HALF:
            self.uc.mem_unmap(at - UPPER_HALF, size)
            for page in range(at, at + size, PAGE):
                del self.second_place[page - UPPER_HALF]

    def map_memory(self):
        """And the table."""
        super().map_memory()
        self.uc.mem_map(TABLE, 16 * ENTRIES)

    def restore(self):
        """The table is empty at first."""
        super().restore()
        self.uc.mem_write(TABLE, struct.pack("<QQ", EMPTY, 0) * ENTRIES)

    def on_native(self, uc, address, size, data):
        """Miss routines are the hv's."""
        row = self.twin.imports[(address - NATIVES) // 16]
        if row.kind == MISS:
            self.miss(self.get(GENERAL[row.reg]))
        else:
            super().on_native(uc, address, size, data)

    def miss(self, address):
        """Fill the entry, or end the run."""
        page = address & -PAGE
        self.misses += 1
        if address < UPPER_HALF or (page - UPPER_HALF not in self.second_place and
                                    not super().on_missing(self.uc, unicorn.UC_MEM_READ, page, 1, 0, None)):
            self.stop("fault")
            return
        self.uc.mem_write(TABLE + 16 * (page // PAGE % ENTRIES), struct.pack("<QQ", page, page ^ page - UPPER_HALF))

    def dvm_address(self, address):
        """What an address of the second place stands for: also just behind a page that is there."""
        page = address & -PAGE
        known = page in self.second_place or page - PAGE in self.second_place
        return address + UPPER_HALF if self.in_twin and address < UPPER_HALF and known else address

    def on_access(self, uc, access, address, size, value, data):
        """The table is read, and by lookups alone."""
        if TABLE <= address < TABLE + 16 * ENTRIES:
            if access == unicorn.UC_MEM_WRITE:
                self.stop("the table was written")
            return
        if self.in_twin and address >= UPPER_HALF and not DVM_STACK <= address < DVM_STACK + STACK_SIZE:
            self.stop("an access without a lookup")
        super().on_access(uc, access, self.dvm_address(address), size, value, data)

    def on_missing(self, uc, access, address, size, value, data):
        """A page behind one that is there: the access crosses into it."""
        return super().on_missing(uc, access, self.dvm_address(address), size, value, data)


class LookupWorld(Lookups, World):
    """From made-up states."""


class RecordedLookupWorld(Lookups, RecordedWorld):
    """From recorded ones."""


def world_of(module, twin):
    """The world for a twin of either engine."""
    return (LookupWorld if twin.engine else World)(module, twin)
