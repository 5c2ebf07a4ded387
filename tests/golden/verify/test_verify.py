#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden tests of the judge.

Each *.golden file holds cases separated by a line `------`; a case is assembly, a line `>>>`, and
the verdict: `ok` or `rule NAME at 0xOFF`. Lines before the assembly that begin with `#` tell the
story. A line `#! WORD...` gives options:

  strict              judge with strict facts            limit=BYTES   stack limit
  base=ADDR           where the code stands              mem=BYTES     work buffer
  entry=OFF           an entry that is no label          entries=N     the first N bytes are entries
  stlb                judge the code of a twin of engine stlb
  more                with the rule disabled the next rule refuses, instead of the code passing

Labels that begin with `entry` are entries, those that begin with `warn` are ud2 of warnings. The
code may call native, native_args (16 bytes of stack arguments), gone (does not return), thunk,
miss_rax .. miss_r15, and use SECOND_STACK, the distance of the second stack, and the macro
`lookup s, t, u`.

For each case that a rule refuses, the judge is mutated: with that rule disabled the same code must
pass, or the case would not prove that it is this rule that stands in the way.
"""
import pathlib
import re
import struct
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
RAW = TOP / "out/drivers/verify.d/raw"
HOST = TOP / "out/drivers/verify"
BASE = 0x20001000000
SYMBOLS = {
    "native": (0x20000200000, 0, 0),
    "native_args": (0x20000200040, 0, 16),
    "gone": (0x20000200080, 1, 0),
    "thunk": (0x200002000C0, 2, 0),
    **{f"miss_{r}": (0x20000200100 + 64 * k, 4 | k << 8, 0)
       for k, r in enumerate("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split())},
}
# With the forms of a lookup, which the assembler would shorten.
PRELUDE = """
.macro lookup s, t, u, shift=8, mask=0xfff0, table=0x1000, page=-4096, over=5, miss, second
	mov %\\s, %\\t
	wide_and \\page, \\t
	mov %\\s, %\\u
	shr $\\shift, %\\u
	wide_and \\mask, \\u
	{disp32} cmp %gs:\\table(%\\u), %\\t
	.byte 0x74, \\over
	.ifb \\miss
	call miss_\\s
	.else
	call \\miss
	.endif
	.ifb \\second
	{disp32} xor %gs:\\table+8(%\\u), %\\s
	.else
	{disp32} xor %gs:\\table+8(%\\u), %\\second
	.endif
.endm
.macro wide_and imm, reg
	.irp n, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi
	.ifc \\n, \\reg
	.byte 0x48
	.endif
	.endr
	.irp n, r8, r9, r10, r11, r12, r13, r14, r15
	.ifc \\n, \\reg
	.byte 0x49
	.endif
	.endr
	.byte 0x81
	.set k, 0
	.irp n, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	.ifc \\n, \\reg
	.byte 0xe0 | (k & 7)
	.endif
	.set k, k + 1
	.endr
	.long \\imm
