# SPDX-License-Identifier: GPL-2.0-or-later
"""Deaths of the driver VM while guests' TCP runs both ways, and what came of each (R19, R20).

The system is to have two guests with `verify-server`, `restarts=` for so many deaths, and death.ko (tests/net/death) in its
initrd. Each death: the card quiet before the restart, the VM and the twin back, the new kernel's text as that of the first
life, all streams right to the byte.
"""
import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import image
from conftest import PEER_IP, Load
from large_load import LargeLoad, large_frames
from test_once import RESULT
from test_upcalls import force

FLOOD_RATE, FLOOD_LEAST, FLOOD_MAX = 11000, 10000, 1000000 # frames in a second: wanted, needed; in all
SILENCE_S = 2
MODULE = image.OUT / 'tests/death/death.ko'
WORDS = 'net=twin restarts=1000'
GUESTS = ['verify-server echo', f'verify-server echo sink time={SILENCE_S}']
FRAMES = image.OUT / 'dvm/frames'
QUIET = (r'\[ ok \] network card 00:\w\w\.0 is quiet: pin \d+ masked, bus master off \(command 0003\), reset\r?\n'
         r'.*\[ ok \] dvm starts again \(restart {}\)')
DEATH_S, RESTART_S = 180, 240
LARGE_PORT = 5010
PANIC, SILENT = 'kernel panic: ', 'its processes did not run in 5 s of its run time'
# A function that nobody calls with acpi=off, in whose page a ring may lie without a second death of the old kernel.
RING_AT = 'acpi_ns_evaluate'
KERNEL = 0xffffffff80000000      # virtual address of physical 0
JUMP_ENTRY = struct.Struct('<iiq') # of the kernel's table of static keys: code, target, key, each from where it stands
NOP_JUMP = ((b'\x66\x90', b'\xeb'), (b'\x0f\x1f\x44\0\0', b'\xe9')) # off; on, and how far it goes


def files():
    """What the driver VM's initrd has to have."""
    return {'death.ko': MODULE.read_bytes()}


@dataclass
class Death:
    """reason: how the hypervisor says it. how, at, hits: of death.ko. bridge: armed when the twin is off. forced: natives
    that are upcalls. trigger: a command of the monitor (`mode`, `fault`, `hang`) or of the driver VM that leads there."""
    reason: str
    how: str = 'panic'
    at: str = ''
    hits: int = 1
    bridge: bool = False
    forced: str = ''
    trigger: str = ''


DEATHS = {
    'panic': Death(PANIC + 'death at will'),
    'triple fault': Death('triple fault', how='triple'),
    'interrupts off': Death('no interrupt taken in 5 s of its run time: it hangs', how='', trigger='hang dvm'),
    'softirq': Death(SILENT, how='softirq'),
    'memory': Death(PANIC + 'Out of memory: .*panic_on_oom', how='',
                    trigger='echo 1 >/proc/sys/vm/panic_on_oom; mkdir /full; mount -t ramfs full /full; '
                    'dd if=/dev/zero of=/full/file bs=1M'),
    # Castor's work item dies of an oops, beside a process that computes, and in a VM that is idle.
    'agent': Death(SILENT, how='oops', at='castor:say_alive', trigger='while :; do :; done'),
    'idle agent': Death('its agent did not answer in 5 s, and it is idle', how='oops', at='castor:say_alive'),
    # It never comes back from an attachment, with the interface's lock held; all else goes on.
    'stuck agent': Death('its agent did not come to an end of its work in 30 s', how='sleep', at='castor:castor_attach',
                         bridge=True, trigger='mode twin'),
    # Buffers are given to the pool, for those that went to this VM's own stack.
    'donation': Death(PANIC, at='castor:castor_owned_add', hits=20, trigger=f'ping -A -c 5000 -s 32 {PEER_IP}'),
    # Attaching: NAPI is off, the ports are to be closed; the twin is on, addresses are added (the first time alone).
    'attach': Death(PANIC, at='castor:castor_isolate', bridge=True, trigger='mode twin'),
    'addresses': Death(PANIC, at='dev_uc_add', trigger='rmmod castor; insmod /lib/modules/*/extra/castor.ko'),
    # Back to the bridge: the twin is off, the ports are closed still.
    'switch-over': Death(PANIC, at='castor:castor_drain_port', trigger='mode bridge'),
    # Buffers of the pool leave it, into this VM's stack.
    'pool': Death(PANIC, at='castor:castor_owned_remove', hits=20, trigger=f'ping -A -c 5000 -s 32 {PEER_IP}'),
    # The twin waits for the result.
    'upcall': Death(PANIC, at='eth_type_trans', hits=100, forced='eth_type_trans'),
    # The twin died, the driver is to go on.
    'recovery': Death(PANIC, at='castor:castor_recover', trigger='fault wild'),
}


