# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of docs/safety.md that need the whole machine; each test has the number of its rule in its name."""
SERVERS = 'echo verify-server'
CONTROL = '/proc/dynamic_debug/control'


def test_frozen_static_keys_are_those_of_the_kernel(system):
    """A key that was switched on after derive froze it keeps the twin away, by name; switched back it attaches."""
    s = system('net=twin', [SERVERS])
    s.attached()
    s.machine.monitor('mode bridge')
    s.machine.expect('hv', 'twin detached', 20)
    s.dvm(f"echo 'module e1000 +p' > {CONTROL}")
    s.machine.monitor('mode twin')
    s.machine.expect('hv', r'twin not attached: static key __dyndbg\+0x[0-9a-f]+ is on in the driver VM, and the '
                     r"twin's e1000_\w+ was derived for off", 20)
    s.send_to_guest(1, 100000)
    s.dvm(f"echo 'module e1000 -p' > {CONTROL}")
    s.machine.monitor('mode twin')
    s.attached(2)
    s.send_to_guest(1, 100000)
