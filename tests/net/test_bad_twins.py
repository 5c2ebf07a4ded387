# SPDX-License-Identifier: GPL-2.0-or-later
"""Twins that the judge must accept, because each instruction is confined, and that still do harm: they are killed.

Made from the real one: instructions are replaced, the file's check sum is set right.
"""
import struct
import subprocess
import zlib

import image
import pytest

from conftest import wait_for_link

HEADER, CRC, TABLES = 64, 64 + 20, 64 + 192 # drivers/twin_abi.h
TEXT, STRINGS, RELOCS, IMPORTS, FUNCTIONS, BY_TWIN = 0, 1, 2, 3, 5, 11
CALL32, THUNK = 3, 3
NOP = b'\x90'


class Twin:
    """The bytes of a .twin and what its tables say."""

    def __init__(self):
        self.data = bytearray((image.OUT / 'drivers/e1000.twin').read_bytes())
        self.text = self.table(TEXT)[0]
        self.calls = {} # name of a routine, or THUNK: where the distances of its calls are
        imports = list(self.rows(IMPORTS, '<IBB'))
        for where, kind, index, _ in self.rows(RELOCS, '<IIIi'):
            if kind == CALL32:
                name, what, _ = imports[index]
                self.calls.setdefault(THUNK if what == THUNK else self.string(name), []).append(where)
        self.fields = [where for where, *_ in self.rows(RELOCS, '<I')]
        self.functions = {self.string(f[0]): range(f[5], f[5] + f[6]) for f in self.rows(FUNCTIONS, '<7I')}
        self.instructions = [(at, length) for at, _, _, _, length in self.rows(BY_TWIN, '<IIHBB')]

    def table(self, number):
        return struct.unpack_from('<II', self.data, TABLES + 8 * number)

    def rows(self, number, layout):
        offset, count = self.table(number)
        size = {RELOCS: 16, IMPORTS: 32, FUNCTIONS: 40, BY_TWIN: 12}[number]
        return (struct.unpack_from(layout, self.data, offset + size * n) for n in range(count))

    def string(self, offset):
        at = self.table(STRINGS)[0] + offset
        return self.data[at:self.data.index(0, at)].decode()

    def bytes_at(self, at, length):
        return bytes(self.data[self.text + at:self.text + at + length])

    def put(self, at, code):
        self.data[self.text + at:self.text + at + len(code)] = code

    def write(self, file):
        struct.pack_into('<I', self.data, CRC, 0)
        struct.pack_into('<I', self.data, CRC, zlib.crc32(self.data))
        file.write_bytes(self.data)
        return subprocess.run([image.OUT / 'drivers/verify', file], capture_output=True, check=False).returncode == 0


def jump(at, to, length):
    return b'\xe9' + struct.pack('<i', to - at - 5) + NOP * (length - 5)


def loop_of_upcalls(file):
    """e1000_xmit_frame asks the driver VM for ever whether it may print."""
    good = Twin()
    function = good.functions['e1000_xmit_frame']
    call = next(w - 1 for w in good.calls['net_ratelimit'] if w in function)
    after = next(length for at, length in good.instructions if at == call + 5)
    for at, length in good.instructions:
        if at not in function or at > call or length < 5 or any(at - 4 < w < at + length for w in good.fields):
            continue
        twin = Twin()
        twin.put(call + 5, b'\xeb\xf9' + NOP * (after - 2))
        twin.put(at, jump(at, call, length))
        if twin.write(file):
            return file
    raise AssertionError('the judge accepts no such twin')


def endless_recursion(file):
    """e1000_clean_rx_irq takes itself for the function that fills the ring: adapter->clean_rx stands before it."""
    twin = Twin()
    function = twin.functions['e1000_clean_rx_irq']
    done = 0
    for call in (w - 1 for w in twin.calls[THUNK] if w in function):
        at, length = [i for i in twin.instructions if i[0] < call and i[1] == 8][-1] # its load, with a 32-bit offset
        code = twin.bytes_at(at, length)
        twin.put(at, code[:4] + struct.pack('<i', struct.unpack('<i', code[4:])[0] - 8))
        done += 1
    assert done and twin.write(file), 'the judge accepts no such twin'
    return file


@pytest.mark.parametrize('make, death', [
    (loop_of_upcalls, r'twin killed: (endless loop at|upcalls take too long, .* at) e1000_xmit_frame'),
    (endless_recursion, r'twin killed: indirect calls nest too deep at e1000_clean_rx_irq'),
], ids=['upcalls', 'recursion'])
def test_r18_confined_and_still_harmful(system, tmp_path, make, death):
    """Each twin of the file dies of the first packets, and the guests have their network by the bridge."""
    s = system('net=twin', ['echo', 'echo'], twin=make(tmp_path / 'bad.twin'))
    s.attached()
    packets = s.peer.background('ping', '-i', '0.2', s.address(1))
    s.machine.expect('hv', death, 60)
    s.machine.expect('hv', r'castor: traffic stays on the bridge', 240)
    packets.stop()
    wait_for_link(s) # the last death reset the driver
    assert s.peer.ping(s.address(2))[0] == 5
    assert s.stats()['vms']['dvm']['state'] == 'running'
