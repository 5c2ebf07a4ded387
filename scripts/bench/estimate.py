# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a run takes on a machine with nothing else to do, roughly: the emulator's seconds of processor time, which is most of
it. Nested KVM's clock is real time, so its are seconds. What a run really took is told at its end."""
import re

# name: (seconds of a boot, of one pass of a workload of --quick's size). Several were measured on a busy machine.
TIMES = {'pollux': (31, 0.7), 'pollux-plain': (31, 0.7), 'pollux-stlb': (31, 0.8), 'pollux-stlb-plain': (31, 0.8),
         'pollux-lwip': (20, 1), 'pollux-fairness': (35, 2), 'pollux-upcalls': (31, 0.8), 'native': (12, 0.4), 'kvm': (60, 1.2),
         'kvm-nopoll': (60, 1.2), 'xen-domu': (45, 1), 'xen-dom0': (25, 0.6)}
GUESTS_BOOT_S, GUESTS_PASS_S = (25, 6), (1, 0.3) # of many guests: a base, and more for each
ENGINE_S = {True: 30, False: 60} # derived code's cost, an engine; True: quick
WARM_UP = 2 # passes before the windows
FULL = 2    # a window is so much larger without --quick


def times(name):
    if m := re.fullmatch(r'pollux-(\d+)', name):
        return tuple(base + each * int(m[1]) for base, each in (GUESTS_BOOT_S, GUESTS_PASS_S))
    return TIMES[name]


def of_boot(name, figures, windows, part):
    """Seconds. part: what share of --quick's usual size a window has."""
    boot, one = times(name)
    return boot + figures * (windows + WARM_UP) * one * part if figures else 0


def in_words(seconds):
    return f'about {max(1, round(seconds / 60))} min on a machine with nothing else to do'
