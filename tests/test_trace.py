"""burblectl trace: what happened to a message, and when."""

import json

import pytest

pytestmark = [pytest.mark.burbled_only, pytest.mark.shards(1, 3)]


def trace(server, ident):
    rows = json.loads(server.ctl("trace", ident, "--json").stdout)
    return [(row["event"], row["address"]) for row in rows], rows


def test_a_message_that_is_delivered_is_followed_to_its_session(server):
    alice, bob = server.user("alice"), server.user("bob")
    ident = alice.message(bob.jid, "hello")
    stanza_id = bob.expect_message("hello").find("{urn:xmpp:sid:0}stanza-id").get("id")
    events, _ = trace(server, ident)
    assert sorted(events) == sorted([("received", alice.jid), ("stored", bob.jid.split("/")[0]),
                                     ("handed", bob.jid)])
    # By its id in the archive as well, from the moment that it had one.
    assert set(trace(server, stanza_id)[0]) == {("stored", bob.jid.split("/")[0]),
                                                ("handed", bob.jid)}


def test_a_message_that_waits_and_one_that_is_refused(server):
    alice, bob = server.user("alice"), server.account("bob")
    ident = alice.message(bob.jid, "later")
    alice.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=bob.jid)
    assert ("waiting", bob.jid) in trace(server, ident)[0]
    client = server.login(bob, presence=0)
    client.expect_message("later")
    assert ("handed", client.jid) in trace(server, ident)[0]
    ident = alice.message(f"nobody@{server.host}", "?")
    alice.expect("message", type="error")
    assert ("bounced", alice.jid) in trace(server, ident)[0]


def test_unknown_ids_and_no_id(server):
    assert trace(server, "never-seen")[0] == []
    server.ctl("trace", ok=False)
