"""Finding and connecting: burble against a DNS server, servers in various places, and proxies."""

import os
import socket

import pytest
from harness import certs
from harness.hostile import DOMAIN, HELLO, Hostile, good_session
from harness.server import free_ports
from harness.tunnel import Tunnel
from harness.xmpp import name

CLIENT, DIRECT, OLD = "_xmpp-client._tcp", "_xmpps-client._tcp", "_jabber._tcp"
HERE = {"here": ["127.0.0.1"]}
UNREACHABLE, LOGIN, PROTOCOL = 3, 4, 5


def direct(conn):
    good_session(conn, tls="direct")


@pytest.fixture
def dead():
    """A port where connections are refused, and where nobody else will listen meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def servers():
    """servers(script, ...): a server for each script."""
    started = []

    def start(*scripts, **options):
        new = [Hostile(script, **options) for script in scripts]
        started.extend(new)
        return new if len(new) > 1 else new[0]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def send(home, dns_server):
    """send(code, srv=..., hosts=..., **account): one message, with what the DNS says; Done."""

    def run(code=0, srv=(), hosts=None, domain=DOMAIN, **account):
        server = dns_server(domain, srv=srv, hosts=HERE if hosts is None else hosts)
        keys = {"ca_file": str(certs.authority().ca_file), **account}
        home.account(f"alice@{domain}", "alice's secret", **keys)
        return home.run("burble", "send", f"bob@{domain}", "Hi", code=code, timeout=60,
                        env={"BURBLE_NAMESERVERS": server.address})

    return run


def reached(*servers):
    return [len(server.connections) for server in servers]


def test_starttls_by_srv(send, servers):
    server = servers(good_session)
    send(srv=[(CLIENT, "here", server.port, 5, 0)])
    assert reached(server) == [1]
    assert b"<starttls" in server.connections[0].sent_in_clear()


def test_direct_tls_by_srv(send, servers):
    server = servers(direct)
    send(srv=[(DIRECT, "here", server.port, 5, 0)])
    assert reached(server) == [1]


@pytest.mark.parametrize("first", [CLIENT, DIRECT])
def test_both_services_are_one_list_by_priority(send, servers, first):
    plain, tls = servers(good_session, direct)
    send(srv=[(CLIENT, "here", plain.port, 10 if first == CLIENT else 20, 1),
              (DIRECT, "here", tls.port, 10 if first == DIRECT else 20, 99)])
    assert reached(plain, tls) == ([1, 0] if first == CLIENT else [0, 1])


def test_the_heavier_one_is_chosen(send, servers):
    plain, tls = servers(good_session, direct)
    send(srv=[(CLIENT, "here", plain.port, 10, 0), (DIRECT, "here", tls.port, 10, 65535)])
    assert reached(plain, tls) == [0, 1]


def test_security_decides_which_records_count(home, dns_server, servers):
    plain, tls = servers(good_session, direct)
    records = [(CLIENT, "here", plain.port, 10, 0), (DIRECT, "here", tls.port, 20, 0)]
    dns = dns_server(DOMAIN, srv=records, hosts=HERE)
    home.account(f"alice@{DOMAIN}", "alice's secret", ca_file=str(certs.authority().ca_file))
    for mode in ("direct", "starttls"):
        home.run("burble", "--tls", mode, "send", f"bob@{DOMAIN}", "Hi", code=0,
                 env={"BURBLE_NAMESERVERS": dns.address})
    assert reached(plain, tls) == [1, 1]


def test_dead_targets_are_passed_over(send, servers, dead):
    server = servers(direct)
    send(srv=[(CLIENT, "here", dead, 1, 0), (CLIENT, "nowhere", 5222, 2, 0),
              (DIRECT, "here", server.port, 3, 0)])
    assert reached(server) == [1]


def test_a_target_that_is_no_server_is_passed_over(send, servers):
    def portal(conn):
        conn.wire.recv(4096)
        conn.wire.sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.test/\r\n\r\n")

    wrong, good = servers(portal, good_session)
    send(srv=[(DIRECT, "here", wrong.port, 1, 0), (CLIENT, "here", good.port, 2, 0)])
    assert reached(wrong, good) == [1, 1]


def test_a_wrong_certificate_leads_on(send, servers):
    wrong = servers(direct, certificate=certs.authority().expired(DOMAIN))
    good = servers(good_session)
    send(srv=[(DIRECT, "here", wrong.port, 1, 0), (CLIENT, "here", good.port, 2, 0)])
    assert reached(wrong, good) == [1, 1]
    assert not wrong.connections[0].mentions("alice")


def test_a_wrong_certificate_is_told_rather_than_a_refusal(send, servers, dead):
    wrong = servers(direct, certificate=certs.authority().expired(DOMAIN))
    done = send(LOGIN, srv=[(DIRECT, "here", wrong.port, 1, 0), (CLIENT, "here", dead, 2, 0)])
    assert f"here.{DOMAIN}:{wrong.port}: " in done.err and "expired" in done.err


def test_the_old_service(send, servers):
    server = servers(good_session)
    send(srv=[(OLD, "here", server.port, 5, 0)])
    assert reached(server) == [1]


def test_without_records_the_domain_itself(send):
    ip = f"127.{os.getpid() % 200 + 1}.{os.getpid() // 200 % 250}.2"  # of this run alone
    with Hostile(good_session, port=5222, ip=ip) as server:
        send(hosts={"": [ip]})
        assert reached(server) == [1]


def test_no_service(send):
    done = send(UNREACHABLE, srv=[(CLIENT, ".", 0, 0, 0), (DIRECT, ".", 0, 0, 0)],
                hosts={"": ["127.0.0.1"]})
    assert "the domain says that it has no XMPP service" in done.err


def test_a_name_that_is_not_there(send):
    done = send(UNREACHABLE, hosts={})
    assert f"{DOMAIN}:5222: the name " in done.err


def test_what_was_tried_is_told(send, dead):
    done = send(UNREACHABLE, srv=[(CLIENT, "here", dead, 5, 0)])
    assert (f"no address of here.{DOMAIN}:{dead} answered: connection refused (127.0.0.1)"
            in done.err)


def test_ipv6_is_dead_and_ipv4_is_not(send, servers):
    server = servers(good_session)  # listens on 127.0.0.1 alone
    send(srv=[(CLIENT, "both", server.port, 5, 0)],
         hosts={"both": ["::1", "2001:db8::1", "127.0.0.1"]})
    assert reached(server) == [1]


def test_ipv4_swallows_everything_and_another_does_not(send, servers):
    server = servers(good_session)
    with socket.socket() as full:  # its queue is full, so that no connection is ever made
        full.bind(("127.0.0.2", server.port))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", server.port))
        send(srv=[(CLIENT, "two", server.port, 5, 0)],
             hosts={"two": ["127.0.0.2", "127.0.0.1"]})
        for filler in fillers:
            filler.close()
    assert reached(server) == [1]


def test_host_and_port_are_the_persons(send, servers, dead):
    server = servers(good_session)
    send(srv=[(CLIENT, "here", dead, 5, 0)], host=f"here.{DOMAIN}", port=server.port)
    assert reached(server) == [1]


def test_another_from_is_nothing_against_the_certificate(send, servers):
    """RFC 6120 section 4.7.2: the server may call itself something else than our to."""

    def script(conn):
        plain = conn.reply_open
        conn.reply_open = lambda **more: plain(**{"from": "cluster7.example.net", **more})
        good_session(conn)

    server = servers(script)
    send(srv=[(CLIENT, "here", server.port, 5, 0)])
    assert reached(server) == [1]


# --------------------------------------------------------------------------------- see-other-host


def elsewhere(place):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.see_other_host(place)
        conn.expect_closed()

    return script


def test_see_other_host_is_followed(send, servers):
    good = servers(good_session)
    first = servers(elsewhere(f"127.0.0.1:{good.port}"))
    send(srv=[(CLIENT, "here", first.port, 5, 0)])
    assert reached(first, good) == [1, 1]


def test_C05_another_domains_certificate_is_not_taken(send, servers):
    good = servers(good_session, certificate=certs.authority().good("other.example"))
    first = servers(elsewhere(f"127.0.0.1:{good.port}"))
    done = send(LOGIN, srv=[(CLIENT, "here", first.port, 5, 0)])
    assert "other.example" in done.err
    assert not good.connections[0].mentions("alice")


def test_C05_a_loop_ends(send, servers):
    port, = free_ports(1)
    with Hostile(elsewhere(f"127.0.0.1:{port}"), port=port) as server:
        done = send(PROTOCOL, srv=[(CLIENT, "here", port, 5, 0)])
        assert reached(server) == [4]
    assert f"127.0.0.1:{port}" in done.err


def test_C05_port_25_is_not_gone_to(send, servers):
    server = servers(elsewhere("127.0.0.1:25"))
    done = send(PROTOCOL, srv=[(CLIENT, "here", server.port, 5, 0)])
    assert "127.0.0.1:25" in done.err


def moves(how, place):
    """A session that ends: with the place where it is to go on, or with one that was told before."""

    def script(conn):
        conn.log_in()
        request = conn.expect("enable", space=conn.SM)
        conn.sm_enable(request, **({"location": place} if how == "location" else {}))
        conn.ping()
        if how == "location":
            conn.reset()
        else:
            conn.see_other_host(place)

    return script


def resumed(conn):
    conn.log_in()
    assert any(name(e) == "resume" for e in conn.heard)
    conn.deliver(HELLO)
    conn.serve()


@pytest.mark.parametrize("how", ["see-other-host", "location"])
@pytest.mark.parametrize("certificate", ["good", "other"])
def test_C05_a_session_goes_on_where_the_server_says(home, dns_server, servers, how, certificate):
    """With TLS and the certificate of the domain that was typed, or not at all."""
    other = servers(resumed, certificate=None if certificate == "good"
                    else certs.authority().good("other.example"))
    first = servers([moves(how, f"127.0.0.1:{other.port}"), resumed])
    other.sessions = first.sessions
    dns = dns_server(DOMAIN, srv=[(CLIENT, "here", first.port, 5, 0)], hosts=HERE)
    home.account(f"alice@{DOMAIN}", "alice's secret", ca_file=str(certs.authority().ca_file))
    done = home.run("burble", "listen", "--json", "--count", "1", code=0, timeout=60,
                    env={"BURBLE_NAMESERVERS": dns.address})
    assert done.json[0]["body"] == "hello"
    if certificate == "good":
        assert reached(first, other) == [1, 1]
        assert b"<starttls" in other.connections[0].sent_in_clear()
    else:
        assert reached(first, other) == [2, 1]
        assert not other.connections[0].mentions("alice")


# ----------------------------------------------------------------------------------------- proxies


@pytest.mark.parametrize("kind", ["socks5", "http"])
@pytest.mark.parametrize("login", [None, ("proxy user", "it's secret")], ids=["open", "login"])
def test_through_a_proxy_that_looks_up_the_names(send, servers, kind, login):
    server = servers(good_session)
    with Tunnel(kind, {f"hidden.{DOMAIN}": server.address}, login) as proxy:
        send(srv=[(CLIENT, "hidden", 5222, 5, 0), (DIRECT, "nowhere", 443, 1, 0)], hosts={},
             proxy=proxy.url)
        assert proxy.asked == [(f"nowhere.{DOMAIN}", 443), (f"hidden.{DOMAIN}", 5222)]
    assert reached(server) == [1]


@pytest.mark.parametrize("kind", ["socks5", "http"])
def test_a_proxy_that_refuses_is_told(send, kind):
    with Tunnel(kind) as proxy:
        done = send(UNREACHABLE, hosts={}, proxy=proxy.url, host="there.example")
        assert proxy.asked == [("there.example", 5222)]
    assert "proxy" in done.err


def test_a_proxy_that_is_not_there_is_told(send, dead):
    done = send(UNREACHABLE, proxy=f"socks5://127.0.0.1:{dead}", host="there.example")
    assert f"no address of the proxy 127.0.0.1:{dead} answered: connection refused" in done.err


# ------------------------------------------------------------------------------------ real servers


@pytest.mark.servers("burbled", "prosody")
@pytest.mark.parametrize("service", [CLIENT, DIRECT])
def test_real_servers_at_both_kinds_of_port(send, server, dead, service):
    port = server.port if service == CLIENT else server.tls_port
    send(domain=server.host, ca_file=server.ca_file,
         srv=[(DIRECT, "here", dead, 1, 0), (service, "here", port, 2, 0)])


@pytest.mark.servers("burbled", "prosody")
def test_real_servers_behind_a_proxy(send, server):
    with Tunnel("socks5", {"hidden.example": server.address("tls")}) as proxy:
        send(domain=server.host, ca_file=server.ca_file, proxy=proxy.url, host="hidden.example",
             port=5222)
        assert proxy.asked == [("hidden.example", 5222)]
