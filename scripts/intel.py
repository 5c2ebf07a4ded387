#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job on the machine with VT-x: the demonstration's medium in Bochs (bochs.py), the guests' pings and TCP through the
twin and through the driver VM's bridge. Prints a line for each. The figures are those of an emulated CPU that does 70 million
instructions a second: they say that it works, not how fast. Needs root. Exit status: 0, or 1 with what failed on stderr.
"""
import subprocess
import sys
import time

import demo_measure
import image
from console import ConsoleError
from demo_lab import GUESTS, DemoError, Lab
from peer import PeerError
from run import GOOD_END

SECONDS = 3
END_S = 60
MEASURES = (demo_measure.ping, demo_measure.tcp_transmit, demo_measure.tcp_receive)
started = time.monotonic()


def say(text):
    print(f'[{time.monotonic() - started:5.1f} s] {text}', flush=True)


def run():
    with Lab(say, name='intel', machine='bochs') as lab:
        say('booting the driver VM and two guests; that takes minutes')
        lab.wait_boot()
        lab.wait_twin('attached')
        lab.start_servers()
        for mode in ('twin', 'bridge'):
            lab.set_mode(mode)
            for measure in MEASURES:
                for what, value in measure(lab, GUESTS[:1], SECONDS).items():
                    say(f'{mode:6} {what:14} {value}')
        lab.machine.focus(0)
        lab.machine.send(b'quit\n')
        code = lab.machine.wait_end(END_S)
        if code != GOOD_END:
            raise DemoError(f'the machine ended badly (code {code})')


def main():
    try:
        run()
    except (ConsoleError, DemoError, PeerError, image.ImageError, OSError, RuntimeError, subprocess.SubprocessError) as e:
        sys.exit(f'intel: {e}')


if __name__ == '__main__':
    main()
