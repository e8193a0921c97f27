"""Logging in: burble with every mechanism of burbled, Prosody, ejabberd and jabberd2; SASL2, tokens,
certificates, accounts that are made first."""

import itertools
import os
import pathlib
import re

import pytest

from harness import certs, jabberd2
from harness.ejabberd import Ejabberd
from harness.prosody import Prosody
from harness.server import program_path, running

MECHANISMS = [f"SCRAM-SHA-{n}{plus}" for plus in ("-PLUS", "") for n in (512, 256, 1)] + ["PLAIN"]
DIGEST = "DIGEST-MD5"  # historic: libburble wants to be told that it may, burble never tells it
# On localhost, where a server has more than one mechanism.
PEOPLE = {f"{name}@localhost": f"{name}'s secret" for name in ("alice", "bob", "certified")}
# Debian's Prosody has no SCRAM-SHA-512, and with TLS 1.3 no channel binding.
PROSODY = [m for m in MECHANISMS if "512" not in m]


def domain_of(mechanism):
    """A host that offers this mechanism alone."""
    return f"{mechanism.lower()}.test"


def but(mechanism):
    return [m for m in [*MECHANISMS, "X-OAUTH2", "EXTERNAL", DIGEST] if m != mechanism]


def hosts(mechanisms):
    domains = tuple(domain_of(m) for m in mechanisms)
    return {"domains": domains, "accounts": {f"alice@{d}": "alice's secret" for d in domains}}


@pytest.fixture(scope="module", params=["tlsv1_2", "tlsv1_3"])
def prosody(request):
    names = {domain_of(m): ", ".join(f'"{x}"' for x in but(m)) for m in PROSODY}
    extra = {d: f"disable_sasl_mechanisms = {{ {n} }}" for d, n in names.items()}
    yield from running(Prosody(**hosts(PROSODY), host_extra=extra,
                               extra=f'ssl = {{ protocol = "{request.param}" }}'))


@pytest.fixture(scope="module")
def ejabberd():
    extra = "host_config:\n" + "".join(
        f"  {domain_of(m)}:\n    disable_sasl_mechanisms: [{', '.join(but(m))}]\n"
        for m in [*MECHANISMS, DIGEST])
    every = hosts([*MECHANISMS, DIGEST])
    every["domains"] += ("localhost",)
    every["accounts"].update(PEOPLE)
    yield from running(Ejabberd(**every, extra=extra, external=True))


@pytest.fixture(scope="module")
def jabberd():
    yield from running(jabberd2.Jabberd2(PEOPLE, external=True))


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


