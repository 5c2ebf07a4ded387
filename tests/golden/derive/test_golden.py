#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden tests of derive.

Each *.t file holds cases separated by lines of dashes: `input`, a line `>>>`, `expected`. The
input is the body of one function, in AT&T syntax, or several functions between `func NAME` and
`end NAME`; lines that start with `#conf` go to the description, with `#option` to the command
line; `#judge RULE` says that the judge refuses the result by that rule (test_judge.py). What is
expected is the derived text, or the messages on stderr if derive fails.

GOLDEN_UPDATE=1 writes what derive does now into the files: read the difference before you commit.
"""
import os
import re
import subprocess

import pytest

import fakekernel
from twinfile import Twin

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
OUT = os.path.join(TOP, os.environ.get("O", "out"))
DERIVE = os.path.join(OUT, "drivers", "derive", "derive-asan")

PRELUDE = """
.macro func name, section=.text, type=func
 .pushsection \\section, "ax", @progbits
 .ifc \\section, .text
 .p2align 4
 .endif
 .type \\name, @function
\\name:
.endm
.macro end name
 .size \\name, . - \\name
 .popsection
.endm
.section .modinfo, "a"
 .asciz "vermagic=%s SMP preempt mod_unload modversions"
 .asciz "name=golden"
.section .data, "aw"
own_data: .quad 1, 2, 3, 4
.section .rodata, "a"
own_table: .quad 5, 6, 7, 8
.text
""" % fakekernel.RELEASE


def cases():
    """(file, number, input, expected) of every case."""
    for name in sorted(os.listdir(HERE)):
        if not name.endswith(".t"):
            continue
        with open(os.path.join(HERE, name)) as f:
            for k, block in enumerate(re.split(r"^-{6,}\n", f.read(), flags=re.M)):
                source, _, expected = block.partition("\n>>>\n")
                yield name, k, source, expected.strip()


def assemble(source, tmp_path):
    """Module and description of a case."""
    body = source if re.search(r"^\s*func ", source, re.M) else "func f\n%s\nend f\n" % source
    conf = re.findall(r"^#conf (.*)$", source, re.M) or ["entry xmit f"]
    (tmp_path / "golden.S").write_text(PRELUDE + re.sub(r"^#.*$", "", body, flags=re.M) + "\n")
    (tmp_path / "golden.conf").write_text("\n".join(["module golden"] + conf) + "\n")
    subprocess.run(["as", "--64", "-o", tmp_path / "golden.ko", tmp_path / "golden.S"], check=True)


def derive(arguments, tmp_path):
    """Run derive in the case's folder."""
    return subprocess.run([DERIVE] + arguments, cwd=tmp_path, text=True,
                          capture_output=True, timeout=60, check=False)


def run_case(source, kernel, tmp_path):
    """The derived text of a case, or derive's messages."""
    assemble(source, tmp_path)
    options = " ".join(re.findall(r"^#option (.*)$", source, re.M)).split()
    result = derive(options + ["golden.ko", "-c", "golden.conf", "-k", kernel, "-o", "golden.twin"],
                    tmp_path)
    if result.returncode:
        assert result.returncode == 1, result.stderr
        assert not (tmp_path / "golden.twin").exists()
        return result.stderr.strip()
    return Twin(tmp_path / "golden.twin").listing()


def update(name, number, actual):
    """Write the result of a case into its file."""
    path = os.path.join(HERE, name)
    with open(path) as f:
        blocks = re.split(r"^-{6,}\n", f.read(), flags=re.M)
    source = blocks[number].partition("\n>>>\n")[0]
    blocks[number] = source.rstrip("\n") + "\n>>>\n" + actual + "\n"
    with open(path, "w") as f:
        f.write("------\n".join(blocks))


@pytest.mark.parametrize("name,number,source,expected", list(cases()),
                         ids=["%s-%d" % c[:2] for c in cases()])
def test_case(name, number, source, expected, kernel, tmp_path):
    """derive makes of the input what the file says."""
    actual = run_case(source, kernel, tmp_path)
    if os.environ.get("GOLDEN_UPDATE"):
        update(name, number, actual)
    else:
        assert actual == expected
