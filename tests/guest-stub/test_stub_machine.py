# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest and its machine: shapes of the device, memory protection, sleep, link changes."""

import re
import time

import pytest
from stub_lab import VERIFY_PEER

SHAPES = {
    "default": {},
    "q35": {"machine": "q35"},
    "without event indices": {"device": ",event_idx=off"},
    "without mergeable buffers": {"device": ",mrg_rxbuf=off"},
    "without checksum offload": {"device": ",csum=off,guest_csum=off"},
    "bare": {"device": ",event_idx=off,mrg_rxbuf=off,csum=off,guest_csum=off,indirect_desc=off"},
    "without MSI-X": {"device": ",vectors=0"},
    "one MSI-X vector": {"device": ",vectors=1"},
    "notify in an I/O BAR": {"device": ",modern-pio-notify=on"},
    "transitional": {"device": ",disable-legacy=off"},
    "long rings": {"device": ",rx_queue_size=1024"},
    "small MTU": {"device": ",host_mtu=1200"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_device_shapes(lab, guest, shape):
    """Echo, both directions of TCP and the self-checking transfer with each shape of device."""
    g = guest("echo iperf-server verify-server", **SHAPES[shape]).ready()
    lab.run("ping", "-q", "-c", 5, "-i", "0.05", "-W", 2, g.address)
    lab.peer("udp-echo", "--count", 50)
    lab.peer("tcp-echo", "--bytes", 2 << 20)
    lab.run(VERIFY_PEER, "send", g.address, 5002, 1 << 18, 30)
    assert g.values("verify-server: done")["bytes"] == str(1 << 18)
    s = g.stats()
    assert s["tcp"]["csum_err"] == s["udp"]["csum_err"] == s["ip"]["csum_err"] == 0
    offered = "csum=off" not in SHAPES[shape].get("device", "")
    assert (s["tx"]["csum_offloaded"] > 0) == offered


def test_no_page_is_writable_and_executable(guest):
    """Asks QEMU's monitor for the live page tables; flags are X (no-execute) first, W last."""
    g = guest("echo", extra=("-monitor", "telnet:127.0.0.1:4444,server,nowait")).ready()
    script = (
        "import socket\n"
        "s = socket.create_connection(('127.0.0.1', 4444), 5)\n"
        "s.sendall(b'info tlb\\nquit\\n')\n"
        "print(b''.join(iter(lambda: s.recv(65536), b'')).decode(errors='replace'))\n")
    out = g.lab.run("/usr/bin/python3", "-c", script)
    pages = re.findall(r"^([0-9a-f]{16}): [0-9a-f]{16} (\S+)\s*$", out, re.M)
    executable = [p for p in pages if p[1][0] != "X"]
    assert len(pages) > 20 and executable, out
    assert not [p for p in executable if p[1].endswith("W")], executable
    assert not [p for p in pages if int(p[0], 16) == 0], "page 0 is mapped"


def test_stack_guard_and_sections(lab):
    from stub_lab import ELF
    out = lab.run("readelf", "-lW", ELF)
    flags = re.findall(r"LOAD +\S+ \S+ \S+ \S+ \S+ (...)", out)
    assert flags == ["R E", "R  ", "RW "], out


def test_idle_guest_sleeps(guest):
    """About 20 wake-ups a second for the console, and next to no processor time."""
    g = guest("echo http").ready()
    time.sleep(0.5)
    before, cpu_before = g.stats()["up_ms"], cpu_seconds(g)
    time.sleep(3)
    after, cpu_after = g.stats()["up_ms"], cpu_seconds(g)
    assert cpu_after - cpu_before < 0.6
    assert after["sleeps"] - before["sleeps"] < 3.5 * 60


def cpu_seconds(g):
    """User and system time of the emulator, which is a child of timeout(1)."""
    pids = [g.process.pid]
    for pid in pids:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            pids += map(int, f.read().split())
    with open(f"/proc/{pids[-1]}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_link_down_and_up(lab, guest, tmp_path):
    """TCP survives a link that is away for a while."""
    sock = tmp_path / "monitor"
    g = guest("verify-server", extra=("-monitor", f"unix:{sock},server,nowait")).ready()

    def monitor(line):
        lab.run("/usr/bin/python3", "-c",
                "import socket, time\n"
                "s = socket.socket(socket.AF_UNIX)\n"
                f"s.connect('{sock}')\n"
                f"s.sendall(b'{line}\\n')\n"
                "time.sleep(0.3)\n")

    with lab.background("/usr/bin/python3", "-c", SLOW_SENDER % g.address) as sender:
        time.sleep(0.5)
        monitor("set_link n0 off")
        g.wait_for(r"^net: link=down")
        time.sleep(1)
        monitor("set_link n0 on")
        g.wait_for(r"^net: link=up")
        assert g.values("verify-server: done")["bytes"] == str(20 * 50000)
        out = sender.finish()
        assert sender.process.returncode == 0, out


SLOW_SENDER = """
import socket, time
s = socket.create_connection(('%s', 5002), 5)
for _ in range(20):
    s.sendall(bytes(50000))
    time.sleep(0.05)
s.shutdown(socket.SHUT_WR)
assert len(s.recv(100)) == 17
"""

