"""burble probe: the domains of real servers, of wrong ones, and of hostile ones."""

import socket
import threading

import pytest

from harness import certs
from harness.hostile import Hostile
from harness.http import Http

DOMAIN = "example.test"
XRD = """<?xml version='1.0'?><!-- ours --><XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>
<Link rel='urn:xmpp:alt-connections:websocket' href='wss://example.test/ws'/>
<Link rel='urn:xmpp:alt-connections:xbosh' href='https://example.test/bosh'/></XRD>"""
JRD = {"links": [{"rel": "urn:xmpp:alt-connections:websocket", "href": "wss://example.test/ws"},
                 {"rel": "urn:xmpp:alt-connections:xbosh", "href": "https://example.test/bosh"}]}


class Report:
    """What it said as JSON."""

    def __init__(self, done):
        self.code, self.rows = done.code, done.json

    def of(self, kind, **fits):
        return [r for r in self.rows
                if r["kind"] == kind and all(r.get(k) == v for k, v in fits.items())]

    def verdicts(self, level):
        return [r["text"] for r in self.of("verdict", level=level)]

    def says(self, level, part, code=None):
        assert any(part in t for t in self.verdicts(level)), self.of("verdict")
        assert code is None or self.code == code, (self.code, self.of("verdict"))


def probe(home, domain, dns, *arguments, ca_file=None, web=False, **options):
    more = [] if web else ["--no-web"]
    return Report(home.run("burble", "probe", domain, "--json", "--nameserver",
                           getattr(dns, "address", dns), "--ca-file",
                           ca_file or str(certs.authority().ca_file), *more, *arguments, **options))


def look_at(home, dns_server, script, *arguments, service="_xmpp-client._tcp", certificate=None):
    """Probes a scripted server."""
    with Hostile(script, certificate=certificate) as server:
        dns = dns_server(DOMAIN, srv=[(service, "one", server.port, 10, 5)],
                         hosts={"one": ["127.0.0.1"]})
        return probe(home, DOMAIN, dns, *arguments)


def good(conn, tls="required", mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), **options):
    """A server with which nothing is wrong, up to the features."""
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls=tls)
    conn.starttls()
    try:
        conn.expect_open()
    except Exception:  # noqa: BLE001 - a look at a version of TLS ends here
        return
    conn.reply_open()
    conn.features(mechanisms=mechanisms, cb_types=["tls-exporter"], **options)
    conn.expect_closed()


# --------------------------------------------------------------------------------- real servers


@pytest.mark.servers()
def test_a_real_server(home, server, dns_server):
    jid, password = next(iter(server.accounts.items())) if server.accounts else (None, None)
    if jid is None:
        account = server.account("alice")
        jid, password = account.jid, account.password
    home.account(jid, password, server)
    # Names below localhost are this machine (RFC 6761), whatever the DNS says.
    dns = dns_server("localhost", srv=[("_xmpp-client._tcp", "one", server.port, 10, 5),
                                       ("_xmpps-client._tcp", "one", server.tls_port, 0, 1)])
    seen = probe(home, "localhost", dns, "--account", jid, ca_file=server.ca_file)
    assert [t["service"] for t in seen.of("target")] == ["_xmpp-client._tcp", "_xmpps-client._tcp"]
    ports = [p for p in seen.of("port") if p["address"].startswith("127.0.0.1:")]
    assert [p["mode"] for p in ports] == ["starttls", "direct"]
    for port in ports:
        assert port["tcp"] == port["tls"] == "yes" and port["version"] == "TLSv1.3"
        assert port["versions"] == {"1.0": "no", "1.1": "no", "1.2": "yes", "1.3": "yes"}
        assert port["certificate"]["verified"] and "localhost" in port["certificate"]["names"]
        assert port["certificate"]["pin"].startswith("sha256:")
        assert "SCRAM-SHA-256" in port["features"]["sasl"]
        assert port["features"]["registration"]
    assert ports[0]["starttls"] in ("required", "optional")
    seen.says("warning", "everybody can make accounts")
    there = {f["xep"]: f["there"] for f in seen.of("feature")}
    assert there["0030"] == there["0280"] == there["0368"] == there["0198"] == "yes"
    assert there["0191"] == "yes" and there["RFC 7395"] == there["0206"] == "unknown"
    assert seen.of("account") == [{"kind": "account", "online": True, "more_services": 0}]
    if server.kind in ("prosody", "ejabberd"):
        assert there["0045"] == there["0363"] == "yes"
    ping, = seen.of("ping")
    assert 0 < ping["min_ms"] <= ping["mean_ms"] <= ping["max_ms"] < 8000
    summary, = seen.of("summary")
    assert summary["domain"] == "localhost" and summary["code"] == seen.code
    assert not summary["late"]


