# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's own data in the driver VM by name: which structure and field an address is, by the BTF of kernel and module.

Where the structures are is followed from the net_device, which the monitor's `twin` tells, through memory that the
emulator reads. What is `elsewhere` is none of them: a frame's bytes, say. A socket buffer is known by its device.
"""
import re
from dataclasses import dataclass
from functools import cache

from lab import image

import kernel_abi

MODULE = next(image.OUT.glob('kernel/image/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000/e1000.ko'))
VMLINUX = image.OUT / 'kernel/vmlinux'
RAM = 3 << 30           # the most that a VM has; guest-physical addresses of the driver VM are physical ones
LINE = 64               # socket buffers begin on a cache line
ELSEWHERE = 'elsewhere'

# Class: fields of it. What points to a function, or to a table of them, is told by its type.
CLASSES = {
    'index': r'^[rt]x_ring\.(buffer_info\[\]\.)?next_to_(use|clean|watch)$',
    'ring pointer': r'^e1000_adapter\.[rt]x_ring$|^[rt]x_ring\.(desc|buffer_info)$',
    'skb pointer': r'^[rt]x_ring\.(buffer_info\[\]\.(skb|rxbuf)|rx_skb_top)$',
    'function pointer': None,
    'divisor': r'^e1000_adapter\.(total_[rt]x_packets|itr)$',
}
OTHER = 'other'


@dataclass(frozen=True)
class Field:
    """Of a structure. offset, bytes: where; a bit field has those of its storage."""
    path: str
    offset: int
    bytes: int
    function: bool


@cache
def types():
    return {**kernel_abi.load_btf(VMLINUX), **kernel_abi.load_btf(MODULE, VMLINUX)}


@cache
def structs():
    return {t['name']: t for t in types().values() if t['kind'] == 'STRUCT' and t['name']}


def leads_to_function(kind):
    """A pointer to a function, or to a structure of them as the kernel names these."""
    if kind['kind'] != 'PTR' or not kind['type_id']:
        return False
    target = kernel_abi.strip(types(), kind['type_id'])
    return target['kind'] == 'FUNC_PROTO' or (target['kind'] == 'STRUCT' and target['name'].endswith('_ops'))


def walk(struct, path, at):
    """Its fields, those of inner structures too; of an anonymous union the first one."""
    for m in struct['members'][:1 if struct['kind'] == 'UNION' else None]:
        name = '' if m['name'] in ('', '(anon)') else m['name']
        kind, here = kernel_abi.strip(types(), m['type_id']), at + m['bits_offset'] // 8
        inner = f'{path}.{name}' if path and name else path or name
        if kind['kind'] == 'STRUCT' or (kind['kind'] == 'UNION' and not name):
            yield from walk(kind, inner, here)
        else:
            yield Field(inner, here, kernel_abi.size_of(types(), m['type_id']), leads_to_function(kind))


@cache
def fields(struct):
    return list(walk(structs()[struct], '', 0))


def field_at(struct, offset):
    """Its field there, or None: a hole."""
    return next((f for f in fields(struct) if f.offset <= offset < f.offset + f.bytes), None)


@dataclass(frozen=True)
class Place:
    """Structures in the driver VM, `count` in a row."""
    name: str
    at: int
    struct: str
    count: int = 1

    def bytes(self):
        return structs()[self.struct]['size']


def class_of(name, function):
    """The class of a field by its full name, whose index in a row is left out."""
    if function:
        return 'function pointer'
    return next((c for c, pattern in CLASSES.items() if pattern and re.search(pattern, name)), OTHER)


class DriverData:
    """Where everything is just now: a driver VM that starts anew has it elsewhere. LookupError: the twin is not attached."""

    def __init__(self, machine):
        self.machine = machine
        told = re.search(r"driver's data: net_device (\w+), napi (\w+); direct map from (\w+)", machine.monitor('twin'))
        if not told:
            raise LookupError('the twin is not attached')
        netdev, napi, self.direct = (int(n, 16) for n in told.groups())
        adapter = Place('e1000_adapter', napi - self._offset('e1000_adapter', 'napi'), 'e1000_adapter')
        self.netdev = netdev
        self.places = [adapter, Place('net_device', netdev, 'net_device')]
        for ring in ('tx_ring', 'rx_ring'):
            self._follow(adapter, ring)

    @staticmethod
    def _offset(struct, member):
        return kernel_abi.find_member(types(), structs()[struct], member)[0] // 8

    def _follow(self, adapter, ring):
        """A ring, its descriptors and its entries."""
        r = Place(ring, self.pointer(adapter, ring), f'e1000_{ring}')
        count = self.read(r.at + self._offset(r.struct, 'count')) & 0xffffffff
        way = ring[:2]
        self.places += [r, Place(f'{ring}.desc[]', self.pointer(r, 'desc'), f'e1000_{way}_desc', count),
                        Place(f'{ring}.buffer_info[]', self.pointer(r, 'buffer_info'), f'e1000_{way}_buffer', count)]

    def read(self, address):
        """Eight bytes of the kernel's direct map; None if it is not there."""
        if not 0 <= address - self.direct < RAM:
            return None
        m = re.search(r': 0x([0-9a-f]{16})', self.machine.hmp(f'xp /1gx {address - self.direct:#x}'))
        return m and int(m.group(1), 16)

    def pointer(self, place, member):
        return self.read(place.at + self._offset(place.struct, member))

    def name(self, address):
        """(name without its index in a row, class) of what is there."""
        place = next((p for p in self.places if p.at <= address < p.at + p.count * p.bytes()), None) or self._skb(address)
        if not place:
            return ELSEWHERE, OTHER
        field = field_at(place.struct, (address - place.at) % place.bytes())
        name = f'{place.name}.{field.path if field else "hole"}'
        return name, class_of(name, bool(field and field.function))

    def _skb(self, address):
        """A socket buffer of this device, around that address."""
        first = address & -LINE
        for at in range(first, first - structs()['sk_buff']['size'], -LINE):
            if self.read(at + self._offset('sk_buff', 'dev')) == self.netdev:
                return Place('sk_buff', at, 'sk_buff')
        return None

    def fields_of(self, wanted):
        """All fields of a class: (place, field)."""
        return [(p, f) for p in self.places for f in fields(p.struct)
                if class_of(f'{p.name}.{f.path}', f.function) == wanted]
