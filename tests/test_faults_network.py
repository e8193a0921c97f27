"""Faults of the network and of the system's calls for it (N rows), and clients that take too much or
nothing (R rows), on connections without stream management."""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import subprocess
import threading

import pytest

from harness import ns
from harness.faults import Faults
from harness.people import befriend
from harness.proxy import Proxy
from harness.server import free_ports, wait_until

pytestmark = pytest.mark.burbled_only
SCRAM = "SCRAM-SHA-256"


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture(params=[1, 3], ids=["shards1", "shards3"])
def start(request, start_server):
    """start(**options) with one shard and with three."""
    return lambda **options: start_server(shards=request.param, **options)


@pytest.fixture
def start3(start_server):
    """start3(**options) with three: where nothing depends on it."""
    return lambda **options: start_server(shards=3, **options)


@pytest.fixture
def through():
    """through(server): a listener of that name goes through a proxy of its own."""
    with contextlib.ExitStack() as stack:
        def make(server, name="proxy", listener="plain"):
            proxy = Proxy(server.address(listener))
            stack.callback(proxy.close)
            server.detours[name] = proxy.address
            return proxy
        yield make


def number(count, to, text="", kind="chat"):
    """Messages with the ids 0, 1, ..., as they are sent."""
    return "".join(f"<message to='{to}' type='{kind}' id='{i}'><body>{i} {text}</body></message>"
                   for i in range(count))


def ids(messages):
    return [int(m.get("id")) for m in messages]


# --- system calls --------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["plain", "direct"])
def N03_interrupted_waiting_and_tiny_transfers_change_nothing(start, faults, listener):
    server = start(env=faults.env)
    faults.tiny = 1
    alice = server.user("alice", listener=listener, mechanism=SCRAM)
    bob = server.user("bob", listener=listener)
    alice.send(number(20, bob.jid, "é" * 50))
    alice.fence(bob)
    assert ids(bob.take("message")) == list(range(20))
    server.ctl("stats")
    alice.close()
    assert faults.transfers > 5000
    faults.tiny = 0


def N05_a_signal_of_a_broken_pipe_is_ignored(start3):
    server = start3()
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        ignored = next(line for line in file if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) & 1 << signal.SIGPIPE - 1
    alice, bob = server.user("alice"), server.user("bob")
    for _ in range(10):
        victim = server.login(bob.account, "victim", presence=-1)
        alice.send(number(50, victim.jid, "x" * 5000, "headline"))
        victim.reset()
    alice.fence(bob)


def accept_fails(faults, name, domain, times):
    faults.accept_domain, faults.accept_errno = domain, getattr(errno, name)
    faults.accept_left = times


def N08_troubles_of_accept_are_survived(start_server, faults):
    server = start_server(env=faults.env)
    friend = server.user("friend")
    for name in ("ECONNABORTED", "EPERM", "EPROTO", "EINTR", "ENETDOWN"):
        accept_fails(faults, name, socket.AF_INET, 40)  # more than a turn takes
        server.open()
        late = server.login(friend.account, "late", presence=0)
        assert faults.accept_left == 0
        friend.fence(late)
    for name in ("ENOBUFS", "ENOMEM", "ENFILE", "EMFILE"):
        accept_fails(faults, name, socket.AF_INET, 2)  # it pauses after them
        late = server.login(friend.account, "late", presence=0)
        assert faults.accept_left == 0
        friend.fence(late)


@pytest.mark.parametrize("domain", [socket.AF_INET, socket.AF_UNIX])
@pytest.mark.parametrize("name", ["ENOBUFS", "ENFILE"])
def N08_what_lasts_is_tried_now_and_then(start_server, faults, name, domain):
    server = start_server(env=faults.env)
    friend = server.user("friend")
    path = str(next(p for p in server.data.rglob("*") if p.is_socket()))
    accept_fails(faults, name, domain, 1 << 40)
    with socket.socket(domain) as waits:
        waits.connect(server.address() if domain == socket.AF_INET else path)
        wait_until(lambda: faults.accepts > 1, what="another attempt")
        before = faults.accepts
        for _ in range(200):  # as many turns or more, and not an attempt in each
            friend.sync()
        assert faults.accepts - before < 100
    faults.accept_left = 0
    server.ctl("stats")
    server.login(friend.account).sync()


# --- addresses -----------------------------------------------------------------------------------


