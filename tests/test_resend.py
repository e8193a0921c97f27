"""Idempotent send: what a client sends again because its session was lost is acknowledged, and
neither archived nor delivered a second time; what only looks like it is delivered. Rows C06, S26,
D18. The rules one by one are in src/node/resend_match_test.c."""

import json
import shutil
import signal

import pytest

from harness.faults import Faults
from harness.managed import Device, failed_with

pytestmark = [pytest.mark.burbled_only, pytest.mark.shards(1, 3)]


def start_again(server, how=signal.SIGKILL):
    server.process.send_signal(how)
    server.process.wait()
    server.drop_clients()
    server.start()


def device(server, user, **options):
    return Device(server, server.account(user), **options)


def texts(count):
    return [f"text-{i}" for i in range(count)]


def bodies_in_archive(server, account):
    """By a session without stream management."""
    client = server.login(account, presence=None)
    client.send("<iq type='set' id='mam'><query xmlns='urn:xmpp:mam:2'/></iq>")
    client.expect("iq", id="mam")
    found = [e.findtext(".//{jabber:client}body") for e in client.take("message")]
    client.close()
    return [text for text in found if text is not None]


def events(server, ident):
    return [row["event"] for row in json.loads(server.ctl("trace", ident, "--json").stdout)]


def test_C06_what_was_lost_with_its_session_is_sent_again(server):
    alice, bob = device(server, "alice"), device(server, "bob")
    alice.write(bob.jid, *texts(20))
    bob.read(*texts(20))
    alice.client.abandon()
    again = Device(server, alice.account)  # in the old one's place
    again.write(bob.jid, *texts(20))
    again.write(bob.jid, "new")
    again.settled()
    bob.read("new")
    assert events(server, "text-7").count("stored") == 1
    assert events(server, "text-7").count("repeated") == 1
    assert bodies_in_archive(server, bob.account) == texts(20) + ["new"]
    assert bodies_in_archive(server, alice.account) == texts(20) + ["new"]


def test_C06_a_bot_says_the_same_at_every_login(server):
    bob, account = device(server, "bob"), server.account("bot")
    for _ in range(5):
        bot = Device(server, account, resource="bot")
        bot.say(f"<message to='{bob.jid}' type='chat' id='same'><body>up</body></message>")
        bot.say(f"<message to='{bob.jid}' type='chat' id='same'><body>up</body></message>")
        bot.settled()
        bot.client.close()
        while len(bob.got) < 2:
            bob.client.expect("message")
        assert bob.got == ["up", "up"]
        bob.got.clear()


def D05_after_a_kill_and_a_login_that_does_not_resume(server):
    alice, bob = device(server, "alice"), device(server, "bob")
    alice.write(bob.account.jid, *texts(30))
    bob.read(*texts(30))
    start_again(server)
    again = Device(server, alice.account)
    again.write(bob.account.jid, *texts(31))
    again.settled()
    assert bob.resume() is not None
    bob.read("text-30")
    assert bodies_in_archive(server, bob.account) == texts(31)


def D18_after_a_power_cut(start_server):
    """No file says what the sessions were: the store knows all that is needed."""
    server = start_server(shards=3)
    alice, bob = device(server, "alice"), device(server, "bob")
    alice.write(bob.account.jid, *texts(30))
    bob.read(*texts(30))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.drop_clients()
    shutil.rmtree(server.data / "sessions")
    server.start()
    assert failed_with(alice.resume()) == "item-not-found"
    again = Device(server, alice.account, resource="other")
    again.write(bob.account.jid, *texts(31))
    again.settled()
    assert bodies_in_archive(server, bob.account) == texts(31)


def test_C06_it_is_forgotten_after_a_day(start_server):
    faults = Faults()
    server = start_server(shards=1, env=faults.env)
    alice, bob = device(server, "alice"), server.account("bob")
    alice.write(bob.jid, "0", "1")
    alice.settled()
    for text, hours in (("0", 23), ("1", 2)):
        mark = server.mark()
        alice.client.abandon()
        server.saw("sm.hibernate", mark)
        faults.wall_ms += hours * 3600 * 1000
        faults.mono_ms += hours * 3600 * 1000
        alice = Device(server, alice.account)
        alice.write(bob.jid, text)
        alice.settled()
    assert bodies_in_archive(server, bob) == ["0", "1", "1"]
