# SPDX-License-Identifier: GPL-2.0-or-later
"""The self-checking TCP transfer, also between two guests, and that it can fail."""

from stub_lab import HOST_IP, VERIFY_PEER, guest_ip


PORT, PATIENCE = 5002, 30


def listen(lab, *lie):
    return lab.background(VERIFY_PEER, "listen", PORT, PATIENCE, *lie)


def test_client_to_host(lab, guest):
    with listen(lab) as host:
        g = guest(f"verify-client={HOST_IP} bytes=1000001 exit").ready()
        v = g.values("verify-client: done")
        assert f"bytes=1000001 hash={v['hash']}" in host.finish()
        assert g.wait_exit() == 0


def test_client_notices_a_wrong_hash(lab, guest):
    with listen(lab, 1):
        g = guest(f"verify-client={HOST_IP} bytes=10000").ready()
        g.wait_for(r"^verify-client: error hashes differ")


def test_host_to_server(lab, guest):
    guest("verify-server").ready()
    lab.run(VERIFY_PEER, "send", guest_ip(1), PORT, 300000, PATIENCE)


def test_guest_to_guest_both_ways(lab, guest):
    words = "verify-server verify-client={} bytes=20M ping={} count=5"
    a = guest(words.format(guest_ip(2), guest_ip(2)), n=1)
    b = guest(words.format(guest_ip(1), guest_ip(1)), n=2)
    for g in (a, b):
        assert g.values("ping: done", 40)["received"] == "5"
    results = []
    for g in (a, b):
        g._searched = 0
        results.append(g.values("verify-client: done", 60)["hash"])
        g._searched = 0
        results.append(g.values("verify-server: done", 60)["hash"])
    assert results[0] == results[3] and results[1] == results[2]


def test_checksums_by_offload_are_right(lab, guest):
    """The first guest offloads; the kernel completes its sums on the way to the second, which
    has no offload and checks each one in software."""
    plain = guest("verify-server iperf-server", n=2, device=",csum=off,guest_csum=off").ready()
    g = guest(f"verify-client={guest_ip(2)} bytes=2M", n=1).ready()
    g.values("verify-client: done")
    g.type(f"iperf-client={guest_ip(2)} udp bw=5m time=1")
    v = g.values("iperf-client: done proto=udp")
    assert v["lost"] == "0" and int(v["datagrams"]) > 400
    assert g.stats()["tx"]["csum_offloaded"] > 2000000 / 1460
    s = plain.stats()
    assert s["tcp"]["csum_err"] == s["udp"]["csum_err"] == 0
    assert s["rx"]["csum_skipped"] == 0
