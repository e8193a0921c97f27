"""Presence: RFC 6121, section 4."""

import pytest

from harness import ns
from harness.people import befriend, subscribe
from harness.xmpp import child, dump, parse, same

pytestmark = pytest.mark.shards(1, 3)


def show(presence):
    found = child(presence, "show")
    return None if found is None else found.text


@pytest.fixture
def friends(server):
    alice, bob = server.user("alice"), server.user("bob")
    befriend(alice, bob)
    return alice, bob


def test_login_shows_each_to_the_other(server, friends):
    alice, bob = friends
    bob.close()
    alice.expect("presence", type="unavailable", frm=bob.jid)
    bob = server.login(bob.account, "two", presence=3)
    presence = alice.expect("presence", type=None, frm=bob.jid)
    assert child(presence, "priority").text == "3"
    assert presence.get("to") == alice.account.jid or presence.get("to") == alice.jid
    bob.expect("presence", type=None, frm=alice.jid)


def test_presence_comes_back_to_the_sender_and_its_other_resources(server, friends):
    alice, _bob = friends
    other = server.login(alice.account, "other", presence=0)
    alice.expect("presence", frm=other.jid)
    ident = alice.presence(inner="<show>away</show>", wait=False)
    assert show(alice.expect("presence", id=ident, frm=alice.jid)) == "away"
    assert show(other.expect("presence", id=ident, frm=alice.jid)) == "away"


def test_presence_is_passed_on_whole(friends):
    alice, bob = friends
    inner = (
        "<show>xa</show><status xml:lang='en'>gone &lt;fishing&gt; &amp; such</status>"
        "<status xml:lang='ru'>на рыбалке</status><priority>-128</priority>"
        f"<c xmlns='{ns.CAPS}' hash='sha-1' node='http://example.org' ver='AAAA'/>"
        f"<x xmlns='{ns.VCARD_UPDATE}'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>"
        "<a:b xmlns:a='urn:example:a' a:c='d'><e xmlns='urn:example:e'/>text<f xmlns=''/></a:b>"
    )
    ident = alice.presence(inner=inner)
    got = bob.expect("presence", id=ident)
    wanted = parse(f"<presence>{inner}</presence>")
    assert len(got) == len(wanted), dump(got)
    assert all(same(g, w) for g, w in zip(got, wanted)), dump(got)


@pytest.mark.parametrize("priority", ["-128", "-1", "0", "+5", "127"])
def test_priorities(friends, priority):
    alice, bob = friends
    ident = alice.presence(inner=f"<priority>{priority}</priority>")
    got = bob.expect("presence", id=ident)
    assert int(child(got, "priority").text) == int(priority)


def test_without_presence_nobody_sees_you(server, friends):
    alice, bob = friends
    bound = server.login(alice.account, "bound")
    bound.message(bob.jid, "I am not here")
    bob.expect_message("I am not here")
    bob.nothing("presence", frm=bound.jid)
    bound.close()
    alice.fence(bob)
    bob.nothing("presence", frm=bound.jid)


def test_unavailable_is_broadcast_with_its_status(server, friends):
    alice, bob = friends
    alice.presence("unavailable", inner="<status>bye</status>")
    gone = bob.expect("presence", type="unavailable", frm=alice.jid)
    assert child(gone, "status").text == "bye"
    # Still connected: it can be written to by its full JID and come back.
    bob.fence(alice)
    alice.presence()
    bob.expect("presence", type=None, frm=alice.jid)
    alice.expect("presence", type=None, frm=bob.jid)  # the answer to the probe
    # While unavailable nothing of the contact is sent.
    alice.presence("unavailable")
    alice.sync()
    alice.inbox.clear()
    bob.presence(inner="<show>dnd</show>")
    bob.fence(alice)
    alice.nothing("presence", frm=bob.jid)


def test_unavailable_when_the_stream_ends(friends):
    alice, bob = friends
    alice.close()
    bob.expect("presence", type="unavailable", frm=alice.jid)


@pytest.mark.parametrize("end", ["abandon", "reset"])
def test_unavailable_when_the_connection_is_lost(friends, end):
    alice, bob = friends
    getattr(alice, end)()
    bob.expect("presence", type="unavailable", frm=alice.jid)


def test_unavailable_when_the_stream_breaks_the_rules(friends):
    alice, bob = friends
    alice.send("<message")
    alice.send(" x='<'/>")
    alice.expect_stream_error("not-well-formed")
    bob.expect("presence", type="unavailable", frm=alice.jid)


def test_one_direction_only(server):
    alice, bob = server.user("alice"), server.user("bob")
    subscribe(alice, bob)  # alice sees bob, bob does not see alice
    alice.presence(inner="<show>away</show>")
    alice.fence(bob)
    bob.nothing("presence")
    bob.presence(inner="<show>away</show>")
    assert show(alice.expect("presence", frm=bob.jid)) == "away"
    later = server.login(bob.account, "later", presence=0)
    alice.expect("presence", frm=later.jid)
    alice.round_trip(later)
    later.nothing("presence", frm=alice.jid)


