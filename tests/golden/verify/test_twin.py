#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge as a host program: the derived e1000 passes, damaged files do not."""
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import zlib

import pytest

TOP = pathlib.Path(__file__).resolve().parents[3]
OUT = TOP / "out"
VERIFY = OUT / "drivers/verify"
ASAN = OUT / "drivers/verify.d/verify-asan"
FUZZ = OUT / "tests/verify/fuzz"
MODULE = OUT / "kernel/modules/kernel/drivers/net/ethernet/intel/e1000/e1000.ko"
HEADER = 64  # offset of struct twin_header
CRC = HEADER + 20
TABLES = HEADER + 192
ENGINE = HEADER + 28


def run(*words, program=VERIFY, **options):
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module", name="twins")
def derived(tmp_path_factory):
    """e1000's twin with each level of facts, and one of the whole module."""
    folder = tmp_path_factory.mktemp("twins")
    made = {}
    for name, words in {"slots": ["--facts=slots"], "access": ["--facts=access"],
                        "strict": ["--facts=strict"], "all": ["--all"], "stlb": ["--svm=stlb"],
                        "stlb-all": ["--svm=stlb", "--all"]}.items():
        made[name] = folder / f"{name}.twin"
        subprocess.run([OUT / "drivers/derive/derive", *words, MODULE, "-c",
                        TOP / "drivers/e1000/e1000.twin.conf", "-k", OUT / "kernel/vmlinux",
                        "-o", made[name]], check=True, capture_output=True)
    return made


def sealed(data):
    """The file with its CRC put right."""
    data = bytearray(data)
    data[CRC:CRC + 4] = bytes(4)
    data[CRC:CRC + 4] = struct.pack("<I", zlib.crc32(data))
    return bytes(data)


@pytest.mark.parametrize("name", ["slots", "access", "strict", "all", "stlb", "stlb-all"])
def test_real_twin_is_accepted(twins, name):
    result = run("--json", twins[name])
    assert result.returncode == 0, result.stdout
    verdict = json.loads(result.stdout)
    assert verdict["ok"] and verdict["guards"] > 100 and verdict["functions"] >= 11
    assert verdict["stack"] < 1024


def test_r6_facts_of_accesses_are_refused_when_strict(twins):
    result = run("--strict", twins["slots"])
    assert result.returncode == 1
    assert "rule guard (6) at 0x" in result.stdout and "e1000_" in result.stdout


def test_r7_each_guard_is_needed_or_refused(twins, tmp_path):
    """Every guard of the strict twin taken out by itself: the judge refuses nearly all of them."""
    data = twins["strict"].read_bytes()
    offset, size = struct.unpack_from("<II", data, TABLES)
    text = data[offset:offset + size]
    guards = [k for k in range(size - 5)
              if text[k] in (0x48, 0x49) and text[k + 1:k + 3] == b"\x0f\xba" and text[k + 4] == 47
              and text[k + 3] & 0xF8 == 0xE8]
    refused = 0
    for at in guards:
        changed = data[:offset + at] + b"\x90" * 5 + data[offset + at + 5:]
        (tmp_path / "x.twin").write_bytes(sealed(changed))
        refused += run("--strict", tmp_path / "x.twin").returncode == 1
    assert len(guards) > 100
    assert refused > 0.8 * len(guards), f"{refused} of {len(guards)}"


LOOKUP = 47
MOV = re.compile(rb"[\x48\x49\x4c\x4d]\x89[\xc0-\xff][\x48\x49]\x81[\xe0-\xe7]\x00\xf0\xff\xff")


def test_each_byte_of_each_lookup_counts(twins, tmp_path):
    """Every lookup of the stlb twin taken out, or one byte of it changed: the judge refuses each."""
    data = twins["stlb"].read_bytes()
    offset, size = struct.unpack_from("<II", data, TABLES)
    starts = [m.start() for m in MOV.finditer(data, offset, offset + size)]
    rng = random.Random(1)
    for n, at in enumerate(starts):
        changed = bytearray(data)
        if n % 4 == 0:
            changed[at:at + LOOKUP] = b"\x90" * LOOKUP
        else: # but in the call's distance, which is relocated
            changed[at + rng.choice([*range(35), *range(39, LOOKUP)])] ^= 1 << rng.randrange(8)
        (tmp_path / "x.twin").write_bytes(sealed(changed))
        assert run(tmp_path / "x.twin").returncode in (1, 2), hex(at - offset)
    assert len(starts) > 600


