"""XEP-0191: blocking."""

import pytest

from harness import ns
from harness.people import befriend, clean
from harness.xmpp import condition, dump, has_app_condition, name

pytestmark = pytest.mark.shards(1, 3)


def block(client, *jids, verb="block"):
    items = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return client.set(f"<{verb} xmlns='{ns.BLOCKING}'>{items}</{verb}>")


def blocked(client):
    return {i.get("jid") for i in client.get(f"<blocklist xmlns='{ns.BLOCKING}'/>")}


@pytest.fixture
def friends(server):
    alice, bob = server.user("alice"), server.user("bob")
    befriend(alice, bob)
    return alice, bob


def test_the_list_is_kept(server):
    alice = server.user("alice")
    assert blocked(alice) == set()
    block(alice, "a@example.net", "example.org", "c@example.net/res")
    block(alice, "a@example.net")
    assert blocked(alice) == {"a@example.net", "example.org", "c@example.net/res"}
    alice.close()
    assert blocked(server.login(alice.account)) == {"a@example.net", "example.org",
                                                    "c@example.net/res"}


def test_resources_that_asked_are_told(server):
    alice = server.user("alice", resource="one")
    two, three = (server.login(alice.account, r, presence=0) for r in ("two", "three"))
    blocked(alice)
    blocked(two)
    block(alice, "a@example.net", "b@example.net")
    for client in (alice, two):
        push = client.expect("iq", type="set", has=f"{{{ns.BLOCKING}}}block")
        assert {i.get("jid") for i in push[0]} == {"a@example.net", "b@example.net"}
    block(two, "a@example.net", verb="unblock")
    for client in (alice, two):
        push = client.expect("iq", type="set", has=f"{{{ns.BLOCKING}}}unblock")
        assert [i.get("jid") for i in push[0]] == ["a@example.net"]
    block(two, verb="unblock")
    for client in (alice, two):
        push = client.expect("iq", type="set", has=f"{{{ns.BLOCKING}}}unblock")
        assert len(push[0]) == 0
    assert blocked(alice) == set()
    two.fence(three)
    three.nothing("iq")


def test_nothing_to_block(server):
    alice = server.user("alice")
    alice.refused("set", f"<block xmlns='{ns.BLOCKING}'/>", "bad-request")
    alice.refused("set", f"<block xmlns='{ns.BLOCKING}'><item/></block>",
                  ("bad-request", "jid-malformed"))
    alice.refused("set", f"<block xmlns='{ns.BLOCKING}'><item jid='@'/></block>",
                  ("jid-malformed", "bad-request"))
    assert blocked(alice) == set()


def test_another_users_list(server, friends):
    alice, bob = friends
    alice.refused("get", f"<blocklist xmlns='{ns.BLOCKING}'/>",
                  ("forbidden", "service-unavailable", "not-allowed"), to=bob.account.jid)
    alice.refused("set", f"<block xmlns='{ns.BLOCKING}'><item jid='x@y'/></block>",
                  ("forbidden", "service-unavailable", "not-allowed"), to=bob.account.jid)
    assert blocked(bob) == set()


def test_presence_ends_with_the_block_and_returns_with_its_end(friends):
    alice, bob = friends
    block(alice, bob.account.jid)
    bob.expect("presence", type="unavailable", frm=alice.jid)
    alice.presence(inner="<show>away</show>")
    bob.presence(inner="<show>dnd</show>")
    alice.sync()
    bob.sync()
    alice.nothing("presence", frm=bob.jid)
    bob.nothing("presence", frm=alice.jid)
    block(alice, bob.account.jid, verb="unblock")
    bob.expect("presence", type=None, frm=alice.jid)


def reach(sender, jid, receiver, presence):
    """What the blocked sender gets for a message, an IQ and presence; the receiver gets nothing."""
    ident = sender.message(jid, "let me in")
    assert condition(sender.expect("message", id=ident, type="error")) == "service-unavailable"
    for kind in ("get", "set"):
        sender.refused(kind, "<q xmlns='urn:example:q'/>", "service-unavailable", to=jid)
    for kind in presence:
        sender.presence(kind, to=jid, wait=False)
    sender.send(f"<iq type='result' id='r' to='{jid}'/>")
    sender.refused("get", "<q xmlns='urn:example:q'/>", "service-unavailable", to=jid)
    sender.nothing("presence", type="error")
    sender.nothing("iq", id="r")
    receiver.sync()
    assert not receiver.inbox, [dump(e) for e in receiver.inbox]


