#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The budget of a guest's packet over the twin, line by line: who runs the instructions of its way, beside native Linux.

    scripts/bench/budget.py [--windows N] [WORKLOAD ..]         (default: TCP both ways, with offloads and without)

The hypervisor's instructions are sorted by the source file of their block of code (addr2line), a Linux's by module and symbol
(its kallsyms). A block counts as the file's and symbol's where it begins; what the compiler put from one file into another is
told apart by its debugging information. Prints a table: medians of the windows, instructions for a unit of the workload.

Exit status: 0, or 1 when something could not be measured.
"""
import argparse
import base64
import bisect
import gzip
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import image # noqa: E402
import booted # noqa: E402
import cost # noqa: E402
import measure # noqa: E402
import systems # noqa: E402
import window # noqa: E402
import workloads # noqa: E402
from console import ConsoleError # noqa: E402
from peer import PeerError # noqa: E402

DEFAULT = 'tcp_tx_on', 'tcp_rx_on', 'tcp_tx_off', 'tcp_rx_off'
WINDOWS = 5
DUMP = r"awk '$2 ~ /^[tTwW]$/ {print $1, $3, $4}' /proc/kallsyms | gzip | base64"
DUMP_S = 300

STACK, DRIVER, DELIVERY, USER = 'kernel', 'driver', 'interrupts, idle', 'programs'
DEVICE, EXITS = 'hv: virtio card and rings', 'hv: kicks, interrupts, exits'
SWITCH, SUMS = 'hv: switch', 'hv: merging, cutting, sums'
AROUND, LIBRARY, NATIVES, TWIN, DVM = 'hv: around the twin', 'hv: library', 'natives', 'twin', 'driver VM'
REP, SWITCHES, SUM = 'iterations of REP, a quarter each', 'switches, 1,500 each', 'cost'
GUEST = 'guest: '
ORDER = (*(GUEST + line for line in (USER, STACK, DRIVER, DELIVERY)), DEVICE, EXITS, SWITCH, SUMS, AROUND, NATIVES, TWIN, LIBRARY,
         DVM)
NATIVE_ORDER = USER, STACK, DELIVERY, DRIVER

# The first that matches a source file, from the tree's root.
FILES = [(re.compile(pattern), line) for pattern, line in [
    (r'hv/net/(virtio_net|vring|lend)', DEVICE), (r'hv/net/(coalesce|offload)', SUMS), (r'hv/net/', SWITCH),
    (r'hv/twin/(native|pool)', NATIVES), (r'hv/twin/|drivers/', AROUND), (r'hv/lib/', LIBRARY),
    (r'hv/(cpu|vm|virt|dev|debug|mem)/|hv/main|boot/', EXITS)]]
DRIVER_MODULES = 'virtio_net', 'virtio_ring', 'virtio_pci', 'virtio_pci_modern_dev', 'virtio', 'e1000'
# The same where it is not a module, and how a kernel takes interrupts and waits for them.
SYMBOLS = [(re.compile(pattern), line) for pattern, line in [
    (r'(virtnet|virtqueue|virtio|vring|vp|detach_buf|xmit_skb|start_xmit|free_old_xmit_skbs|page_to_skb|receive_buf|'
     r'receive_mergeable|receive_small|add_recvbuf|try_fill_recv|skb_recv_done|skb_xmit_done)(_|\.|$)', DRIVER),
    (r'_*(asm|sysvec|irq|common_interrupt|handle_(edge|fasteoi|level|irq)|generic_handle_irq|note_interrupt|apic|ack_apic|'
     r'native_apic|x2apic|lapic|kvm_guest_apic|error_(entry|return)|restore_regs|ret_from_intr|native_iret|do_idle|idle|cpuidle|'
     r'cpu_idle|default_idle|native_(safe_)?halt|acpi_idle|arch_cpu_idle|tick|hrtimer_interrupt|clockevents|mask|unmask|msi|'
     r'pci_msi|rcu_(idle|irq|nmi)|ct_(idle|irq|kernel|nmi)|menu|poll_idle|paranoid)(_|\.|$)', DELIVERY)]]


class Symbols:
    """Which line each address of a Linux's kernel belongs to. text: ADDRESS NAME [MODULE] in lines."""

    def __init__(self, text):
        rows = {}
        for address, name, *module in (line.split() for line in text.splitlines()):
            rows.setdefault(int(address, 16), (name, module[0].strip('[]') if module else ''))
        if not rows or not max(rows):
            raise ValueError('/proc/kallsyms hides its addresses')
        self._starts = sorted(rows)
        self._rows = [rows[a] for a in self._starts]

    def name(self, address):
        """(symbol, module or '')."""
        i = bisect.bisect_right(self._starts, address) - 1
        return self._rows[i] if i >= 0 else ('?', '')

    def line(self, address):
        if address < window.USER_END:
            return USER
        name, module = self.name(address)
        if module in DRIVER_MODULES:
            return DRIVER
        return next((line for pattern, line in SYMBOLS if pattern.match(name)), STACK)


