# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements. Each takes the lab (demo_lab.py), the guests that take part at once and the window's seconds, and
returns {key: number}, summed over the guests.
"""
import re
import shutil

from console import ConsoleError
from demo_lab import FRAMES, GUESTS, HOST, HTTP_PORT, IPERF_PORT, DemoError
from image import guest_mac

WARM_UP_S = 1
UDP_BYTES = 64
# Bits a second for all guests together; the best result counts. Far beyond what a receiver takes it gets less done.
UDP_OFFERED = (5_000_000, 15_000_000, 40_000_000)
UDP_END_S = 20
RAW_BYTES = 60
RAW_COUNT = 10000   # for each second of a window, and guest
RAW_OFFERED = 30000 # frames a second for all guests together
PING_COUNT = 40
PING_INTERVAL_S = 0.05
HTTP_CONNECTIONS = 8
HTTP_FILE = '/1k'


def tcp_transmit(lab, guests, seconds):
    """Guests send; what the peer's kernel acknowledged."""
    lab.on_guests(guests, f'iperf-client={HOST} time={seconds} port={lab.server_port}')
    results = [lab.result(g, 'iperf-client: done proto=tcp') for g in guests]
    return {'tcp_tx_mbps': round(sum(float(r['mbps']) for r in results), 1)}


def tcp_receive(lab, guests, seconds):
    """The peer sends; what the guests' applications got."""
    lab.skip(guests)
    commands = []
    for g in guests:
        address, port = lab.target(g, IPERF_PORT)
        commands.append(('iperf', '-c', address, '-p', port, '-t', seconds))
    lab.peers(commands)
    results = [lab.result(g, 'iperf-server: done proto=tcp dir=rx') for g in guests]
    return {'tcp_rx_mbps': round(sum(float(r['mbps']) for r in results), 1)}


def udp_transmit(lab, guests, seconds):
    """Guests send as fast as the ring takes it; what arrives on the wire counts, not what the peer's program reads."""
    before = lab.wire_frames()
    lab.on_guests(guests, f'iperf-client={HOST} udp bw=0 len={UDP_BYTES} time={seconds}')
    results = [lab.result(g, 'iperf-client: done proto=udp') for g in guests]
    frames = lab.wire_frames() - before
    return {'udp_tx_pps': round(frames * 1000 / max(int(r['ms']) for r in results))}


def udp_offer(lab, guests, seconds, bits):
    """The peer sends at a rate; (packets/s that the guests' applications got, part that was lost)."""
    lab.skip(guests)
    lab.peers([('iperf', '-u', '-c', lab.target(g, IPERF_PORT)[0], '-l', UDP_BYTES, '-b', bits // len(guests),
                '-t', seconds) for g in guests])
    results = [lab.result(g, 'iperf-server: done proto=udp', UDP_END_S) for g in guests]
    lost = sum(int(r['lost']) for r in results)
    received = sum(int(r['datagrams']) for r in results)
    pps = sum(int(r['datagrams']) * 1000 / max(int(r['ms']), 1) for r in results)
    return round(pps), round(lost / max(lost + received, 1), 3)


def udp_receive(lab, guests, seconds):
    """The best of several offered rates. That one's end mark gets lost is no failure."""
    best, error = None, None
    for bits in UDP_OFFERED:
        try:
            result = (*udp_offer(lab, guests, seconds, bits), bits)
            best = max(best or result, result)
        except ConsoleError as e:
            error = e
    if not best:
        raise error
    return dict(zip(('udp_rx_pps', 'udp_rx_lost', 'udp_rx_offered_bits'), best))


def check_frames(what, streams):
    """Sequence numbers and contents were checked, frame by frame. Frames may get lost, and nothing else."""
    for s in streams:
        if any(int(s[k]) for k in ('late', 'repeated', 'damaged')):
            raise DemoError(f'{what}: {s}')


def lost_part(streams):
    lost, received = (sum(int(s[k]) for s in streams) for k in ('lost', 'frames'))
    return round(lost / max(lost + received, 1), 3)


def raw_transmit(lab, guests, seconds):
    """Guests' frame generators, as fast as the ring takes it; the peer's sink."""
    lab.on_guests(guests, f'flood={lab.tap_mac()} count={RAW_COUNT * seconds} len={RAW_BYTES}')
    sent = [lab.result(g, 'flood: done') for g in guests]
    streams = lab.sink_results(len(guests))
    check_frames('the sink of the peer', streams)
    received = sum(int(s['frames']) for s in streams)
    return {'raw_tx_fps': round(received * 1000 / max(int(r['ms']) for r in sent)), 'raw_tx_lost': lost_part(streams)}


def raw_receive(lab, guests, seconds):
    """The peer's generator, at a rate; guests' sinks."""
    lab.skip(guests)
    lab.peer(FRAMES, 'flood', lab.machine.peer.tap, RAW_COUNT * seconds, RAW_OFFERED // len(guests), 0,
             *[guest_mac(g) for g in guests])
    streams = [lab.result(g, 'sink: done') for g in guests]
    check_frames('a guest\'s sink', streams)
    fps = sum(int(s['frames']) * 1000 / max(int(s['ms']), 1) for s in streams)
    return {'raw_rx_fps': round(fps), 'raw_rx_lost': lost_part(streams)}