@pytest.mark.parametrize("what", ["bare", "full"])
def test_a_blocked_sender_reaches_nobody(friends, what):
    alice, bob = friends
    block(alice, bob.account.jid if what == "bare" else bob.jid)
    alice.sync()
    bob.sync()
    bob.inbox.clear()
    alice.inbox.clear()
    # Subscriptions come from the bare JID, which a blocked resource does not cover.
    presence = (None, "probe") + (("subscribe", "unsubscribe") if what == "bare" else ())
    reach(bob, alice.jid, alice, presence)
    reach(bob, alice.account.jid, alice, presence)


def test_only_that_resource(server, friends):
    alice, bob = friends
    other = server.login(bob.account, "other", presence=0)
    block(alice, bob.jid)
    other.message(alice.jid, "another resource")
    alice.expect_message("another resource")
    ident = bob.message(alice.jid, "this one")
    bob.expect("message", id=ident, type="error")


def test_an_offline_mailbox_is_shut_too(server, friends):
    alice, bob = friends
    block(alice, bob.account.jid)
    alice.close()
    ident = bob.message(alice.account.jid, "read me later")
    assert condition(bob.expect("message", id=ident, type="error")) == "service-unavailable"
    again = server.login(alice.account, presence=0)
    server.user("carol").message(alice.account.jid, "fence")
    again.expect_message("fence")
    again.nothing("message")


def test_one_cannot_write_to_whom_one_blocked(friends):
    alice, bob = friends
    block(alice, bob.account.jid)
    alice.sync()
    bob.sync()
    bob.inbox.clear()
    for stanza in (f"<message to='{bob.jid}' id='out' type='chat'><body>hi</body></message>",
                   f"<iq type='get' to='{bob.jid}' id='out'><q xmlns='urn:example:q'/></iq>",
                   f"<presence to='{bob.jid}' id='out'/>"):
        alice.send(stanza)
        answer = alice.expect(("message", "iq", "presence"), id="out", type="error")
        assert condition(answer) == "not-acceptable", dump(answer)
        assert has_app_condition(answer, "blocked", ns.BLOCKING_ERRORS), dump(answer)
    alice.sync()
    bob.sync()
    bob.nothing(("message", "iq"))
    bob.nothing("presence", frm=alice.jid, type=None)


def test_errors_to_the_blocked_are_not_bounced(friends):
    """Never an error in answer to an error."""
    alice, bob = friends
    block(alice, bob.account.jid)
    error = f"<error type='cancel'><gone xmlns='{ns.STANZA_ERROR}'/></error>"
    alice.send(f"<message type='error' to='{bob.jid}' id='e'>{error}</message>")
    bob.send(f"<message type='error' to='{alice.jid}' id='e'>{error}</message>")
    alice.sync()
    bob.sync()
    alice.nothing("message")
    bob.nothing("message", id="e")


def test_a_login_does_not_probe_the_blocked(server, friends):
    alice, bob = friends
    block(alice, bob.account.jid)
    bob.expect("presence", type="unavailable")
    later = server.login(alice.account, "later", presence=0)
    later.sync()
    bob.sync()
    bob.nothing("presence", frm=later.jid)
    later.nothing("presence", frm=bob.jid)
    # And the other way round.
    again = server.login(bob.account, "again", presence=0)
    again.sync()
    again.nothing("presence", frm=alice.jid)
    later.nothing("presence", frm=again.jid)


def test_after_unblocking_everything_goes_again(friends):
    alice, bob = friends
    block(alice, bob.account.jid)
    block(alice, verb="unblock")
    bob.message(alice.jid, "thank you")
    alice.expect_message("thank you")
    alice.message(bob.jid, "welcome")
    bob.expect_message("welcome")
    clean(alice, bob)


def test_ones_own_domain(server, friends):
    """The domain matches every user of it, but never oneself nor the server's answers."""
    alice, bob = friends
    block(alice, server.host)
    ident = bob.message(alice.jid, "hello")
    assert condition(bob.expect("message", id=ident, type="error")) == "service-unavailable"
    other = server.login(alice.account, "other", presence=0)
    other.message(alice.jid, "from myself")
    alice.expect_message("from myself")
    assert blocked(alice) == {server.host}
    block(alice, verb="unblock")
    assert name(alice.get(f"<blocklist xmlns='{ns.BLOCKING}'/>")) == "blocklist"