def line_of_files(files):
    """Of the source files of one address, innermost first: headers have no line of their own."""
    inner = [f for f in files if not f.endswith('.h')] or files
    return next((line for pattern, line in FILES if pattern.search(inner[0])), LIBRARY)


def parse_addr2line(text):
    """{address: source files, innermost first} of what `addr2line -a -i` prints."""
    found, here = {}, []
    for line in text.splitlines():
        if line.startswith('0x'):
            here = found[int(line, 16)] = []
        else:
            here.append(line.rsplit(':', 1)[0])
    return found


def source_lines(addresses, elf=image.HYPERVISOR):
    """{address: line} of the hypervisor's."""
    r = subprocess.run(['addr2line', '-a', '-i', '-e', elf], input='\n'.join(map(hex, addresses)), text=True, check=True,
                       stdout=subprocess.PIPE)
    return {a: line_of_files(files) for a, files in parse_addr2line(r.stdout).items()}


def kallsyms(run):
    """run(command): output of it in the Linux."""
    text = ''.join(run(DUMP, DUMP_S).split())
    return gzip.decompress(base64.b64decode(text)).decode()


class Pollux(systems.Pollux):
    """Its parts are the lines of the budget."""

    def boot(self, machine):
        super().boot(machine)
        self._symbols = Symbols(kallsyms(lambda command, limit: self.run(machine, command, limit)))
        self._sources = {}

    def whose(self, counts):
        inner = super().whose(counts)
        new = {a for guest, a, _, _ in counts if not guest and window.IMAGE_BASE <= a < window.TWIN_BASE} - set(self._sources)
        if new:
            self._sources.update(source_lines(sorted(new)))

        def line(guest, address, page):
            if not guest:
                return self._sources.get(address, TWIN)
            part = inner(guest, address, page)
            return DVM if part.startswith('dvm') else GUEST + self._symbols.line(address)
        return line


class Native(systems.Native):
    """The same of Linux on the bare machine."""

    def boot(self, machine):
        super().boot(machine)
        self._symbols = Symbols(kallsyms(lambda command, limit: self.run(machine, command, limit)))

    def whose(self, counts):
        del counts
        return lambda guest, address, page: self._symbols.line(address)


def column(record):
    """{line: for a unit} of a record, its cost the last."""
    return {**record['parts'], REP: record['rep'] * cost.PER_REP, SWITCHES: record['switches'] * cost.PER_SWITCH,
            SUM: record['median']}


def table(title, order, columns):
    """Markdown. columns: {workload: column()}."""
    lines = [f'| {title} | ' + ' | '.join(columns) + ' |', '|---|' + '---|' * len(columns)]
    for line in (*order, REP, SWITCHES, SUM):
        values = [c.get(line, 0) for c in columns.values()]
        if any(values):
            lines.append(f'| {line} | ' + ' | '.join(f'{v:,.0f}' for v in values) + ' |')
    return '\n'.join(lines)


def measured(chosen, kinds, windows):
    """{workload: column} over all systems of `kinds`, each with the workloads that its guest can have."""
    found = {}
    for system in kinds:
        mine = [w for w in chosen if system.can(w, 'twin')]
        if not mine:
            continue
        with booted.Booted(system) as b:
            for w in mine:
                print(f'{system.name}: {w.title}', file=sys.stderr, flush=True)
                found[w.key] = column(measure.measure(b, w, windows, True))
    return {w.key: found[w.key] for w in chosen}


def main():
    keys = [w.key for w in workloads.ALL if w.command not in (workloads.HTTP, workloads.HTTP_LWIP)]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('workloads', nargs='*', default=DEFAULT, metavar='WORKLOAD', help=f'of {" ".join(keys)}')
    p.add_argument('--windows', type=int, default=WINDOWS, help=f'of each (default: {WINDOWS})')
    args = p.parse_args()
    if wrong := set(args.workloads) - set(keys):
        p.error(f'no such workload: {" ".join(sorted(wrong))}')
    chosen = [w for w in workloads.ALL if w.key in args.workloads]
    try:
        print(table('guest, twin', ORDER, measured(chosen, [Pollux(), Pollux(plain=True)], args.windows)), flush=True)
        print()
        print(table('native Linux', NATIVE_ORDER, measured(chosen, [Native()], args.windows)))
    except (ConsoleError, PeerError, systems.BenchError, OSError, ValueError, subprocess.SubprocessError) as e:
        sys.exit(f'budget: {e}')
    except KeyboardInterrupt:
        sys.exit('budget: interrupted')


if __name__ == '__main__':
    main()
