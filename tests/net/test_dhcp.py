# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest gets its address by DHCP from a server on the wire, through the twin: broadcasts both ways."""
import image
from conftest import System

CONFIG = """
start 10.88.0.50
end 10.88.0.59
interface {tap}
lease_file {dir}/leases
pidfile {dir}/pid
opt subnet 255.255.255.0
opt router 10.88.0.1
opt lease 600
"""


def test_address_by_dhcp(boot, tmp_path):
    d = image.Description('net=twin').add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add(image.GUEST, f'vm=g1 kind=guest mem=32M mac={image.guest_mac(1)} -- ip=dhcp echo').add_twin()
    s = System(boot(d, net='tap'), 0).ready()
    s.attached()
    m = s.machine
    # Only now is there a server: the guest gets no answer over the bridge before.
    config = tmp_path / 'udhcpd.conf'
    config.write_text(CONFIG.format(dir=tmp_path, tap=m.peer.tap))
    (tmp_path / 'leases').touch()
    server = m.peer.background('busybox', 'udhcpd', '-f', config)
    address = m.expect('g1', r'^net: ip=(10\.88\.0\.5\d) gw=10\.88\.0\.1', 120).group(1)
    m.expect('g1', '^echo: listening', 20)
    assert m.peer.ping(address)[0] == 5
    assert m.stats()['net']['switch']['uplink'] == 'twin'
    server.stop()
