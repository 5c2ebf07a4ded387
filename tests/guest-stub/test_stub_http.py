# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTTP server: contents, persistence, many connections, bad requests."""

import re

import pytest


@pytest.fixture
def http(guest):
    return guest("http").ready()


def body(n):
    return bytes((i * 7 + (i >> 8)) & 0xFF for i in range(n))


@pytest.mark.parametrize("path,size", [("1k", 1024), ("16k", 16 << 10), ("64k", 64 << 10),
                                       ("1m", 1 << 20)])
def test_contents(lab, http, tmp_path, path, size):
    out = tmp_path / "body"
    lab.run("curl", "-sS", "-f", "--max-time", 20, "-o", out, f"http://{http.address}/{path}")
    assert out.read_bytes() == body(size)


def test_index_and_missing(lab, http):
    assert "Pollux" in lab.run("curl", "-sS", "-f", f"http://{http.address}/")
    out = lab.run("curl", "-sS", "-i", f"http://{http.address}/none")
    assert out.startswith("HTTP/1.1 404 Not Found"), out


def test_head_has_no_body(lab, http):
    out = lab.run("curl", "-sS", "-I", "--max-time", 5, f"http://{http.address}/1k")
    assert "Content-Length: 1024" in out


def test_connection_is_kept(lab, http):
    url = f"http://{http.address}/1k"
    out = lab.run("curl", "-sS", "-o", "/dev/null", "-o", "/dev/null",
                  "-w", "%{num_connects} ", url, url)
    assert out.split() == ["1", "0"]


def test_connection_is_closed_on_request(lab, http):
    out = lab.run("curl", "-sS", "-i", "-H", "Connection: close", f"http://{http.address}/")
    assert "Connection: close" in out


def test_old_clients(lab, http):
    """HTTP/1.0: closed after the answer, or kept if the client asks."""
    for keep in ([], ["-k"]):
        out = lab.run("ab", "-q", *keep, "-c", 4, "-n", 2000, f"http://{http.address}/1k")
        assert re.search(r"Complete requests: +2000", out), out
        assert re.search(r"Failed requests: +0\n", out), out
        assert not keep or re.search(r"Keep-Alive requests: +2000", out), out


@pytest.mark.parametrize("path", ["1k", "64k"])
def test_load(lab, http, path):
    out = lab.run("wrk", "-t", 1, "-c", 32, "-d", "2s", f"http://{http.address}/{path}")
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 200, out


def test_pipelined_and_bad_requests(lab, http):
    lab.run("/usr/bin/python3", "-c", PIPELINE % {"addr": http.address})
    assert "Pollux" in lab.run("curl", "-sS", "-f", f"http://{http.address}/")


PIPELINE = r"""
import socket
s = socket.create_connection(("%(addr)s", 80), 5)
s.sendall(b"GET /1k HTTP/1.1\r\n\r\n" * 3 + b"BREW / HTTP/1.1\r\n\r\n")
data = b"".join(iter(lambda: s.recv(65536), b""))
assert data.count(b"200 OK") == 3 and data.count(b"400 Bad Request") == 1, data
# A head that is too long ends the connection, one way or the other, without an answer.
s = socket.create_connection(("%(addr)s", 80), 5)
s.sendall(b"GET /" + b"a" * 5000)
try:
    assert s.recv(100) == b""
except ConnectionResetError:
    pass
"""
