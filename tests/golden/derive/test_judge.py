#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What derive makes, the judge accepts: two programs that share no code agree.

Over the golden cases, and over the hot set of the stock e1000 at each level.
"""
import os
import re
import subprocess

import pytest

from test_golden import OUT, TOP, cases, derive, run_case
from test_input import stock_files

VERIFY = os.path.join(OUT, "drivers", "verify")
LEVELS = ("strict", "access", "slots")
SAFE = [c for c in cases() if not c[3].startswith("derive:") and "#option --no-load" not in c[2]]


def judge(path, strict):
    """The judge's verdict: (status, line)."""
    result = subprocess.run([VERIFY] + ["--strict"] * strict + [path], text=True,
                            capture_output=True, timeout=60, check=False)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module", autouse=True)
def fixture_verify():
    """The judge's host program."""
    if not os.path.exists(VERIFY):
        subprocess.run(["make", "-s", "-C", TOP, "verify"], check=True)


@pytest.mark.parametrize("name,number,source,expected", SAFE, ids=["%s-%d" % c[:2] for c in SAFE])
def test_golden_case(name, number, source, expected, kernel, tmp_path):
    """Every golden case that is derived with its guards."""
    del name, number, expected
    run_case(source, kernel, tmp_path)
    status, line = judge(tmp_path / "golden.twin", "#option --facts=strict" in source)
    rule = re.findall(r"^#judge (.*)$", source, re.M)
    assert status == bool(rule), line
    assert not rule or "rule %s " % rule[0] in line


@pytest.mark.parametrize("level", LEVELS)
def test_stock_e1000(level, tmp_path):
    """The packaged driver; at level strict the judge is strict too."""
    module, vmlinux = stock_files()
    if not module:
        pytest.skip("no kernel package unpacked under %s/kernel" % OUT)
    conf = os.path.join(TOP, "drivers", "e1000", "e1000.twin.conf")
    result = derive(["--facts=" + level, module, "-c", conf, "-k", vmlinux, "-o", "e1000.twin"],
                    tmp_path)
    assert result.returncode == 0, result.stderr
    status, line = judge(tmp_path / "e1000.twin", level == "strict")
    assert status == 0, line


def test_missing_guard_is_refused(kernel, tmp_path):
    """Without its guards the same code is refused, so the agreement means something."""
    run_case("#option --no-load-guards\n\tmov (%rdi), %rax\n\tret\n", kernel, tmp_path)
    status, line = judge(tmp_path / "golden.twin", False)
    assert status != 0 and "ok" not in line
