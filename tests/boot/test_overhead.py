# SPDX-License-Identifier: GPL-2.0-or-later
"""hot_overhead: the plugin counts what really runs, the arithmetic compares like with like, the result is in bounds."""
import json
import subprocess
from dataclasses import dataclass

import image
import overhead
import overhead_sums as sums
import pytest
from overhead_twin import Function, Twin, TwinError

LIMIT_S = 900
BASE = sums.TWIN_BASE
SYMBOLS = sums.Symbols('0000020000000000 T hv_main\n0000020000000100 T twin_enter\n0000020000000120 T twin_abort\n'
                       '0000020000000140 T twin_thunk_rax\n0000020000000160 T twin_indirect_refused\n'
                       '0000020000000180 T twin_upcall_stubs\n00000200000001a0 t upcall_common\n'
                       '0000020000000200 t skb_put\n')
# Counts of the plugin's own test: a loop of 100, 64 iterations of one repeated instruction.
PROGRAM = '''
	.macro MARK
	.byte 0x0f, 0x1f, 0x80
	.long 0x504f4c58
	.endm
	.section .text
	.long 0x1badb002, 0, -0x1badb002
	.globl _start, again, store, skipped
_start:	MARK
	movl $100, %ecx
again:	nop
	decl %ecx
	jnz again
	movl $64, %ecx
	movl $0x300000, %edi
store:	rep stosb
	jmp 1f
skipped: nop
1:	MARK
	movb $0x10, %al
	outb %al, $0xf4
	hlt
'''


@dataclass
class FakeTwin:
    """f: fentry (dropped), canary (dropped), mov, jmp, nop before a loop's head (dropped), head; a guard at 0x14."""
    functions = [Function('f', ('.text', 0x40), 0x10, [('.text', m) for m in (0x40, 0x43, 0x45, 0x48, 0x4a, 0x50)],
                          [0x10, 0x12, 0x14, 0x18])]
    dropped = {('.text', 0x40), ('.text', 0x4a)}
    canary = {('.text', 0x43): 0x10}
    first = {('.text', 0x45): 0x10, ('.text', 0x48): 0x12, ('.text', 0x50): 0x18}


def window(**hv):
    """Three calls; the loop's head runs ten times in each."""
    counts = {BASE + 0x10: 3, BASE + 0x12: 3, BASE + 0x14: 30, BASE + 0x18: 30}
    counts.update({sums.IMAGE_BASE + int(k[1:], 16): n for k, n in hv.items()})
    return sums.twin_window(FakeTwin, SYMBOLS, counts)


def test_guards_cost_and_dropped_nops_are_no_credit():
    w = window()
    # The original: fentry 3, canary 3, mov 3, jmp 3, head 30; the nop before the loop ran at most 3 times: 0.
    assert w['functions']['f'] == {'calls': 3, 'twin': 66, 'original': 42}
    assert sums.window_ratio(w) == round(66 / 42, 4)


def test_thunks_stubs_and_gate_are_the_twins_and_natives_are_not():
    w = window(x100=5, x120=7, x140=11, x148=11, x160=1000, x180=2, x1a4=13, x200=1000, x0=1000)
    assert (w['gate'], w['thunks'], w['stubs']) == (12, 22, 15)
    assert sums.window_ratio(w) == round((66 + 12 + 22 + 15) / 42, 4)


def test_module_is_counted_where_it_is_loaded():
    counts = {0xffffffffc0000040: 2, 0xffffffffc0000050: 9, 0xffffffffc0000060: 100}
    w = sums.module_window(FakeTwin, {'.text': 0xffffffffc0000000}, counts)
    assert w == {'functions': {'f': {'calls': 2, 'module': 11}}, 'module': 11}


