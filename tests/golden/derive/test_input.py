#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""derive and bad input: one clear line, exit status 1, no output file, whatever the file holds."""
import glob
import json
import os
import random
import struct
import subprocess

import pytest

import fakekernel
from test_golden import DERIVE, OUT, PRELUDE, TOP, assemble
from twinfile import Twin

BODY = """
func g
	call __fentry__
	push %rbx
	sub $0x10, %rsp
	mov %rsp, %rdi
	call kfree
	incl %gs:__preempt_count(%rip)
	mov jiffies(%rip), %rbx
	mov own_data+8(%rip), %rax
	mov (%rbx,%rax,8), %rdx
1:	nopl 0(%rax,%rax)
	add $0x10, %rsp
	pop %rbx
	jmp __x86_return_thunk
2:	ud2
	.pushsection __bug_table, "aw"
	.long 2b - ., 0
	.word 10, 1
	.popsection
	.pushsection __jump_table, "aw"
	.balign 8
	.long 1b - ., 2b - .
	.quad kernel_key - .
	.popsection
end g
func f
	sub $8, %rsp
	movq $g, (%rdi)
	mov (%rdi), %rax
	call __x86_indirect_thunk_rax
	test %eax, %eax
	jne f.cold
back:	add $8, %rsp
	jmp __x86_return_thunk
end f
func f.cold .text.unlikely
	call _printk
	jmp back
end f.cold
"""
SOURCE = PRELUDE + BODY
CONF = "module golden\nentry xmit f\ntarget g\nnative kfree\n"


@pytest.fixture(name="case")
def fixture_case(kernel, tmp_path):
    """A folder with a sound module, description and kernel."""
    (tmp_path / "golden.S").write_text(SOURCE)
    subprocess.run(["as", "--64", "-o", tmp_path / "golden.ko", tmp_path / "golden.S"], check=True)
    (tmp_path / "golden.conf").write_text(CONF)
    (tmp_path / "vmlinux").write_bytes(open(kernel, "rb").read())
    return tmp_path


def stock_files():
    """(e1000.ko, vmlinux) of the packaged kernel, (None, None) before set-up."""
    found = [glob.glob(os.path.join(OUT, "kernel", "**", name), recursive=True)
             for name in ("e1000.ko", "vmlinux")]
    return (found[0][0], found[1][0]) if all(found) else (None, None)


def run(case, *arguments):
    """derive in that folder."""
    return subprocess.run([DERIVE, *arguments], cwd=case, text=True,
                          capture_output=True, timeout=60, check=False)


FILES = ("golden.ko", "-c", "golden.conf", "-k", "vmlinux", "-o", "golden.twin")


def refused(case, *arguments):
    """derive must fail with one line, which is returned, and leave no file."""
    result = run(case, *arguments)
    assert result.returncode == 1, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert not list(case.glob("*.twin*"))
    return result.stderr.strip()


def test_sound_input_is_derived_the_same_way_twice(case):
    """The tables hold together, and nothing in the file depends on chance."""
    assert run(case, *FILES).returncode == 0
    first = (case / "golden.twin").read_bytes()
    assert run(case, *FILES).returncode == 0
    assert first == (case / "golden.twin").read_bytes()
    twin = Twin(case / "golden.twin")
    starts = [m.twin_offset for m in twin.by_twin]
    assert starts == sorted(set(starts))
    assert [at for at, text in twin.disassemble() if text != "int3"] == starts
    for table in (twin.by_module, twin.targets):
        places = [(m.section, m.module_offset) for m in table]
        assert places == sorted(set(places))
    assert {twin.string(f.name) for f in twin.functions} == {"f", "f.cold", "g"}
    assert [twin.string(twin.functions[t.function].name) for t in twin.targets] == ["g"]
    assert [twin.string(twin.functions[e.function].name) for e in twin.entries] == ["f"]
    assert twin.gs_bytes <= 4096 and twin.guard_bit == 47
    key = twin.keys[0]
    assert twin.string(twin.imports[key.import_].name) == "kernel_key" and key.enabled == 0
    subprocess.run(["readelf", "-aW", case / "golden.twin"], check=True, capture_output=True)