@pytest.mark.burbled_only
def test_a_table_for_people(home, server, dns_server):
    dns = dns_server("localhost", srv=[("_xmpps-client._tcp", "one", server.tls_port, 0, 1)])
    done = home.run("burble", "probe", "localhost", "--nameserver", dns.address, "--ca-file",
                    server.ca_file, "--no-web", "--servers")
    for part in ("_xmpp-client._tcp    no record", "clients TLS", "TLSv1.3", "takes 1.2 1.3",
                 "Certificate", "verified  yes", "SCRAM-SHA-256-PLUS", "Verdict", "warning  DNS",
                 "_xmpp-server._tcp: there is no record"):
        assert part in done.out, done.out


@pytest.mark.burbled_only
def test_host_and_port_need_no_DNS(home, server):
    seen = probe(home, "localhost", "127.0.0.1:1", "--host", "127.0.0.1", "--port", server.port,
                 ca_file=server.ca_file)
    port, = seen.of("port")
    assert port["tls"] == "yes" and seen.of("target")[0]["implied"]
    direct = probe(home, "localhost", "127.0.0.1:1", "--host", "127.0.0.1", "--port",
                   server.tls_port, "--tls", "direct", ca_file=server.ca_file)
    assert direct.of("port")[0]["mode"] == "direct"
    assert not direct.verdicts("error")
    for domain in ("127.0.0.1", "[::1]"):
        target, = probe(home, domain, "127.0.0.1:1").of("target")
        assert target["implied"] and target["host"] == domain.strip("[]")


@pytest.mark.burbled_only
def test_a_wrong_password_is_a_row(home, server):
    account = server.account("alice")
    home.account(account.jid, "not that", server)
    seen = probe(home, "localhost", "127.0.0.1:1", "--host", "127.0.0.1", "--port", server.port,
                 "--account", account.jid, ca_file=server.ca_file)
    assert seen.code == 4 and seen.of("verdict", what="account", level="error")
    assert not seen.of("feature")
    account, = seen.of("account")
    assert not account["online"] and account["why"]


# ------------------------------------------------------------------------------------------ the DNS


def test_nothing_is_wrong(home, dns_server):
    seen = look_at(home, dns_server, good)
    assert seen.code == 0 and not seen.verdicts("warning") and not seen.verdicts("error"), seen.rows
    port, = seen.of("port")
    assert port["features"]["bindings"] == ["tls-exporter"]


def test_a_domain_that_does_not_exist(home, dns_server):
    dns = dns_server(DOMAIN)
    seen = probe(home, DOMAIN, dns)
    seen.says("error", "give the name an address, or add SRV records", 3)
    assert seen.of("target")[0]["implied"]


def test_a_target_without_an_address(home, dns_server):
    dns = dns_server(DOMAIN, srv=[("_xmpp-client._tcp", "gone", 5222, 10, 5)])
    probe(home, DOMAIN, dns).says("error", "take it out of the SRV records", 3)


