# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP both ways of a Linux guest, which sends and receives large frames: loans and merged segments (lwIP has neither).

    with lab(.., linux=1, linux_initrd=linux_initrd(folder)) as s:
        up(s, 3)
        load = LargeLoad(s, 3, megabytes=8) # as conftest.Load: keep(), runs(), finish()
"""
import subprocess

import image

from conftest import BOOT_S, PEER_IP, VERIFY_PORT, Load, initrd_with

SOURCE = image.ROOT / 'tests/guest-stub/verify_peer.c'
LISTENS = f'grep -q ":{VERIFY_PORT:04X} 00000000:0000 0A" /proc/net/tcp'


def linux_initrd(folder, more=None):
    """A Linux guest's initrd with the streams' program, /verify, and more: {path: bytes}."""
    program = folder / 'verify'
    subprocess.run(['gcc', '-O2', '-static', '-I', image.ROOT, '-o', program, SOURCE], check=True)
    (own := folder / 'linux').mkdir()
    return initrd_with(own, {'verify': program.read_bytes(), **(more or {})}, image.OUT / 'linux/initrd.img')


def up(s, number):
    """Wait until that Linux guest has its shell."""
    s.machine.expect(f'g{number}', '^linux ready', BOOT_S)
    s.machine.expect(f'g{number}', 'built-in commands', 120)


def large_frames(s):
    """(frames that were lent to the card, frames that were merged of several) so far."""
    twin = s.stats()['twin']
    return twin['tx_lent'], twin['rx_merged']


class LargeLoad(Load):
    """The guest's program is the peer's, so both ends of a stream say the same at its end."""

    def __init__(self, s, guest, megabytes=0, port=VERIFY_PORT, **words):
        self.guest = guest
        super().__init__(s, guest, guest, megabytes, port, **words)

    def _shell(self, command):
        status, text = self.s.machine.shell(command, f'g{self.guest}', self.guest + 1, self.patience)
        assert status == 0, f'g{self.guest}: {command}: {status}\n{text}'
        return text

    def _dial(self):
        self._shell(f'(/verify send {PEER_IP} {self.port} {self.size} {self.patience} >/sent 2>&1 & echo $! >/sender)')

    def _never_came(self):
        """Its program asks again by itself."""
        return False

    def _send_to_guest(self):
        self._shell(f'(/verify listen {VERIFY_PORT} {self.patience} >/received 2>&1 & echo $! >/receiver); '
                    f'until {LISTENS}; do usleep 20000; done')
        super()._send_to_guest()

    def _guest_says(self, what, program):
        """What that program has printed, once it has ended."""
        return self._shell(f'while [ -d /proc/$(cat /{program}) ]; do usleep 50000; done; cat /{what}').strip()

    def _sent_to_peer(self, timeout):
        if not self.size:
            self._shell('kill $(cat /sender)') # it sends its last bytes, and is answered
        says = self.listening.finish(timeout).strip()
        assert not self.size or says.startswith(f'bytes={self.size} '), says
        assert says.endswith('right') and self._guest_says('sent', 'sender') == says
        self.ended[0] += 1

    def _sent_to_guest(self, timeout):
        super()._sent_to_guest(timeout)
        assert self._guest_says('received', 'receiver').endswith('right')