def test_entry_stack_covers_calls_and_targets(case):
    """f's own frame and call, and the target's frame and call below it."""
    assert run(case, *FILES).returncode == 0
    assert Twin(case / "golden.twin").entries[0].stack_bytes == 8 + 8 + 8 + 24 + 8


def test_report_and_diff(case):
    """Both commands speak of the functions; neither writes a file."""
    for command in (("report",), ("report", "--json"), ("diff", "g")):
        result = run(case, *command, *FILES[:-2])
        assert result.returncode == 0, result.stderr
        assert "g" in result.stdout and not list(case.glob("*.twin"))
    assert "has no function h" in refused(case, "diff", "h", *FILES[:-2])


def test_report_json_is_json(case):
    """And its sums agree with the file."""
    report = json.loads(run(case, "report", "--json", *FILES).stdout)
    twin = Twin(case / "golden.twin")
    assert report["total"]["after"] == len(twin.by_twin)
    assert report["total"]["guards"] == sum(m.kind == 3 for m in twin.by_twin) - \
        report["total"]["address"]
    assert report["total"]["replaced_by_hand"] == 0
    assert [i["name"] for i in report["imports"]["native"]] == ["kfree"]


def test_dropped_canary_is_counted(case):
    """What was dropped is in the report, and the map names for each an instruction that runs as often."""
    check = "\tmov 8(%rsp), %rdx\n\tsub %gs:0x28, %rdx\n\tjne 9f\n\tmov $0, %edx\n\tmov $0, %eax\n"
    canary = "\tmov %gs:0x28, %rax\n\tmov %rax, 8(%rsp)\n\txor %eax, %eax\n\tinc %ecx\n"
    body = f"func f\n\tsub $0x10, %rsp\n{canary}{check}\tadd $0x10, %rsp\n\tret\n9:\tcall __stack_chk_fail\nend f\n"
    assemble(body, case)
    report = json.loads(run(case, "report", "--json", *FILES).stdout)
    assert report["total"]["canary"] == 7 and "Dropped: 7 instructions" in run(case, "report", *FILES).stdout
    assert run(case, *FILES).returncode == 0
    twin = Twin(case / "golden.twin")
    text = dict(twin.disassemble())
    assert [text[m.twin_offset].split()[0] for m in twin.by_module if m.kind == 8] == ["inc"] * 3 + ["mov"] * 3
    assert not twin.gs


def test_help_and_usage(case):
    """--help answers on stdout; a wrong command line on stderr."""
    result = run(case, "--help")
    assert result.returncode == 0 and "usage: derive" in result.stdout
    assert "try derive --help" in refused(case)
    assert "try derive --help" in refused(case, *FILES[:-2])
    assert "unknown level" in refused(case, "--facts=none", *FILES)


def test_not_an_elf(case):
    (case / "golden.ko").write_bytes(b"#!/bin/sh\n" * 100)
    assert "golden.ko: not an ELF file" in refused(case, *FILES)
    (case / "golden.ko").write_bytes(b"")
    assert "golden.ko" in refused(case, *FILES)


def test_file_is_missing(case):
    (case / "golden.ko").unlink()
    assert "golden.ko: No such file" in refused(case, *FILES)


def test_other_architecture(case):
    data = bytearray((case / "golden.ko").read_bytes())
    data[18:20] = struct.pack("<H", 183)
    (case / "golden.ko").write_bytes(data)
    assert "another architecture (ELF machine 183)" in refused(case, *FILES)


def test_not_a_module(case):
    (case / "golden.ko").write_bytes((case / "vmlinux").read_bytes())
    assert "a kernel module (relocatable file) is expected" in refused(case, *FILES)


