#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records real states of the driver's hot functions, for the differential test.

    record.py --kernel out/kernel --initrd out/dvm/initrd.img --twin out/drivers/e1000.twin \\
              --output out/tests/recorded/e1000.json.gz          (what `make record` does)

Boots the driver VM's kernel on the bare emulated machine, makes traffic of many kinds, stops at each
call of a hot function and keeps the state when the call goes a way that no kept one went. A state is
what one call needs: registers, the pages it touches, what kernel routines answered (snapshot.py).
The wire ends in the emulator: user network for TCP, and a socket of this program for frames that a
TCP/IP stack would not send. Needs no root. About 40 s.
"""
import argparse
import base64
import bisect
import gzip
import json
import mmap
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))

import initramfs # noqa: E402
from console import ConsoleError # noqa: E402
from gdbstub import Gdb, GdbError # noqa: E402
from run import Machine, Spec # noqa: E402
from snapshot import Memory, Snapshot # noqa: E402
from twinfile import Twin # noqa: E402

VERSION = 1            # of what a recording holds
MEMORY_MIB = 256
DVM, PEER = "10.88.0.2", "10.88.0.1"
DVM_MAC, OUR_MAC = bytes.fromhex("525400880002"), bytes.fromhex("525400880063")
IPERF = 5001           # guest's port, forwarded
BREAK_S = 0.7          # no call for so long: the traffic is over, if it was there at all
PHASE_S = 60           # it was not: an error
BORING = 6             # calls of one function that bring nothing new: it is left alone for the phase
STATES_MAX = 40        # for each function
VLAN_MODULES = "8021q"
# Interrupt causes are cleared by reading; writing them to the second register sets them again
# (8254x manual, 13.4.17 and 13.4.19).
ICR, ICS = 0xC0, 0xC8


class RecordError(Exception):
    """What is wrong, in words for the user."""


class Wire:
    """Our end of the wire: raw frames by a socket, a TCP sink and source on the host's loopback."""

    def __init__(self):
        self.frames = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.frames.bind(("127.0.0.1", 0))
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        self.card = probe.getsockname()
        probe.close()
        self.sink = socket.create_server(("127.0.0.1", 0))
        self.forward = socket.create_server(("127.0.0.1", 0))
        self.port = self.forward.getsockname()[1]
        self.forward.close()  # the emulator takes it
        threading.Thread(target=self.serve, daemon=True).start()

    def arguments(self):
        """Emulator arguments: a hub that joins user network, our socket and the card."""
        ours = "127.0.0.1:%d" % self.frames.getsockname()[1]
        return ("-netdev", f"user,id=user,net=10.88.0.0/24,host={PEER},dns=10.88.0.3,"
                           f"hostfwd=tcp:127.0.0.1:{self.port}-{DVM}:{IPERF}",
                "-netdev", "hubport,id=hub0,hubid=0,netdev=user",
                "-netdev", f"socket,id=raw,udp={ours},localaddr=127.0.0.1:{self.card[1]}",
                "-netdev", "hubport,id=hub1,hubid=0,netdev=raw",
                "-netdev", "hubport,id=wire,hubid=0",
                "-device", f"e1000,id=card,netdev=wire,mac={DVM_MAC.hex(':')},romfile=")

    def serve(self):
        """What the driver VM sends by TCP is read and thrown away."""
        while True:
            peer, _ = self.sink.accept()
            threading.Thread(target=self.drain, args=(peer,), daemon=True).start()

    @staticmethod
    def drain(peer):
        """Until the other side closes."""
        with peer:
            try:
                while peer.recv(65536):
                    pass
            except OSError:
                pass

    def pour(self, megabytes):
        """TCP to the driver VM, in the background."""
        def run():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
                    for _ in range(megabytes * 16):
                        s.sendall(bytes(65536))
            except OSError:
                pass  # the phase is over
        threading.Thread(target=run, daemon=True).start()

    def burst(self, count, size, tag=b"", protocol=b"\x88\xb5"):
        """Raw frames of `size` bytes to the driver VM; by default of an experimental protocol."""
        head = DVM_MAC + OUR_MAC + tag + protocol
        for k in range(count):
            body = bytes([k & 255]) * (size - len(head))
            self.frames.sendto(head + body, self.card)

    def datagrams(self, count, size):
        """UDP over IPv4 to the driver VM: the card looks at its checksums."""
        udp = b"\x13\x88\x13\x88" + (size - 34).to_bytes(2, "big") + bytes(2)
        ip = bytearray(b"\x45\0" + (size - 14).to_bytes(2, "big") + b"\0\1\0\0\x40\x11\0\0" +
                       socket.inet_aton("10.88.0.99") + socket.inet_aton(DVM))
        total = sum(int.from_bytes(ip[k:k + 2], "big") for k in range(0, 20, 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        ip[10:12] = (total ^ 0xFFFF).to_bytes(2, "big")
        frame = DVM_MAC + OUR_MAC + b"\x08\0" + bytes(ip) + udp
        for _ in range(count):
            self.frames.sendto(frame + bytes(size - len(frame)), self.card)


class Recorder:
    """Breakpoints at the hot functions of a running machine, and what was recorded there."""

    def __init__(self, machine, gdb, bus, ram, twin):
        self.machine, self.gdb, self.bus, self.ram, self.twin = machine, gdb, bus, ram, twin
        self.states, self.edges, self.stops = [], {}, 0
        self.sections = dict(re.findall(r"^(\S+) 0x(\w+)$", self.ask(
            "cd /sys/module/%s/sections; for f in * .[a-z]*; do echo $f $(cat $f); done; cd /" %
            self.string(twin.module)), re.M))
        self.sections = {name: int(at, 16) for name, at in self.sections.items()}
        self.imports = {twin.string(i.name) for i in twin.imports}
        self.read_symbols()
        # Only where functions that can be called begin: a cold part is entered by a jump.
        self.functions = {self.address(f): twin.string(f.name) for f in twin.functions
                          if not f.flags & 1}
        names = [twin.string(s.name) for s in twin.sections]
        self.code = [(self.sections[n], self.next_section(n)) for n in names if n.startswith(".text")]

    @staticmethod
    def string(raw):
        """A padded string of the file's header."""
        return raw.rstrip(b"\0").decode()

    def ask(self, command):
        """Output of a command in the machine; it must be running."""
        status, text = self.machine.shell(command, "raw", None, timeout=60)
        if status != 0:
            raise RecordError(f"{command}: {text}")
        return text

    def address(self, function):
        """Where a function of the twin's table is in the machine."""
        return self.sections[self.twin.string(self.twin.sections[function.section].name)] + \
            function.module_offset

    def next_section(self, name):
        """Where the section behind that one begins: the end of its code, with the padding."""
        return min(at for at in self.sections.values() if at > self.sections[name])

    def read_symbols(self):
        """The kernel's own list of its symbols."""
        text = gzip.decompress(base64.b64decode(self.ask("gzip -c /proc/kallsyms | base64"))).decode()
        rows = [line.split()[:3] for line in text.splitlines()]
        code = sorted((int(at, 16), name) for at, kind, name in rows if kind in "tTwW")
        self.code_at, self.code_names = [c[0] for c in code], [c[1] for c in code]
        wanted = {self.twin.string(i.name) for i in self.twin.imports if i.kind == 2} | \
            {self.twin.string(g.name) for g in self.twin.gs}
        self.symbols = {name: int(at, 16) for at, _, name in rows if name in wanted}

    def routine(self, address):
        """Name of the kernel routine at an address; of several the one that the twin imports."""
        k = max(bisect.bisect_right(self.code_at, address) - 1, 0)
        names = self.code_names[bisect.bisect_left(self.code_at, self.code_at[k]):k + 1]
        return next((n for n in names if n in self.imports), names[-1])

    def phase(self, name, needed, begin):
        """One kind of traffic: `begin` starts it; record until it is over or brings nothing new. Each
        function in `needed` must have been called."""
        self.gdb.interrupt()
        for at in self.functions:
            self.gdb.breakpoint(at)
        self.gdb.resume()
        begin()
        boring, kept, end = {}, 0, time.monotonic() + PHASE_S
        while self.gdb.breakpoints and time.monotonic() < end:
            if not self.gdb.wait(BREAK_S):
                if {f"e1000_{n}" for n in needed} <= {self.functions[at] for at in boring}:
                    break
                continue
            at = self.gdb.registers()["rip"]
            news = self.take(name, at)
            kept += news
            boring[at] = 0 if news else boring.get(at, 0) + 1
            if boring[at] == BORING:
                self.gdb.breakpoint(at, False)
            self.gdb.resume()
        self.gdb.interrupt()
        for at in list(self.gdb.breakpoints):
            self.gdb.breakpoint(at, False)
        self.gdb.resume()
        missing = {f"e1000_{n}" for n in needed} - {self.functions[at] for at in boring}
        if missing:
            raise RecordError(f"{name}: no call of {', '.join(sorted(missing))} within {PHASE_S} s")
        print(f"record: {name}: {kept} states", flush=True)

    def device(self, memory, address, size):
        """What the card answers to a read. The machine must not miss the interrupt that it reads."""
        data = self.gdb.memory(address, size)
        if address & 0xFFF == ICR and any(data):
            physical = memory.physical(address) - ICR + ICS
            self.bus.sendall(b"writel %#x %#x\n" % (physical, int.from_bytes(data, "little")))
            if self.bus.recv(64) != b"OK\n":
                raise RecordError("the interrupt's causes cannot be put back")
        return data

    def take(self, phase, at):
        """Record the call that begins here, if it is new. True when it was kept."""
        registers = self.gdb.registers()
        memory = Memory(self.ram, registers["cr3"])
        snapshot = Snapshot(memory, registers, self.code, self.routine,
                            lambda address, size: self.device(memory, address, size))
        self.stops += 1
        function = self.functions[at]
        if not snapshot.run():
            print(f"record: {function}: {snapshot.end}: not kept", flush=True)
            return False
        seen = self.edges.setdefault(function, set())
        mine = [s for s in self.states if s["function"] == function]
        first = all(s["phase"] != phase for s in mine)
        if not (snapshot.edges - seen or first) or len(mine) >= STATES_MAX:
            return False
        seen |= snapshot.edges
        self.states.append({"function": function, "phase": phase, **snapshot.state()})
        return True


def traffic(recorder, wire):
    """All phases, in an order that goes from the plain to what changes the interface."""
    m = recorder.machine
    sink = wire.sink.getsockname()[1]
    phase, ask, typed = recorder.phase, recorder.ask, m.type
    tcp_out = f"iperf -c {PEER} -p {sink} -n 2M >/dev/null 2>&1 &"
    flood = f"iperf -u -c {PEER} -p {sink} -b 900M -l 1400 -n 2M >/dev/null 2>&1 &"
    out, both = ("xmit_frame", "intr", "clean"), ("xmit_frame", "intr", "clean", "clean_rx_irq")
    into = ("clean", "clean_rx_irq", "alloc_rx_buffers")
    jumbo = ("clean", "clean_jumbo_rx_irq", "alloc_jumbo_rx_buffers")

    phase("small ping", both, lambda: typed(f"ping -q -c 4 -i 0.2 -s 20 {PEER} &"))
    phase("large ping", both, lambda: typed(f"ping -q -c 4 -i 0.2 -s 1400 {PEER} &"))
    phase("TCP out, segments cut by the card", both, lambda: typed(tcp_out))
    ask("iperf -s >/dev/null 2>&1 & sleep 1")
    phase("TCP in", both, lambda: wire.pour(2))
    phase("small frames in", into, lambda: [wire.burst(n, 60) for n in (1, 7, 70)])
    phase("frames in, larger than copybreak", into, lambda: [wire.burst(n, 1000) for n in (1, 7, 70)])
    phase("datagrams in", into, lambda: [wire.datagrams(n, s) for n in (1, 20) for s in (90, 1500)])
    phase("tagged frames in", into, lambda: wire.burst(5, 200, b"\x81\0\0\5"))

    ask("for m in /vlan/*.ko; do insmod $m; done; ip link add link eth0 name eth0.5 type vlan id 5 && "
        "ip addr add 10.99.0.1/24 dev eth0.5 && ip link set eth0.5 up && "
        "arp -i eth0.5 -s 10.99.0.2 52:54:00:88:00:63")
    phase("tagged frames out", out, lambda: typed("ping -q -c 3 -i 0.2 -W 1 10.99.0.2 &"))
    phase("tagged frames in, tags stripped", into, lambda: wire.burst(5, 200, b"\x81\0\0\5"))

    ask("ethtool -K eth0 tso off")
    phase("TCP out, checksums by the card", both, lambda: typed(tcp_out))
    ask("ethtool -K eth0 tx off sg off")
    phase("TCP out, nothing left to the card", both, lambda: typed(tcp_out))
    ask("ethtool -K eth0 tx on sg on tso on; ethtool -G eth0 rx 80 tx 80; sleep 1")
    phase("small rings, flood out", out, lambda: typed(flood))
    phase("small rings, TCP out", both, lambda: typed(tcp_out))
    phase("small rings, flood in", into, lambda: wire.burst(400, 700))

    phase("link down and up", ("intr",), lambda: [m.hmp(f"set_link card {w}") or time.sleep(0.7)
                                                  for w in ("off", "on")])
    ask("ip link set eth0 mtu 4000; sleep 1")
    phase("jumbo frames in", jumbo, lambda: [wire.burst(n, s) for n in (1, 9) for s in (60, 1500, 3900)])
    phase("jumbo TCP in", jumbo, lambda: wire.pour(2))
    phase("jumbo frames out", out, lambda: typed(f"ping -q -c 3 -i 0.2 -W 1 -s 3000 {PEER} &"))


def vlan_archive(kernel):
    """A second initrd with the VLAN modules, to be put behind the first: the kernel unpacks both."""
    cpio = initramfs.Cpio()
    for k, path in enumerate(initramfs.module_files(kernel, [VLAN_MODULES])):
        cpio.file("vlan/%d-%s" % (k, Path(path).name), (kernel / "modules" / path).read_bytes(), 0o644)
    return gzip.compress(cpio.finish(), mtime=0)


def record(kernel, initrd, twin, folder):
    """Boot, make traffic, record; the recording as plain values."""
    wire = Wire()
    (folder / "initrd").write_bytes(initrd.read_bytes() + vlan_archive(kernel))
    # KASLR off: what test and machine make up never lies on recorded addresses.
    spec = Spec(name="record", kernel=kernel / "bzImage", initrd=folder / "initrd", memory=MEMORY_MIB, accel="tcg",
                net="none", append="console=ttyS0 quiet panic=-1 nokaslr mode=native",
                extra=("-machine", "memory-backend=ram", "-object",
                       f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={folder}/ram,share=on",
                       "-chardev", f"socket,id=gdb,path={folder}/gdb,server=on,wait=off",
                       "-gdb", "chardev:gdb", "-qtest-log", "/dev/null",
                       "-qtest", f"unix:{folder}/bus,server=on,wait=off", *wire.arguments()))
    with Machine(spec, say=lambda *_: None) as machine:
        machine.expect("raw", "dvm ready", 180)
        machine.expect("raw", "built-in commands", 20)
        with open(folder / "ram", "rb") as f, \
             mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as ram:
            gdb, bus = Gdb(folder / "gdb"), socket.socket(socket.AF_UNIX)
            bus.settimeout(20)
            bus.connect(str(folder / "bus"))
            gdb.resume()
            recorder = Recorder(machine, gdb, bus, ram, twin)
            traffic(recorder, wire)
            gdb.close()
    print(f"record: {recorder.stops} calls seen, {len(recorder.states)} states kept")
    return {"version": VERSION, "kernel": (kernel / "version").read_text().strip(),
            "module": twin.sha256.hex(), "sections": recorder.sections, "symbols": recorder.symbols,
            "states": recorder.states}


def write(path, recording):
    """Pages are kept once, in hexadecimal; the file is the same for the same recording."""
    pages, index = [], {}
    for state in recording["states"]:
        for at, data in state["pages"].items():
            if data not in index:
                index[data] = len(pages)
                pages.append(data.hex())
            state["pages"][at] = index[data]
    recording["pages"] = pages
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(recording, indent=0).encode(), mtime=0))
    print(f"record: {path}: {path.stat().st_size >> 10} KiB, {len(pages)} pages")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kernel", type=Path, required=True, help="set-up's kernel folder, out/kernel")
    p.add_argument("--initrd", type=Path, required=True, help="the driver VM's")
    p.add_argument("--twin", type=Path, required=True, help="derived from that kernel's module")
    p.add_argument("--output", type=Path, required=True)
    args = p.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pollux-record-"))
    try:
        write(args.output, record(args.kernel, args.initrd, Twin(args.twin), folder))
    except (RecordError, ConsoleError, GdbError, OSError) as e:
        sys.exit(f"record: {e}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
