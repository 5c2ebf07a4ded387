# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver VM does at random what castor and its kernel never do: the hypervisor and the other VMs do not mind."""
import re
import time

import image
from conftest import initrd_with

FOLDER = image.OUT / 'tests/hostile/dvm'
LINE = r'hostile: hypercalls=(\d+) (?:taken|illegal)=(\d+) (?:wrong|ports)=(\d+)'
# What a driver VM that lies to the hypervisor about castor may be ended for.
REASONS = (r'no interrupt taken in 5 s of its run time: it hangs|its driver was not reset within 5 s of a death of the twin|'
           r'its processes did not run in 5 s of its run time|its agent did not answer in 5 s, and it is idle|'
           r'its agent did not come to an end of its work in 30 s|no answer to an upcall within 5 s|kernel panic: \S.*|'
           r'its card moves no frame, after a reset of its driver: \S.*')
SEEDS = 3
SILENT_S = 8 # of the host: a driver VM that is silent is dead by then


def begin(system, tmp_path):
    programs = {f'root/{f.name}': f.read_bytes() for f in (FOLDER / 'user', FOLDER / 'hypercalls.ko')}
    s = system('net=twin', ['verify-server', 'verify-server'], initrd=initrd_with(tmp_path, programs))
    s.attached()
    return s


def between_guests(s):
    """Guest 1's TCP to guest 2, compared to the byte; nothing of the driver VM is on that way."""
    s.guest(1, f'verify-client={s.address(2)} bytes=512K', 'verify-client: done', 120)


def works(s):
    assert s.peer.ping(s.address(1))[0] == 5
    s.send_to_guest(2, 1 << 18)


def test_r15_ring_3_of_the_driver_vm(system, tmp_path):
    """Every hypercall of a process ends in SIGILL; ports that it may use hurt nobody, itself included."""
    s = begin(system, tmp_path)
    s.machine.console.skip('dvm')
    s.machine.type('chmod +x /root/user; /root/user 1 5000', 1)
    between_guests(s)
    m = s.machine.expect('dvm', LINE, 120)
    assert m.group(1) == m.group(2) == '5000' and int(m.group(3)) > 5000
    assert s.stats()['castor']['hypercalls'] > 0
    works(s)
    s.sound()
    s.quit()


def deaths(s):
    """Why the driver VM died, each time: it has one line for each, which names a reason."""
    found = re.findall(r'dvm (?:killed|stopped): (.*)', s.machine.console.text('hv'))
    dvm = s.stats()['vms']['dvm']
    assert len(found) == dvm['restarts'] + (dvm['state'] != 'running'), (found, dvm)
    assert all(re.fullmatch(REASONS, why) for why in found), found
    return found


def is_up(s, died):
    """Whether the driver VM has died since there were so many deaths; then it is at its shell again."""
    if len(deaths(s)) == died:
        return True
    s.machine.expect('dvm', 'dvm ready', 180)
    s.machine.expect('dvm', 'built-in commands', 60)
    return False


def random_hypercalls(s, seed):
    """The driver VM's own line on them, or None: it has died of them, and is up again."""
    died, begun = len(deaths(s)), len(s.machine.console.text('dvm'))
    s.machine.console.skip('dvm')
    s.machine.type(f'insmod /root/hypercalls.ko seed={seed} count=1000; rmmod hypercalls; dmesg | grep hostile', 1)
    between_guests(s)
    end = time.monotonic() + 120
    while not (m := re.compile(LINE).search(s.machine.console.text('dvm'), begun)):
        assert time.monotonic() < end, 'neither an answer nor a death'
        if not is_up(s, died):
            return None
        time.sleep(0.2)
    return m


def test_r15_random_hypercalls_of_the_driver_vm(system, tmp_path):
    """Behind castor's back, which may cost the driver VM its twin or itself, for a reason that is named, and nobody else
    anything."""
    s = begin(system, tmp_path)
    answers = [m for seed in range(SEEDS) if (m := random_hypercalls(s, seed))]
    assert answers
    for m in answers:
        assert int(m.group(2)) > 700 and m.group(3) == '0', m.group(0)
    time.sleep(SILENT_S)
    print(f'{len(answers)} of {SEEDS} answered, deaths: {deaths(s)}')
    log = s.machine.console.text('hv')
    assert not re.search('g[12] (killed|stopped)', log)
    s.machine.monitor('restart dvm')
    s.machine.expect('hv', r'dvm starts again', 60)
    s.machine.expect('hv', r'twin attached', 180)
    works(s)
    s.sound()
    s.quit()
