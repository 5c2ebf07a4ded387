# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line and the console: what is not understood is named in one line."""

import pytest


@pytest.mark.parametrize("words,complaint", [
    ("echo bogus", "unknown word 'bogus'"),
    ("echo udp", "bad or misplaced word 'udp'"),
    ("iperf-client=10.88.0.1 time=5 bytes=1M", "bad or misplaced word 'bytes=1M'"),
    ("iperf-client", "bad or misplaced word 'iperf-client'"),
    ("ping=10.88.0.256", "bad or misplaced word 'ping=10.88.0.256'"),
    ("a" * 80, "word too long 'aaaa"),
])
def test_bad_command_line_ends_the_guest(guest, words, complaint):
    g = guest(words)
    assert g.wait_exit() == 0
    errors = [line for line in g.console.splitlines() if line.startswith("stub: error")]
    assert len(errors) == 1 and complaint in errors[0], g.console


def test_bad_line_typed_does_not(lab, guest):
    g = guest("echo").ready()
    g.type("bogus")
    g.wait_for(r"^stub: error unknown word 'bogus'$")
    g.type("ip=10.0.0.1/8")
    g.wait_for(r"^stub: error settings belong on the command line$")
    lab.run("ping", "-c", 1, "-W", 2, g.address)


def test_help_names_every_word(guest):
    g = guest("help").ready()
    g.wait_for(r"^help: poweroff")
    for word in ("echo", "iperf-server", "iperf-client", "http", "flood", "sink", "verify-server",
                 "verify-client", "ping", "stats"):
        assert f"help: {word}" in g.console


def test_console_starts_clients(guest):
    g = guest("").ready()
    g.type("ping=10.88.0.1 count=3")
    v = g.values("ping: done")
    assert v["sent"] == v["received"] == "3"


def test_console_power_off(guest):
    g = guest("echo").ready()
    g.type("poweroff")
    assert g.wait_exit() == 0


def test_exit_waits_for_clients(guest):
    g = guest("ping=10.88.0.1 count=2 exit").ready()
    assert g.values("ping: done")["received"] == "2"
    assert g.wait_exit() == 0
