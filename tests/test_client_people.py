"""Contacts by libburble, `burble roster` and `burble send`, on every server (S3, S13, S14)."""

import pytest

from harness.people import befriend
from harness.xmpp import bare, child, condition

pytestmark = pytest.mark.servers()

ROSTER, PING = "jabber:iq:roster", "urn:xmpp:ping"


@pytest.fixture
def me(server, home):
    """An account of ours, which burble uses."""
    account = server.account("me")
    home.account(account.jid, account.password, server)
    return account


def contacts(home, *options):
    done = home.run("burble", "roster", "--json", *options, code=0)
    return {row["jid"]: row for row in done.json if row["kind"] == "contact"}


def watching(home, friend, *options):
    """burble roster --watch, when friend has seen it come; the process and its full address."""
    process = home.spawn("burble", "roster", "--watch", "--json", *options)
    seen = friend.expect("presence", type=None, where=lambda p: p.get("from") != friend.jid)
    process.expect_json(kind="contact", jid=bare(friend.jid))
    return process, seen.get("from")


def friends(server, account, name="bob"):
    """Somebody who and whom account sees."""
    friend = server.user(name, roster=True)
    with_us = server.login(account, presence=0)
    befriend(with_us, friend)
    with_us.close()
    friend.expect("presence", type="unavailable")
    return friend


def test_S3_contacts_are_added_changed_and_removed(server, home, me):
    domain = server.domain
    assert contacts(home) == {}
    home.run("burble", "roster", "add", f"Bob@{domain}", "--name", "Bob <b>", "--group", "Work",
             "--group", "A & B", code=0)
    home.run("burble", "roster", "add", f"amy@{domain}", f"eve@{domain}", code=0)
    found = contacts(home)
    assert sorted(found) == [f"amy@{domain}", f"bob@{domain}", f"eve@{domain}"]
    bob = found[f"bob@{domain}"]
    assert (bob["name"], sorted(bob["groups"])) == ("Bob <b>", ["A & B", "Work"])
    assert (bob["subscription"], bob["ask"]) == ("none", False)
    home.run("burble", "roster", "add", f"bob@{domain}", "--name", "Robert", code=0)
    home.run("burble", "roster", "remove", f"eve@{domain}", code=0)
    found = contacts(home)
    assert sorted(found) == [f"amy@{domain}", f"bob@{domain}"]
    assert (found[f"bob@{domain}"]["name"], found[f"bob@{domain}"]["groups"]) == ("Robert", [])
    assert f"bob@{domain}  none   Robert\n" in home.run("burble", "roster", code=0).out
    gone = home.run("burble", "roster", "remove", f"nobody@{domain}")
    assert gone.code == (0 if server.kind == "ejabberd" else 1), gone.err


def test_S3_subscriptions_both_ways(server, home, me):
    bob = server.user("bob", roster=True)
    address = bare(bob.jid)
    home.run("burble", "roster", "subscribe", address, "--message", "it is me", code=0)
    asked = bob.expect("presence", type="subscribe", frm=me.jid)
    assert child(asked, "status") is None or child(asked, "status").text == "it is me"
    assert contacts(home)[address]["ask"] is True
    bob.presence("subscribed", to=me.jid)
    bob.presence("subscribe", to=me.jid)
    bob.sync()
    with home.spawn("burble", "roster", "--watch", "--json") as process:
        if server.kind != "ejabberd":  # which tells nobody with a priority below 0
            process.expect_json(kind="request", jid=address)
        home.run("burble", "roster", "approve", address, code=0)
        process.stop(code=6)
    bob.expect("presence", type="subscribed", frm=me.jid)
    assert contacts(home)[address]["subscription"] == "both"
    home.run("burble", "roster", "deny", address, code=0)
    bob.expect("presence", type="unsubscribed", frm=me.jid)
    assert contacts(home)[address]["subscription"] == "to"
    home.run("burble", "roster", "unsubscribe", address, code=0)
    bob.expect("presence", type="unsubscribe", frm=me.jid)
    assert contacts(home)[address]["subscription"] == "none"


@pytest.mark.servers("burbled")
def test_S3_approval_before_it_is_asked_for(server, home, me):
    """ejabberd has none, and Debian's Prosody announces it and forgets it."""
    bob = server.user("bob", roster=True)
    home.run("burble", "roster", "approve", bare(bob.jid), code=0)
    assert contacts(home)[bare(bob.jid)]["approved"] is True
    bob.presence("subscribe", to=me.jid)
    bob.expect("presence", type="subscribed", frm=me.jid)


