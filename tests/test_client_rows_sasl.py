"""What burble says of channel binding, and offers that somebody changed on the way: rows A11, A13.
Lying servers (A10, A12, C03, V21, V31, V46, V47) are in test_client_hostile_login.py."""

import pytest

from harness.hostile import good_session
from harness.rows import Visit

PLUS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")


@pytest.mark.parametrize("mechanisms, cb_types, flag", [
    (PLUS, ("tls-exporter",), "p=tls-exporter"),
    (PLUS, ("tls-server-end-point",), "p=tls-server-end-point"),
    (PLUS, ("tls-forged", "tls-exporter"), "p=tls-exporter"),
    (PLUS[1:], (), "y"),  # we could, and think that the server cannot
    (PLUS, ("tls-forged",), None),  # somebody may have taken away what we can
])
def test_A11_what_is_said_of_channel_binding(mechanisms, cb_types, flag):
    script = lambda conn: good_session(conn, mechanisms=mechanisms, cb_types=cb_types)  # noqa: E731
    with Visit(script) as visit:
        done = visit.send(code=0 if flag else 4)
        if flag is None:
            assert "channel binding" in done.err
            assert not any(e.tag.endswith("}iq") for e in visit.server.connections[0].heard)
        else:
            assert visit.server.connections[0].gs2_flag == flag


@pytest.mark.parametrize("offered, code", [(True, 0), ("AAAA", 4), ("!", 4)])
def test_A13_the_hash_of_the_offer(offered, code):
    """XEP-0474: the server says in the login, signed, what it had offered."""
    script = lambda conn: good_session(conn, offer_hash=offered)  # noqa: E731
    with Visit(script) as visit:
        done = visit.send(code=code)
        assert code == 0 or "offer" in done.err or "tamper" in done.err or "altered" in done.err


def test_A13_a_mechanism_was_taken_from_the_offer():
    """The hash is that of the whole offer, of which somebody left the best away."""

    def script(conn):
        features = conn.features

        def shortened(*args, **options):
            if options.get("mechanisms"):
                features(**{**options, "mechanisms": ("SCRAM-SHA-1",)})
                conn.offered["mechanisms"] = ["SCRAM-SHA-1", "SCRAM-SHA-256"]
            else:
                features(*args, **options)

        conn.features = shortened
        good_session(conn, offer_hash=True)

    with Visit(script) as visit:
        visit.send(code=4)
        assert not any(e.tag.endswith("}iq") for e in visit.server.connections[0].heard)