class Flood:
    """Numbered frames from the wire to guest 2, at a constant rate: so many in a second."""

    def __init__(self, s, stream, rate=FLOOD_RATE):
        self.s, self.stream = s, stream
        # Before all others: what else the host has to do is no part of the wire.
        self.running = s.peer.background('nice', '-n', -20, FRAMES, 'storm', s.peer.tap, FLOOD_MAX, rate, stream,
                                         image.guest_mac(2))

    def end(self):
        """The rate that it had, by what its program says; those that the wire had no room for included."""
        assert self.running.process.poll() is None, 'the flood was too short'
        said = self.running.stop()
        frames, ms = map(int, re.search(r'storm: done frames=(\d+) lost=\d+ ms=(\d+)', said).groups())
        return 1000 * frames // ms

    def arrived(self):
        """{'frames': how many arrived, 'repeated': of them again, 'damaged': not as they were sent}"""
        time.sleep(SILENCE_S)
        self.s.machine.expect('g2', rf'sink: done .* stream={self.stream} ', 60)
        rows = [m for m in RESULT.finditer(self.s.machine.console.text('g2')) if int(m[4]) == self.stream]
        last = {m[1]: m for m in rows}.values() # the same report may be there twice
        return {key: sum(int(m[n]) for m in last) for n, key in ((5, 'frames'), (8, 'repeated'), (9, 'damaged'))}

    def received(self):
        """How many arrived, each once and as it was sent."""
        arrived = self.arrived()
        assert not arrived['repeated'] + arrived['damaged'], arrived
        return arrived['frames']


def switch_off(text, site, target):
    """The jump at `site`, if it is one to `target`, becomes the instruction without effect that it is otherwise."""
    for nop, jump in NOP_JUMP:
        n = len(nop)
        if 0 <= site < len(text) - n and text[site:site + 1] == jump and \
                site + n + int.from_bytes(text[site + 1:site + n], 'little', signed=True) == target:
            text[site:site + n] = nop


