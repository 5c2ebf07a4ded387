# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what is needed of a .twin file (drivers/twin_abi.h): its functions and both address maps."""
import struct
from dataclasses import dataclass, field

MAGIC_OFFSET = 64 # TWIN_HEADER_OFFSET
MAGIC = b'POLLUXTW'
VERSION = 1
ENGINE_OFFSET, FACTS_OFFSET = MAGIC_OFFSET + 28, MAGIC_OFFSET + 29
ENGINES = ('window', 'stlb') # enum twin_engine
LEVELS = ('strict', 'access', 'slots') # enum twin_facts
TABLES_OFFSET = MAGIC_OFFSET + 192 # twin_header.table[]
STRINGS, SECTIONS, FUNCTIONS, BY_TWIN, BY_MODULE = 1, 4, 5, 11, 12 # enum twin_table_id
FUNCTION = struct.Struct('<10I')
SECTION = struct.Struct('<II')
MAP = struct.Struct('<IIHBB')
COPIED, CHANGED, DROPPED, CANARY = 1, 2, 7, 8 # enum twin_map_kind


class TwinError(ValueError):
    """The file is not what it should be."""


@dataclass
class Function:
    """module: (section, offset), twin: offset of each instruction, in order; cold parts are in their parent."""
    name: str
    module_entry: tuple
    twin_entry: int
    module: list = field(default_factory=list)
    twin: list = field(default_factory=list)


def table(data, number, record):
    offset, count = struct.unpack_from('<II', data, TABLES_OFFSET + 8 * number)
    if offset + count * record.size > len(data):
        raise TwinError(f'table {number} lies outside the file')
    return [record.unpack_from(data, offset + i * record.size) for i in range(count)]


def string(data, offset):
    start, _ = struct.unpack_from('<II', data, TABLES_OFFSET + 8 * STRINGS)
    return data[start + offset:data.index(0, start + offset)].decode()


class Twin:
    """functions: those that have an entry; cold parts belong to their parents.

    first: (section, offset) in the module -> offset in the twin of what derive made of that instruction, added
    instructions not included. dropped: those of which nothing was made. canary: (section, offset) of a dropped instruction
    of a stack canary -> offset of one in the twin that runs as often as it did. engine: how
    it reaches memory. level: of the facts that its guards rest on.
    """

    def __init__(self, data):
        magic, version = data[MAGIC_OFFSET:MAGIC_OFFSET + 8], struct.unpack_from('<I', data, MAGIC_OFFSET + 8)[0]
        if magic != MAGIC or version != VERSION or data[FACTS_OFFSET] >= len(LEVELS) or \
                data[ENGINE_OFFSET] >= len(ENGINES):
            raise TwinError(f'not a .twin file of version {VERSION}')
        self.engine, self.level = ENGINES[data[ENGINE_OFFSET]], LEVELS[data[FACTS_OFFSET]]
        self.sections = [string(data, s[0]) for s in table(data, SECTIONS, SECTION)]
        by_twin, by_module = table(data, BY_TWIN, MAP), table(data, BY_MODULE, MAP)
        self.dropped = {(self.sections[s], m) for _, m, s, kind, _ in by_module if kind == DROPPED}
        self.canary = {(self.sections[s], m): t for t, m, s, kind, _ in by_module if kind == CANARY}
        self.first = {}
        for t, m, s, kind, _ in by_twin:
            if kind in (COPIED, CHANGED):
                self.first.setdefault((self.sections[s], m), t)
        self.functions = self._read_functions(data, by_twin, by_module)

    def _read_functions(self, data, by_twin, by_module):
        records = table(data, FUNCTIONS, FUNCTION)
        own = [Function(string(data, r[0]), (self.sections[r[2]], r[3]), r[5]) for r in records]
        for _, parent, section, start, size, twin, twin_size, _, _, _ in records:
            own[parent].twin += [t for t, *_ in by_twin if twin <= t < twin + twin_size]
            own[parent].module += [(self.sections[section], m) for _, m, s, _, _ in by_module
                                   if s == section and start <= m < start + size]
        return [f for i, f in enumerate(own) if records[i][1] == i]
