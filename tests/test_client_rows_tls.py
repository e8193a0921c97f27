"""Certificates that burble must refuse, and why: rows C04, C15, V35, and V72 in names of
certificates. Downgrades (V31, V32) and logins (A10 to A13, C03, V21, V46, V47) are in
test_client_hostile_login.py, captive portals and redirections (C04, C05) in test_find.py and
test_burble_command.py."""

import datetime
import re

import pytest

from harness import certs
from harness.certs import Authority
from harness.hostile import DOMAIN, good_session
from harness.rows import Visit, harmless

CASES = [(kind, tls) for kind in Authority.BAD for tls in ("starttls", "direct")]
REASONS = {
    "expired": "expired on", "not_yet_valid": "not valid before",
    "wrong_name": "not for example.test but for elsewhere.example",
    "self_signed": "signed by itself alone.* sha256:",
    "common_name_only": "for no name at all", "wildcard": r"but for \*\.example\.test",
    "unknown_authority": "issued by \"CN=somebody else's CA\".* does not trust",
}


def refused(case):
    kind, tls = case
    certificate = getattr(certs.authority(), kind)(DOMAIN)
    with Visit(lambda conn: good_session(conn, tls=tls), certificate=certificate,
               keys={"tls": tls}) as visit:
        done = visit.send(code=4)
        assert re.search(REASONS[kind], harmless(done.err)), done.err
        conn = visit.server.connections[0]
        assert not conn.decrypted and not conn.mentions("alice") and not visit.secret_seen()
        return done.err


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_C04_V35_a_bad_certificate(sweep, case):
    sweep(refused, CASES, case)


@pytest.mark.parametrize("kind", ["not_yet_valid", "expired"])
def test_C15_both_times_are_said(sweep, kind):
    """That of the certificate, and that of this machine: one of the two is wrong."""
    said = sweep(refused, CASES, (kind, "starttls"))
    days = re.findall(r"\d{4}-\d{2}-\d{2}", said)
    today = datetime.datetime.now(datetime.timezone.utc)
    other = today + datetime.timedelta(days=10 if kind == "not_yet_valid" else -2)
    assert today.strftime("%Y-%m-%d") in days and other.strftime("%Y-%m-%d") in days, said


def test_V72_names_in_certificates_are_shown_harmless():
    issuer = Authority("\u202eevil\u2066 \x9b2J\x1b]0;owned\x07")
    with Visit(certificate=issuer.good(DOMAIN)) as visit:
        done = visit.send(code=4)
        assert "evil" in harmless(done.err)


def test_a_pinned_certificate_is_taken_alone():
    """A pin stands for all that authorities say: with it no other certificate will do."""
    other = certs.authority().issue(DOMAIN, "other." + DOMAIN)
    with Visit(certificate=other, keys={"pins": ["sha256:" + "00" * 32]}) as visit:
        done = visit.send(code=4)
        assert "pin" in done.err and not visit.server.connections[0].mentions("alice")
