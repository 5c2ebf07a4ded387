# SPDX-License-Identifier: GPL-2.0-or-later
"""Three deaths of the driver VM under guests' TCP in both directions: the card is quiet before it starts again, the new
kernel's text is right, the twin comes back, both streams are right to the byte (R19, R20). All others, again and again:
campaign `panic`."""
import pytest

import death_lab
from conftest import initrd_with


@pytest.fixture
def dying(system, tmp_path):
    s = system(death_lab.WORDS, death_lab.GUESTS, initrd=initrd_with(tmp_path, death_lab.files()))
    yield death_lab.Dying(s)
    s.quit()


def test_r20_panic_under_a_flood_and_a_dead_agent(dying):
    """10,000 frames a second, and a card that is left with its ring in the text of the kernel to come; then a driver VM
    that is idle and whose agent is dead; and one whose agent never comes back from an attachment."""
    assert dying.live_through('panic', flooded=True)['frames'] > 0
    dying.live_through('idle agent')
    dying.live_through('stuck agent')
