# SPDX-License-Identifier: GPL-2.0-or-later
"""Flood and sink: the sink tells kinds of damage apart; guests lose nothing between them."""

from stub_lab import HOST_MAC, PEER, guest_mac


def sink_result(lab, guest, total, *sequence):
    g = guest("sink", ip="")
    g.wait_for(r"^sink: listening")
    lab.peer("raw-send", "--total", total, *sequence)
    v = g.values("sink: done")
    return [int(v[k]) for k in ("frames", "lost", "late", "repeated", "damaged")]


def test_sink_clean(lab, guest):
    assert sink_result(lab, guest, 5, *range(5)) == [5, 0, 0, 0, 0]


def test_sink_lost(lab, guest):
    assert sink_result(lab, guest, 10, 0, 1, 2, 5, 6, 8) == [6, 4, 0, 0, 0]


def test_sink_late(lab, guest):
    assert sink_result(lab, guest, 5, 0, 3, 1, 2, 4) == [5, 0, 2, 0, 0]


def test_sink_repeated(lab, guest):
    assert sink_result(lab, guest, 5, 0, 1, 1, 2, 0, 3) == [4, 1, 0, 2, 0]


def test_sink_damaged(lab, guest):
    assert sink_result(lab, guest, 5, 0, "x1", 2, 3, 4) == [4, 1, 0, 0, 1]


def test_flood_reaches_the_host_whole(lab, guest):
    with lab.background("/usr/bin/python3", PEER, "raw-receive", "--total", 5000) as host:
        assert host.process.stdout.readline() == "ready\n"
        g = guest(f"flood={HOST_MAC} count=5000 len=700 bw=100m exit", ip="")
        assert g.values("flood: done", 40)["frames"] == "5000"
        out = host.finish()
        assert host.process.returncode == 0 and "frames=5000" in out, out
        assert g.wait_exit() == 0


def test_two_guests_flood_each_other(lab, guest):
    """Both ways at once through the bridge, as fast as the transmit rings take the frames."""
    count = 20000
    guests = [guest("sink", n=n, ip="") for n in (1, 2)]
    for g in guests:
        g.wait_for(r"^sink: listening")
    for g, other in zip(guests, (2, 1)):
        g.type(f"flood={guest_mac(other)} count={count} len=1514 bw=0")
    for g in guests:
        sent = g.values("flood: done", 60)
        assert sent["frames"] == str(count)
    for g in guests:
        g._searched = 0
        v = g.values("sink: done", 60)
        got = {k: int(v[k]) for k in ("frames", "lost", "late", "repeated", "damaged")}
        assert got == {"frames": count, "lost": 0, "late": 0, "repeated": 0, "damaged": 0}
