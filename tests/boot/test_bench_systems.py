# SPDX-License-Identifier: GPL-2.0-or-later
"""The systems that the benchmark compares with: each boots, answers, and carries what is sent, both ways."""
import os
import re
import subprocess
import sys

import image
import peer
import pytest
from run import Machine

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import kvm # noqa: E402
import linux # noqa: E402
import xen # noqa: E402

FRAMES = image.OUT / 'dvm/frames'
SYSTEMS = [kvm.Kvm, xen.Dom0, xen.DomU, xen.PvhDomU]
CARD = {'kvm': 'virtio_net', 'xen-dom0': 'e1000', 'xen-domu': 'vif', 'xen-pvh': 'vif'}
# Modules that a packet passes on its way, in the host and in the measured Linux.
HOST = {'kvm': {'e1000', 'bridge', 'tun', 'vhost_net', 'vhost', 'kvm', 'kvm_amd'}, 'xen-domu': {'e1000', 'bridge', 'xen_netback'}}
HOST['xen-pvh'] = HOST['xen-domu']
FLOOD = 2000
RATE = 500
FRAME = 1518 # bytes, the longest on the wire


@pytest.fixture(scope='module')
def bench_setup():
    """What only the benchmark needs. Where it cannot be had, the systems say what they lack."""
    subprocess.run([image.ROOT / 'scripts/bench/setup.sh'], check=False, timeout=300, env={**os.environ, 'O': str(image.OUT)})


@pytest.fixture
def started(bench_setup, run_name, tmp_path):
    """started(system): its machine, booted; it ends with the test."""
    machines = []

    def begin(system):
        if system.missing() or not peer.is_available():
            pytest.skip(system.missing() or 'network namespaces and taps need root')
        spec = system.spec(tmp_path)
        spec.name = run_name
        machines.append(Machine(spec).__enter__())
        system.boot(machines[-1])
        return machines[-1]

    yield begin
    for m in machines:
        m.stop()


def ask(system, machine, command, timeout=60):
    return linux.checked(lambda c: system.shell(machine, c, timeout), command)


def start_servers(system, machine):
    """iperf's, on both sides."""
    ask(system, machine, 'iperf -s >/dev/null 2>&1 &')
    ask(system, machine, 'until netstat -ltn | grep -q :5001; do sleep 0.1; done')
    machine.peer.background('iperf', '-s')
    machine.peer.run('sh', '-c', 'until ss -ltn | grep -q :5001; do sleep 0.1; done')


def tcp_sizes(system, machine):
    """TCP in, then out, 4 MiB each; returns the mean size of a frame that carries data, as the measured card counts."""
    command = 'cd /sys/class/net/eth0/statistics; cat rx_bytes rx_packets tx_bytes tx_packets'
    at = [list(map(int, ask(system, machine, command).split()))]
    for way in 'in', 'out':
        if way == 'in':
            text = machine.peer.run('iperf', '-c', linux.ADDRESS, '-n', '4M', '-f', 'm', timeout=120)
        else:
            text = ask(system, machine, 'iperf -c 10.88.0.1 -n 4M -f m', 120)
        assert mbits(text) > 0
        at.append(list(map(int, ask(system, machine, command).split())))
    start, middle, end = at
    return (middle[0] - start[0]) / (middle[1] - start[1]), (end[2] - middle[2]) / (end[3] - middle[3])