def test_the_roster_is_not_said_again_when_nothing_changed(server, home, me):
    home.run("burble", "roster", "add", f"bob@{server.domain}", "--name", "Unmistakable", code=0)
    first = home.run("burble", "roster", "--debug", code=0)
    again = home.run("burble", "roster", "--debug", code=0)
    assert again.out == first.out and "Unmistakable" in again.out
    assert "ver=''" in home.run("burble", "roster", "--debug", code=0,
                                env={"XDG_STATE_HOME": str(home.dir / "elsewhere")}).err
    assert "ver='" in again.err and "Unmistakable" not in again.err
    # What changed meanwhile comes.
    other = server.login(me)
    other.roster()
    other.roster_set(f"bob@{server.domain}", name="Other")
    assert contacts(home)[f"bob@{server.domain}"]["name"] == "Other"


def test_a_damaged_cache_is_no_loss(server, home, me):
    home.run("burble", "roster", "add", f"bob@{server.domain}", code=0)
    first = contacts(home)
    caches = [path for path in (home.dir / ".local/state").rglob("*contacts*")
              if path.is_file() and b"<roster" in path.read_bytes()]
    assert len(caches) == 1
    caches[0].write_bytes(caches[0].read_bytes()[:-20])
    assert contacts(home) == first
    assert b"</roster>" in caches[0].read_bytes()


def test_S13_watch_tells_who_comes_and_goes(server, home, me):
    bob = friends(server, me)
    process, _ = watching(home, bob)
    bob.presence(inner="<show>away</show><status>tea?</status>")
    shown = process.expect_json(kind="presence", state="online")
    while shown["resources"][0]["show"] != "away":
        shown = process.expect_json(kind="presence", state="online")
    assert shown["jid"] == bare(bob.jid)
    assert shown["resources"][0]["status"] == "tea?"
    phone = server.login(bob.account, resource="phone", presence=5)
    shown = process.expect_json(kind="presence", state="online", resource="phone")
    assert [r["resource"] for r in shown["resources"]] == ["phone", "one"]
    phone.close()
    shown = process.expect_json(kind="presence", state="online", resource="phone")
    assert [r["available"] for r in shown["resources"]] == [True, False]
    bob.close()
    process.expect_json(kind="presence", state="offline", resource="one")
    process.stop(code=6)
    assert contacts(home, "--probe")[bare(bob.jid)]["state"] == "offline"


def test_S13_who_hides_is_found_by_a_probe(server, home, me):
    bob = friends(server, me)
    process, address = watching(home, bob)
    bob.presence("unavailable", to=address)
    process.expect_json(kind="presence", state="offline", resource="one")
    ping = bob.expect("iq", type="get", frm=address,
                      where=lambda iq: child(iq, "ping", PING) is not None)
    bob.send(f"<iq type='result' id='{ping.get('id')}' to='{address}'/>")
    shown = process.expect_json(kind="presence", state="hidden")
    assert shown["resources"][0]["hidden"] is True
    bob.presence("unavailable", to=address)  # says it again, or goes
    process.expect_json(kind="presence", state="offline")
    bob.presence(to=address)
    process.expect_json(kind="presence", state="online")
    process.stop(code=6)


def test_S13_who_hides_and_speaks_shows_it(server, home, me):
    bob = friends(server, me)
    process, address = watching(home, bob)
    bob.presence("unavailable", to=address)
    process.expect_json(kind="presence", state="offline", resource="one")
    bob.message(address, "I am not here")
    shown = process.expect_json(kind="presence", state="hidden")
    assert shown["resource"] == "one"
    process.stop(code=6)


def test_V57_nobody_else_changes_the_roster(server, home, me):
    bob = friends(server, me)
    process, address = watching(home, bob)
    other = server.login(me, resource="other")
    for who in (bob, other):
        answer = who.iq("set", f"<query xmlns='{ROSTER}'><item jid='mallory@evil.example' "
                        "subscription='both'/></query>", to=address)
        assert condition(answer) == "service-unavailable"
    home.run("burble", "roster", "add", f"last@{server.domain}", code=0)
    changed = process.expect_json(kind="changed")
    assert changed["jid"] == f"last@{server.domain}"
    process.stop(code=6)
    assert "mallory@evil.example" not in contacts(home)


def test_S14_to_one_kind_of_device(server, home, me):
    bob = friends(server, me)
    phone = server.login(bob.account, resource="Android-7 x", presence=0)
    eve = friends(server, me, "eve")
    tablet = server.login(eve.account, resource="Android.tab", presence=0)
    home.run("burble", "send", "--resource", "Android*", "Hello", code=0)
    phone.expect_message("Hello", to=phone.jid)
    tablet.expect_message("Hello", to=tablet.jid)
    home.run("burble", "send", "--resource", "Android*", bare(eve.jid), "-", stdin="again", code=0)
    tablet.expect_message("again", to=tablet.jid)
    for other in (bob, eve, phone):
        other.sync()
        other.nothing("message", to=other.jid)
    done = home.run("burble", "send", "--resource", "Symbian*", "Hello", code=1)
    assert "no connected device" in done.err
