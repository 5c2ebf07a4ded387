# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the peer acknowledges what the measured system sends by TCP.

What an acknowledgement costs its receiver is more than what 8 KiB of data do, and how many come is real time: Linux sends one
for every second segment, or as often as the process reads, by the pace at which the emulator and this machine happen to run. So
the peer reads with more room than its window ever takes, which makes it one for every second segment (load/serve.c), and of
these one in KEEP passes: one for 8 segments, as of a receiver whose card or kernel merges segments (GRO). An acknowledgement
says all that those before it said, so nothing is lost by it.
"""
KEEP = 4
PORT = 5010 # the generator's peer (load/wire.h)
BARE = 52   # bytes of an IPv4 packet with an acknowledgement, its timestamps, and nothing else


def program():
    """Classic BPF for what goes out of the peer's tap: lines of code, jump if true, if false, constant. The IP id counts a
    connection's packets."""
    ok, shot = 0, 2
    tests = [(0x28, 12, 0x0800), (0x30, 23, 6), (0x28, 16, BARE), (0x28, 34, PORT), (0x30, 47, 0x10)]
    lines = []
    for i, (load, offset, value) in enumerate(tests):
        to_ok = 2 * (len(tests) - i - 1) + 2
        lines += [(load, 0, 0, offset), (0x15, 0, to_ok, value)]
    lines += [(0x28, 0, 0, 18), (0x45, 1, 0, KEEP - 1), (0x06, 0, 0, ok), (0x06, 0, 0, shot)]
    return lines


def bytecode(lines):
    """As tc takes it."""
    return f'{len(lines)},' + ','.join(' '.join(map(str, line)) for line in lines)


def thin(peer):
    """From now on; of a scripts/peer.py Peer."""
    peer.run('tc', 'qdisc', 'add', 'dev', peer.tap, 'clsact')
    peer.run('tc', 'filter', 'add', 'dev', peer.tap, 'egress', 'bpf', 'da', 'bytecode', bytecode(program()))