def test_a_service_that_is_decidedly_not_there(home, dns_server):
    dns = dns_server(DOMAIN, srv=[("_xmpp-client._tcp", ".", 0, 0, 0)],
                     hosts={"": ["127.0.0.1"]})
    seen = probe(home, DOMAIN, dns)
    seen.says("error", "no such service", 3)
    assert seen.of("port") == [] and seen.of("srv")[0]["none"]


def test_a_DNS_that_does_not_answer(home):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        seen = probe(home, DOMAIN, f"127.0.0.1:{silent.getsockname()[1]}", "--time", "1")
    seen.says("warning", "the time was over")
    seen.says("error", "ask the DNS servers", 3)
    # Nothing is known of the records, so the domain itself is not taken for the server.
    assert {s["result"] for s in seen.of("srv")} == {"the DNS server did not answer in time"}
    assert seen.of("target") == []


def test_TLSA_records(home, dns_server):
    with Hostile(good) as server:
        def dns(digest):
            return dns_server(DOMAIN, srv=[("_xmpp-client._tcp", "one", server.port, 0, 0)],
                              hosts={"one": ["127.0.0.1"]},
                              tlsa=[(f"_{server.port}._tcp.one", b"\3\1\1" + digest)])

        seen = probe(home, DOMAIN, dns(b"\0" * 32))
        assert seen.of("target")[0]["tlsa"] == 1
        seen.says("warning", "not proven by DNSSEC")
        seen.says("error", "no record names the key", 4)
        pin = seen.of("port")[0]["certificate"]["pin"].removeprefix("sha256:")
        seen = probe(home, DOMAIN, dns(bytes.fromhex(pin)))
        assert seen.code == 1 and not seen.verdicts("error")


# ------------------------------------------------------------------------------------ wrong servers


def test_nobody_listens(home, dns_server):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dns = dns_server(DOMAIN, srv=[("_xmpp-client._tcp", "one", port, 0, 0)],
                     hosts={"one": ["127.0.0.1"]})
    probe(home, DOMAIN, dns).says("error", "nobody listens there", 3)


@pytest.mark.parametrize("name, part", [
    ("expired", "renew it"), ("other_name", "dNSName"), ("self_signed", "pin"),
])
def test_certificates(home, dns_server, name, part):
    made = getattr(certs.authority(), name)(DOMAIN) if name != "other_name" else (
        certs.authority().good("other.test"))
    seen = look_at(home, dns_server, good, certificate=made)
    seen.says("error", part, 4)
    port, = seen.of("port")
    assert port["tls"] == "yes" and not port["certificate"]["verified"]
    assert port["certificate"]["problem"]


def test_a_login_without_TLS(home, dns_server):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(starttls="optional", mechanisms=["PLAIN"])
        conn.starttls()
        try:
            conn.expect_open()
        except Exception:  # noqa: BLE001
            return
        conn.reply_open()
        conn.features(mechanisms=["PLAIN", "DIGEST-MD5"], register=True)
        conn.expect_closed()

    seen = look_at(home, dns_server, script)
    seen.says("error", "log in without TLS", 4)
    for part in ("no SCRAM", "historic", "everybody can make accounts"):
        seen.says("warning", part)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1", "TLSv1.2"])
def test_old_versions_of_TLS(home, dns_server, version):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(starttls="required")
        try:
            conn.starttls(version=version)
            conn.expect_open()
        except Exception:  # noqa: BLE001 - another version was wanted
            return
        conn.reply_open()
        conn.features(mechanisms=["SCRAM-SHA-1"])
        conn.expect_closed()

    seen = look_at(home, dns_server, script)
    port, = seen.of("port")
    number = version.removeprefix("TLSv").ljust(3, " ").replace("1  ", "1.0")
    assert port["versions"] == {v: "yes" if v == number else "no"
                                for v in ("1.0", "1.1", "1.2", "1.3")}
    if version == "TLSv1.2":
        assert port["tls"] == "yes"
        seen.says("warning", "does not take TLS 1.3")
    else:
        assert port["tls"] == "no" and seen.code == 4


