"""Logging in: burble with every mechanism of burbled, Prosody and ejabberd; SASL2, tokens,
certificates, accounts that are made first."""

import itertools
import os
import pathlib
import re

import pytest

from harness import certs
from harness.ejabberd import Ejabberd
from harness.prosody import Prosody
from harness.server import program_path

MECHANISMS = [f"SCRAM-SHA-{n}{plus}" for plus in ("-PLUS", "") for n in (512, 256, 1)] + ["PLAIN"]
# Debian's Prosody has no SCRAM-SHA-512, and with TLS 1.3 no channel binding.
PROSODY = [m for m in MECHANISMS if "512" not in m]


def domain_of(mechanism):
    """A host that offers this mechanism alone."""
    return f"{mechanism.lower()}.test"


def but(mechanism):
    return [m for m in [*MECHANISMS, "X-OAUTH2", "DIGEST-MD5"] if m != mechanism]


def hosts(mechanisms):
    domains = tuple(domain_of(m) for m in mechanisms)
    return {"domains": domains, "accounts": {f"alice@{d}": "alice's secret" for d in domains}}


@pytest.fixture(scope="module", params=["tlsv1_2", "tlsv1_3"])
def prosody(request):
    names = {domain_of(m): ", ".join(f'"{x}"' for x in but(m)) for m in PROSODY}
    extra = {d: f"disable_sasl_mechanisms = {{ {n} }}" for d, n in names.items()}
    yield from run(Prosody(**hosts(PROSODY), host_extra=extra,
                           extra=f'ssl = {{ protocol = "{request.param}" }}'))


@pytest.fixture(scope="module")
def ejabberd():
    extra = "host_config:\n" + "".join(
        f"  {domain_of(m)}:\n    disable_sasl_mechanisms: [{', '.join(but(m))}]\n"
        for m in MECHANISMS)
    yield from run(Ejabberd(**hosts(MECHANISMS), extra=extra))


def run(server):
    try:
        yield server.start()
        server.stop()
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()
        server.remove()


def logged_in(done):
    """(address, TLS, mechanism) of each session."""
    return re.findall(r"(?:logged in|resumed) as (\S+), (\S+), (\S+)$", done.err, re.M)


def send(home, account, code=0, *options):
    home.accounts.clear()
    home.account(**account)
    return home.run("burble", "send", account["jid"], "Hi", "--debug", *options, code=code)


def account(server, mechanism=None, **keys):
    domain = domain_of(mechanism) if mechanism else server.host
    return {"jid": f"alice@{domain}", "password": "alice's secret", "server": server,
            "port": server.ports["tls"], **keys}


@pytest.mark.parametrize("mechanism", PROSODY)
def test_every_mechanism_of_prosody(home, prosody, mechanism):
    bound = mechanism.endswith("-PLUS")
    if mechanism != "PLAIN" and bound != ("tlsv1_2" in prosody.extra):
        # Told that there is no -PLUS, a client that can bind says so, and is refused (A11).
        pytest.skip("not offered" if bound else "taken away from what is offered")
    one_mechanism(home, prosody, mechanism)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_of_ejabberd(home, ejabberd, mechanism):
    one_mechanism(home, ejabberd, mechanism)


def one_mechanism(home, server, mechanism):
    done = send(home, account(server, mechanism))
    assert [m for _, _, m in logged_in(done)] == [mechanism]
    assert "alice's secret" not in done.err
    wrong = send(home, account(server, mechanism, password="wrong"), 4)
    assert "refused the login" in wrong.err and "wrong\0" not in wrong.err


@pytest.mark.servers()
@pytest.mark.parametrize("tls", ["starttls", "direct"])
def test_the_best_of_the_offer(home, server, tls):
    done = send(home, {"jid": "alice@localhost", "password": "alice's secret", "server": server,
                       "tls": tls})
    ((jid, version, mechanism),) = logged_in(done)
    assert jid.startswith("alice@localhost/") and version == "TLSv1.3"
    best = {"burbled": "SCRAM-SHA-512-PLUS", "ejabberd": "SCRAM-SHA-512-PLUS"}
    assert mechanism.startswith(best.get(server.kind, "SCRAM-SHA-"))


@pytest.mark.servers()
def test_pinned_higher_than_what_is_there(home, server):
    """A13: nothing is acceptable, and it says so."""
    known = {"jid": "alice@localhost", "password": "alice's secret", "server": server}
    done = send(home, {**known, "mechanism": "EXTERNAL"}, 4)
    assert "only weaker ways to log in" in done.err and "SCRAM-SHA-1" in done.err
    assert "out <auth" not in done.err


