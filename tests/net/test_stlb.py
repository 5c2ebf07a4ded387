# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine stlb, the measured baseline: a twin whose every access is a lookup, on the same way of a packet."""
import re
import subprocess

import image
import pytest
from conftest import BOOT_S, Load, System, describe
from console import ConsoleError
from test_rules import SERVERS, repage
from test_twin import KINDS

STLB = 'net=twin svm=stlb'
COUNTS = r"stlb: misses (\d+), of another page's entry (\d+), refused (\d+), faults (\d+), flushes (\d+)"
NUMBERS = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split()
PAGE = 4096


def counts(s):
    return dict(zip(('misses', 'replaced', 'refused', 'faults', 'flushes'),
                    map(int, re.search(COUNTS, s.machine.monitor('twin')).groups())))


def lookups(function):
    """Of the file's lookups in a function, in order: offset of the first instruction, number of the register with the
    address, offset behind the call of the miss routine."""
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', image.TWIN_STLB], check=True, capture_output=True,
                          text=True).stdout
    part = re.search(rf'<{function}>:\n(.*?)\n\n', text, re.S).group(1)
    found = re.findall(r'^ *(\w+):\tmov +%(\w+),%\w+\n.*and +\$0xfffffffffffff000.*\n(?:.*\n){5}.*call.*\n *(\w+):', part, re.M)
    return [(int(at, 16), NUMBERS.index(reg), int(back, 16)) for at, reg, back in found]


def test_stlb_twin_carries_tcp_both_ways(system):
    """Bytes intact, nothing killed, nothing of the hypervisor changed; nearly all lookups hit."""
    s = system(STLB, [SERVERS], twin=image.TWIN_STLB)
    s.attached()
    log = s.machine.console.text('hv')
    assert 'engine stlb, level' in log and re.search(r'twin judged \(normal\): \d+ instructions, \d+ guards', log)
    whole = s.whole()
    s.send_to_guest(1, 3000003)
    s.send_to_peer(1, 3000001)
    assert s.peer.ping(s.address(1))[0] == 5
    twin, c = s.stats()['twin'], counts(s)
    assert twin['engine'] == 'stlb' and twin['rx_to_guests'] > 1500 and twin['tx_packets'] > 1500 and not twin['deaths']
    # Each frame makes some hundred lookups.
    assert 20 < c['misses'] < twin['rx_to_guests'] + twin['tx_packets'] and not c['refused'] and not c['faults']
    s.sound(whole)
    s.quit()


@pytest.mark.parametrize('words, engine', [('net=twin', 'window'), ('net=twin svm=window', 'window'), (STLB, 'stlb')])
def test_boot_word_chooses_among_the_files(boot, words, engine):
    d = image.Description(words).add_dvm().add_twin(image.TWIN, image.TWIN_STRICT, image.TWIN_STLB)
    m = System(boot(d, accel='tcg', net='user'), 0).running().machine
    m.expect('hv', rf'twin of e1000: .*, engine {engine}, level slots, for kernel', BOOT_S)


def test_a_file_of_the_other_engine_is_not_taken(boot):
    for words, file in ((STLB, image.TWIN), ('net=twin', image.TWIN_STLB)):
        d = image.Description(words).add_dvm().add_twin(file)
        m = System(boot(d, accel='tcg', net='user'), 0).running().machine
        engine = 'stlb' if file == image.TWIN else 'window'
        m.expect('hv', rf'no twin of engine {engine} is on the medium \(boot word svm=\)', BOOT_S)


def take(s, engine, attachments):
    """The twin goes, and the next one is of that engine."""
    assert s.stats()['twin']['engine'] != engine
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 60)
    s.machine.monitor(f'mode twin {engine}')
    s.machine.expect('hv', rf'twin of e1000: .*, engine {engine}, level slots', 60)
    s.attached(attachments)
    assert s.stats()['twin']['engine'] == engine


def test_monitor_chooses_the_engine_of_the_next_attachment(boot):
    """Both ways under TCP, back and forth; a name alone changes no attached twin, but the one behind its death."""
    d = describe('net=twin', [SERVERS, SERVERS]).add_twin(image.TWIN_STLB)
    s = System(boot(d, net='tap'), 2).ready()
    s.attached()
    assert s.stats()['twin']['engine'] == 'window'
    load = Load(s)
    for n, engine in enumerate(('stlb', 'window', 'stlb', 'window'), 2):
        load.flows()
        take(s, engine, n)
        load.flows()
        assert engine == 'window' or counts(s)['misses'] > 20
    s.machine.monitor('mode twin stlb')
    load.flows()
    assert s.stats()['twin']['engine'] == 'window'
    s.machine.monitor('fault ud')
    s.machine.expect('hv', 'twin killed: ', 60)
    s.attached(6)
    assert s.stats()['twin']['engine'] == 'stlb'
    load.flows()
    for words in ('mode twin wall', 'mode bridge stlb', 'mode twin stlb window'):
        with pytest.raises(ConsoleError, match='usage: mode'):
            s.machine.monitor(words)
    load.finish()
    assert s.stats()['twin']['deaths'] == 1
    s.sound()
    s.quit()


