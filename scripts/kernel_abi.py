#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a C header with offsets of kernel structures, read from the BTF of a vmlinux, or of a module too.

The list file has one item a line:
    struct sk_buff              -> K_SIZEOF_SK_BUFF            size in bytes
    sk_buff.len                 -> K_SK_BUFF_LEN               offset in bytes
                                   K_SK_BUFF_LEN_BYTES         size in bytes
                                   (a bit field: offset of its byte, _SHIFT and _MASK in that byte)
    enum NAPI_STATE_SCHED       -> K_NAPI_STATE_SCHED          value
Members of anonymous structures and unions are found by their own name. Nothing about a kernel
version is written down here, so another kernel needs no edit.
"""
import argparse
import json
import os
import subprocess
import sys


class AbiError(Exception):
    """What is wrong, in words for the user."""


def load_btf(path, base=None):
    """All BTF types of a file by id; base: the kernel of a module. Raises AbiError when there are none."""
    try:
        out = subprocess.run(['bpftool', *(['-B', base] if base else []), 'btf', 'dump', 'file', path, '-j'],
                             capture_output=True, check=True).stdout
    except FileNotFoundError as e:
        raise AbiError('bpftool is missing (package bpftool)') from e
    except subprocess.CalledProcessError as e:
        raise AbiError(f'{path}: no BTF: {e.stderr.decode().strip()}') from e
    return {t['id']: t for t in json.loads(out)['types']}


def find_member(types, struct, name):
    """(bit offset, member) of a member, looked for in anonymous members too; None if absent."""
    for m in struct['members']:
        if m['name'] == name:
            return m['bits_offset'], m
        inner = types.get(m['type_id'])
        if m['name'] in ('', '(anon)') and inner and inner['kind'] in ('STRUCT', 'UNION'):
            found = find_member(types, inner, name)
            if found:
                return m['bits_offset'] + found[0], found[1]
    return None


def strip(types, type_id):
    """The type behind typedefs and qualifiers."""
    t = types[type_id]
    while t['kind'] in ('TYPEDEF', 'CONST', 'VOLATILE', 'RESTRICT', 'TYPE_TAG'):
        t = types[t['type_id']]
    return t


def size_of(types, type_id):
    """Size of a type in bytes."""
    t = strip(types, type_id)
    if t['kind'] == 'PTR':
        return 8
    if t['kind'] == 'ARRAY':
        return t['nr_elems'] * size_of(types, t['type_id'])
    return t['size']


def member_lines(types, structs, path):
    """#define lines of one path such as sk_buff.len or netdev_queue.dql.limit."""
    names = path.split('.')
    struct = structs.get(names[0])
    if not struct:
        raise AbiError(f'no struct {names[0]} in BTF')
    bits, member = 0, None
    for name in names[1:]:
        found = find_member(types, struct, name)
        if not found:
            raise AbiError(f'no member {name} in {path}')
        bits += found[0]
        member = found[1]
        struct = strip(types, member['type_id'])
    macro = 'K_' + '_'.join(names).upper()
    width = member.get('bitfield_size', 0)
    lines = [f'#define {macro} {bits // 8}']
    if width:
        lines.append(f'#define {macro}_SHIFT {bits % 8}')
        lines.append(f'#define {macro}_MASK {(1 << width) - 1}')
    else:
        lines.append(f'#define {macro}_BYTES {size_of(types, member["type_id"])}')
    return lines


def generate(types, items, source, name):
    """The text of the header `name` for the items of a list file."""
    guard = name.upper().replace('.', '_')
    structs = {t['name']: t for t in types.values() if t['kind'] == 'STRUCT' and t['name']}
    enums = {v['name']: v['val'] for t in types.values() if t['kind'] == 'ENUM'
             for v in t.get('values', [])}
    out = ['/* SPDX-License-Identifier: GPL-2.0-or-later */',
           f'/* Made by kernel_abi.py from the BTF of {source}. */',
           f'#ifndef {guard}', f'#define {guard}', '']
    for item in items:
        kind, _, name = item.partition(' ')
        if kind == 'struct':
            if name not in structs:
                raise AbiError(f'no struct {name} in BTF')
            out.append(f'#define K_SIZEOF_{name.upper()} {structs[name]["size"]}')
        elif kind == 'enum':
            if name not in enums:
                raise AbiError(f'no enumerator {name} in BTF')
            out.append(f'#define K_{name} {enums[name]}')
        else:
            out += member_lines(types, structs, item)
    return '\n'.join(out + ['', '#endif', ''])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--vmlinux', required=True, help='ELF kernel with a .BTF section')
    parser.add_argument('--module', help='module whose types are wanted too')
    parser.add_argument('--list', required=True, help='what to look up')
    parser.add_argument('-o', '--output', required=True, help='header to write')
    args = parser.parse_args()
    try:
        with open(args.list, encoding='utf-8') as f:
            items = [line.split('#')[0].strip() for line in f]
        types = load_btf(args.vmlinux)
        if args.module:
            types.update(load_btf(args.module, args.vmlinux))
        text = generate(types, [i for i in items if i], os.path.basename(args.module or args.vmlinux),
                        os.path.basename(args.output))
    except (AbiError, OSError) as e:
        sys.exit(f'kernel_abi: {e}')
    with open(args.output + '.tmp', 'w', encoding='utf-8') as f:
        f.write(text)
    os.rename(args.output + '.tmp', args.output)


if __name__ == '__main__':
    main()