@pytest.mark.servers("burbled")
def test_the_next_run_has_the_token_of_the_last(home, server):
    home.account("alice@localhost", "alice's secret", server)
    for mechanism in ("SCRAM-SHA-512-PLUS", "HT-SHA-256-EXPR", "HT-SHA-256-EXPR"):
        with home.spawn("burble", "listen", "--verbose") as listening:
            found = listening.expect_error(r"(?:logged in|resumed) as (\S+), \S+, (\S+)$")
            assert found[2] == mechanism
            listening.stop()


# -------------------------------------------------------------------------------- with a driver

names = (f"new{os.getpid()}-{n}" for n in itertools.count())


@pytest.fixture
def driver(home):
    """driver(server, jid, password, times, *words): the program login.c; Done."""
    path = pathlib.Path(program_path("burbled")).parent.parent / "tests/drivers/driver_login"
    if not path.exists():
        pytest.skip("the build has no drivers")

    def run(server, jid, password="alice's secret", times=1, *words, code=0):
        return home.run(str(path), jid, server.ip, server.ports["tls"], server.ca_file, times,
                        *words, stdin=f"{password}\n", code=code)

    return run


@pytest.mark.servers("burbled")
def test_tokens_stand_for_the_password(driver, server):
    """XEP-0484: SCRAM the first time, then the token, bound to the TLS connection."""
    done = driver(server, "alice@localhost", "alice's secret", 3, "raw")
    sessions = [line.split() for line in done.lines[:3]]
    assert [s[2] for s in sessions] == ["SCRAM-SHA-512-PLUS"] + 2 * ["HT-SHA-256-EXPR"]
    # The server knows the client again (XEP-0386).
    assert len({s[0] for s in sessions}) == 1
    # One element did it all, with no further stream and no further request.
    assert done.err.count("out <authenticate ") == 3 and done.err.count("out <?xml") == 6
    for gone in ("xmpp-bind", "<iq type='set'", "alice's secret"):
        assert gone not in "".join(x for x in done.err.splitlines(True) if x.startswith("out"))
    assert set(re.findall(r"token='([^']*)'", done.err)) == {"[hidden]"}
    assert [*re.findall(r"<fast xmlns='urn:xmpp:fast:0' count='(\d+)'/>", done.err)] == ["1", "2"]


@pytest.mark.servers("burbled")
def test_without_sasl2(driver, server):
    done = driver(server, "alice@localhost", "alice's secret", 2, "no-sasl2", "raw")
    assert [x.split()[2] for x in done.lines[:2]] == 2 * ["SCRAM-SHA-512-PLUS"]
    assert "out <authenticate" not in done.err and "out <auth " in done.err


@pytest.mark.servers()
def test_an_account_is_made_and_used(driver, server):
    if server.kind == "burbled":
        pytest.skip("in a test of its own: the operator has to allow it")
    makes_an_account(driver, server)


def test_burbled_makes_an_account(driver, start_server):
    server = start_server(registration="open", host_extra=certified())
    makes_an_account(driver, server)


def certified():
    certificate = certs.authority().good("localhost")
    return {"certificate": str(certificate.chain), "key": str(certificate.key)}


def makes_an_account(driver, server):
    jid = f"{next(names)}@{server.host}"
    done = driver(server, jid, "its secret", 1, "register", "raw")
    assert done.lines[0].startswith(f"{jid}/")
    assert "its secret" not in done.err
    driver(server, jid, "its secret")
    again = driver(server, jid, "another secret", 1, "register", code=1)
    assert again.lines == ["13 conflict there is an account of this name already"] or (
        again.lines[0].startswith("13 conflict there is an account of this name already; it says"))


def test_a_server_that_makes_no_accounts(driver, start_server):
    server = start_server(registration="closed", host_extra=certified())
    done = driver(server, f"{next(names)}@{server.host}", "its secret", 1, "register", code=1)
    assert done.lines[0].startswith("13 ")


def test_a_certificate_instead_of_a_password(home):
    """SASL EXTERNAL, which of the three only ejabberd has for people."""
    server = Ejabberd(external=True, accounts={"certified@localhost": "pw"})
    show = certs.authority().issue("localhost", common_name="certified", extensions=(
        "extendedKeyUsage = clientAuth",), xmpp_addresses=("certified@localhost",))
    key = home.file("key.pem", pathlib.Path(show.key).read_bytes())
    for _ in run(server):
        done = send(home, {"jid": "certified@localhost", "server": server, "tls": "direct",
                           "certificate": str(show.chain), "key": str(key)})
        assert [m for _, _, m in logged_in(done)] == ["EXTERNAL"]
        other = {"jid": "alice@localhost", "certificate": str(show.chain), "key": str(key)}
        done = send(home, {**other, "server": server, "tls": "direct"}, 4)
        assert "Certificate JID mismatch" in done.err
