"""Clients that nobody looks at (XEP-0352)."""

import pytest

from harness.xmpp import child

pytestmark = pytest.mark.shards(1, 3)

CSI = "urn:xmpp:csi:0"


def test_presence_waits_until_somebody_looks(server):
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(f"<inactive xmlns='{CSI}'/>")
    alice.sync()
    for index in range(50):
        bob.send(f"<presence to='{alice.jid}'><status>{index}</status></presence>")
    bob.send(f"<message to='{alice.jid}' type='chat'><composing "
             "xmlns='http://jabber.org/protocol/chatstates'/></message>")
    bob.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.account.jid)
    alice.send(f"<active xmlns='{CSI}'/>")
    alice.sync()
    came = alice.take("presence", frm=bob.jid)
    assert [child(p, "status").text for p in came] == ["49"]
    alice.nothing("message")


def test_a_message_is_not_delayed(server):
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(f"<inactive xmlns='{CSI}'/>")
    alice.sync()
    bob.send(f"<presence to='{alice.jid}'><show>away</show></presence>")
    bob.message(alice.jid, "wake up")
    alice.expect_message("wake up")
    assert child(alice.expect("presence", frm=bob.jid), "show").text == "away"


def test_it_is_offered_to_who_has_logged_in(server):
    account = server.account("alice")
    client = server.stream()
    assert child(client.features, "csi", CSI) is None
    client.authenticate(account)
    client.open()
    assert child(client.features, "csi", CSI) is not None
