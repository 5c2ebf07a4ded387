#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The twin is killed in front of each instruction once (R19), under guests' TCP in both directions.

First a survey finds which workload meets which instruction (out/campaign/workloads.json). Then one step for one instruction
that is met, in an order that does not depend on the seed: workload by workload, functions mixed, so that the first steps
are a sample. What no workload meets is no step: the result lists it by function as `unmet`.
"""
import json
import random

from campaign import FOLDER, main
from kill_session import STEPS_PER_BOOT, add_up, best_workload, surveys, victim
from lab import Session, image

import kill_lab

FUNCTIONS = kill_lab.functions(image.TWIN)
SESSION = Session(lambda workload: victim('campaign-kill', workload), STEPS_PER_BOOT)
UNLIKELY = 12          # times the frames between two executions: then it is not met
UNMET_MAX = 20000      # frames in each direction


def plan():
    """([(workload, function, offset, frames to wait for it)], {function: [offsets that nothing meets]})"""
    found, steps, unmet = surveys(), {}, {}
    for name, offsets in FUNCTIONS.items():
        for offset in offsets:
            best = best_workload(found, offset)
            if best:
                frames = min(max(kill_lab.UNMET_FRAMES, int(UNLIKELY * best[1])), UNMET_MAX)
                steps.setdefault(best[0], []).append((best[0], name, offset, frames))
            else:
                unmet.setdefault(name, []).append(offset)
    for rows in steps.values():
        random.Random('kill').shuffle(rows)
    return [row for name in found for row in steps.get(name, [])], unmet


def step(number, rng):
    """The record of one instruction."""
    del rng
    workload, name, offset, frames = ORDER[number]
    with SESSION.step(workload) as campaign:
        record = {'kind': workload, 'function': name, **campaign.kill_at(offset, unmet=frames)}
    if record.get('dvm_restarted') or not record.get('recovered', True):
        SESSION.drop() # what the workload has set up is gone
    return record


def not_met_again():
    """{function: [offsets]} that the survey had seen and their step did not."""
    found = {}
    for line in (FOLDER / 'kill.jsonl').read_text().splitlines():
        row = json.loads(line)
        if row.get('met') is False:
            found.setdefault(row['function'], []).append(row['offset'])
    return found


if __name__ == '__main__':
    ORDER, UNMET = plan()
    try:
        main('kill', steps=len(ORDER), step=step, every=10, end=SESSION.end)
    finally:
        add_up('kill', unmet=UNMET, not_met_again=not_met_again())