def test_no_starttls(home, dns_server):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(mechanisms=["SCRAM-SHA-1"])
        conn.expect_closed()

    look_at(home, dns_server, script).says("error", "does not offer STARTTLS", 5)


def test_host_unknown(home, dns_server):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.stream_error("host-unknown")

    look_at(home, dns_server, script).says("error", "does not know example.test", 5)


def test_the_way_in_for_servers(home, dns_server):
    def script(conn):
        header = conn.expect_open()
        assert header.get("to") == DOMAIN
        conn.reply_open(xmlns="jabber:server")
        conn.features(starttls="required")
        conn.starttls()
        try:
            conn.expect_open()
        except Exception:  # noqa: BLE001
            return
        conn.reply_open(xmlns="jabber:server")
        conn.features(mechanisms=["EXTERNAL"])
        conn.expect_closed()

    seen = look_at(home, dns_server, script, "--servers", service="_xmpp-server._tcp")
    port, = seen.of("port", service="_xmpp-server._tcp")
    assert port["features"]["sasl"] == ["EXTERNAL"] and port["certificate"]["verified"]
    assert any("nothing is wrong" in t for t in seen.verdicts("ok"))


# ---------------------------------------------------------------------------------- hostile servers


def raw(answer):
    """A server that says this at once, whoever asks."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            try:
                sock.sendall(answer)
                sock.settimeout(5)
                while sock.recv(4096):
                    pass
            except OSError:
                pass
            sock.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


HEADER = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='x' version='1.0'"
          b" xmlns:stream='http://etherx.jabber.org/streams'>")


@pytest.mark.parametrize("answer, part", [
    (b"HTTP/1.1 200 OK\r\n\r\n<html>hotel</html>", "does not speak XMPP"),  # C04
    (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak XMPP"),
    (b"<html>\x1b[2J", "does not speak XMPP"),
    (b"\0" * 100000, "does not speak XMPP"),
    (HEADER + b"<stream:features>" + b"<a>" * 500, "does not speak XMPP"),
    (HEADER + b"<stream:features>" + b"x" * 100000 + b"</stream:features>", "does not speak XMPP"),
    (HEADER + b"</stream:stream>", "ended the stream"),
    (HEADER + b"<stream:features/>", "does not offer STARTTLS"),
    (HEADER + b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
     b"</stream:features><failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "refuses STARTTLS"),
    (HEADER + b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
     b"</stream:features><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>HTTP/1.1", "tampering"),
    (HEADER + b"<stream:error><a\xd0\x96 xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
     b"</stream:error>", "stream error"),
], ids=["http", "ssh", "html", "zeros", "deep", "big", "end", "nothing", "refusal", "injection",
        "error"])
def test_C02_C04_what_is_no_XMPP_is_said(home, dns_server, answer, part):
    with raw(answer) as server:
        dns = dns_server(DOMAIN, srv=[("_xmpp-client._tcp", "one", server.getsockname()[1], 0, 0)],
                         hosts={"one": ["127.0.0.1"]})
        seen = probe(home, DOMAIN, dns)
        people = home.run("burble", "probe", DOMAIN, "--nameserver", dns.address, "--no-web")
    assert seen.code in (4, 5)
    seen.says("error", part)
    assert "\x1b" not in people.out and "\0" not in people.out


@pytest.mark.parametrize("said", [
    b"", HEADER, HEADER + b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    b"</stream:features><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
], ids=["nothing", "header", "proceed"])
def test_silence_ends_with_the_time(home, said):
    with raw(said) as server:
        seen = probe(home, DOMAIN, "127.0.0.1:1", "--host", "127.0.0.1", "--port",
                     server.getsockname()[1], "--time", "1")
    seen.says("error", "no answer in time")
    seen.says("warning", "the time was over")
    assert seen.of("summary")[0]["late"]


def test_V72_names_of_mechanisms_are_harmless(home, dns_server):
    seen = look_at(home, dns_server, lambda conn: good(conn, mechanisms=[
        "SCRAM-SHA-1", "\u202eevil", "x" * 1000, *(f"M{i}" for i in range(50))]))
    names = seen.of("port")[0]["features"]["sasl"]
    assert names[1] == "???evil" and len(names[2]) == 63 and len(names) == 24


# ---------------------------------------------------------------------------------------------- web


@pytest.mark.parametrize("origin", [True, False])
def test_host_meta(home, dns_server, origin):
    dns = dns_server(DOMAIN)
    with Http(tls=True) as web:
        headers = {"Access-Control-Allow-Origin": "*"} if origin else {}
        web.answer("GET", "/.well-known/host-meta", body=XRD, headers=headers)
        web.answer("GET", "/.well-known/host-meta.json", body=JRD, headers=headers)
        seen = probe(home, DOMAIN, dns, "--host-meta", web.url, "--http-ca-file", web.ca_file,
                     web=True)
        assert sorted(r.path for r in web.requests) == ["/.well-known/host-meta",
                                                        "/.well-known/host-meta.json"]
    for form in ("xml", "json"):
        meta, = seen.of("host-meta", form=form)
        assert meta["status"] == 200 and meta["readable"] and meta["any_origin"] == origin
        assert [x["rel"] for x in meta["links"]] == ["websocket", "xbosh"]
    if origin:
        seen.says("ok", "names 2 ways in")
    else:
        seen.says("warning", "Access-Control-Allow-Origin")


@pytest.mark.parametrize("status, answer, level, part", [
    (404, b"", "ok", "there is none (404)"),
    (200, b"<html>", "warning", "no XRD"),
    (200, b"x" * (2 << 20), "ok", "too long"),
    (302, b"", "ok", "leads elsewhere (302)"),
    (503, b"", "ok", "answers with 503"),
], ids=["none", "html", "big", "elsewhere", "broken"])
def test_host_meta_that_is_none(home, dns_server, status, answer, level, part):
    dns = dns_server(DOMAIN)
    with Http(tls=True) as web:
        web.answer("GET", ".*", status, answer, headers={"Location": "http://localhost:1/"})
        probe(home, DOMAIN, dns, "--host-meta", web.url, "--http-ca-file", web.ca_file,
              web=True).says(level, part)


def test_host_meta_that_does_not_come_ends_with_the_time(home):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        seen = probe(home, DOMAIN, "127.0.0.1:1", "--host", "127.0.0.1", "--port", "1", "--time", "1",
                     "--host-meta", f"https://localhost:{port}", web=True)
    seen.says("ok", "no answer in time; only web clients need it")
    seen.says("warning", "the time was over")


def test_host_meta_by_a_certificate_that_nobody_knows(home, dns_server):
    with Http(tls=True) as web:
        seen = probe(home, DOMAIN, dns_server(DOMAIN), "--host-meta", web.url, web=True)
        assert web.requests == []
    assert [m["there"] for m in seen.of("host-meta")] == ["unknown", "unknown"]


# ---------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize("arguments, why", [
    (["exa mple"], "is no domain"),
    (["me@example.org"], "is no domain"),
    ([DOMAIN, "--nameserver", "x"], "no list of addresses"),
    ([DOMAIN, "--ca-file", "/nonexistent"], "cannot be read"),
    ([DOMAIN, "--ca-file", "/dev/null"], "cannot be"),
    ([DOMAIN, "--time", "0"], "--time is a whole number"),
    ([DOMAIN, "--host-meta", "http://example.org"], "https"),
    ([DOMAIN, "--jid", "me@other.test"], "is no account of"),
])
def test_mistakes_are_told(home, arguments, why):
    assert why in home.run("burble", "probe", "--no-web", *arguments, code=2).err
