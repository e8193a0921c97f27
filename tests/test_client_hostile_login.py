"""Logging in to servers that lie: burble against scripts (rows A10, A12, A13, C03, V21, V31, V46,
V47). Nothing goes in that proves nothing, and nothing leaves before it may."""

import pytest

from harness import attacks
from harness.hostile import DOMAIN, Hostile, good_session

JID, PASSWORD = f"alice@{DOMAIN}", "alice's secret"
UNREACHABLE, LOGIN, PROTOCOL = 3, 4, 5


@pytest.fixture
def burble(home):
    """burble(server, command, ..., code=...): one run of the command; Done."""

    def run(server, *words, code=None, **options):
        home.accounts.clear()
        home.account(JID, PASSWORD, server)
        words = words or ("send", f"friend@{DOMAIN}", "Hi")
        return home.run("burble", *words, "--verbose", code=code, timeout=60, **options)

    return run


def refused(done, *codes):
    assert done.code in codes, done.err
    assert "logged in as" not in done.err
    assert PASSWORD not in done.out + done.err


@pytest.mark.parametrize("tamper", attacks.TAMPERS)
def A10_A12_what_is_tampered_with_is_no_login(burble, tamper):
    with Hostile(lambda conn: conn.log_in(**attacks.TAMPERS[tamper])) as server:
        # A message beyond all limits is damage to the stream.
        refused(burble(server), PROTOCOL if tamper == "first-huge" else LOGIN)


@pytest.mark.parametrize("odd", attacks.ODD_BUT_RIGHT.values(), ids=attacks.ODD_BUT_RIGHT)
def test_what_is_odd_is_a_login(burble, odd):
    with Hostile(lambda conn: good_session(conn, **odd)) as server:
        assert "logged in as" in burble(server, code=0).err


@pytest.mark.parametrize("iterations", attacks.ITERATIONS_GOOD)
def V46_counts_that_are_right(burble, iterations):
    with Hostile(lambda conn: good_session(conn, iterations=iterations)) as server:
        burble(server, code=0)


@pytest.mark.parametrize("iterations", attacks.ITERATIONS_BAD)
def V46_counts_that_are_refused(burble, iterations):
    with Hostile(lambda conn: conn.log_in(iterations=iterations)) as server:
        refused(burble(server), LOGIN)


@pytest.mark.parametrize("weak", attacks.WEAK)
def C03_what_is_offered_is_said(burble, weak):
    with Hostile(lambda conn: conn.log_in(mechanisms=weak)) as server:
        done = burble(server)
        refused(done, LOGIN)
        assert f"it offers: {', '.join(weak) or 'nothing'}" in done.err
        assert not server.connections[0].mentions("<auth")


@pytest.mark.parametrize("features", attacks.FEATURES.values(), ids=attacks.FEATURES)
def V21_strange_features_end_in_order(burble, features):
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(starttls="required")
        conn.starttls()
        conn.expect_open()
        conn.reply_open()
        conn.send_quietly(conn.filled(features))
        conn.leave()

    with Hostile(script) as server:
        refused(burble(server), UNREACHABLE, LOGIN, PROTOCOL)
        assert not server.connections[0].mentions("<auth")


@pytest.mark.parametrize("script", attacks.DOWNGRADES)
def V31_without_tls_nothing_is_said(burble, script):
    with Hostile(script) as server:
        refused(burble(server), LOGIN, PROTOCOL)
        clear = server.connections[0].sent_in_clear()
        for secret in (b"alice", b"secret", b"<auth", b"<iq"):
            assert secret not in clear


def V47_what_was_bound_once_is_bound_always(burble):
    """Over runs of the program, by what it keeps."""
    scripts = iter((attacks.with_binding, attacks.without_binding, attacks.with_binding))
    listen = ("listen", "--count", "1")
    with Hostile(lambda conn: next(scripts)(conn)) as server:
        assert "SCRAM-SHA-256-PLUS" in burble(server, *listen, code=0).err
        done = burble(server, *listen)
        refused(done, LOGIN)
        assert "as it was before" in done.err and "it offers: SCRAM-SHA-256" in done.err
        assert not server.connections[1].mentions("<auth")
        burble(server, *listen, code=0)


def V47_a_binding_to_another_channel(burble):
    """Somebody in the middle with a good certificate; the server behind refuses the proof."""
    with Hostile(attacks.binding_of_another_channel) as server:
        done = burble(server)
        refused(done, LOGIN)
        assert "somebody stands between us and the server" in done.err
