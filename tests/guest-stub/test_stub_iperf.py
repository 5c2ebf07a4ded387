# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's iperf 2 against the guest's server and client, TCP and UDP."""

import re

import pytest

from stub_lab import HOST_IP

# lwIP's server does not count the client's settings at the start of the stream, nor does iperf's
# server count their first word.
SETTINGS_BYTES = 64
FIRST_WORD = 4


def test_tcp_server(lab, guest):
    g = guest("iperf-server").ready()
    out = lab.run("iperf", "-c", g.address, "-n", "32M", "-f", "m")
    assert re.search(r"32\.0 MBytes", out), out
    v = g.values("iperf-server: done proto=tcp dir=rx")
    assert int(v["bytes"]) >= (32 << 20) - SETTINGS_BYTES


def test_tcp_server_several_connections(lab, guest):
    g = guest("iperf-server").ready()
    out = lab.run("iperf", "-c", g.address, "-P", 4, "-n", "4M")
    assert "SUM" in out, out
    for _ in range(4):
        assert int(g.values("iperf-server: done proto=tcp")["bytes"]) >= (4 << 20) - SETTINGS_BYTES


def test_tcp_tradeoff(lab, guest):
    """lwiperf connects back to the client after the first direction."""
    g = guest("iperf-server").ready()
    lab.run("iperf", "-c", g.address, "-t", 2, "-r")
    assert g.values("iperf-server: done proto=tcp dir=rx", 20)["bytes"] != "0"
    assert g.values("iperf-server: done proto=tcp dir=tx", 20)["bytes"] != "0"


def test_udp_server_reports(lab, guest):
    """Debian's client prints the report that the guest's server sends."""
    g = guest("iperf-server").ready()
    out = lab.run("iperf", "-u", "-c", g.address, "-b", "10m", "-t", 2)
    assert "Server Report" in out and "did not receive ack" not in out, out
    lost, total = map(int, re.findall(r"(\d+)/(\d+) \(", out)[-1])
    assert lost == 0 and total > 1500, out
    v = g.values("iperf-server: done proto=udp")
    assert v["lost"] == "0" and abs(int(v["datagrams"]) - total) <= 1


def test_udp_server_counts_loss(lab, guest):
    """Datagrams that a filter drops are reported as lost by both ends."""
    g = guest("iperf-server").ready()
    lab.run("tc", "qdisc", "add", "dev", "tap1", "root", "tbf", "rate", "5mbit", "burst", "4k",
            "limit", "8k")
    out = lab.run("iperf", "-u", "-c", g.address, "-b", "10m", "-t", 2)
    v = g.values("iperf-server: done proto=udp", 40)
    assert int(v["lost"]) > 300, out
    lost = int(re.findall(r"(\d+)/\d+ \(", out)[-1])
    assert lost == int(v["lost"]), out


@pytest.fixture
def tcp_server(lab):
    with lab.background("iperf", "-s", "-f", "b") as server:
        yield server


def test_tcp_client_bytes(lab, guest, tcp_server):
    g = guest(f"iperf-client={HOST_IP} bytes=40M exit").ready()
    v = g.values("iperf-client: done proto=tcp")
    assert int(v["bytes"]) == 40 << 20
    assert g.wait_exit() == 0


def test_tcp_client_time(lab, guest, tcp_server):
    g = guest(f"iperf-client={HOST_IP} time=2 exit").ready()
    v = g.values("iperf-client: done proto=tcp")
    assert 2000 <= int(v["ms"]) < 4000
    assert g.wait_exit() == 0
    tcp_server.process.terminate()
    received = re.findall(r"sec +(\d+) Bytes", tcp_server.finish())
    assert 0 <= int(v["bytes"]) - int(received[-1]) <= FIRST_WORD


def test_a_full_ring_drops_nothing(lab, guest, tcp_server):
    """Two senders overfill the transmit ring. Frames wait; were any dropped, TCP would send
    them again."""
    words = f"iperf-client={HOST_IP} bytes=20M"
    g = guest(f"{words} {words}").ready()
    for _ in range(2):
        g.values("iperf-client: done proto=tcp")
    s = g.stats()
    assert s["tx"]["queued"] > 0 and s["tx"]["refused"] == 0
    assert s["tcp"]["tx"] < 2 * (20 << 20) / 1460 + 100


def test_tcp_client_retries_until_served(lab, guest):
    g = guest(f"iperf-client={HOST_IP} bytes=1M").ready()
    with lab.background("sleep", 2) as wait:
        wait.finish()
    with lab.background("iperf", "-s"):
        g.values("iperf-client: done proto=tcp")


def test_tcp_client_gives_up(lab, guest):
    g = guest(f"iperf-client={HOST_IP} bytes=1M exit").ready()
    g.wait_for(r"^iperf-client: error refused", 30)
    assert g.wait_exit() == 0


def test_udp_client(lab, guest):
    """The report of Debian's server comes back, and is about what was sent."""
    with lab.background("iperf", "-s", "-u"):
        g = guest(f"iperf-client={HOST_IP} udp bw=10m len=1000 time=2 exit").ready()
        v = g.values("iperf-client: done proto=udp")
        assert g.wait_exit() == 0
    assert v["lost"] == "0"
    assert 1 < float(v["mbps"]) < 10.5 # never faster than asked for; how much slower is the machine's affair
    assert abs(int(v["server_datagrams"]) - int(v["datagrams"])) <= 1


def test_udp_client_as_fast_as_the_ring(lab, guest):
    """Unlimited sending waits for ring room and drops nothing: the tap counts them all."""
    with lab.background("iperf", "-s", "-u"):
        g = guest(f"iperf-client={HOST_IP} udp bw=0 bytes=50M").ready()
        v = g.values("iperf-client: done proto=udp", 60)
    tx = g.stats()["tx"]
    received = int(lab.run("cat", "/sys/class/net/tap1/statistics/rx_packets"))
    assert tx["refused"] == 0
    assert received == tx["frames"] >= int(v["datagrams"])


def test_udp_client_without_server(lab, guest):
    g = guest(f"iperf-client={HOST_IP} udp time=1").ready()
    g.wait_for(r"^iperf-client: error no report")


def test_udp_client_without_neighbor(lab, guest):
    g = guest("iperf-client=10.88.0.77 udp time=1").ready()
    g.wait_for(r"^iperf-client: error no such neighbor")