def test_module_for_another_kernel(case):
    text = (case / "golden.S").read_text().replace(fakekernel.RELEASE, "5.10.0-9")
    (case / "golden.S").write_text(text)
    subprocess.run(["as", "--64", "-o", case / "golden.ko", case / "golden.S"], check=True)
    message = refused(case, *FILES)
    assert "built for kernel 5.10.0-9" in message and fakekernel.RELEASE in message


def test_prototype_of_another_kernel(case):
    (case / "golden.S").write_text(SOURCE + """
.section __versions, "a"
 .quad 0x11111111
 .asciz "kfree"
 .zero 50
""")
    subprocess.run(["as", "--64", "-o", case / "golden.ko", case / "golden.S"], check=True)
    message = refused(case, *FILES)
    assert "prototype of kfree differs (CRC 0x11111111, the kernel has 0x12345678)" in message


def test_description_of_another_module(case):
    (case / "golden.conf").write_text("module other\nentry xmit f\n")
    assert "is module golden" in refused(case, *FILES)


def test_kernel_is_none(case):
    (case / "vmlinux").write_bytes((case / "golden.ko").read_bytes())
    assert "a vmlinux is expected here" in refused(case, *FILES)


def test_output_cannot_be_written(case):
    (case / "nowhere").mkdir()
    assert "nowhere" in refused(case, *FILES[:-1], "nowhere")
    assert not list(case.glob("nowhere.*"))


def survives(case):
    """Whatever derive says: it says it, in words, and ends by itself."""
    result = run(case, *FILES)
    assert result.returncode in (0, 1), result.stderr
    if result.returncode:
        assert result.stderr.startswith("derive: ") and not list(case.glob("*.twin*"))
        assert "Sanitizer" not in result.stderr and "internal error" not in result.stderr
    (case / "golden.twin").unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["golden.ko", "vmlinux"])
def test_truncated(case, name):
    """Cut off at 24 places, the last ones being only a few bytes from the end."""
    data = (case / name).read_bytes()
    sizes = [len(data) * k // 20 for k in range(20)] + [len(data) - k for k in (1, 8, 64, 65)]
    for size in sizes:
        (case / name).write_bytes(data[:size])
        survives(case)


@pytest.mark.parametrize("name,seed", [("golden.ko", 1), ("golden.ko", 2), ("vmlinux", 3)])
def test_bit_flips(case, name, seed):
    """Random damage, a byte to a few of them; more rounds with DERIVE_FUZZ=N."""
    rng = random.Random(seed)
    data = (case / name).read_bytes()
    for _ in range(int(os.environ.get("DERIVE_FUZZ", "40"))):
        broken = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 8])):
            broken[rng.randrange(len(broken))] = rng.choice([0, 1, 0x7f, 0x80, 0xff,
                                                             rng.randrange(256)])
        (case / name).write_bytes(broken)
        survives(case)


def test_stock_e1000(tmp_path):
    """The packaged driver, when set-up has put the kernel under out/kernel: all of the hot set."""
    module, vmlinux = stock_files()
    if not module:
        pytest.skip("no kernel package unpacked under %s/kernel" % OUT)
    conf = os.path.join(TOP, "drivers", "e1000", "e1000.twin.conf")
    result = run(tmp_path, "report", "--json", module, "-c", conf, "-k", vmlinux, "-o",
                 "e1000.twin")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    names = {f["name"] for f in report["functions"]}
    assert {"e1000_intr", "e1000_clean", "e1000_xmit_frame", "e1000_clean_rx_irq",
            "e1000_clean_jumbo_rx_irq", "e1000_alloc_rx_buffers",
            "e1000_alloc_jumbo_rx_buffers", "e1000_alloc_dummy_rx_buffers"} <= names
    assert report["total"]["after"] <= 1.10 * report["total"]["before"]
    assert len({e["role"] for e in report["entries"]}) == 3