class TestAddresses:
    def listening(self, start_server, faults, address="::"):
        server = start_server(start=False, env=faults.env)
        port, = free_ports(1)
        server.settings["listen"] = [{"service": "c2s", "address": address, "port": port,
                                      "tls": "starttls", "require_tls": False, "self_signed": True}]
        server.detours = {"plain": ("127.0.0.1", port), "six": ("::1", port)}
        return server

    def N09_the_wildcard_takes_both(self, start_server, faults):
        server = self.listening(start_server, faults).start()
        four, six = server.user("four", mechanism=SCRAM), server.user("six", listener="six", mechanism=SCRAM)
        four.fence(six)

    @pytest.mark.parametrize("without", ["socket_domain", "bind_domain"])
    def N09_a_machine_without_version_6(self, start_server, faults, without):
        server = self.listening(start_server, faults)
        setattr(faults, without, socket.AF_INET6)
        server.start()
        server.user("four", mechanism=SCRAM).sync()
        with pytest.raises(ConnectionRefusedError):
            server.open("six")

    def N09_a_machine_without_version_4(self, start_server, faults):
        server = self.listening(start_server, faults)
        faults.socket_domain = socket.AF_INET
        server.start()
        server.user("six", listener="six", mechanism=SCRAM).sync()

    def N09_an_address_that_is_not_there_is_named(self, start_server, faults):
        server = self.listening(start_server, faults, "192.0.2.1")
        code, said = server.refuse()
        assert code != 0 and "192.0.2.1" in said

    def N09_an_address_that_vanishes_and_comes_back(self, start_server, network):
        network("addr", "add", "192.0.2.1/32", "dev", "lo")
        server = start_server(listen={"other": {"address": "192.0.2.1", "tls": "starttls",
                                                "require_tls": False, "self_signed": True}})
        friend = server.user("friend")
        gone = server.login(friend.account, "gone", listener="other", presence=-1, mechanism=SCRAM)
        gone.sync()
        network("addr", "del", "192.0.2.1/32", "dev", "lo")
        server.login(friend.account, "two", presence=0).fence(friend)
        with pytest.raises(OSError):
            server.open("other")
        network("addr", "add", "192.0.2.1/32", "dev", "lo")
        gone.sync()  # nobody has given up meanwhile
        server.login(friend.account, "three", listener="other", mechanism=SCRAM).sync()


@pytest.fixture
def network():
    """network(argument...): ip with these, in a network of the test's own that ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newnet = 0x40000000
    with open("/proc/thread-self/ns/net", "rb") as before:
        if libc.unshare(clone_newnet) != 0:
            pytest.skip("needs the right to make a network: " + os.strerror(ctypes.get_errno()))

        def change(*arguments):
            subprocess.run(["ip", *arguments], check=True)

        try:
            change("link", "set", "lo", "up")
            yield change
        finally:
            assert libc.setns(before.fileno(), clone_newnet) == 0


# --- a bad way -----------------------------------------------------------------------------------


def N06_late_and_cut_up_bytes_lose_and_double_nothing(start3, through):
    """Loss and another order of packets come to this above TCP: late bytes, other pieces."""
    server = start3()
    proxy = through(server)
    alice = server.user("alice", listener="proxy", mechanism=SCRAM)
    bob = server.user("bob", listener="proxy")
    befriend(alice, bob)
    proxy.delay_s = (0, 0.2)
    count = 0
    for _ in range(5):
        for sender, receiver in ((alice, bob), (bob, alice)):
            sender.send(number(20, receiver.jid, "x" * 100))
        count += 20
    alice.round_trip(bob)
    bob.round_trip(alice)
    for client in (alice, bob):
        assert ids(client.take("message", type="chat")) == list(range(20)) * 5
        client.nothing("presence", type="unavailable")


def N06_a_way_that_stops_for_a_while_is_no_end(start3, through):
    server = start3()
    proxy = through(server)
    alice, bob = server.user("alice", listener="proxy"), server.user("bob")
    proxy.stopped = True
    bob.send(number(10, alice.jid))
    alice.send(number(10, bob.jid))
    for _ in range(20):
        bob.sync()
    bob.nothing("message")
    proxy.stopped = False
    alice.round_trip(bob)
    assert ids(bob.take("message")) == ids(alice.take("message", type="chat")) == list(range(10))


@pytest.mark.parametrize("listener", ["direct", "tls"])
def N10_a_handshake_that_stops_is_ended(start3, through, listener):
    """What a path that loses large packets comes to: the peer's flight never arrives."""
    server = start3(limits={"login_seconds": 60, "tls_handshake_seconds": 1})
    proxy = through(server, listener=listener)
    client = server.open("proxy")
    if listener == "tls":
        client.open()
        client.send(f"<starttls xmlns='{ns.TLS}'/>")
        client.expect("proceed")
    proxy.piece = 1  # dribbles, if at all
    mark = server.mark()
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    server.saw("tls.timeout", mark)
    client.expect_closed()
    server.user("other", listener=listener).sync()