.endm
"""
SECOND_STACK = 0xFFFF868003B50000


class Case:
    def __init__(self, path, number, text):
        body, verdict = text.split("\n>>>\n")
        self.verdict = verdict.strip()
        self.options = []
        for line in body.splitlines():
            if line.startswith("#!"):
                self.options += line[2:].split()
        self.asm = (PRELUDE if "stlb" in self.options else "") + re.sub(r"(?m)^#.*$", "", body) + "\n"
        title = next((l[1:].strip() for l in body.splitlines() if re.match("# ", l)), "?")
        self.name = f"{path.stem}-{number:02d}-{title}"


def cases():
    found = []
    for path in sorted(HERE.glob("*.golden")):
        parts = re.split(r"(?m)^------\n", path.read_text())
        found += [Case(path, n, p) for n, p in enumerate(parts) if ">>>" in p]
    return found


CASES = cases()


def read_elf(data):
    """The bytes of .text and the offsets of labels in it, by name."""
    start = struct.unpack_from("<Q", data, 0x28)[0]
    count, names = struct.unpack_from("<HH", data, 0x3C)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, start + 64 * k) for k in range(count)]

    def text_at(section, offset):
        begin = heads[section][4] + offset
        return data[begin:data.index(b"\0", begin)].decode()

    code, labels = b"", {}
    for head in heads:
        if text_at(names, head[0]) == ".text":
            code = data[head[4]:head[4] + head[5]]
        if head[1] == 2:  # SHT_SYMTAB
            for at in range(head[4], head[4] + head[5], 24):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
                labels[text_at(head[6], name)] = value - BASE
    return code, labels


def assemble(case):
    with tempfile.TemporaryDirectory() as tmp:
        obj, elf = pathlib.Path(tmp) / "x.o", pathlib.Path(tmp) / "x.elf"
        subprocess.run(["as", "-o", obj], input=case.asm.encode(), check=True)
        defs = [f"--defsym={n}={v[0]:#x}" for n, v in SYMBOLS.items()]
        subprocess.run(["ld", "-e", "0", f"-Ttext={BASE:#x}", *defs,
                        f"--defsym=SECOND_STACK={SECOND_STACK:#x}", "-o", elf, obj], check=True)
        return read_elf(elf.read_bytes())


def arguments(case, labels):
    args = []
    for name, offset in sorted(labels.items(), key=lambda x: x[1]):
        if name.startswith("entry"):
            args += ["-e", str(offset)]
        if name.startswith("warn"):
            args += ["-w", str(offset)]
    for name, (addr, flags, stack) in SYMBOLS.items():
        args += ["-t", f"{addr:#x},{flags},{stack}"]
    for word in case.options:
        key, _, value = word.partition("=")
        if key in ("strict", "stlb"):
            args.append("-s" if key == "strict" else "-x")
        elif key == "entries":
            for k in range(int(value)):
                args += ["-e", str(k)]
        elif key in ("limit", "base", "mem", "entry"):
            args += ["-" + key[0] if key != "entry" else "-e", value]
        else:
            assert key == "more", f"unknown option {word}"
    return args


def judge(code, args):
    run = subprocess.run([RAW, *args], input=code, capture_output=True, check=True)
    return run.stdout.decode().splitlines()[0]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_verdict(case):
    code, labels = assemble(case)
    args = arguments(case, labels)
    assert judge(code, args) == case.verdict
    refused = re.match(r"rule (\S+) at", case.verdict)
    if not refused:
        return
    mutated = judge(code, args + ["-d", refused.group(1)])
    if "more" in case.options:
        assert mutated != case.verdict
    else:
        assert mutated == "ok", f"with rule {refused.group(1)} disabled"


def test_every_rule_has_a_case():
    lines = subprocess.run([HOST, "--rules"], check=True, capture_output=True, text=True).stdout
    rules = {line.split()[1] for line in lines.splitlines()}
    covered = {re.match(r"rule (\S+)", c.verdict).group(1)
               for c in CASES if c.verdict.startswith("rule") and "more" not in c.options}
    assert rules == covered


def test_rules_are_documented():
    lines = subprocess.run([HOST, "--rules"], check=True, capture_output=True, text=True).stdout
    readme = (TOP / "drivers/verify/README.md").read_text()
    for line in lines.splitlines():
        number, name = line.split()[:2]
        assert re.search(rf"(?m)^\| {number} \| `{name}` \|", readme), f"rule {name} in README.md"


def test_r7_the_judge_stays_small():
    """R7: at most 1,500 lines; blank lines, comments and the contracts in headers not counted."""
    build = (TOP / "drivers/verify/build.mk").read_text()
    sources = re.search(r"VERIFY_HV_SRCS := \$\(addprefix drivers/verify/,(.*)\)", build).group(1)
    lines = 0
    for name in sources.split():
        text = re.sub(r"(?s)/\*.*?\*/", "", (TOP / "drivers/verify" / name).read_text())
        lines += sum(1 for line in text.splitlines() if line.strip())
    assert 0 < lines <= 1500
