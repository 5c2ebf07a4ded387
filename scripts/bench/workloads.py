# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured, by the load generator inside of the measured Linux (scripts/bench/load)."""
from dataclasses import dataclass


HTTP, HTTP_LWIP = 'http', 'http-lwip' # commands of what the peer asks for


@dataclass(frozen=True)
class Workload:
    """count, quick: size of a window, in the generator's unit."""
    name: str
    offload: str # on, off: of segmentation and its counterpart on receive
    title: str
    command: str
    unit: str
    count: int
    quick: int

    @property
    def key(self):
        """As ratios name it."""
        return f'{self.name}_{self.offload}' if self.name.startswith('tcp') else self.name


ALL = [
    Workload('tcp_tx', 'on', 'TCP transmit, offloads on', 'tcp-tx', 'KiB', 32768, 16384),
    Workload('tcp_rx', 'on', 'TCP receive, offloads on', 'tcp-rx', 'KiB', 32768, 16384),
    Workload('tcp_tx', 'off', 'TCP transmit, offloads off', 'tcp-tx', 'KiB', 16384, 8192),
    Workload('tcp_rx', 'off', 'TCP receive, offloads off', 'tcp-rx', 'KiB', 16384, 8192),
    Workload('udp_tx', 'on', 'UDP transmit, 64 B', 'udp-tx', 'packet', 10000, 5000),
    Workload('udp_rx', 'on', 'UDP receive, 64 B', 'udp-rx', 'packet', 10000, 5000),
    Workload('udp_rr', 'on', 'UDP request/response, 64 B', 'udp-rr', 'pair', 1000, 400),
    Workload('ping', 'on', 'ping, 64 B', 'ping', 'echo', 1000, 400),
    Workload('http', 'on', 'HTTP, 1 KiB', HTTP, 'request', 400, 120),
    Workload('http_lwip', 'on', 'HTTP, 1 KiB, lwIP', HTTP_LWIP, 'request', 400, 120),
]
CHECKS = {'KiB': 2048, 'packet': 1000, 'pair': 100, 'echo': 100} # of the pass in which each byte is compared
