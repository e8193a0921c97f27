"""Message Carbons (XEP-0280): with a client of bytes, and with slixmpp."""

import asyncio

import pytest
from harness import ns
from harness.xmpp import body, child
from test_slixmpp import DEADLINE_S, login, logout, run

pytestmark = pytest.mark.shards(1, 3)

CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"


def copies(client, account):
    """A session of the account that wants copies and shows nobody that it is there."""
    client.iq("set", f"<enable xmlns='{CARBONS}'/>")
    client.account = account
    return client


def unwrapped(client, way):
    """The next copy that came this way; the message in it."""
    outer = client.expect("message", where=lambda m: child(m, way, CARBONS) is not None)
    assert outer.get("from") == client.account.jid and outer.get("to") == client.jid
    forwarded = child(child(outer, way, CARBONS), "forwarded", FORWARD)
    inner = child(forwarded, "message", ns.CLIENT)
    assert outer.get("type") == inner.get("type")
    return inner


def test_both_sides_of_a_conversation_come_to_every_resource(server):
    alice, bob = server.user("alice"), server.user("bob")
    desk = copies(server.login(alice.account, "desk"), alice.account)
    tablet = copies(server.login(bob.account, "tablet"), bob.account)
    alice.message(bob.jid, "question")
    bob.expect_message("question")
    assert body(unwrapped(tablet, "received")) == "question"
    assert body(unwrapped(desk, "sent")) == "question"
    bob.message(alice.jid, "answer")
    alice.expect_message("answer")
    assert body(unwrapped(desk, "received")) == "answer"
    assert body(unwrapped(tablet, "sent")) == "answer"
    for client in (alice, bob, desk, tablet):
        client.sync()
        client.nothing("message")


def test_a_copy_is_as_long_and_as_deep_as_the_message_needs(server):
    alice, bob = server.user("alice"), server.user("bob")
    tablet = copies(server.login(bob.account, "tablet"), bob.account)
    deep = "<x xmlns='urn:example:x'>" * 20 + "ü &amp; &lt;" + "</x>" * 20
    alice.message(bob.jid, "y" * 200_000, extra=deep)
    message = bob.expect("message")
    inner = unwrapped(tablet, "received")
    assert body(inner) == body(message) == "y" * 200_000
    assert "".join(inner.itertext()) == "".join(message.itertext())


def test_a_message_in_private_stays_where_it_went(server):
    alice, bob = server.user("alice"), server.user("bob")
    desk = copies(server.login(alice.account, "desk"), alice.account)
    tablet = copies(server.login(bob.account, "tablet"), bob.account)
    alice.message(bob.jid, "hush", extra=f"<private xmlns='{CARBONS}'/>"
                  f"<no-copy xmlns='{ns.HINTS}'/>")
    assert child(bob.expect_message("hush"), "private", CARBONS) is not None
    alice.message(bob.jid, "aloud")
    assert body(unwrapped(tablet, "received")) == "aloud"
    assert body(unwrapped(desk, "sent")) == "aloud"


def V58_a_copy_that_somebody_made_up_does_not_arrive(server):
    mallory, alice = server.user("mallory"), server.user("alice")
    copies(alice, alice.account)
    for way in ("sent", "received"):
        mallory.message(alice.jid, "hello", extra=(
            f"<{way} xmlns='{CARBONS}'><forwarded xmlns='{FORWARD}'><message from='{alice.jid}' "
            f"to='{alice.jid}' xmlns='jabber:client'><body>lies</body></message></forwarded>"
            f"</{way}>"))
        assert child(alice.expect_message("hello"), way, CARBONS) is None


def test_a_library_gets_copies(server):
    alice_account, bob_account = server.account("alice"), server.account("bob")

    async def scenario():
        phone = await login(server, alice_account, "phone")
        desk = await login(server, alice_account, "desk")
        bob = await login(server, bob_account)
        sent, received = asyncio.Queue(), asyncio.Queue()
        desk.register_plugin("xep_0280")
        desk.add_event_handler("carbon_sent", sent.put_nowait)
        desk.add_event_handler("carbon_received", received.put_nowait)
        await desk["xep_0280"].enable()
        phone.send_message(mto=bob.boundjid, mbody="from the phone", mtype="chat")
        copy = await asyncio.wait_for(sent.get(), DEADLINE_S)
        assert copy["carbon_sent"]["body"] == "from the phone"
        assert copy["carbon_sent"]["to"] == bob.boundjid
        bob.send_message(mto=phone.boundjid, mbody="to the phone", mtype="chat")
        copy = await asyncio.wait_for(received.get(), DEADLINE_S)
        assert copy["carbon_received"]["body"] == "to the phone"
        await desk["xep_0280"].disable()
        phone.send_message(mto=bob.boundjid, mbody="alone", mtype="chat")
        assert (await bob.message(alice_account.jid))["body"] == "from the phone"
        assert (await bob.message(alice_account.jid))["body"] == "alone"
        await desk["xep_0199"].ping(server.host)
        assert sent.empty() and received.empty()
        await logout(phone, desk, bob)

    run(scenario())