def test_V47_guesses_of_the_binding_end(home, ejabberd):
    """ejabberd tells no types, and refuses unknown people as it refuses unknown types: at once."""
    done = send(home, {"jid": "nobody@localhost", "password": "x", "server": ejabberd}, 4)
    assert re.findall(r"out <auth .* mechanism='(.*)'", done.err) == 3 * ["SCRAM-SHA-512-PLUS"]
    assert "the server refused the login (not-authorized)" in done.err


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

    def run(server, jid, password="alice's secret", times=1, *words, port="tls", code=0):
        return home.run(str(path), jid, server.ip, server.ports[port], server.ca_file, times,
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
    taken = "registration conflict there is an account of this name already"
    assert again.lines == [taken] or again.lines[0].startswith(f"{taken}; it says")


def test_a_server_that_makes_no_accounts(driver, start_server):
    server = start_server(registration="closed", host_extra=certified())
    done = driver(server, f"{next(names)}@{server.host}", "its secret", 1, "register", code=1)
    assert done.lines[0].startswith("registration ")


@pytest.mark.parametrize("mechanism", jabberd2.MECHANISMS)
def test_every_mechanism_of_jabberd2(driver, jabberd, mechanism):
    """GNU gsasl's, each alone on its port; the roster and a message come, too."""
    with_roster_and_message(driver, jabberd, "alice@localhost", mechanism, mechanism)


def test_digest_md5_of_ejabberd(driver, ejabberd):
    with_roster_and_message(driver, ejabberd, f"alice@{domain_of(DIGEST)}", DIGEST)


def with_roster_and_message(driver, server, jid, mechanism, port="tls"):
    words = ("digest-md5", "talk", "raw")
    done = driver(server, jid, "alice's secret", 1, *words, port=port)
    assert done.lines[0].split()[2] == mechanism
    assert done.lines[1:3] == ["roster 0", "heard there and back"]
    wrong = driver(server, jid, "another secret", 1, *words, port=port, code=1)
    assert "not-authorized the server refused the login" in wrong.out
    for said in (done, wrong):
        assert "alice's secret" not in said.err and "another secret" not in said.err


@pytest.mark.parametrize("peer", ["jabberd", "ejabberd"])
def test_digest_md5_is_not_used_unasked(driver, request, peer):
    """RFC 6331: where the server has nothing else, there is no login."""
    server = request.getfixturevalue(peer)
    jid, port = (("alice@localhost", DIGEST) if peer == "jabberd"
                 else (f"alice@{domain_of(DIGEST)}", "tls"))
    done = driver(server, jid, "alice's secret", 1, "raw", port=port, code=1)
    assert "too weak or were not allowed; it offers: DIGEST-MD5" in done.out
    assert "out <auth" not in done.err


def test_people_talk_on_jabberd2(home, jabberd):
    for name in ("alice", "bob"):
        home.account(f"{name}@localhost", f"{name}'s secret", jabberd, name=name)
    with home.spawn("burble", "--account", "bob", "--json", "-v", "listen", "--count", "1") as bob:
        bob.expect_error("logged in as bob@localhost/.*, SCRAM-SHA-256$")
        home.run("burble", "--account", "alice", "send", "bob@localhost", "Hi Bob", code=0)
        bob.expect_json(body="Hi Bob")


# --------------------------------------------------------------------------------- certificates


def shown_by(home, jid, **life):
    """The keys of an account for a certificate of that person. jabberd2 takes addresses from the
    common name alone: it does not find them elsewhere, since OpenSSL 3 knows id-on-xmppAddr."""
    show = certs.authority().issue("localhost", common_name=jid, extensions=(
        "extendedKeyUsage = clientAuth",), xmpp_addresses=(jid,), **life)
    key = home.file(show.key.name, pathlib.Path(show.key).read_bytes())
    return {"certificate": str(show.chain), "key": str(key)}


def certified_login(home, server, tls, refusal):
    """With the own certificate and no password; not with somebody else's."""
    shown = shown_by(home, "certified@localhost")
    at = {"server": server, "tls": tls, **shown}
    done = send(home, {"jid": "certified@localhost", **at})
    assert [m for _, _, m in logged_in(done)] == ["EXTERNAL"]
    done = send(home, {"jid": "alice@localhost", **at}, 4)
    assert refusal in done.err and not logged_in(done)


def password_behind_the_certificate(home, server, tls):
    """A certificate that is not taken is no reason to give up, where there is a password."""
    done = send(home, {"jid": "alice@localhost", "password": "alice's secret", "server": server,
                       "tls": tls, **shown_by(home, "certified@localhost")})
    assert [m.startswith("SCRAM-SHA-") for _, _, m in logged_in(done)] == [True]
    assert "mechanism='EXTERNAL'" in done.err


def test_a_certificate_instead_of_a_password(home, ejabberd):
    certified_login(home, ejabberd, "direct", "Certificate JID mismatch")
    password_behind_the_certificate(home, ejabberd, "direct")


def test_a_certificate_on_jabberd2(home, jabberd):
    certified_login(home, jabberd, "starttls", "the server refused the login (not-authorized)")
    password_behind_the_certificate(home, jabberd, "starttls")


def test_a_certificate_on_prosody(home):
    """By mod_auth_ccert of prosody-modules."""
    server = Prosody(external=True)
    for _ in running(server):
        for tls in ("starttls", "direct"):
            certified_login(home, server, tls, "does the certificate belong to this account?")
        # Here Prosody 0.12 sends an element that there is not, <false/>, in place of <failure/>.
        expired = shown_by(home, "certified@localhost", start_days=-60, end_days=-2)
        done = send(home, {"jid": "certified@localhost", "server": server, **expired}, 5)
        assert "does not belong here" in done.err