def test_sums_of_windows():
    total = sums.add([window(x100=5), window(x140=1)])
    assert total['functions']['f'] == {'calls': 6, 'twin': 132, 'original': 84}
    assert (total['twin'], total['gate'], total['thunks']) == (132, 5, 1)
    module = sums.add([{'functions': {'f': {'calls': 4, 'module': 44}}, 'module': 44}])
    assert sums.function_rows(total, module) == [
        {'name': 'f', 'calls': 6, 'twin_per_call': 22.0, 'original_per_call': 14.0, 'ratio': round(132 / 84, 4),
         'module_calls': 4, 'module_per_call': 11.0}]


def test_counts_are_differences():
    before, after = sums.parse_counts('1000 5\nffffffffc0000040 7\n'), sums.parse_counts('1000 5\nffffffffc0000040 9\n')
    assert sums.difference(before, after) == {0xffffffffc0000040: 2}


def test_maps_of_the_real_twin_are_whole():
    twin = Twin(overhead.TWIN.read_bytes())
    assert {'e1000_xmit_frame', 'e1000_clean', 'e1000_intr'} <= {f.name for f in twin.functions}
    for f in twin.functions:
        assert len(f.twin) == len(set(f.twin)) and len(f.module) == len(set(f.module))
        assert all([m in kind for kind in (twin.first, twin.dropped, twin.canary)].count(True) == 1 for m in f.module)
        assert {twin.canary[m] for m in f.module if m in twin.canary} <= set(f.twin), f.name
        assert {twin.first[m] for m in f.module if m in twin.first} <= set(f.twin), f.name


def test_other_files_are_refused():
    with pytest.raises(TwinError):
        Twin(bytes(1000))


def run_plugin(folder, arguments):
    """A 32-bit Multiboot program in a bare machine; returns ({name: address}, QEMU's exit status, its errors)."""
    (folder / 'p.s').write_text(PROGRAM)
    subprocess.run(['as', '--32', '-o', folder / 'p.o', folder / 'p.s'], check=True)
    subprocess.run(['ld', '-m', 'elf_i386', '-Ttext=0x100000', '-o', folder / 'p', folder / 'p.o'], check=True)
    nm = subprocess.run(['nm', folder / 'p'], check=True, capture_output=True, text=True).stdout
    r = subprocess.run(['qemu-system-x86_64', '-accel', 'tcg', '-nodefaults', '-display', 'none', '-no-reboot',
                        '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-kernel', folder / 'p',
                        '-plugin', f'{overhead.PLUGIN},{arguments}'],
                       timeout=60, capture_output=True, text=True, check=False)
    return {name: int(a, 16) for a, _, name in map(str.split, nm.splitlines())}, r.returncode, r.stderr


def test_plugin_counts_what_runs(tmp_path):
    at, code, errors = run_plugin(tmp_path, f'out={tmp_path}/c,range=100000-101000')
    assert code == 33, errors
    counts = sums.difference(*(sums.parse_counts((tmp_path / f'c.{n}').read_text()) for n in (0, 1)))
    assert counts[at['again']] == 100 and counts[at['again'] + 1] == 100
    assert counts[at['store']] == 1, 'a repeated instruction counts once'
    assert at['skipped'] not in counts
    assert not (tmp_path / 'c.2').exists()


@pytest.mark.parametrize('arguments', ['range=100000-101000', 'out=/tmp/c', 'out=/tmp/c,range=5-1', 'out=/tmp/c,x=1'])
def test_plugin_refuses_bad_arguments(tmp_path, arguments):
    _, code, errors = run_plugin(tmp_path, arguments)
    assert code not in (0, 33) and 'count: ' in errors


@pytest.mark.long
def test_bound_holds(tmp_path):
    output = tmp_path / 'overhead.json'
    r = subprocess.run([image.ROOT / 'scripts/overhead.py', '--output', output], timeout=LIMIT_S, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert r.returncode == 0, r.stdout
    document = json.loads(output.read_text())
    assert 1.0 < document['hot_overhead'] <= overhead.BOUND
    functions = {f['name']: f for f in document['functions']}
    # One path, so the driver VM must really run what the comparison calls the original.
    intr = functions['e1000_intr']
    assert intr['original_per_call'] == pytest.approx(intr['module_per_call'], rel=0.02)