def test_code_of_the_other_engine_is_refused(twins, tmp_path):
    """Whatever the header says: guards are no lookups, lookups are no guards."""
    for name, engine in (("slots", b"\1"), ("stlb", b"\0")):
        data = bytearray(twins[name].read_bytes())
        data[ENGINE:ENGINE + 1] = engine
        (tmp_path / "x.twin").write_bytes(sealed(data))
        result = run(tmp_path / "x.twin")
        assert result.returncode == 1 and ("rule lookup" if name == "slots" else "rule guard") in result.stdout
    assert run("--strict", twins["stlb"]).returncode == 1


def test_truncated_files(twins, tmp_path):
    data = twins["slots"].read_bytes()
    for size in [0, 1, 63, 64, HEADER + 8, TABLES, TABLES + 50, len(data) // 2, len(data) - 1]:
        (tmp_path / "x.twin").write_bytes(data[:size])
        result = run(tmp_path / "x.twin", program=ASAN)
        assert result.returncode == 2 and result.stderr.count("\n") == 1
        assert "truncated" in result.stderr


def test_flipped_bits(twins, tmp_path):
    """Any single bit is found by the CRC; with the CRC put right nothing worse than a refusal."""
    data = twins["slots"].read_bytes()
    rng = random.Random(1)
    for k in range(150):
        at = rng.randrange(HEADER, TABLES + 104) if k % 3 == 0 else rng.randrange(len(data))
        changed = bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        (tmp_path / "x.twin").write_bytes(changed)
        assert at < HEADER or run(tmp_path / "x.twin").returncode == 2
        (tmp_path / "x.twin").write_bytes(sealed(changed))
        result = run(tmp_path / "x.twin", program=ASAN)
        assert result.returncode in (0, 1, 2), result.stderr
        assert (result.stdout + result.stderr).count("\n") == 1


@pytest.mark.parametrize("at, value, words", [
    (HEADER, b"POLLUXTX", "not a .twin file"),
    (HEADER + 8, b"\2\0\0\0", "another version"),
    (HEADER + 16, b"\0\0\0\1", "size differs"),
    (ENGINE, b"\2", "an engine that is not known"),
    (HEADER + 30, b"\x3f", "another guard"),
    (TABLES, b"\xf8\xff\xff\xff", "outside of the file"),
    (TABLES + 4, b"\xff\xff\xff\xff", "outside of the file"),
])
def test_bad_header(twins, tmp_path, at, value, words):
    data = bytearray(twins["slots"].read_bytes())
    data[at:at + len(value)] = value
    (tmp_path / "x.twin").write_bytes(sealed(data))
    result = run(tmp_path / "x.twin", program=ASAN)
    assert result.returncode == 2 and words in result.stderr


def test_not_a_twin(tmp_path):
    for path in (MODULE, tmp_path, tmp_path / "none"):
        result = run(path)
        assert result.returncode == 2
        assert result.stderr.startswith(f"verify: {path}: ")


def test_usage():
    assert run("--help").returncode == 0 and "Usage: verify" in run("--help").stdout
    assert run().returncode == 2
    assert run("--nonsense", "x").returncode == 2
    assert run("--stack", "many", "x").returncode == 2
    assert len(run("--rules").stdout.splitlines()) == 30


def test_stack_limit(twins):
    result = run("--stack", "64", twins["slots"])
    assert result.returncode == 1 and "stack-limit" in result.stdout


@pytest.mark.parametrize("name", ["slots", "stlb"])
def test_mutants_in_the_emulator(twins, name):
    """Mutants of the real twin that still pass stay inside their bounds."""
    env = dict(os.environ, VERIFY_FUZZ_SECONDS="10")
    result = run(twins[name], program=FUZZ, env=env)
    assert result.returncode == 0, result.stderr
    assert "no escape" in result.stdout


def test_mutants_escape_without_the_rule_of_lookups(twins):
    """The emulator notices accesses without a lookup, once the judge lets them pass."""
    env = dict(os.environ, VERIFY_FUZZ_SECONDS="120", VERIFY_FUZZ_DISABLED=hex(1 << 28))
    result = run(twins["stlb"], program=FUZZ, env=env)
    assert result.returncode == 1 and "of the lower half" in result.stderr, result.stdout