def carry_frames(system, machine):
    """Numbered raw frames both ways, the content of each checked; of those to the peer none may be lost."""
    run, tap = machine.peer.run, machine.peer.tap
    mac = ask(system, machine, 'cat /sys/class/net/eth0/address').strip()
    peer_mac = run('cat', f'/sys/class/net/{tap}/address').strip()
    sink = machine.peer.background(FRAMES, 'sink', tap, 2000)
    ask(system, machine, f'frames flood eth0 {FLOOD} {RATE} 1 {peer_mac}')
    ask(system, machine, 'frames sink eth0 2000 >/tmp/sink &')
    ask(system, machine, 'until grep listening /tmp/sink; do sleep 0.1; done')
    run(FRAMES, 'flood', tap, FLOOD, RATE, 2, mac)
    received = [ask(system, machine, 'sleep 4; killall frames; cat /tmp/sink'), sink.stop()]
    for text, most_lost in zip(received, (FLOOD // 10, 0)):
        found = dict(re.findall(r'(\w+)=(\d+)', re.search(r'(?m)^sink: done .*$', text).group(0)))
        assert int(found['frames']) >= FLOOD - most_lost, text
        assert found['damaged'] == found['repeated'] == found['late'] == '0', text


def mbits(text):
    return float(re.search(r'([\d.]+) Mbits/sec', text).group(1))


def features(text):
    return {name: state == 'on' for name, state in re.findall(r'(?m)^([\w-]+): (on|off)', text)}


def check_offloads(system, machine):
    """The cards say so, and the frames of TCP show it: with a host, also what that one gives to the measured Linux."""
    names = 'tcp-segmentation-offload', 'generic-segmentation-offload', 'generic-receive-offload'
    for on in False, True:
        system.offloads(machine, on)
        places = [system.shell(machine, 'ethtool -k eth0')[1]]
        if isinstance(system, linux.Guest):
            places.append(system.host(machine, 'ethtool -k eth0'))
        for text in places:
            assert [features(text)[n] for n in names] == [on] * 3
            assert features(text)['tx-checksumming'], 'checksums stay'
        for mean in tcp_sizes(system, machine):
            # The e1000's own counters are of the wire.
            assert mean <= FRAME if not on or not isinstance(system, linux.Guest) else mean > FRAME


@pytest.mark.long
@pytest.mark.parametrize('kind', SYSTEMS, ids=lambda k: k.name)
def test_system_boots_and_carries_packets(started, kind):
    system = kind(programs=[FRAMES])
    m = started(system)
    assert (image.OUT / 'kernel/version').read_text().strip() in system.shell(m, 'uname -r')[1]
    assert f'driver: {CARD[kind.name]}' in system.shell(m, 'ethtool -i eth0')[1]
    assert 'mitigations=off' in system.shell(m, 'cat /proc/cmdline')[1]
    assert m.peer.ping(linux.ADDRESS)[0] == 5
    start_servers(system, m)
    check_offloads(system, m)
    modules = system.modules(m)
    assert HOST.get(kind.name, {'e1000'}) <= set(modules['l1'])
    assert ('l2' in modules) == issubclass(kind, linux.Guest) and ('xen' in modules) == issubclass(kind, xen.Xen)
    for places in modules.values():
        assert all(0xffff800000000000 < a < b < 1 << 64 for a, b in places.values())
    carry_frames(system, m)


@pytest.mark.long
@pytest.mark.parametrize('kind', [kvm.Kvm, xen.DomU], ids=lambda k: k.name)
def test_mitigations_can_stay_on(started, kind):
    system = kind(mitigations='auto', programs=[])
    m = started(system)
    lines = system.shell(m, 'cat /proc/cmdline')[1], system.host(m, 'cat /proc/cmdline')
    assert all('mitigations=auto' in line for line in lines)


@pytest.mark.long
def test_host_answers_while_the_measured_linux_works(started):
    """The console goes to the host and back; what runs in the measured Linux goes on."""
    system = kvm.Kvm(programs=[], halt_poll=False)
    m = started(system)
    assert system.host(m, 'cat /sys/module/kvm/parameters/halt_poll_ns') == '0\n'
    system.shell(m, 'while :; do date +%s >/tmp/now; sleep 0.2; done &')
    for _ in range(3):
        assert 'vhost_net' in system.host(m, 'cat /proc/modules')
        assert system.shell(m, 'cat /proc/modules | grep -c vhost_net') == (1, '0\n')
    assert system.shell(m, 'echo $(($(date +%s) - $(cat /tmp/now)))')[1] in ('0\n', '1\n')
