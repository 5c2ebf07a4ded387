# SPDX-License-Identifier: GPL-2.0-or-later
"""Basic blocks of the hot functions, in the module and in the twin, and which of them were executed.

A block begins at a function's or a cold part's entry, at the target of a jump, and behind a jump, a
return or a ud2; calls do not end one. It counts as executed when its last instruction was.
"""
import re
import subprocess

LINE = re.compile(r"^ *([0-9a-f]+):\t(.*)$")
RELOC = re.compile(r"^\t+([0-9a-f]+): R_X86_64_\w+\t(\S+?)(?:([+-])0x([0-9a-f]+))?$")
JUMP = re.compile(r"^(?:bnd |notrack )?(j\w+) (?:([0-9a-f]+)\b)?")
END = ("jmp", "ret", "ud2", "int3")
TRAP_ADDED = 6  # TWIN_MAP_TRAP: ud2 behind a call that never returns


class Code:
    """An instruction: where, its text, the address it may jump to, its end."""

    def __init__(self, at, text):
        self.at, self.text, self.target, self.end, self.note = at, text, None, None, ""
        m = JUMP.match(text)
        if m and m[2]:
            self.target = int(m[2], 16)

    def is_last(self):
        """Does a block end behind it?"""
        return self.text.startswith(END) or JUMP.match(self.text) is not None


class Block:
    """Instructions of one function that are executed one after the other."""

    def __init__(self, function, codes):
        self.function, self.codes = function, codes
        self.at, self.last = codes[0].at, codes[-1].at

    def text(self):
        """What is in it, with the names of what it calls, for a table."""
        return "; ".join((c.text.split(" <")[0] + " " + c.note).strip() for c in self.codes)


def split(functions, codes):
    """Blocks of [(name, start, end)], of instructions in the order of their addresses."""
    inside = []
    for name, start, end in functions:
        inside += [(name, c) for c in codes if start <= c.at < end]
    leaders = {start for _, start, _ in functions} | {c.target for _, c in inside if c.target is not None}
    blocks, now = [], []
    for k, (name, c) in enumerate(inside):
        now.append(c)
        following = inside[k + 1] if k + 1 < len(inside) else None
        if c.is_last() or following is None or following[1].at in leaders or following[0] != name:
            blocks.append(Block(name, now))
            now = []
    return blocks


def module_code(path, section):
    """Instructions of a section, with the relocations of jumps into other sections of the module.

    Addresses are (section, offset) put into one number by the caller's place(): here offsets, and
    for a jump into another section the pair itself.
    """
    out = subprocess.run(["objdump", "-drz", "-j", section, "--no-show-raw-insn", path], check=True,
                         capture_output=True, text=True).stdout
    codes = []
    for line in out.splitlines():
        m = LINE.match(line)
        if m:
            codes.append(Code(int(m[1], 16), re.sub(r"\s+", " ", m[2]).strip()))
            continue
        m = RELOC.match(line)
        if m and codes:
            c = codes[-1]
            offset = int(m[4] or "0", 16) * (-1 if m[3] == "-" else 1)
            c.note = m[2]
            if JUMP.match(c.text):
                # pc-relative to the field, which ends the instruction
                c.target = (m[2], offset + 4) if m[2].startswith(".") else None
    for c, following in zip(codes, codes[1:]):
        c.end = following.at
    return codes


def module_blocks(path, twin, place):
    """Blocks of the hot functions in the module; place(section, offset): address in the dvm."""
    functions, codes = {}, []
    for f in twin.functions:
        section = twin.string(twin.sections[f.section].name)
        functions.setdefault(section, []).append((name_of(twin, f), f))
    for section, rows in functions.items():
        for c in module_code(path, section):
            c.at = place(section, c.at)
            c.target = place(*c.target) if isinstance(c.target, tuple) else \
                place(section, c.target) if c.target is not None else None
            codes.append(c)
    ranges = [(name, place(s, f.module_offset), place(s, f.module_offset + f.module_size))
              for s, rows in functions.items() for name, f in rows]
    return split(sorted(ranges, key=lambda r: r[1]), sorted(codes, key=lambda c: c.at))


def twin_blocks(twin):
    """Blocks of the hot functions in the twin; addresses are offsets in its text."""
    added = {m.twin_offset for m in twin.by_twin if m.kind == TRAP_ADDED}
    notes = {r.where: twin.reloc_note(r) for r in twin.relocs}
    codes = [Code(at, text) for at, text in twin.disassemble() if at not in added]
    length = {m.twin_offset: m.length for m in twin.by_twin}
    for c in codes:
        c.note = next((notes[k] for k in range(c.at, c.at + length.get(c.at, 1)) if k in notes), "")
        if c.note:
            c.target = None  # to an import
    ranges = [(name_of(twin, f), f.twin_offset, f.twin_offset + f.twin_size) for f in twin.functions]
    return split(sorted(ranges, key=lambda r: r[1]), codes)


def name_of(twin, function):
    """A cold part counts with the function that it belongs to."""
    return twin.string(twin.functions[function.parent].name)


def executed(seen, block):
    """Was its last instruction? seen: executed bytes' addresses."""
    return block.last in seen


def ways_to(mine, goal):
    """{address of a conditional jump: taken?} that leads to a block of the same function soonest."""
    nexts = {}
    for block, following in zip(mine, [*mine[1:], None]):
        last = block.codes[-1]
        falls = following.at if following and not last.text.startswith(END) else None
        nexts[block.at] = (last, falls)
    distance, ring = {goal.at: 0}, {goal.at}
    while ring:
        ring = {at for at, (last, falls) in nexts.items()
                if at not in distance and {last.target, falls} & ring}
        distance.update((at, max(distance.values()) + 1) for at in ring)
    far = len(mine)
    return {last.at: distance.get(last.target, far) < distance.get(falls, far)
            for last, falls in nexts.values() if last.target is not None and falls is not None}
