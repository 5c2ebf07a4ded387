#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A vmlinux of a few kilobytes: just what derive reads of a kernel.

It has a version banner, exports (functions, data, per-CPU variables) and BTF for the functions'
prototypes, so that the golden tests need no kernel package and their results never move.
"""
import struct

RELEASE = "6.1.0-golden"
TEXT, DATA, PERCPU = 0xFFFFFFFF81000000, 0xFFFFFFFF82A00000, 0
RODATA, KSYMTAB, KCRCTAB = 0xFFFFFFFF82000000, 0xFFFFFFFF82100000, 0xFFFFFFFF82110000
STRINGS, BTF_AT = 0xFFFFFFFF82120000, 0xFFFFFFFF82130000

# name -> (argument kinds, return kind, varargs); i = int, l = unsigned long, p = pointer, v = void
FUNCTIONS = {
    "kfree": ("p", "v", False),
    "kmalloc": ("li", "p", False),
    "memcpy": ("ppl", "p", False),
    "_printk": ("p", "i", True),
    "eight_args": ("piplliip", "i", False),
    "_raw_spin_lock": ("p", "v", False),
    "_raw_spin_unlock": ("p", "v", False),
    "schedule": ("", "v", False),
    "__stack_chk_fail": ("", "v", False),
    "panic": ("p", "v", True),
    "__fentry__": None,
    "__x86_return_thunk": None,
    "__x86_indirect_thunk_rax": None,
    "__x86_indirect_thunk_r11": None,
}
VARIABLES = ["jiffies", "page_offset_base", "kernel_key"]
PERCPUS = ["__preempt_count", "softnet_data", "this_cpu_off"]


def btf():
    """A BTF section: int, unsigned long, void *, then a prototype and a FUNC per function."""
    strings = b"\0"
    types = b""
    number = 0

    def string(text):
        nonlocal strings
        at = len(strings)
        strings += text.encode() + b"\0"
        return at

    def add(name, kind, vlen, size, more=b""):
        nonlocal types, number
        types += struct.pack("<III", string(name) if name else 0, kind << 24 | vlen, size) + more
        number += 1
        return number

    code = {
        "i": add("int", 1, 0, 4, struct.pack("<I", 1 << 24 | 32)),
        "l": add("unsigned long", 1, 0, 8, struct.pack("<I", 64)),
        "p": add("", 2, 0, 0),
        "v": 0,
    }
    for name, proto in FUNCTIONS.items():
        if proto is None:
            continue
        args, ret, varargs = proto
        params = [struct.pack("<II", string("a"), code[a]) for a in args]
        if varargs:
            params.append(struct.pack("<II", 0, 0))
        function = add("", 13, len(params), code[ret], b"".join(params))
        add(name, 12, 1, function)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


def exports():
    """__ksymtab with places relative to themselves, its CRCs, and the names."""
    address = {}
    address.update({n: TEXT + 16 * k for k, n in enumerate(FUNCTIONS)})
    address.update({n: DATA + 64 * k for k, n in enumerate(VARIABLES)})
    address.update({n: PERCPU + 256 * (k + 1) for k, n in enumerate(PERCPUS)})
    table, names = b"", b"\0"
    for name, value in address.items():
        here = KSYMTAB + len(table)
        relative = lambda to, at: (to - at + (1 << 31)) % (1 << 32) - (1 << 31)
        table += struct.pack("<iii", relative(value, here),
                             relative(STRINGS + len(names), here + 4), 0)
        names += name.encode() + b"\0"
    return table, b"\x78\x56\x34\x12" * len(address), names


def write(path):
    """Write the ELF file."""
    table, crcs, names = exports()
    alloc, execute = 2, 4
    sections = [
        (".text", 1, alloc | execute, TEXT, b"\xcc" * 4096),
        (".rodata", 1, alloc, RODATA, b"Linux version %s (golden)\0" % RELEASE.encode()),
        ("__ksymtab", 1, alloc, KSYMTAB, table),
        ("__ksymtab_gpl", 1, alloc, KSYMTAB + 0x8000, b""),
        ("__kcrctab", 1, alloc, KCRCTAB, crcs),
        ("__ksymtab_strings", 1, alloc, STRINGS, names),
        (".BTF", 1, alloc, BTF_AT, btf()),
        (".data", 1, alloc, DATA, bytes(4096)),
        (".data..percpu", 1, alloc, PERCPU, bytes(4096)),
    ]
    body, headers, shnames = b"", [bytes(64)], b"\0"
    for name, kind, flags, address, data in sections:
        body += bytes(-len(body) % 8)
        headers.append(struct.pack("<IIQQQQIIQQ", len(shnames), kind, flags, address,
                                   64 + len(body), len(data), 0, 0, 8, 0))
        shnames += name.encode() + b"\0"
        body += data
    headers.append(struct.pack("<IIQQQQIIQQ", len(shnames), 3, 0, 0, 64 + len(body),
                               len(shnames) + 10, 0, 0, 1, 0))
    body += shnames + b".shstrtab\0"
    body += bytes(-len(body) % 8)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, TEXT, 0, 64 + len(body), 0, 64, 0, 0, 64, len(headers),
        len(headers) - 1)
    with open(path, "wb") as f:
        f.write(elf + body + b"".join(headers))
