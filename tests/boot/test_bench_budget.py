# SPDX-License-Identifier: GPL-2.0-or-later
"""The budget's sorting of instructions into lines, on canned counts; that the hypervisor's own lines are found is tried on its
file."""
import base64
import gzip
import re
import subprocess
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import budget # noqa: E402
import window # noqa: E402

KERNEL = 0xffffffff81000000
MODULE = 0xffffffffa0000000
KALLSYMS = f'''{KERNEL:x} tcp_sendmsg
{KERNEL + 0x100:x} virtqueue_add_outbuf
{KERNEL + 0x200:x} asm_common_interrupt
{KERNEL + 0x300:x} ip_output
{KERNEL + 0x400:x} default_idle_call
{KERNEL + 0x500:x} irqsoff_is_no_interrupt
{MODULE:x} start_xmit [virtio_net]
{MODULE + 0x100:x} nobody_knows_it [virtio_net]
{MODULE + 0x200:x} fib_lookup [other]
'''
FIRST = 100 # page where the machine's RAM begins
DVM_PAGES = 10
GUEST_PAGE = FIRST + 50
HV = {'copy': 'hv/net/virtio_net_rx.c', 'choose': 'hv/net/switch.c', 'held': 'hv/net/coalesce.c', 'leave': 'hv/vm/exit.c',
      'build': 'hv/twin/fill.c', 'skb': 'hv/twin/native_skb.c', 'zero': 'hv/lib/string.c'}
HV_LINES = {'copy': budget.DEVICE, 'choose': budget.SWITCH, 'held': budget.SUMS, 'leave': budget.EXITS, 'build': budget.AROUND,
            'skb': budget.NATIVES, 'zero': budget.LIBRARY}


def test_a_linux_is_sorted_by_module_and_symbol():
    s = budget.Symbols(KALLSYMS)
    assert [s.line(KERNEL + n) for n in (0, 0xff, 0x100, 0x1ff, 0x200, 0x300, 0x400, 0x500)] == \
        [budget.STACK, budget.STACK, budget.DRIVER, budget.DRIVER, budget.DELIVERY, budget.STACK, budget.DELIVERY, budget.STACK]
    assert [s.line(MODULE + n) for n in (0, 0x100, 0x200)] == [budget.DRIVER, budget.DRIVER, budget.STACK]
    assert s.line(0x401000) == budget.USER and s.line(KERNEL - 1) == budget.STACK
    with pytest.raises(ValueError, match='hides'):
        budget.Symbols('0000000000000000 tcp_sendmsg\n')


def test_symbols_come_whole_through_the_console():
    asked = []

    def run(command, limit):
        asked.append((command, limit))
        return base64.encodebytes(gzip.compress(KALLSYMS.encode())).decode().replace('\n', '\r\n')
    assert budget.kallsyms(run) == KALLSYMS and asked == [(budget.DUMP, budget.DUMP_S)]


def test_what_was_put_into_another_file_counts_as_where_it_came_from():
    found = budget.parse_addr2line('0x20000001000\n/tree/hv/net/vring.h:12\n/tree/hv/net/virtio_net_rx.c:40 (discriminator 2)\n'
                                   '/tree/hv/net/switch.c:9\n0x20000002000\n??:0\n')
    assert found == {0x20000001000: ['/tree/hv/net/vring.h', '/tree/hv/net/virtio_net_rx.c', '/tree/hv/net/switch.c'],
                     0x20000002000: ['??']}
    assert [budget.line_of_files(files) for files in found.values()] == [budget.DEVICE, budget.LIBRARY]
    assert budget.line_of_files(['/tree/hv/lib/checksum.h']) == budget.LIBRARY
    for name, file in HV.items():
        assert budget.line_of_files([f'/tree/{file}']) == HV_LINES[name], name


def canned(monkeypatch):
    """(counts, the budget's whose() for them): each function of HV and each place of a guest and of the driver VM once."""
    address = {name: window.IMAGE_BASE + 0x1000 * (n + 1) for n, name in enumerate(HV)}
    monkeypatch.setattr(budget, 'source_lines',
                        lambda wanted: {a: budget.line_of_files([HV[n]]) for n, a in address.items() if a in wanted})
    system = budget.Pollux()
    system._parts = window.Hypervisor(''.join(f'{a:x} T {n}\n' for n, a in address.items()), DVM_PAGES)
    system._symbols, system._sources = budget.Symbols(KALLSYMS), {}
    counts = {(0, a, FIRST + n + 1, 0): 10 + n for n, a in enumerate(address.values())}
    counts |= {(0, window.TWIN_BASE + 8, 7, 0): 30, (1, KERNEL, FIRST + 1, 0): 40, (1, KERNEL, GUEST_PAGE, 0): 50,
               (1, MODULE, GUEST_PAGE + 1, 0): 60, (1, KERNEL + 0x200, GUEST_PAGE, 0): 70, (1, 0x401000, GUEST_PAGE + 2, 0): 80,
               (1, KERNEL, GUEST_PAGE, 1): 1000}
    return counts, system.whose(counts)


def test_each_counted_instruction_is_in_one_line(monkeypatch):
    counts, whose = canned(monkeypatch)
    w = window.difference((0, {}), (3, counts), whose)
    assert dict(w.parts) == {**{HV_LINES[name]: 10 + n for n, name in enumerate(HV)}, budget.TWIN: 30, budget.DVM: 40,
                             budget.GUEST + budget.STACK: 50, budget.GUEST + budget.DRIVER: 60,
                             budget.GUEST + budget.DELIVERY: 70, budget.GUEST + budget.USER: 80}
    assert sum(w.parts.values()) == w.insns and w.rep == 1000 and set(w.parts) <= set(budget.ORDER)


def test_table_has_what_adds_up_to_the_cost():
    record = {'parts': {budget.TWIN: 139.4, budget.NATIVES: 305.0}, 'rep': 400, 'switches': 0.01, 'median': 559.0}
    rows = budget.table('guest, twin', budget.ORDER, {'tcp_rx_on': budget.column(record), 'udp_tx': budget.column(record)})
    assert [re.sub(r'\| (.*?) \| (.*?) \| \2 \|', r'\1: \2', row) for row in rows.splitlines()[2:]] == \
        ['natives: 305', 'twin: 139', f'{budget.REP}: 100', f'{budget.SWITCHES}: 15', f'{budget.SUM}: 559']


def test_functions_of_the_hypervisor_are_found_in_their_files():
    table = subprocess.run(['nm', image.HYPERVISOR], text=True, check=True, stdout=subprocess.PIPE).stdout
    at = {f[2]: int(f[0], 16) for f in (line.split() for line in table.splitlines()) if len(f) == 3}
    wanted = {'amdv_vcpu_run': budget.EXITS, 'native_skb_put': budget.NATIVES, 'coalesce_flush': budget.SUMS,
              'attach_poll': budget.AROUND, 'twin_enter': budget.AROUND}
    lines = budget.source_lines([at[name] for name in wanted])
    assert {name: lines[at[name]] for name in wanted} == wanted


def test_a_workload_that_is_none_is_named():
    r = subprocess.run([image.ROOT / 'scripts/bench/budget.py', 'tcp_tx_of'], text=True, check=False, capture_output=True)
    assert r.returncode == 2 and 'no such workload: tcp_tx_of' in r.stderr
