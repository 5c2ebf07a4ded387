# SPDX-License-Identifier: GPL-2.0-or-later
"""More memory than a card with 32-bit addresses reaches: the driver VM lies below 4 GiB, a guest above, and what it sends is
copied into the driver VM's pages, since the driver of an 82540EM asks for addresses of 32 bits. Its streams check themselves,
both ways."""
import re

import image
import pytest
from conftest import VMLINUX, System, unharmed

from large_load import LargeLoad, linux_initrd, up

MEMORY = 6144 # MiB, of which 3 GiB (pc) or 4 GiB (q35) are above 4 GiB
DVM_KIB, GUEST_KIB = 256 << 10, 192 << 10
MEGABYTES = 8


def memory_by_owner(s):
    """{owner: (KiB, KiB of it above 4 GiB)}"""
    text = s.machine.monitor('memory')
    return {m[0]: (int(m[1]), int(m[2])) for m in re.findall(r'^(\S.*?) +(\d+) KiB, (\d+) KiB of it above 4 GiB$', text, re.M)}


@pytest.mark.parametrize('machine', ['pc', pytest.param('q35', marks=pytest.mark.long)])
def test_r16_guest_above_4_gib(boot, tmp_path, machine):
    d = image.Description('net=twin').add_symbols().add_dvm(kernel=VMLINUX).add_linux(1, initrd=linux_initrd(tmp_path))
    s = System(boot(d.add_twin(), net='tap', memory=MEMORY, machine=machine), 0).ready()
    up(s, 1)
    s.attached()
    owned = memory_by_owner(s)
    assert owned['VM 1'][0] >= DVM_KIB - 4096 and owned['VM 1'][1] <= 1024, owned # the image is none of it, private pages are
    assert owned['VM 2'] == (GUEST_KIB, GUEST_KIB), owned
    assert sum(kib for kib, _ in owned.values()) > (MEMORY - 2) << 10, owned # nothing is lost to the hole
    LargeLoad(s, 1, MEGABYTES).finish()
    twin = s.stats()['twin']
    assert twin['tx_lent'] == 0 and twin['tx_far'] > 100 and twin['tx_far_bytes'] > MEGABYTES << 19, twin
    assert twin['rx_merged'] > 100 and twin['loans'] == 0 and twin['pool_tied'] == 0, twin
    unharmed(s)
    s.quit()
