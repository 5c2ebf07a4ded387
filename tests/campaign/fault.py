#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random faults of the twin by kind, each at a random instruction, under guests' TCP in both directions.

Kinds: reg (bits of a register), load (what an instruction has loaded), data (the driver VM's memory, for good: by turns
the operand, and a field of each class of the driver's data, see driver_data.py; `datum` says what was hit), argument (a
register argument at a call of a native or an upcall), time (the instruction over and over), code (a byte of the
instruction, so that the judge would still take it), refused (a byte so that it would not: what it forbids nobody holds, so
whatever becomes of these is counted, but is no failure). A fault counts only when traffic came to its
instruction: others are drawn until one is met. Then the twin dies and comes back, or it goes on: both are `recovered`.
`dvm_restarted`: the driver VM crashed on its own data and was started again (R20). `down`: nobody died, but the driver
took its interface down and up. An error of the step is: a stream broke, the hypervisor died or its fingerprints changed,
the pool does not add up. Numbered frames that came twice or damaged are counted.
"""
import json
import re
import struct
import subprocess
import sys
import tempfile
import traceback
import zlib

from campaign import FOLDER, main
from driver_data import CLASSES, DriverData
from kill_session import STEPS_PER_BOOT, add_up, surveys, victim
from lab import Session, image

import kill_lab
from console import ConsoleError
from overhead_twin import MAGIC_OFFSET, TABLES_OFFSET, table

KINDS = ('reg', 'load', 'data', 'argument', 'time', 'code', 'refused')
BYTES = KINDS[5:] # of the code
AIMS = ('operand', *CLASSES) # of the steps of kind `data`, by turns
WORD = 8 # bytes that a fault of a field changes, its own among them
TRIES = 20
CHANGES = 200 # that are tried of one instruction's bytes
RESTARTS_MAX = 3 # of the driver VM in ten minutes, its budget (R20)
# Not rsp (4): the judge takes it as given, and the hypervisor's own stack is there.
REGISTERS = [r for r in range(16) if r != 4]
ARGUMENTS = [7, 6, 2, 1] # rdi, rsi, rdx, rcx
FUNCTIONS = kill_lab.functions(image.TWIN)
TWIN = image.TWIN.read_bytes()
TEXT = struct.unpack_from('<I', TWIN, TABLES_OFFSET)[0]
STACK64 = 4 # enum twin_reloc_type
CRC = MAGIC_OFFSET + 20 # twin_header.crc32
FILLED = {at + n for at, kind, _, _ in table(TWIN, kill_lab.RELOCS, kill_lab.RELOC)
          for n in range(8 if kind == STACK64 else 4)}
JUDGE = image.OUT / 'drivers/verify'
CALLS = kill_lab.import_calls(image.TWIN)
LONGEST = 15 # bytes of an x86 instruction
FRAMES = FOLDER / 'fault-frames.jsonl'


def note_frames(flood):
    """What became of a boot's numbered frames. A broken driver may take one buffer for another, or a wrong length, or send
    one twice, as it may on any machine. Guests are told of no checksum that is right: their own stacks see it."""
    with open(FRAMES, 'a', encoding='utf-8') as f:
        f.write(json.dumps(flood.arrived()) + '\n')


SESSION = Session(lambda: victim('campaign-fault', judge=note_frames), STEPS_PER_BOOT)


def place_of(offset):
    """(function, length of the instruction or a little more)"""
    name = next(n for n, offsets in FUNCTIONS.items() if offset in offsets)
    return name, min([o - offset for o in FUNCTIONS[name] if o > offset] + [LONGEST])


def flip(rng):
    """One bit, a byte of bits, or all 64 at random."""
    return rng.choice([1 << rng.randrange(64), rng.randrange(256), rng.getrandbits(64)])


def judge_takes(at, change):
    """Whether the code would be accepted with that byte changed. Bytes that the loader fills in count as refused."""
    if at in FILLED:
        return False
    data = bytearray(TWIN)
    data[TEXT + at] ^= change
    data[CRC:CRC + 4] = bytes(4)
    data[CRC:CRC + 4] = zlib.crc32(data).to_bytes(4, 'little')
    with tempfile.NamedTemporaryFile(suffix='.twin') as f:
        f.write(data)
        f.flush()
        return subprocess.run([JUDGE, f.name], stdout=subprocess.DEVNULL, check=False).returncode == 0


def draw(kind, met, rng):
    """Offset and action: a function first, so that the large ones do not get all."""
    if kind == 'argument':
        return rng.choice([o for o in CALLS if o in met]), ['reg', rng.choice(ARGUMENTS), flip(rng)]
    name = rng.choice([n for n, offsets in FUNCTIONS.items() if met & set(offsets)])
    offset = rng.choice(sorted(met & set(FUNCTIONS[name])))
    if kind in BYTES:
        for _ in range(CHANGES):
            byte, change = rng.randrange(place_of(offset)[1]), rng.choice([1 << rng.randrange(8), rng.randrange(1, 256)])
            if judge_takes(offset + byte, change) == (kind == 'code'):
                return offset, ['code', byte, change]
        return draw(kind, met, rng) # a call, say: the judge takes no change of it
    return offset, {'reg': ['reg', rng.choice(REGISTERS), flip(rng)], 'load': ['load', flip(rng)],
                    'data': ['data', flip(rng)], 'time': ['loop']}[kind]


def driver_data(campaign):
    """With the twin attached; an earlier fault may kill it just before."""
    while True:
        campaign.settle()
        try:
            return DriverData(campaign.s.machine)
        except LookupError:
            if not campaign.gone():
                raise


def field_fault(data, turn, rng):
    """(action, address) that changes a field: the classes by turns, and the fields of each."""
    choices = data.fields_of(AIMS[turn % len(AIMS)])
    place, field = choices[turn // len(AIMS) % len(choices)]
    at = place.at + rng.randrange(place.count) * place.bytes() + field.offset
    bits = min(field.bytes, WORD) * 8
    change = rng.choice([1 << rng.randrange(bits), rng.randrange(1, 256), rng.getrandbits(bits) | 1])
    return ['word', hex(at - at % WORD), change << at % WORD * 8], at


def try_data(campaign, fault, turn, rng):
    """As try_once(), of kind `data`."""
    data = driver_data(campaign)
    offset, action = draw('data', MET, rng)
    at = None
    if turn % len(AIMS):
        action, at = field_fault(data, turn, rng)
    line = campaign.inject(offset, rng.randrange(1, 20), *action)
    hit = line and re.search(r'becomes \w+ in (\w+)', line)
    if not hit:
        return None
    datum, kind = data.name(at or int(hit.group(1), 16))
    fault.update(function=place_of(offset)[0], offset=offset, action=action, line=line, datum=datum, **{'class': kind})
    return campaign.outcome()


def try_once(campaign, fault, rng):
    """What came of a fault that was met and changed something, or None. fault: gets what it was."""
    kind = fault['kind']
    offset, action = draw(kind, MET, rng)
    count = rng.randrange(1, 20)
    if kind in BYTES:
        line = campaign.inject_code(offset, *action[1:])
    else:
        line = campaign.inject(offset, count, *action)
    if not line or ('nothing to change' in line and kind not in BYTES):
        return None
    fault.update(function=place_of(offset)[0], offset=offset, count=count, action=action, line=line)
    return campaign.noticed() if kind in BYTES else campaign.outcome()


def until_met(fault, turn, rng):
    """What came of the first fault that was met, or None."""
    with SESSION.step() as campaign:
        for _ in range(TRIES):
            if fault['kind'] == 'data':
                outcome = try_data(campaign, fault, turn, rng)
            else:
                outcome = try_once(campaign, fault, rng)
            if outcome:
                return outcome
    return None


def step(number, rng):
    """One fault that was met."""
    fault = {'kind': KINDS[number % len(KINDS)]}
    try:
        outcome = until_met(fault, number // len(KINDS), rng)
    except (AssertionError, ConsoleError, OSError, subprocess.SubprocessError) as e:
        traceback.print_exc()
        what = 'harm' if fault['kind'] == 'refused' else 'error'
        return {**fault, 'met': True, 'recovered': False, what: f'{type(e).__name__}: {e}'.splitlines()[0][:300]}
    if outcome and not outcome['recovered']:
        SESSION.drop()
    elif outcome and SESSION.shared.restarts >= RESTARTS_MAX:
        SESSION.end()
    return {**fault, 'met': bool(outcome), **(outcome or {})}


if __name__ == '__main__':
    if '--restart' in sys.argv or not (FOLDER / 'fault.jsonl').exists():
        FRAMES.unlink(missing_ok=True)
    MET = set(surveys()['plain']['counts'])
    try:
        main('fault', steps=1001, step=step, every=len(KINDS), end=SESSION.end, kinds=KINDS)
    finally:
        add_up('fault', frames=[json.loads(line) for line in FRAMES.read_text().splitlines()] if FRAMES.exists() else [])
