# SPDX-License-Identifier: GPL-2.0-or-later
"""The thunks of indirect calls in the built hypervisor (R5): what they read, and how they jump."""
import re
import subprocess

import image
import pytest

REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rbp', 'rsi', 'rdi', *(f'r{n}' for n in range(8, 16))]
MOST = {'': 10, '_retpoline': 13} # each counts in hot_overhead
GATE = {name: f'%gs:{offset}' for name, offset in re.findall(r'#define TWIN_GATE_(\w+)\s+(0x[0-9a-f]+)',
                                                            (image.ROOT / 'hv/twin/gate_abi.h').read_text())}
TABLE = rf"{GATE['TABLE']}\(,%r11,8\)"


@pytest.fixture(scope='module', name='code')
def fixture_code():
    """{symbol: [instruction, ...]} without the padding behind."""
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', image.HYPERVISOR], capture_output=True, text=True,
                          check=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        if m := re.match(r'[0-9a-f]+ <(.*)>:', line):
            name = m.group(1)
            name = name.replace('twin_thunks', 'twin_thunk_rax') # the same place
            found[name] = []
        elif name and (m := re.match(r'\s*[0-9a-f]+:\t(.*)', line)) and not re.search('nop|xchg +%ax,%ax', m.group(1)):
            found[name].append(re.sub(r'\s+', ' ', m.group(1)).strip())
    return found


def executed(code):
    """Of a retpoline, the loop that only speculation enters is left out."""
    return [i for i in code if not i.startswith(('pause', 'lfence')) and not re.match(r'jmp [0-9a-f]', i)]


@pytest.mark.parametrize('suffix, end', [('', [rf'jmp \*{TABLE}']),
                                         ('_retpoline', [rf'mov {TABLE},%r11', r'call .*', r'mov %r11,\(%rsp\)', 'ret'])])
def test_r5_thunks_read_through_the_segment_and_end_as_they_should(code, suffix, end):
    for reg in REGISTERS:
        run = executed(code[f'twin_thunk_{reg}{suffix}'])
        assert len(run) <= MOST[suffix], '\n'.join([reg, *run])
        assert sum('%gs:' in i for i in run) == 4 and not any('(%rip)' in i for i in run), (reg, run)
        tail = run[-len(end):]
        assert all(re.fullmatch(p, i) for p, i in zip(end, tail)), (reg, tail)
        # The stack first; else no conditional branch: nothing to mispredict on a hostile address.
        assert run[0] == f"cmp {GATE['FLOOR']},%rsp" and re.fullmatch(r'jb .*<twin_depth_refused>', run[1])
        assert not any(re.match(r'j(?!mp)', i) for i in run[2:]), (reg, run)
        if suffix:
            assert not any('jmp *' in i for i in code[f'twin_thunk_{reg}{suffix}'])