def N13_what_was_said_before_the_end_counts(start):
    server = start()
    bob = server.user("bob")
    account = server.account("alice")
    for end in ("fin", "stream", "close"):
        for listener in ("plain", "direct"):
            alice = server.login(account, listener=listener)
            alice.send(number(700, bob.jid, "x" * 500))  # more than the credit of a stream
            if end == "stream":
                alice.send("</stream:stream>")
            if end == "close" and listener == "plain":
                alice.abandon()
            else:
                alice.raw.shutdown(socket.SHUT_WR)
            bob.expect("message", id="699")
            assert ids(bob.take("message")) == list(range(699))
            alice.abandon()


# --- too much ------------------------------------------------------------------------------------


@contextlib.contextmanager
def busy(*targets):
    """Each target runs in a thread, called over and over, until the end of the block."""
    stop = threading.Event()

    def run(target):
        while not stop.is_set():
            target()

    threads = [threading.Thread(target=run, args=(t,), daemon=True) for t in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def N14_a_flood_of_tiny_segments_lets_others_through(start):
    server = start()
    floods = [server.user("flood") for _ in range(3)]
    alice, bob = server.user("alice"), server.user("bob")
    for flood in floods:
        flood.sock.settimeout(None)
    with busy(*(lambda s=flood.sock: s.send(b" ") for flood in floods)):
        for _ in range(50):
            alice.round_trip(bob)
        late = server.login(alice.account, "late")
        late.sync()
    for flood in floods:
        flood.sync()


def R04_who_sends_without_end_is_read_at_his_rate(start3):
    server = start3(rate=True, limits={"traffic_burst_bytes_c2s": 20000, "traffic_bytes_per_second_c2s": 1024,
                                      "connects_per_address_burst": 100})
    alice, bob, flood = server.user("alice"), server.user("bob"), server.user("flood")
    flood.sock.setblocking(False)
    memory = server.rss_kib()
    full = threading.Event()
    block = number(1000, flood.account.jid, "x" * 1000, "headline").encode()

    def pour():
        try:
            flood.sock.send(block)
        except BlockingIOError:
            full.set()
            threading.Event().wait(0.001)

    with busy(pour):
        assert full.wait(20), "everything is taken"
        for _ in range(10):
            alice.round_trip(bob)
        server.login(alice.account, "late").sync()
    if not server.instrumented():
        assert server.rss_kib() - memory < 8 * 1024
    flood.expect("message", type="headline")  # the connection is kept


def R06_who_does_not_read_is_let_go_and_the_rest_waits(start3, faults):
    server = start3(env=faults.env, limits={"output_queue_bytes": 65536, "output_drain_seconds": 1})
    faults.send_bytes = 4096
    alice, account = server.user("alice"), server.account("bob")
    slow = server.login(account, "slow", presence=0, window=4096)
    mark = server.mark()
    count, text = 200, "x" * 6000  # less than may wait, more than sockets take
    memory = server.rss_kib()
    alice.send(number(count, account.jid, text))
    server.saw("conn.slow", mark)
    wait_until(lambda: slow.jid not in server.ctl("session", "list").stdout, what="the end of it")
    alice.sync()
    alice.nothing("message", type="error")
    if not server.instrumented():
        assert server.rss_kib() - memory < 16 * 1024
    the_rest_waits(server, account, count)


def the_rest_waits(server, account, count):
    """Without stream management what the sockets took counts as delivered. Behind it no gap."""
    again = server.login(account, "again", presence=0)
    again.expect("message", id=str(count - 1), timeout=20)
    got = ids(again.take("message"))
    assert got and got == list(range(got[0], count - 1))


def N04_who_reads_a_byte_now_and_then_costs_others_nothing(start3, through):
    server = start3(limits={"output_queue_bytes": 65536})
    proxy = through(server)
    alice, carol = server.user("alice"), server.user("carol")
    slow = server.user("bob", listener="proxy")
    proxy.piece = 1
    mark = server.mark()
    alice.send(number(900, slow.account.jid, "x" * 6000))
    for _ in range(10):
        alice.round_trip(carol)
    server.saw("conn.slow", mark)
    alice.nothing("message", type="error")
    assert slow.sock.recv(1)  # it is fed still
    proxy.reset()
    server.saw("conn.reset", mark)
    the_rest_waits(server, slow.account, 900)