def ping(lab, guests, seconds):
    """Average and best round trip, over the guests; without other load."""
    del seconds
    outputs = lab.peers([('ping', '-n', '-q', '-c', PING_COUNT, '-i', PING_INTERVAL_S, lab.target(g, 0)[0])
                         for g in guests])
    found = [re.search(r'= ([\d.]+)/([\d.]+)/', o) for o in outputs]
    if not all(found):
        raise DemoError('\n'.join(outputs))
    return {'ping_ms': round(sum(float(m.group(2)) for m in found) / len(found), 3),
            'ping_min_ms': min(float(m.group(1)) for m in found)}


def http_command(url, seconds):
    if shutil.which('wrk'):
        return 'wrk', '-t', 1, '-c', HTTP_CONNECTIONS, '-d', f'{seconds}s', url
    if shutil.which('ab'):
        return 'ab', '-q', '-c', HTTP_CONNECTIONS, '-t', seconds, '-n', 1000000, url
    raise DemoError('neither wrk nor ab is there: make setup')


def http_requests(output):
    """Requests per second that wrk or ab printed. Raises DemoError when answers were wrong."""
    rate = re.search(r'^Requests(?:/sec| per second): +([\d.]+)', output, re.M)
    if not rate or re.search(r'^ *Non-2xx|^ *Socket errors: .*read [1-9]', output, re.M):
        raise DemoError(f'HTTP:\n{output}')
    return float(rate.group(1))


def http(lab, guests, seconds):
    commands = []
    for g in guests:
        address, port = lab.target(g, HTTP_PORT)
        commands.append(http_command(f'http://{address}:{port}{HTTP_FILE}', seconds))
    return {'http_rps': round(sum(http_requests(o) for o in lab.peers(commands)), 1)}


# (name, unit, key, function, whether the user network serves)
ALL = [
    ('TCP transmit', 'Mb/s', 'tcp_tx_mbps', tcp_transmit, True),
    ('TCP receive', 'Mb/s', 'tcp_rx_mbps', tcp_receive, True),
    ('UDP transmit 64 B', 'packets/s', 'udp_tx_pps', udp_transmit, False),
    ('UDP receive 64 B', 'packets/s', 'udp_rx_pps', udp_receive, False),
    ('raw frames out', 'frames/s', 'raw_tx_fps', raw_transmit, False),
    ('raw frames in', 'frames/s', 'raw_rx_fps', raw_receive, False),
    ('ping', 'ms', 'ping_ms', ping, False),
    ('HTTP 1 KiB', 'requests/s', 'http_rps', http, True),
]


def warm_up(lab):
    """Floods, so that windows find a steady state: each station knows the others, every buffer of the twin's pool was
    in use once, and what was used up is there again."""
    if lab.reduced:
        steps, guests = (tcp_transmit, tcp_receive), GUESTS[:1]
    else:
        steps, guests = (raw_transmit, raw_receive), GUESTS
    for step in steps:
        step(lab, guests, WARM_UP_S)


def measure_one(lab, title, entry, guests, seconds, windows):
    """One measurement; returns (its numbers, failure or None)."""
    _, unit, key, function, _ = entry
    try:
        work = lambda: function(lab, guests, seconds) # noqa: E731
        numbers = windows.measure(title, work) if windows else work()
    except Exception as e: # pylint: disable=broad-except; one failure must not hide the other results
        if lab.machine.process.poll() is not None:
            raise
        lab.say(f'  {title}: FAILED')
        return {key: None}, f'{title}: {e}'
    lab.say(f'  {title}: {numbers[key]} {unit}')
    return numbers, None if numbers[key] else f'{title}: nothing came through'


def measure_set(lab, mode, guests, seconds, windows):
    """All measurements with these guests at once; returns (numbers, failures)."""
    numbers = {key: None for _, _, key, _, _ in ALL}
    failures = []
    for entry in ALL:
        if lab.reduced and not entry[4]:
            continue
        title = f'{mode}, {entry[0]}, {len(guests)} guest{"s" if len(guests) > 1 else ""}'
        got, failure = measure_one(lab, title, entry, guests, seconds, windows)
        numbers.update(got)
        failures += [failure] if failure else []
    return numbers, failures


def measure(lab, mode, seconds, windows=None):
    """All of a mode. windows: demo_counters.Windows, when counters are wanted. Returns (numbers, failures)."""
    numbers, failures = measure_set(lab, mode, GUESTS[:1], seconds, windows)
    numbers['two_guests'] = None
    # Forwarded ports lead to the first guest only.
    if not lab.reduced:
        numbers['two_guests'], more = measure_set(lab, mode, GUESTS, seconds, windows)
        failures += more
    return numbers, failures
