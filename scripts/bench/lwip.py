# SPDX-License-Identifier: GPL-2.0-or-later
"""Pollux with the lwIP guest instead of a Linux: its web server."""
import systems
import window
import workloads

MEMORY_MIB = 64


def name_of_guest(part):
    """lwIP and what it runs on are one program, at addresses that a Linux has for its user's."""
    return 'guest lwip' if part == 'guest user' else part


class Lwip(systems.Pollux):
    """Faces have the names of the Linux guest's: their workloads differ."""
    name = 'pollux-lwip'
    marks = window.MONITOR

    @property
    def faces(self):
        return super().faces[:2]

    def can(self, w, face):
        del face
        return w.command == workloads.HTTP_LWIP

    def _add_guests(self, d, folder):
        d.add_guest(1, 'http', memory=f'{MEMORY_MIB}M')
        return 768 + MEMORY_MIB

    def _wait_guests(self, machine):
        machine.expect('g1', 'http: listening', systems.BOOT_S)

    def whose(self, counts):
        part = super().whose(counts)
        return lambda *at: name_of_guest(part(*at))

    def offloads(self, machine, on):
        """lwIP has none, and the driver VM's are as its kernel has them."""
