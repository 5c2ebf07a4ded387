# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP requests to the measured system's server, from the peer: a connection each, so many bytes an answer.

The measured Linux gets its server, lighttpd, from the peer: no initrd has it, and each system has the same one."""
import io
import re
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cost
import image
import initramfs
import systems
import workloads

BYTES = 1024
CLIENTS = 8
SERVER = image.OUT / 'bench/web/root' # scripts/bench/setup.sh
PROGRAM = 'usr/sbin/lighttpd'
CONFIG = 'server.document-root = "/www"\nserver.port = 80\nserver.errorlog = "/www.log"\nserver.max-keep-alive-requests = 0\n'
ARCHIVE_PORT = 8080
START = (f'[ -e /www ] || {{ wget -qO- http://{systems.PEER_IP}:{ARCHIVE_PORT}/server.tar | tar -x -C / && '
         f'/{PROGRAM} -f /www.conf; }}')
SMALL = 4 # the window that set-up cancels in is so much smaller
REQUESTS_S = 600


@dataclass(frozen=True)
class Site:
    """A server: its page, what the page must be, how a Linux starts it ('': it runs)."""
    page: str
    content: bytes
    start: str


SITES = {workloads.HTTP: Site('file', b'x' * BYTES, START),
         # body_byte() of guest-stub/apps/http.c
         workloads.HTTP_LWIP: Site('1k', bytes((i * 7 + (i >> 8)) & 0xff for i in range(BYTES)), '')}


def archive(page):
    """All that the measured Linux needs, as a tar archive: server, its libraries, what it says, the page."""
    program = SERVER / PROGRAM
    if not program.exists():
        raise systems.BenchError('lighttpd is not there: scripts/bench/setup.sh')
    folder = SERVER / 'usr/lib/x86_64-linux-gnu'
    files = {PROGRAM: program.read_bytes(), 'www.conf': CONFIG.encode(), 'www/file': page}
    for library in initramfs.libraries(program, folder):
        name = f'usr/lib/x86_64-linux-gnu/{library.name}' if library.is_relative_to(folder) else str(library)[1:]
        files.setdefault(name, library.read_bytes())
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def start_server(running, site):
    """The peer gives it, the measured Linux runs it."""
    with tempfile.TemporaryDirectory(prefix='pollux-web-') as folder:
        Path(folder, 'server.tar').write_bytes(archive(site.content))
        giver = running.machine.peer.background('busybox', 'httpd', '-f', '-p', ARCHIVE_PORT, '-h', folder)
        running.system.run(running.machine, site.start)
        giver.stop()


def requests(running, site, count):
    """So many of them between two marks; seconds that the peer's client says they took."""
    running.system.mark(running.machine, 1)
    out = running.machine.peer.run('ab', '-q', '-n', count, '-c', CLIENTS, f'http://{running.system.address}/{site.page}',
                                   timeout=REQUESTS_S)
    running.system.mark(running.machine, 2)
    done = re.search(r'^Complete requests: +(\d+)$', out, re.M)
    failed = re.search(r'^Failed requests: +(\d+)$', out, re.M)
    length = re.search(r'^Document Length: +(\d+) bytes$', out, re.M)
    if not done or int(done[1]) != count or int(failed[1]) or int(length[1]) != BYTES:
        raise systems.BenchError(f'HTTP:\n{out}')
    return float(re.search(r'^Time taken for tests: +([\d.]+) seconds', out, re.M)[1])


def check_page(running, site):
    """Each byte. As hexadecimal digits: what the peer's programs print is taken for text."""
    url = f'http://{running.system.address}/{site.page}'
    page = running.machine.peer.run('sh', '-c', f'curl -sS {url} | od -An -v -tx1')
    if bytes.fromhex(page) != site.content:
        raise systems.BenchError(f'HTTP: a wrong page: {page[:100]!r}')


def measure(running, w, windows, quick):
    """The record: differences of a large and a small window, so that what begins and ends them cancels."""
    site = SITES[w.command]
    if site.start:
        start_server(running, site)
    check_page(running, site)
    large = running.system.size(w, quick)
    small = large // SMALL
    requests(running, site, small) # warm
    running.forget()
    results = []
    for _ in range(windows):
        begun = requests(running, site, small)
        results.append({'units': large - small, 'lost': 0, 'ns': max(requests(running, site, large) - begun, 1e-6) * 1e9})
    found = running.windows()
    return cost.summary(w.unit, results, [b.minus(a) for a, b in zip(found[::2], found[1::2])])
