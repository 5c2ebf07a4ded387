# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver VM's own kernel has seen of the guests' traffic: the packets of its interfaces, its softnet, and the
frames that it gave to packet sockets (dvm/witness.c). Asking wakes its shell, so it is asked before and after what is
measured, never within.
"""
import re

import image
from console import ConsoleError

ASK_S = 60
# In twin mode the driver VM is one more station of the wire and of the switch: it hears what goes to groups, which is
# address resolution. So much of it is no sign of anything, for each minute or a part of one.
HEARD_PER_MINUTE = 20
COMMAND = 'cat /proc/net/dev; echo softnet; cat /proc/net/softnet_stat; cat /run/witness'
OWN = ('eth0', 'lo') # the twin's card, and what leaves it never
NO_WORK = ('timer', 'resumed') # causes of entries (hv/vm/entry.h) that say nothing of work for others


def ask(machine, command):
    status, text = machine.shell(command, timeout=ASK_S)
    if status:
        raise ConsoleError(f'dvm: {command}: exit {status}\n{text}')
    return text


def start_witness(machine, guests):
    """Once for each boot; guests: their numbers."""
    ask(machine, 'witness ' + ' '.join(image.guest_mac(n) for n in guests))


def parse(text):
    """{name: number} of what COMMAND printed.

    unicast, group: frames from or to a guest, to one station or to a group of them, each interface's added up;
    softnet: frames of all interfaces; NAME: packets of an interface that is not the twin's, both ways.
    """
    numbers = {'unicast': 0, 'group': 0}
    for m in re.finditer(r'(?m)^\s*(\w+):((?:\s+\d+){16})\s*$', text):
        if m.group(1) not in OWN:
            fields = m.group(2).split()
            numbers[m.group(1)] = int(fields[1]) + int(fields[9])
    numbers['softnet'] = int(re.search(r'(?m)^softnet\n([0-9a-f]{8}) ', text).group(1), 16)
    line = re.findall(r'(?m)^witness (.*) end$', text)[-1] # it may be there twice, see witness.c
    for word in line.split():
        unicast, group = word.split('=')[1].split('/')
        numbers['unicast'] += int(unicast)
        numbers['group'] += int(group)
    return numbers


def read(machine):
    text = ask(machine, COMMAND)
    try:
        return parse(text)
    except (AttributeError, IndexError, ValueError) as e:
        raise ConsoleError(f'dvm: its counters cannot be read ({e}):\n{text}') from None


def woken(entries):
    """Of a VM's entries by cause: those that somebody else's work caused."""
    return {cause: n for cause, n in entries.items() if cause not in NO_WORK}


def difference(before, after):
    """What became more, or less."""
    return {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}


def faults(seen, seconds):
    """What must not be, when the twin was the uplink all the time; seen: a difference. Returns the failures."""
    allowed = HEARD_PER_MINUTE * (1 + int(seconds / 60))
    bad = []
    if seen.get('unicast'):
        bad.append(f"{seen['unicast']} of the guests' frames were seen inside the driver VM")
    heard = {k: n for k, n in seen.items() if k != 'unicast' and n > allowed}
    if heard:
        bad.append(f'more than {allowed} frames were heard inside the driver VM in {seconds:.0f} s: {heard}')
    return bad
