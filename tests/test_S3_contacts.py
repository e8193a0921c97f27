"""S3: contacts, from the first roster to their removal; RFC 6121, sections 2 and 3."""

import pytest

from harness import ns
from harness.xmpp import child, dump

pytestmark = pytest.mark.shards(1, 3)


def groups(item):
    return sorted(g.text for g in item)


def test_two_people_become_contacts_and_part(server):
    alice, bob = server.user("alice"), server.user("bob")
    ajid, bjid = alice.account.jid, bob.account.jid
    assert alice.roster() == {} and bob.roster() == {}

    # A contact in a group, with a name.
    alice.roster_set(bjid, name="Bob", groups=["Friends", "Work"])
    item = alice.expect_push(bjid, name="Bob", subscription="none", ask=None)
    assert groups(item) == ["Friends", "Work"]

    # alice asks.
    alice.presence("subscribe", to=bjid, inner="<status>it is me</status>")
    item = alice.expect_push(bjid, subscription="none", ask="subscribe", name="Bob")
    assert groups(item) == ["Friends", "Work"]
    request = bob.expect("presence", type="subscribe", frm=ajid)
    assert child(request, "status").text == "it is me"
    # Being asked is no roster entry yet (RFC 6121, 3.1.3).
    assert ajid not in bob.roster()

    # bob approves: he sees a push, alice the approval, a push and his presence.
    bob.presence("subscribed", to=ajid)
    bob.expect_push(ajid, subscription="from", ask=None)
    alice.expect("presence", type="subscribed", frm=bjid)
    alice.expect_push(bjid, subscription="to", ask=None, name="Bob")
    alice.expect("presence", type=None, frm=bob.jid)

    # bob asks and is approved: both ways.
    bob.presence("subscribe", to=ajid)
    bob.expect_push(ajid, subscription="from", ask="subscribe")
    alice.expect("presence", type="subscribe", frm=bjid)
    alice.presence("subscribed", to=bjid)
    alice.expect_push(bjid, subscription="both", ask=None)
    bob.expect("presence", type="subscribed", frm=ajid)
    bob.expect_push(ajid, subscription="both", ask=None)
    bob.expect("presence", type=None, frm=alice.jid)

    # Presence goes both ways now.
    alice.presence(inner="<show>away</show>")
    bob.expect("presence", frm=alice.jid, where=lambda p: child(p, "show") is not None)
    bob.presence(inner="<show>dnd</show>")
    alice.expect("presence", frm=bob.jid, where=lambda p: child(p, "show") is not None)

    # alice removes bob: all subscriptions end (RFC 6121, 2.5.2).
    alice.roster_set(bjid, subscription="remove")
    alice.expect_push(bjid, subscription="remove")
    bob.expect("presence", type="unsubscribe", frm=ajid)
    bob.expect("presence", type="unsubscribed", frm=ajid)
    bob.expect_push(ajid, subscription="none", ask=None)
    bob.expect("presence", type="unavailable", frm=alice.jid)
    alice.expect("presence", type="unavailable", frm=bob.jid)
    assert bjid not in alice.roster()
    assert bob.roster()[ajid].get("subscription") == "none"
    alice.presence(inner="<show>xa</show>")
    alice.fence(bob)
    bob.nothing("presence", type=None)


def test_a_request_waits_for_a_contact_who_is_offline(server):
    alice, account = server.user("alice"), server.account("bob")
    alice.roster()
    alice.presence("subscribe", to=account.jid, inner="<status>please</status>")
    alice.expect_push(account.jid, ask="subscribe")
    for _ in range(2):  # until it is answered, at every login
        bob = server.login(account, roster=True, presence=0)
        request = bob.expect("presence", type="subscribe", frm=alice.account.jid)
        assert child(request, "status").text == "please"
        if _ == 0:
            bob.close()
    bob.presence("unsubscribed", to=alice.account.jid)
    alice.expect("presence", type="unsubscribed", frm=account.jid)
    alice.expect_push(account.jid, subscription="none", ask=None)
    bob.close()
    bob = server.login(account, presence=0)
    alice.fence(bob)
    bob.nothing("presence", type="subscribe")


