# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine and its console: QEMU's other board, with another host bridge and another routing of the card's pin;
answers that stay whole while others print."""
import re


def test_twin_on_q35(system):
    s = system('net=twin', ['verify-server'], machine='q35')
    s.attached()
    s.send_to_guest(1, 2 << 20)
    s.send_to_peer(1, 2 << 20)
    twin = s.stats()['twin']
    assert twin['rx_to_guests'] > 1000 and twin['tx_packets'] > 1000
    s.quit()


def test_answers_stay_whole_while_others_print(system):
    """Two guests' consoles are busy while the driver VM's shell and the monitor answer."""
    s = system('net=bridge', ['echo', 'echo'])
    wanted = ''.join(f'{n} of sixty\n' for n in range(60))
    for _ in range(15):
        for vm in (2, 3):
            s.machine.type('help', vm)
        assert s.dvm('n=0; while [ $n -lt 60 ]; do echo $n of sixty; n=$((n + 1)); done') == wanted
        s.machine.type('help', 2)
        answer = s.machine.monitor('vms')
        assert re.findall(r'(?m)^\d (\w+) .* running ', answer) == ['dvm', 'g1', 'g2'], answer
        assert answer.count('\n') == 6, answer # two lines for each VM, no echo
    assert s.machine.shell('(exit 7)') == (7, '')
