"""What an operator's machine runs short of: descriptors, places for strangers (R and L rows); what
systemd wants to know; listeners that change at run time."""

import contextlib
import os
import resource
import signal
import socket
import time

import pytest

from harness.server import free_ports

pytestmark = pytest.mark.burbled_only

HEADER = (b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
          b"xmlns:stream='http://etherx.jabber.org/streams'>")


@pytest.fixture(params=[1, 3], ids=["shards1", "shards3"])
def start(request, start_server):
    """start(**options) with one shard and with three."""
    return lambda **options: start_server(shards=request.param, **options)


@pytest.fixture
def sockets():
    with contextlib.ExitStack() as stack:
        yield lambda address: stack.enter_context(socket.create_connection(address, timeout=10))


def answers(sock):
    """Does somebody speak XMPP here?"""
    sock.sendall(HEADER)
    return sock.recv(1) != b""


def closed(sock):
    """The server has closed the connection, or does it now, without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def R03_no_descriptor_is_left(start, sockets):
    server = start(start=False)
    server.write()

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    server.process = server.spawn("-c", str(server.conf), preexec_fn=few)
    server.log.wait("start", timeout=10)
    many = [sockets(server.address()) for _ in range(100)]
    assert answers(many[-1])  # the newest is served
    assert closed(many[0])    # the oldest had to go
    server.saw("conn.emfile", 0)
    server.ctl("stats")       # the administrator gets in
    before = cpu_ticks(server)
    time.sleep(0.5)
    assert cpu_ticks(server) - before < 25, "a busy loop"
    for sock in many:
        sock.close()
    assert server.login(server.account())


def cpu_ticks(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def L9_the_oldest_stranger_gives_way(start, sockets):
    server = start(rate=True, limits={"unauthenticated_connections": 5})
    friend = server.login(server.account())
    strangers = []
    for _ in range(10):
        strangers.append(sockets(server.address()))
        assert answers(strangers[-1])  # one after the other
    for sock in strangers[:5]:
        while sock.recv(4096):
            pass
    assert all(answers(sock) for sock in strangers[5:])
    friend.sync()
    server.saw("conn.limit", 0, cond="oldest-unauthenticated")


def L8_one_address_has_so_many_connections(start, sockets):
    server = start(rate=True, limits={"connections_per_address": 3})
    first = [sockets(server.address()) for _ in range(3)]
    assert all(answers(sock) for sock in first)
    assert closed(sockets(server.address()))
    server.saw("conn.limit", 0, cond="too-many")
    first[0].close()
    server.saw("conn.reset", 0)
    assert answers(sockets(server.address()))


def L8_one_address_connects_so_often(start, sockets):
    server = start(rate=True, limits={"connects_per_address_burst": 3,
                                      "connects_per_address_per_second": 1})
    assert all(answers(sockets(server.address())) for _ in range(3))
    assert closed(sockets(server.address()))
    server.saw("conn.limit", 0, cond="too-fast")


def O03_listeners_come_and_go(start, sockets):
    server = start()
    friend = server.login(server.account(), listener="tls")
    was = server.ports["tls"]
    server.ports["tls"], = free_ports(1)
    server.settings["listen"][1]["port"] = server.ports["tls"]
    mark = server.reload()
    server.saw("config.applied", mark)
    assert answers(sockets(server.address("tls")))
    with pytest.raises(ConnectionRefusedError):
        sockets(("127.0.0.1", was))
    friend.sync()  # those who came through the old one stay


def O02_a_listener_that_cannot_be_opened(start, sockets):
    server = start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server.settings["listen"][1]["port"] = port
        server.write()
        done = server.ctl("reload", ok=False)
    assert done.returncode == 78
    assert str(port) in done.stdout
    assert answers(sockets(("127.0.0.1", server.ports["plain"])))
    assert answers(sockets(("127.0.0.1", server.ports["tls"])))


def test_systemd_hears_of_start_reload_and_life(start):
    maker = start(start=False)
    path = str(maker.dir / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(path)
        os.chmod(path, 0o777)
        heard.settimeout(20)
        maker.env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "600000"}
        maker.start()
        assert heard.recv(200) == b"READY=1"
        assert [heard.recv(200) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        maker.process.send_signal(signal.SIGHUP)
        after = [heard.recv(200) for _ in range(4)]
        words = [m for m in after if m != b"WATCHDOG=1"]
        assert words[0].startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert words[1] == b"READY=1"
        maker.process.send_signal(signal.SIGTERM)
        while (said := heard.recv(200)) == b"WATCHDOG=1":
            pass
        assert said == b"STOPPING=1"
        assert maker.process.wait(10) == 0
