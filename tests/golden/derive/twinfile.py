#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read a .twin file (drivers/twin_abi.h) and print its text the way the golden files want it."""
import re
import struct
import subprocess
import zlib

TABLES = ["text", "strings", "relocs", "imports", "sections", "functions", "entries", "targets",
          "gs", "keys", "traps", "by_twin", "by_module"]
FORMATS = {
    "relocs": ("where type index addend", "<IIIi"),
    "imports": ("name kind flags reg nargs nstack ret args calls section module_offset",
                "<IBBBBBB12sHII"),
    "sections": ("name size", "<II"),
    "functions": ("name parent section module_offset module_size twin_offset twin_size frame "
                  "second flags", "<10I"),
    "entries": ("role function stack_bytes reserved", "<4I"),
    "targets": ("section module_offset twin_offset function", "<4I"),
    "gs": ("name addend gs_offset bytes", "<4I"),
    "keys": ("import_ section offset enabled site_section site_offset", "<6I"),
    "traps": ("twin_offset kind", "<II"),
    "by_twin": ("twin_offset module_offset section kind length", "<IIHBB"),
    "by_module": ("twin_offset module_offset section kind length", "<IIHBB"),
}
HEADER_AT = 64


class Row(dict):
    """A table element: fields as attributes."""
    __getattr__ = dict.__getitem__


class Twin:
    """All tables of a .twin file, checked as far as a test needs it."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.bytes = f.read()
        (magic, self.version, self.header_size, self.file_size, self.crc, self.flags, self.engine,
         self.facts, self.guard_bit, self.slack, self.sha256, self.module, self.vermagic,
         self.gs_bytes, _) = struct.unpack_from("<8sIIIIIBBBB32s56s64sII", self.bytes, HEADER_AT)
        assert magic == b"POLLUXTW" and self.file_size == len(self.bytes)
        blank = bytearray(self.bytes)
        blank[HEADER_AT + 20:HEADER_AT + 24] = bytes(4)
        assert zlib.crc32(blank) == self.crc
        for k, name in enumerate(TABLES):
            offset, count = struct.unpack_from("<II", self.bytes, HEADER_AT + 192 + 8 * k)
            setattr(self, name, self.read(name, offset, count))

    def read(self, name, offset, count):
        """One table: bytes, or a list of rows."""
        if name not in FORMATS:
            return self.bytes[offset:offset + count]
        fields, layout = FORMATS[name]
        rows = []
        for k in range(count):
            values = struct.unpack_from(layout, self.bytes, offset + k * struct.calcsize(layout))
            rows.append(Row(zip(fields.split(), values)))
        return rows

    def string(self, at):
        """The NUL-terminated string there."""
        return self.strings[at:self.strings.index(b"\0", at)].decode()

    def reloc_note(self, r):
        """What a relocation stands for, in words."""
        if r.type == 1:
            return "%s+0x%x" % (self.string(self.sections[r.index].name), r.addend & 0xffffffff)
        if r.type == 2:
            return "%s+0x%x" % (self.string(self.imports[r.index].name), r.addend & 0xffffffff)
        if r.type == 3:
            return self.string(self.imports[r.index].name)
        return "DISTANCE"

    def disassemble(self):
        """[(offset, instruction)] by objdump."""
        out = subprocess.run(["objdump", "-d", "-z", "--no-show-raw-insn", self.path],
                             check=True, capture_output=True, text=True).stdout
        lines = re.findall(r"^ *([0-9a-f]+):\t(.*)$", out, re.M)
        return [(int(at, 16), re.sub(r"\s+", " ", text).strip()) for at, text in lines]

    def listing(self):
        """The text, one instruction a line: numbered labels, relocations named behind '#'."""
        code = self.disassemble()
        notes = {m.twin_offset: self.reloc_note(r) for r in self.relocs for m in self.by_twin
                 if m.twin_offset <= r.where < m.twin_offset + m.length}
        warns = {t.twin_offset for t in self.traps}
        names = {f.twin_offset: self.string(f.name) for f in self.functions}
        branch = re.compile(r"^((?:bnd )?(?:j\w+|call)) ([0-9a-f]+)( <.*>)?$")
        targets = sorted({int(m[2], 16) for at, t in code for m in [branch.match(t)]
                          if m and at not in notes} - set(names))
        labels = {at: "L%d" % (k + 1) for k, at in enumerate(targets)}
        out = []
        for at, text in code:
            if at in names and len(names) > 1:
                out.append(names[at] + ":")
            if at in labels:
                out.append(labels[at] + ":")
            m = branch.match(text)
            if m and at in notes:
                text = "%s %s" % (m[1], notes[at])
            elif m:
                to = int(m[2], 16)
                text = "%s %s" % (m[1], labels.get(to) or names[to])
            elif at in notes:
                text += "  # " + notes[at]
            if at in warns:
                text += "  # WARN"
            if text != "int3" or at in {m.twin_offset for m in self.by_twin}:
                out.append(text)
        return "\n".join(out)
