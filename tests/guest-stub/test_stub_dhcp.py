# SPDX-License-Identifier: GPL-2.0-or-later
"""DHCP against busybox's server: address, gateway, and applications that wait for them."""

import pytest

from stub_lab import HOST_IP

CONFIG = f"""
start 10.88.0.50
end 10.88.0.59
interface br0
lease_file {{dir}}/leases
pidfile {{dir}}/pid
opt subnet 255.255.255.0
opt router {HOST_IP}
opt lease 600
"""


@pytest.fixture
def server(lab, tmp_path):
    config = tmp_path / "udhcpd.conf"
    config.write_text(CONFIG.format(dir=tmp_path))
    (tmp_path / "leases").touch()
    with lab.background("busybox", "udhcpd", "-f", config) as s:
        yield s


def test_address_by_dhcp(lab, guest, server):
    g = guest(f"echo ping={HOST_IP} count=3", ip="ip=dhcp")
    m = g.wait_for(r"^net: ip=(10\.88\.0\.5\d) gw=(\S+)")
    assert m.group(2) == HOST_IP
    g.wait_for(r"^echo: listening")
    assert g.values("ping: done")["received"] == "3"
    lab.peer("udp-echo", "--addr", m.group(1), "--count", 20)


def test_no_server_no_address(lab, guest):
    g = guest("echo", ip="ip=dhcp")
    g.wait_for(r"^net: link=up")
    g.type("stats")
    g.wait_for(r"^stats: ip ")
    assert "echo: listening" not in g.console and "net: ip=" not in g.console
