# SPDX-License-Identifier: GPL-2.0-or-later
"""The hypervisor's live page tables (rules R1 and R2), with and without a twin."""
import image
from live_tables import DERIVED, LOWER_END, TIB, check, check_image, check_machine, segments, writable_aliases


def boot_it(boot, words, **more):
    d = image.Description(words).add_symbols().add_dvm(kernel=image.OUT / 'kernel/vmlinux.boot')
    d.add_guest(1, 'echo', memory='32M')
    if 'twin' in words:
        d.add_twin()
    m = boot(d, **more)
    m.expect('dvm', 'dvm ready', 180)
    return m


def test_r2_bridge_has_an_empty_upper_half(boot, tmp_path):
    m = boot_it(boot, 'net=bridge')
    check_machine(m, tmp_path, window=False)


def test_r2_twin_adds_window_pages_only(boot, tmp_path):
    """With the twin at work the upper half has pages, none executable; derived code is not writable anywhere."""
    m = boot_it(boot, 'net=twin', net='tap')
    m.expect('hv', 'twin attached', 60)
    assert m.peer.ping(image.guest_address(1))[0] == 5
    pages = check_machine(m, tmp_path, window=True)
    assert any(va >= LOWER_END for va, *_ in pages), 'the window is empty: the twin did not run'
    derived = [p for p in pages if p[0] >= DERIVED and p[4]]
    assert derived, 'no derived code'
    frames = {pa for _, pa, *_ in derived}
    assert {p[0] for p in pages if p[1] in frames} > {p[0] for p in derived}, 'the direct map does not have these frames'
    assert not writable_aliases(pages, derived)


def test_check_can_fail():
    """Each wrong page is noticed."""
    good = (2 * TIB, 4096, 4096, False, True, False)
    check([good], False)
    for bad in [(3 * TIB, 0, 4096, True, True, False), (3 * TIB, 0, 4096, True, False, True),
                (TIB - 4096, 0, 4096, False, False, False), (127 * TIB, 0, 4096, True, False, False),
                (0xffff888000000000, 0, 4096, True, False, False)]:
        try:
            check([good, bad], False)
        except AssertionError:
            continue
        raise ValueError(f'not noticed: {bad}')
    check([good, (0xffff888000000000, 0, 4096, True, False, False)], True)
    alias = (3 * TIB, 0, 1 << 21, True, False, False) # a large page around the frame
    assert writable_aliases([good, alias], [good])
    assert not writable_aliases([good, alias[:3] + (False, *alias[4:])], [good])


def test_image_check_can_fail():
    """Each page of the image has its segment's rights, and there are no others."""
    parts = segments(image.HYPERVISOR.read_bytes())
    assert [(w, x) for *_, w, x in parts] == [(False, True), (False, False), (True, False)], 'text, constants, data'
    pages = [(va, 0, 4096, w, x, False) for start, end, w, x in parts for va in range(start, end, 4096)]
    check_image(pages, parts)
    va = pages[0][0]
    for bad in (pages[1:], [(va, 0, 4096, True, True, False), *pages[1:]], [(va, 0, 4096, False, False, False), *pages[1:]],
                [*pages, (parts[-1][1], 0, 4096, True, False, False)]):
        try:
            check_image(bad, parts)
        except AssertionError:
            continue
        raise ValueError('not noticed')
