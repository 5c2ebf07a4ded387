# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole chain on QEMU's other machine: other host bridge, other routing of the card's pin."""


def test_twin_on_q35(system):
    s = system('net=twin', ['verify-server'], machine='q35')
    s.attached()
    s.send_to_guest(1, 2 << 20)
    s.send_to_peer(1, 2 << 20)
    twin = s.stats()['twin']
    assert twin['rx_to_guests'] > 1000 and twin['tx_packets'] > 1000
    s.quit()
