# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP, UDP and TCP echo: every byte comes back, whatever the size."""

import re

import pytest

from stub_lab import PEER


@pytest.fixture
def echo(guest):
    return guest("echo").ready()


def ping(lab, *args):
    out = lab.run("ping", "-q", *args, check=False)
    received = int(re.search(r"(\d+) received", out).group(1))
    average = re.search(r"= [\d.]+/([\d.]+)/", out)
    return received, float(average.group(1)) if average else None, out


@pytest.mark.parametrize("size", [0, 56, 1472, 1473, 3000, 5000])
def test_ping_sizes(lab, echo, size):
    received, _, out = ping(lab, "-c", 10, "-i", "0.05", "-s", size, echo.address)
    assert received == 10, out


def test_no_wakeup_is_lost(lab, echo):
    """A lost receive interrupt would leave the frame to the 50 ms console timer."""
    received, average, out = ping(lab, "-f", "-c", 3000, echo.address)
    assert received == 3000, out
    assert average < 5, out


def test_sparse_pings_wake_from_sleep(lab, echo):
    received, average, out = ping(lab, "-c", 60, "-i", "0.043", echo.address)
    assert received == 60, out
    assert average < 10, out


def test_udp(lab, echo):
    lab.peer("udp-echo")


def test_tcp(lab, echo):
    lab.peer("tcp-echo", "--bytes", 8 << 20)


def test_tcp_connections_at_once(lab, echo):
    several = [lab.background("/usr/bin/python3", PEER, "tcp-echo", "--bytes", 1 << 20)
               for _ in range(8)]
    for b in several:
        out = b.finish()
        assert b.process.returncode == 0, out
