#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long the twin is away after a death in the middle of the driver, by a clock that counts instructions (R19).

Each step kills the twin at a random instruction of what runs on each frame, under two guests' TCP, when frames have
passed since the last death. `plain`: the rings are made whole where that is possible. `jumbo`: the card receives into
pages, and the driver is reset. A clean stop has the twin back within 10 ms, a dirty one within 200 ms; the wire's
negotiation is off.
"""
from contextlib import contextmanager

from campaign import main
from lab import Session, image, lab

import kill_lab
from conftest import set_mtu, wait_for_link
from test_stops import CLEAN_US, DIRTY_US, MACHINE, SERVERS, settle

STEPS = 200
STEPS_PER_BOOT = 50
SEND = ('e1000_xmit_frame', 'e1000_unmap_and_free_tx_resource', 'e1000_intr', 'e1000_clean')
RECEIVE = {'plain': ('e1000_clean_rx_irq', 'e1000_alloc_rx_buffers'),
           'jumbo': ('e1000_clean_jumbo_rx_irq', 'e1000_alloc_jumbo_rx_buffers')}
KINDS = tuple(RECEIVE)
BOUNDS = {'clean': CLEAN_US, 'dirty': DIRTY_US}


@contextmanager
def bench(kind):
    with lab('campaign-stops', 'net=twin', [SERVERS, SERVERS], dvm_words='deaths=100000', spec=MACHINE) as s:
        s.attached()
        if kind == 'jumbo':
            set_mtu(s, 9000)
        wait_for_link(s)
        campaign = kill_lab.Campaign(s)
        yield campaign
        campaign.finish()


SESSION = Session(bench, STEPS_PER_BOOT)


def kill(campaign, kind, rng):
    """The record of a death at a random instruction that traffic meets."""
    while True:
        settle(campaign)
        name = rng.choice(SEND + RECEIVE[kind])
        record = campaign.kill_at(rng.choice(kill_lab.functions(image.TWIN)[name]))
        if record['met']:
            return record


def step(number, rng):
    kind = KINDS[number // STEPS_PER_BOOT % len(KINDS)]
    with SESSION.step(kind) as campaign:
        record = kill(campaign, kind, rng)
        stop = campaign.s.stats()['twin']['stop']
        assert record['recovered'] and not record['dvm_restarted'], record
        assert record['back_us'] <= BOUNDS[stop], f'{stop}: back after {record["back_us"]} us, {record["place"]}'
        return {'kind': f'{kind}, {stop}', 'recovered': True, 'place': record['place'], 'back_us': record['back_us'],
                'reset_us': record['reset_us']}


if __name__ == '__main__':
    main('stops', STEPS, step, end=SESSION.end)