class TestProbes:
    """RFC 6121, 4.3."""

    def test_a_subscriber_is_answered(self, server, friends):
        alice, bob = friends
        second = server.login(bob.account, "second", presence=0)
        alice.expect("presence", frm=second.jid)
        bob.presence(inner="<show>away</show>")
        alice.expect("presence", frm=bob.jid)
        alice.send(f"<presence type='probe' to='{bob.account.jid}' id='probe'/>")
        assert show(alice.expect("presence", frm=bob.jid, type=None)) == "away"
        alice.expect("presence", frm=second.jid, type=None)
        bob.fence(alice)
        bob.nothing("presence", type="probe")

    def test_a_stranger_is_not(self, server):
        alice, bob = server.user("alice"), server.user("bob")
        alice.send(f"<presence type='probe' to='{bob.account.jid}'/>")
        alice.round_trip(bob)
        alice.nothing("presence", frm=bob.jid)
        bob.nothing("presence")

    def test_nobody_looks_like_a_stranger(self, server):
        alice, account = server.user("alice"), server.account("bob")
        answers = []
        for jid in (account.jid, f"nobody@{server.host}"):
            alice.send(f"<presence type='probe' to='{jid}'/>")
            alice.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=jid)
            answers.append([p.get("type") for p in alice.take("presence", frm=jid)])
        assert answers[0] == answers[1]

    def test_who_is_unavailable_has_nothing_to_show(self, server, friends):
        alice, bob = friends
        bob.close()
        alice.expect("presence", type="unavailable", frm=bob.jid)
        later = server.login(alice.account, "later", presence=0)
        later.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=bob.account.jid)
        later.nothing("presence", frm=bob.jid, type=None)


class TestDirected:
    """RFC 6121, 4.6."""

    def test_a_stranger_sees_it_and_hears_of_the_end(self, server):
        alice, bob = server.user("alice"), server.user("bob")
        alice.presence(to=bob.jid, inner="<show>chat</show>")
        assert show(bob.expect("presence", frm=alice.jid)) == "chat"
        alice.presence(inner="<show>away</show>")
        alice.fence(bob)
        bob.nothing("presence", frm=alice.jid)  # broadcasts are for subscribers
        alice.presence("unavailable")
        bob.expect("presence", frm=alice.jid, type="unavailable")

    @pytest.mark.parametrize("end", ["close", "reset"])
    def test_the_end_of_the_session_is_told(self, server, end):
        alice, bob = server.user("alice"), server.user("bob")
        alice.presence(to=bob.account.jid)
        bob.expect("presence", frm=alice.jid, type=None)
        getattr(alice, end)()
        bob.expect("presence", frm=alice.jid, type="unavailable")

    def test_it_can_be_taken_back(self, server):
        alice, bob = server.user("alice"), server.user("bob")
        alice.presence(to=bob.jid)
        bob.expect("presence", frm=alice.jid, type=None)
        alice.presence("unavailable", to=bob.jid)
        bob.expect("presence", frm=alice.jid, type="unavailable")
        alice.close()
        bob.sync()
        server.user("carol").fence(bob)
        bob.nothing("presence", frm=alice.jid)

    def test_without_having_been_available(self, server):
        """A session that never sent presence tells those it directed presence to, and no others."""
        alice, bob, carol = server.user("alice"), server.user("bob"), server.user("carol")
        befriend(alice, carol)
        ghost = server.login(alice.account, "ghost")
        ghost.presence(to=bob.jid)
        bob.expect("presence", frm=ghost.jid, type=None)
        ghost.close()
        bob.expect("presence", frm=ghost.jid, type="unavailable")
        alice.fence(carol)
        carol.nothing("presence", frm=ghost.jid)

    def test_a_subscriber_gets_both(self, server, friends):
        alice, bob = friends
        alice.presence(to=bob.jid, inner="<show>chat</show>")
        assert show(bob.expect("presence", frm=alice.jid)) == "chat"
        alice.presence(inner="<show>away</show>")
        assert show(bob.expect("presence", frm=alice.jid)) == "away"
        alice.close()
        bob.expect("presence", frm=alice.jid, type="unavailable")
        server.user("carol").fence(bob)
        bob.nothing("presence", frm=alice.jid)


def test_a_new_session_takes_the_place_of_a_lost_one(server, friends):
    """Whoever logs in late sees the newest presence, not an old one."""
    alice, bob = friends
    for state in ("away", "xa", "dnd"):
        bob.presence(inner=f"<show>{state}</show>")
    alice.expect("presence", where=lambda p: show(p) == "dnd")
    later = server.login(alice.account, "later", presence=0)
    assert show(later.expect("presence", frm=bob.jid)) == "dnd"
    bob.fence(later)
    later.nothing("presence", frm=bob.jid)
