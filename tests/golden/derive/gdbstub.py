# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the emulator's gdb server: breakpoints, registers, memory, go on.

Only what record.py needs of the remote serial protocol (gdb manual, appendix E). The machine stands
still from the connection on; it runs only within resume() and what follows it.
"""
import socket
import struct

# Order of the emulator's `g` packet for x86-64 (QEMU, target/i386/gdbstub.c): flags and segments are
# 32 bits wide, what stands between them is 64.
GENERAL = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
NARROW = "eflags cs ss ds es fs gs".split()
SYSTEM = "fs_base gs_base k_gs_base cr0 cr2 cr3".split()
LAYOUT = struct.Struct("<%dQ%dI%dQ" % (len(GENERAL), len(NARROW), len(SYSTEM)))
TARGET_GDB = b"qXfer:features:read:target.xml:0,ffb"


class GdbError(Exception):
    """The server refused something, or is gone."""


class Gdb:
    """One connection. Not for several threads."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer, self.breakpoints = b"", set()
        # With the target's description asked for, `g` and `p` also have the control registers.
        self.ask(b"qSupported:xmlRegisters=i386")
        self.ask(TARGET_GDB)

    def close(self):
        """The server lets the machine run on."""
        self.socket.close()

    def send(self, body):
        """One packet."""
        self.socket.sendall(b"$%s#%02x" % (body, sum(body) & 255))

    def receive(self, timeout=None):
        """The next packet's body; None when none comes in time."""
        if timeout is not None:
            self.socket.settimeout(timeout)
        try:
            while True:
                start = self.buffer.find(b"$")
                end = self.buffer.find(b"#", start + 1) if start >= 0 else -1
                if end >= 0 and len(self.buffer) >= end + 3:
                    body, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                    self.socket.sendall(b"+")
                    return body
                more = self.socket.recv(65536)
                if not more:
                    raise GdbError("the emulator is gone")
                self.buffer += more
        except socket.timeout:
            return None
        finally:
            self.socket.settimeout(60)

    def ask(self, body):
        """The answer to a packet."""
        self.send(body)
        answer = self.receive()
        while answer and answer[:1] in b"TS":  # that it stopped: to the connection, or to interrupt()
            answer = self.receive()
        if answer is None or answer[:1] == b"E":
            raise GdbError("%s: %s" % (body[:40], answer))
        return answer

    def breakpoint(self, address, on=True):
        """Set or take away; a hardware one, so that the code stays as it is."""
        if self.ask(b"%s1,%x,1" % (b"Z" if on else b"z", address)) != b"OK":
            raise GdbError("no breakpoint at %#x" % address)
        (self.breakpoints.add if on else self.breakpoints.discard)(address)

    def registers(self):
        """{name: value}."""
        raw = bytes.fromhex(self.ask(b"g").decode())
        return dict(zip(GENERAL + NARROW + SYSTEM, LAYOUT.unpack_from(raw)))

    def memory(self, address, size):
        """Bytes at an address of the machine's present address space; also a device's registers."""
        return bytes.fromhex(self.ask(b"m%x,%x" % (address, size)).decode())

    def resume(self):
        """Let the machine run. Then only wait() or interrupt()."""
        here = self.registers()["rip"]
        if here in self.breakpoints:  # it would stop at once: one step without
            self.breakpoint(here, False)
            self.send(b"s")
            self.receive()
            self.breakpoint(here)
        self.send(b"c")

    def wait(self, timeout):
        """True when it has stopped at a breakpoint within so many seconds."""
        return self.receive(timeout) is not None

    def interrupt(self):
        """Stop it where it is."""
        self.socket.sendall(b"\x03")
        if self.receive() is None:
            raise GdbError("the machine does not stop")