class Dying:
    """One booted machine and its lives so far. linux: the number of a Linux guest with large_load's initrd, if there is one."""

    def __init__(self, s, linux=None):
        self.s, self.linux = s, linux
        self.lives = 1
        s.attached()
        text = s.dvm(f'grep -E " ({RING_AT}|__st(art|op)___jump_table)$" /proc/kallsyms; grep "Kernel code" /proc/iomem')
        at = {name: int(a, 16) - KERNEL for a, name in re.findall(r'^(\w+) \w (\w+)\r?$', text, re.M)}
        self.ring = at[RING_AT] & ~0xfff
        self.jumps = at['__start___jump_table'], at['__stop___jump_table']
        start, end = re.search(r'(\w+)-(\w+) : Kernel code', text).groups()
        self.text_at = int(start, 16), int(end, 16) + 1
        assert self.text_at[0] <= self.ring < self.text_at[1]
        self.text = self.read_text()
        self.hash = s.whole()

    def read(self, start, end):
        """Of the driver VM's memory as it is now, in which its kernel is linear."""
        file = Path(self.s.machine.folder, 'memory').resolve()
        self.s.machine.hmp(f'pmemsave {start} {end - start} "{file}"')
        content = file.read_bytes()
        file.unlink()
        return content

    def read_text(self):
        """The text of the driver VM's kernel, all static keys off: some are switched when something happens first."""
        text, (start, end) = bytearray(self.read(*self.text_at)), self.jumps
        for n, (code, target, _) in enumerate(JUMP_ENTRY.iter_unpack(self.read(start, end))):
            entry = start + n * JUMP_ENTRY.size
            switch_off(text, entry + code - self.text_at[0], entry + 4 + target - self.text_at[0])
        return bytes(text)

    def check_text(self):
        """As in the first life."""
        now = self.read_text()
        different = [i for i in range(0, len(now), 16) if now[i:i + 16] != self.text[i:i + 16]]
        places = ' '.join(f'{self.text_at[0] + i:x}' for i in different[:8])
        assert not different, f"the kernel's text changed in {len(different)} places of 16 bytes: {places}"

    def wait(self, pattern, timeout, meanwhile=lambda: None):
        """A line of the hypervisor's."""
        end = time.monotonic() + timeout
        while not (m := re.search(pattern, self.log(), re.M)):
            assert time.monotonic() < end, f'no {pattern} within {timeout} s: {self.log()[-2000:]}'
            assert self.s.machine.process.poll() is None, 'the machine ended'
            time.sleep(0.2)
            meanwhile()
        return m

    def log(self):
        """What the hypervisor has said since the last death was prepared."""
        return self.s.machine.console.text('hv')[self.begin:]

    def prepare(self, death):
        if death.forced:
            force(self.s, death.forced)
        if death.bridge:
            self.s.machine.monitor('mode bridge')
            self.wait('twin detached', 60)

    def die(self, death, ring):
        """Arm it, and pull the trigger. What is typed may be the last thing that the shell reads."""
        words = f'how={death.how} hits={death.hits}{" at=" if death.at else ""}{death.at} ring={self.ring * ring}'
        if death.how and death.trigger and death.at:
            self.s.dvm(f'insmod /death.ko {words}')
        elif death.how:
            self.s.machine.type(f'insmod /death.ko {words}', 1)
        if death.trigger.startswith(('mode ', 'fault ', 'hang ')):
            self.s.machine.monitor(death.trigger)
        elif death.trigger:
            self.s.machine.type(death.trigger, 1)

    def back(self):
        """The VM and the twin; a record of how long that took, in s of the host's clock."""
        died = time.monotonic()
        self.wait(QUIET.format(self.lives), 60)
        self.lives += 1
        self.s.machine.console.skip('dvm')
        self.s.machine.expect('dvm', 'dvm ready', RESTART_S)
        self.s.machine.expect('dvm', 'built-in commands', 30)
        self.s.machine.monitor('upcalls force')
        self.s.machine.monitor('mode twin')
        self.s.wait_attached(RESTART_S)
        return round(time.monotonic() - died, 1)

    def live_through(self, name, flooded=False):
        """One death while guests' TCP is under way; its record. flooded: beside FLOOD_LEAST frames in a second, and with a
        card that is left receiving into the kernel's text."""
        death = DEATHS[name]
        self.begin = len(self.s.machine.console.text('hv'))
        loads, large = [Load(self.s, patience=RESTART_S)], large_frames(self.s)
        if self.linux:
            loads.append(LargeLoad(self.s, self.linux, port=LARGE_PORT, patience=RESTART_S))

        def keep():
            for load in loads:
                load.keep()
        self.prepare(death)
        keep()
        flood = Flood(self.s, self.lives) if flooded else None
        self.die(death, flooded)
        self.wait(f'dvm killed: {death.reason}', DEATH_S, keep)
        keep()
        seconds = self.back()
        self.check_text()
        record = {'kind': name, 'restarted': True, 'back_s': seconds}
        if flood:
            record.update(frames_per_s=flood.end(), frames=flood.received())
            assert record['frames_per_s'] >= FLOOD_LEAST, record
        for load in loads:
            load.finish()
        if self.linux:
            record['lent'], record['merged'] = (b - a for a, b in zip(large, large_frames(self.s)))
            assert record['lent'] and record['merged'], record
        self.s.sound(self.hash)
        vms = self.s.stats()['vms']
        assert all(vm['state'] == 'running' for vm in vms.values()) and vms['dvm']['restarts'] == self.lives - 1, vms
        return {**record, 'tcp_right': True, 'text_right': True}
