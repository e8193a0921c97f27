"""Messages for somebody who is not there: XEP-0160, XEP-0203, XEP-0334; RFC 6121, 8.5.2.2."""

import datetime
import re

import pytest

from harness import ns
from harness.xmpp import body, child, condition, dump

pytestmark = pytest.mark.shards(1, 3)

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def settled(sender, jid):
    """Everything sent to this account before has been stored or refused."""
    sender.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=jid)


def test_a_message_waits_with_the_time_it_was_sent(server):
    alice, bob = server.user("alice"), server.account("bob")
    before = datetime.datetime.now(datetime.timezone.utc)
    ident = alice.message(bob.jid, "call me", extra="<thread>t</thread><x xmlns='urn:example:x'>"
                          "<y a='1'>deep</y></x>")
    settled(alice, bob.jid)
    client = server.login(bob, presence=0)
    message = client.expect_message("call me")
    assert message.get("from") == alice.jid and message.get("to") == bob.jid
    assert message.get("id") == ident and message.get("type") == "chat"
    assert child(message, "thread").text == "t"
    assert message.find("{urn:example:x}x/{urn:example:x}y").get("a") == "1"
    delays = message.findall(f"{{{ns.DELAY}}}delay")
    assert len(delays) == 1, dump(message)
    assert delays[0].get("from") == server.host
    assert STAMP.match(delays[0].get("stamp"))
    stamp = datetime.datetime.fromisoformat(delays[0].get("stamp").replace("Z", "+00:00"))
    slack = datetime.timedelta(seconds=2)
    assert before - slack <= stamp <= datetime.datetime.now(datetime.timezone.utc) + slack


def test_messages_come_in_order_and_once(server):
    alice, carol, bob = server.user("alice"), server.user("carol"), server.account("bob")
    for index in range(40):
        alice.message(bob.jid, f"a{index}", kind="chat" if index % 2 else None)
    settled(alice, bob.jid)
    carol.message(bob.jid, "c")
    settled(carol, bob.jid)
    client = server.login(bob, presence=0)
    client.expect_message("c")
    texts = [body(m) for m in client.take("message")]
    assert texts == [f"a{index}" for index in range(40)]
    client.close()
    again = server.login(bob, presence=0)
    alice.message(bob.jid, "fresh")
    fresh = again.expect_message("fresh")
    assert child(fresh, "delay", ns.DELAY) is None
    again.nothing("message")


def test_live_messages_come_behind_stored_ones(server):
    alice, bob = server.user("alice"), server.account("bob")
    for index in range(30):
        alice.message(bob.jid, f"old{index}")
    settled(alice, bob.jid)
    client = server.login(bob, presence=0)
    alice.message(bob.jid, "new")
    client.expect_message("new")
    texts = [body(m) for m in client.take("message")]
    assert texts == [f"old{index}" for index in range(30)]


def test_a_negative_priority_does_not_get_them(server):
    alice, bob = server.user("alice"), server.account("bob")
    alice.message(bob.jid, "stored")
    settled(alice, bob.jid)
    client = server.login(bob, presence=-1)
    alice.round_trip(client)
    client.sync()
    client.nothing("message")
    client.presence(inner="<priority>0</priority>")
    client.expect_message("stored")


def test_a_session_without_presence_does_not_get_them(server):
    alice, bob = server.user("alice"), server.account("bob")
    bound = server.login(bob, "bound")
    alice.message(bob.jid, "stored")
    settled(alice, bob.jid)
    alice.fence(bound)
    bound.nothing("message")
    bound.presence()
    bound.expect_message("stored")


def test_only_the_first_resource_gets_them(server):
    alice, bob = server.user("alice"), server.account("bob")
    alice.message(bob.jid, "stored")
    settled(alice, bob.jid)
    first = server.login(bob, "first", presence=0)
    first.expect_message("stored")
    second = server.login(bob, "second", presence=5)
    alice.round_trip(second)
    second.nothing("message")


def test_what_is_not_worth_keeping_is_not_kept(server):
    alice, bob = server.user("alice"), server.account("bob")
    hint = f"<{{}} xmlns='{ns.HINTS}'/>"
    state = f"<composing xmlns='{ns.CHATSTATES}'/>"
    alice.message(bob.jid, "news", kind="headline")
    alice.message(bob.jid, None, extra=state)
    alice.message(bob.jid, "volatile", extra=hint.format("no-store"))
    alice.message(bob.jid, "kept until read", extra=hint.format("no-permanent-store"))
    alice.message(bob.jid, None, extra=hint.format("store") + "<x xmlns='urn:example:keep'/>")
    alice.message(bob.jid, "last")
    settled(alice, bob.jid)
    client = server.login(bob, presence=0)
    client.expect_message("last")
    kept = client.take("message")
    assert [body(m) for m in kept] == ["kept until read", None], [dump(m) for m in kept]
    assert child(kept[1], "x", "urn:example:keep") is not None


def test_chat_states_alone_reach_who_is_there(server):
    alice, bob = server.user("alice"), server.user("bob")
    alice.message(bob.account.jid, None, extra=f"<composing xmlns='{ns.CHATSTATES}'/>")
    bob.expect("message", has=f"{{{ns.CHATSTATES}}}composing")


def test_a_refused_message_is_not_kept(server):
    alice, bob = server.user("alice"), server.account("bob")
    ident = alice.message(bob.jid, "to a room?", kind="groupchat")
    assert condition(alice.expect("message", id=ident, type="error")) == "service-unavailable"
    alice.message(bob.jid, "last")
    settled(alice, bob.jid)
    client = server.login(bob, presence=0)
    client.expect_message("last")
    client.nothing("message")


def test_two_devices_that_leave_leave_the_messages(server):
    """What arrives between two sessions waits, whoever was there before."""
    alice, bob = server.user("alice"), server.user("bob")
    for index in range(3):
        bob.close()
        alice.message(bob.account.jid, f"round {index}")
        settled(alice, bob.account.jid)
        account = bob.account
        bob = server.login(account, presence=0)
        bob.account = account
        bob.expect_message(f"round {index}")


@pytest.mark.burbled_only
def test_messages_survive_the_server(start_server):
    """Killed or stopped: what was settled is still there."""
    server = start_server()
    bob, sender = server.account("bob"), server.account("alice")
    for index, end in enumerate((server.kill, server.stop)):
        alice = server.login(sender, presence=0)
        alice.message(bob.jid, f"message {index}")
        settled(alice, bob.jid)
        end()
        server.drop_clients()
        server.start()
    client = server.login(bob, presence=0)
    for index in range(2):
        message = client.expect_message(f"message {index}")
        assert child(message, "delay", ns.DELAY) is not None


@pytest.mark.burbled_only
def test_a_full_mailbox_refuses(start_server):
    """L16, where nothing is archived: the sender is told; what was accepted stays."""
    server = start_server(limits={"offline_messages": 5}, host_extra={"archive": False})
    alice, bob = server.user("alice"), server.account("bob")
    idents = [alice.message(bob.jid, f"m{index}") for index in range(7)]
    for ident in idents[5:]:
        refused = alice.expect("message", id=ident, type="error")
        assert condition(refused) in ("service-unavailable", "resource-constraint")
    settled(alice, bob.jid)
    alice.nothing("message", type="error")
    client = server.login(bob, presence=0)
    client.expect_message("m4")
    assert [body(m) for m in client.take("message")] == [f"m{index}" for index in range(4)]
    # There is room again.
    client.close()
    alice.message(bob.jid, "after")
    settled(alice, bob.jid)
    server.login(bob, presence=0).expect_message("after")