def test_an_approval_reaches_who_was_offline_as_a_roster_state(server):
    alice, bob = server.user("alice"), server.user("bob")
    alice.presence("subscribe", to=bob.account.jid)
    bob.expect("presence", type="subscribe")
    alice.close()
    bob.roster()
    bob.presence("subscribed", to=alice.account.jid)
    bob.expect_push(alice.account.jid, subscription="from")
    alice = server.login(alice.account, roster=False)
    item = alice.roster()[bob.account.jid]
    assert item.get("subscription") == "to" and item.get("ask") is None
    alice.presence()
    alice.expect("presence", type=None, frm=bob.jid)


def test_roster_versions_bring_only_what_changed(server):
    account = server.account("alice")
    alice = server.login(account)
    assert alice.feature("ver", ns.ROSTERVER) is not None
    alice.roster("")
    first = alice.roster_ver
    assert first is not None
    alice.roster_set("one@example.net", name="One")
    push = alice.expect("iq", type="set", has=f"{{{ns.ROSTER}}}query")
    second = child(push, "query", ns.ROSTER).get("ver")
    assert second and second != first
    alice.roster_set("two@example.net", name="Two", groups=["G"])
    third = child(alice.expect("iq", type="set"), "query", ns.ROSTER).get("ver")
    alice.close()

    again = server.login(account)
    items = again.roster(second)
    if items:  # the whole roster in the result
        assert set(items) == {"one@example.net", "two@example.net"}
    else:  # an empty result and pushes of what changed since (RFC 6121, 2.6.3)
        push = again.expect("iq", type="set")
        query = child(push, "query", ns.ROSTER)
        assert query[0].get("jid") == "two@example.net" and query.get("ver") == third

    # Nothing has changed since: an empty result and no push.
    current = server.login(account)
    answer = current.iq("get", f"<query xmlns='{ns.ROSTER}' ver='{third}'/>")
    assert answer.get("type") == "result" and len(answer) == 0, dump(answer)
    current.sync()
    current.nothing("iq", type="set")


def test_a_version_from_nowhere_brings_the_whole_roster(server):
    account = server.account("alice")
    alice = server.login(account)
    alice.roster("")
    alice.roster_set("one@example.net")
    alice.roster_set("two@example.net")
    alice.roster_set("two@example.net", subscription="remove")
    other = server.login(account)
    assert set(other.roster("made-up")) == {"one@example.net"}
    other.nothing("iq", type="set")


def test_a_removed_contact_is_pushed_to_an_old_version(server):
    account = server.account("alice")
    alice = server.login(account)
    alice.roster("")
    alice.roster_set("one@example.net")
    known = child(alice.expect("iq", type="set"), "query", ns.ROSTER).get("ver")
    alice.roster_set("one@example.net", subscription="remove")
    other = server.login(account)
    answer = other.iq("get", f"<query xmlns='{ns.ROSTER}' ver='{known}'/>")
    query = child(answer, "query", ns.ROSTER)
    if query is not None:
        assert len(query) == 0
    else:
        other.expect_push("one@example.net", subscription="remove")


def test_every_interested_resource_gets_the_push(server):
    account = server.account("alice")
    first, second = (server.login(account, r, roster=True) for r in ("a", "b"))
    stranger = server.login(account, "c")
    ident = first.next_id()
    item = "<item jid='bob@example.net' name='Bob'><group>Friends</group></item>"
    first.send(f"<iq type='set' id='{ident}'><query xmlns='{ns.ROSTER}'>{item}</query></iq>")
    first.expect("iq", id=ident, type="result")
    for client in (first, second):
        push = client.expect("iq", type="set")
        assert push.get("to") in (None, client.jid)
        assert push.get("from") in (None, account.jid) and push.get("id")
        assert groups(child(push, "query", ns.ROSTER)[0]) == ["Friends"]
    first.fence(stranger)
    stranger.nothing("iq")


def test_the_roster_outlives_every_session(server):
    account = server.account("alice")
    alice = server.login(account, roster=True)
    for index in range(50):
        alice.roster_set(f"friend{index}@example.net", name=f"Friend <{index}> & Co",
                         groups=[f"g{index % 3}"])
    alice.close()
    items = server.login(account).roster()
    assert len(items) == 50
    assert items["friend7@example.net"].get("name") == "Friend <7> & Co"
    assert groups(items["friend7@example.net"]) == ["g1"]
