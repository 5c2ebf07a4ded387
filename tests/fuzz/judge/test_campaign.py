#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""R7: mutated twins that loader and judge accept stay inside of their bounds; see campaign.h."""
import os
import struct
import subprocess
import zlib

import pytest

from images import OUT, PROGRAM, TWINS, run_images

# Rules that random images do not break often enough, or not where it shows: aim.c breaks them.
AIMED = ["rip-relative", "indirect", "absolute", "fs-form", "gs-form", "string", "rsp-write", "second-stack",
         "frame-init", "depth", "branch", "target", "fall", "args", "saved", "recursion", "stack-limit"]


def test_r7_mutated_images_do_not_escape():
    """10,000 images, 10 invocations of each accepted one (`make fuzz`: 10^6 with 100)."""
    tally, escapes = run_images(0, 10000, 10)
    assert not escapes and tally["escapes"] == 0
    assert sum(tally["images"].values()) == 10000
    assert sum(tally["accepted"].values()) > 1000
    assert tally["ends"]["returned"] > 1000
    assert all(n > 0 for n in tally["images"].values())


@pytest.mark.parametrize("rule", ["opcode", "guard", "frame", "exit-depth", "entry"])
def test_r7_without_a_rule_an_image_escapes(rule):
    """The campaign can fail: with a rule of the judge left out it finds an escape."""
    _, escapes = run_images(0, 10000, 20, [rule])
    assert escapes, rule


@pytest.mark.parametrize("rule", AIMED)
def test_r7_without_a_rule_an_aimed_image_escapes(rule):
    """The same with images aimed at the rule; while it is in force it refuses some, and none escapes."""
    _, escapes = run_images(0, 3000, 20, [rule], aim=rule)
    assert escapes, rule
    tally, escapes = run_images(0, 300, 5, aim=rule)
    assert not escapes and tally["refused"][rule] > 20


def test_r7_random_programs_without_a_rule():
    """The other fuzzer in the same emulator: programs that call a target with stack arguments that they did not write."""
    env = dict(os.environ, VERIFY_FUZZ_SEED="2000", VERIFY_FUZZ_DISABLED=str(1 << 21), VERIFY_FUZZ_SECONDS="60")
    done = subprocess.run([OUT / "tests/verify/fuzz"], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 1 and "stack arguments that nobody wrote" in done.stderr


def table(data, number):
    """(offset, count) of a table of a .twin file."""
    return struct.unpack_from("<II", data, 256 + 8 * number)


def noreturn_twin(path, name, never):
    """A twin whose code is `call NAME; mov [rdi], rsi`, and which says whether NAME returns."""
    data = bytearray(path.read_bytes())
    text, strings, relocs, imports = [table(data, n)[0] for n in range(4)]
    names = [data[strings + struct.unpack_from("<I", data, imports + 32 * k)[0]:].split(b"\0")[0]
             for k in range(table(data, 3)[1])]
    index = names.index(name.encode())
    data[imports + 32 * index + 5] = never
    data[text:text + table(data, 0)[1]] = b"\xcc" * table(data, 0)[1]
    code = bytes.fromhex("53 e8 00000000 488937 5b c3")  # push rbx; call; mov; pop rbx; ret
    data[text:text + len(code)] = code
    struct.pack_into("<IIIi", data, relocs, 2, 3, index, 0)
    struct.pack_into("<I", data, 256 + 8 * 2 + 4, 1)
    for empty in (7, 10):  # targets, traps
        struct.pack_into("<I", data, 256 + 8 * empty + 4, 0)
    functions, count = table(data, 5)
    for k in range(count):
        struct.pack_into("<I", data, functions + 40 * k + 20, 0)
    data[84:88] = bytes(4)
    data[84:88] = struct.pack("<I", zlib.crc32(data))
    return bytes(data)


def test_r7_native_that_the_file_calls_noreturn(tmp_path):
    """Code behind it is judged by nobody, so a call of it must not come back."""
    for never, words in ((0, "is refused"), (1, '"escapes": 0')):
        for k, path in enumerate(TWINS):
            (tmp_path / str(k)).write_bytes(noreturn_twin(path, "napi_complete_done", never))
        done = subprocess.run([PROGRAM, "-u", "-n", "2", "-i", "50", tmp_path / "0",
                               tmp_path / "1"], capture_output=True, text=True, check=False)
        assert words in done.stdout + done.stderr
