# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP requests to a Linux's server, from the peer: a connection each, so many bytes an answer."""
import re

import cost
import systems

COMMAND = 'http'
BYTES = 1024
CLIENTS = 8
START = (f'[ -e /www/file ] || {{ mkdir -p /www; head -c {BYTES} /dev/zero | tr "\\0" x >/www/file; '
         'httpd -p 80 -h /www; }')
SMALL = 4 # the window that set-up cancels in is so much smaller
REQUESTS_S = 600


def requests(booted, count):
    """So many of them between two marks; seconds that the peer's client says they took."""
    booted.system.run(booted.machine, 'load mark 1')
    out = booted.machine.peer.run('ab', '-q', '-n', count, '-c', CLIENTS, f'http://{booted.system.address}/file',
                                  timeout=REQUESTS_S)
    booted.system.run(booted.machine, 'load mark 2')
    done = re.search(r'^Complete requests: +(\d+)$', out, re.M)
    failed = re.search(r'^Failed requests: +(\d+)$', out, re.M)
    length = re.search(r'^Document Length: +(\d+) bytes$', out, re.M)
    if not done or int(done[1]) != count or int(failed[1]) or int(length[1]) != BYTES:
        raise systems.BenchError(f'HTTP:\n{out}')
    return float(re.search(r'^Time taken for tests: +([\d.]+) seconds', out, re.M)[1])


def measure(booted, w, windows, quick):
    """The record: differences of a large and a small window, so that what begins and ends them cancels."""
    booted.system.run(booted.machine, START)
    page = booted.machine.peer.run('curl', '-sS', f'http://{booted.system.address}/file')
    if page != 'x' * BYTES:
        raise systems.BenchError(f'HTTP: a wrong page: {page[:100]!r}')
    large = w.quick if quick else w.count
    small = large // SMALL
    requests(booted, small) # warm
    booted.forget()
    results = []
    for _ in range(windows):
        begun = requests(booted, small)
        results.append({'units': large - small, 'lost': 0, 'ns': max(requests(booted, large) - begun, 1e-6) * 1e9})
    found = booted.windows()
    return cost.summary(w.unit, results, [b.minus(a) for a, b in zip(found[::2], found[1::2])])