def test_monitor_has_no_engine_that_is_not_on_the_medium(system):
    s = system('net=twin', [SERVERS])
    s.attached()
    with pytest.raises(ConsoleError, match='no twin of engine stlb is on the medium'):
        s.machine.monitor('mode twin stlb')
    s.send_to_guest(1, 100000)
    assert s.stats()['twin']['engine'] == 'window'
    s.quit()


def test_r6_strict_judge_refuses_lookups(system):
    """A processor may guess the branch of a lookup wrong. Guests go on over the bridge."""
    s = system(f'{STLB} judge=strict', [SERVERS], twin=image.TWIN_STLB)
    s.machine.expect('hv', r'twin refused: the judge \(strict\): rule lookup-miss at e1000_\w+\+0x', BOOT_S)
    s.machine.expect('hv', r'a twin of engine stlb has no proof for the strict judge: boot with judge=normal', 10)
    s.send_to_guest(1, 300000)
    s.quit()


@pytest.mark.parametrize('kinds', [[k for k in KINDS if k[0] in ('wild', 'indirect', 'fixup')],
                                   [k for k in KINDS if k[0] in ('lower', 'noncanonical', 'native')]],
                         ids=lambda k: '-'.join(x for x, _ in k))
def test_r19_fault_kills_the_twin_alone(system, kinds):
    """Code that does what the judge would refuse, as with the other engine: the same line, and the twin comes back."""
    s = system(STLB, [SERVERS, 'echo'], twin=image.TWIN_STLB)
    s.attached()
    for death, (kind, line) in enumerate(kinds, 1):
        s.machine.monitor(f'fault {kind}')
        s.peer.ping(s.address(1), count=2) # the packet that runs it
        s.machine.expect('hv', rf'twin killed: {line}', 20)
        s.send_to_guest(1, 100000)
        s.attached(death + 1)
        s.send_to_guest(1, 300000)
    assert s.stats()['vms']['dvm']['state'] == 'running'
    s.quit()


# A pointer of the driver's goes wrong just before its lookup: bits that change, and what its miss is refused for.
WILD = [(1 << 63, 'address in the lower half'), (1 << 62, 'non-canonical address'), (1 << 45, 'not mapped in the driver VM')]


def test_r1_wild_pointers_end_at_their_lookup(system):
    s = system(STLB, [SERVERS, 'echo'], twin=image.TWIN_STLB)
    s.attached()
    at, reg, back = lookups('e1000_clean')[3]
    for death, (flip, why) in enumerate(WILD, 1):
        s.machine.monitor(f'fault at {at} 1 reg {reg} {flip}')
        s.peer.ping(s.address(1), count=2)
        place = s.machine.expect('hv', rf'twin killed: access of ([0-9a-f]+): {why} at e1000_clean\+0x\w+ '
                                       r'\(twin\+0x(\w+)\)', 20)
        assert int(place.group(2), 16) == back
        s.attached(death + 1)
        s.send_to_guest(1, 300000)
    s.quit()


def test_an_access_crosses_the_end_of_a_page(system):
    """The 8 bytes of a pointer are read from the last four bytes of a page on: the read itself comes to its end, on the
    two pages of its slot, and what it found, which is no pointer, is looked up next."""
    s = system(STLB, [SERVERS, 'echo'], twin=image.TWIN_STLB)
    s.attached()
    (at, reg, _), (_, _, back) = lookups('e1000_intr')[:2]
    seen = []
    for death in (1, 2):
        flip = seen[0] ^ (seen[0] & -PAGE | PAGE - 4) if seen else 0
        s.machine.monitor(f'fault at {at} 1 reg {reg} {flip}')
        s.peer.ping(s.address(1), count=2)
        was, now = s.machine.expect('hv', r"twin's step: reg at e1000_intr\+0x\w+ .*: (\w+) becomes (\w+)", 20).groups()
        seen.append(int(was, 16))
        if flip:
            assert int(now, 16) % PAGE == PAGE - 4 and seen[1] == seen[0]
    place = s.machine.expect('hv', r'twin killed: access of [0-9a-f]+: .* at e1000_intr\+0x\w+ \(twin\+0x(\w+)\)', 20)
    assert int(place.group(1), 16) == back and death
    s.attached(2)
    s.send_to_guest(1, 300000)
    s.quit()


def test_r4_the_table_follows_the_driver_vms_mappings(system):
    """Ring memory moves 2,000 times below the twin under guests' TCP: no byte is lost; without the rule the twin dies."""
    s = system(STLB, [SERVERS, SERVERS], twin=image.TWIN_STLB)
    s.attached()
    load = Load(s)
    moved = repage(s, 10)
    assert moved >= 2 and repage(s, 2000 // moved) >= 2
    load.finish()
    assert s.stats()['twin']['window_dropped'] > 50 and not s.stats()['twin']['deaths']
    s.machine.monitor('window rule off')
    assert repage(s, 1)
    s.peer.ping(s.address(1), count=3)
    s.machine.expect('hv', 'twin killed: ', 20)
