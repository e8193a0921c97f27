"""Service discovery, capabilities, eventing, vCards, avatars, bookmarks, and the small questions:
`burble disco`, `burble ping` and tests/drivers/pep.c, on every server that has them."""

import hashlib
import pathlib
import re

import pytest

from harness.people import befriend
from harness.server import program_path, wait_until
from harness.xmpp import bare, child, condition

pytestmark = pytest.mark.servers()

INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"
EVENT, BOOKMARKS = "http://jabber.org/protocol/pubsub#event", "urn:xmpp:bookmarks:1"
METADATA = "urn:xmpp:avatar:metadata"
EVERYTHING = pytest.mark.servers("prosody", "ejabberd")


@pytest.fixture
def me(server, home):
    account = server.account("me")
    home.account(account.jid, account.password, server)
    return account


@pytest.fixture
def driver(server, home):
    """driver(account): tests/drivers/pep.c, online, with its roster and bookmarks; a Process."""
    path = pathlib.Path(program_path("burbled")).parent.parent / "tests/drivers/driver_pep"
    if not path.exists():
        pytest.skip("the build has no drivers")

    def start(account, settled=True):
        process = home.spawn(str(path), account.jid, server.ip, server.ports["tls"],
                             server.ca_file, "raw")
        process.write(account.password)
        process.jid = process.expect(r"^online (\S+)$")[1]
        if settled:
            process.expect(r"^bookmarks ok ")
        return process

    return start


def ask(process, command, pattern):
    process.write(command)
    return process.expect(pattern)


def tell(server, process, command, done, other, event):
    """Has something published that the other one hears of. ejabberd first asks the other one what it
    wants to hear of, tells it nothing that is published until it has understood the answer, and
    gives no sign when it has; so there it is said again."""
    for left in reversed(range(30 if server.kind == "ejabberd" else 1)):
        ask(process, command, done)
        try:
            return other.expect(event, **({"timeout": 0.5} if left else {}))
        except AssertionError:
            if not left:
                raise
    return None


def saw(process, pattern):
    """It has said that, or says it now: what comes by itself comes in any order."""
    wait_until(lambda: any(re.search(pattern, line) for line in list(process.out)),
               what=f"{pattern} of {process.out}")


def friends(server, account, name="friend"):
    """The account of somebody who sees account's presence, and whose it sees."""
    other = server.account(name)
    with server.login(account, presence=0) as ours, server.login(other, presence=0) as theirs:
        befriend(ours, theirs)
    return other


# ----------------------------------------------------------------------------------- the commands

def test_disco_shows_what_the_server_is(server, home, me):
    done = home.run("burble", "disco", code=0)
    assert any(line.startswith("identity  server/im") for line in done.lines)
    assert f"feature   {INFO}" in done.lines
    [row] = home.run("burble", "disco", server.domain, "--json", code=0).json
    assert (row["kind"], row["jid"], row["node"]) == ("info", server.domain, None)
    assert INFO in row["features"]
    assert ("server", "im") in [(i["category"], i["type"]) for i in row["identities"]]


def test_disco_refuses_what_is_not_there(server, home, me):
    done = home.run("burble", "disco", server.domain, "--node", "no such node", code=1)
    assert "item-not-found" in done.err and done.out == ""
    assert home.run("burble", "disco", "@@@", code=2).out == ""
    home.run("burble", "disco", server.domain, "--find", "conference", code=2)


@EVERYTHING
def test_disco_lists_and_finds_services(server, home, me):
    rows = home.run("burble", "disco", "--items", "--json", code=0).json
    assert server.muc_domain in {row["jid"] for row in rows}
    assert server.muc_domain in home.run("burble", "disco", "-i", code=0).out
    for wanted in ("conference", "http://jabber.org/protocol/muc"):
        [row] = home.run("burble", "disco", "--find", wanted, "--json", code=0).json
        assert row["jid"] == server.muc_domain
    done = home.run("burble", "disco", "--find", "urn:no:such:thing", code=1)
    assert "item-not-found" in done.err


def test_ping(server, home, me):
    done = home.run("burble", "ping", "--count", "2", code=0)
    assert len([x for x in done.lines if x.startswith(f"{server.domain} answers in ")]) == 2
    assert done.lines[-1].startswith("2 of 2 answered; ")
    rows = home.run("burble", "ping", me.jid, "-c", "1", "--json", code=0).json
    assert [row["kind"] for row in rows] == ["answer", "summary"]
    assert rows[0]["from"] == me.jid and rows[0]["ms"] > 0
    assert (rows[1]["sent"], rows[1]["answered"]) == (1, 1)
    rows = home.run("burble", "ping", f"{me.jid}/nobody", "-c", "1", "--json", code=1).json
    assert (rows[0]["kind"], rows[0]["condition"]) == ("none", "service-unavailable")
    assert rows[1]["answered"] == 0
    assert home.run("burble", "ping", "@@@", code=2).out == ""


# ------------------------------------------------------------------------- who is told that we are

def test_V69_contacts_are_answered_and_strangers_are_not(server, driver, me):
    friend = friends(server, me)
    process = driver(me)
    questions = (f"<query xmlns='{INFO}'/>", f"<query xmlns='{ITEMS}'/>",
                 "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='jabber:iq:version'/>",
                 "<time xmlns='urn:xmpp:time'/>", "<query xmlns='jabber:iq:last'/>")
    with server.login(friend, presence=0) as known, server.user("stranger") as stranger:
        for question in questions:
            assert known.iq("get", question, to=process.jid).get("type") == "result"
            assert condition(stranger.iq("get", question, to=process.jid)) == "service-unavailable"
        nobody = stranger.iq("get", questions[0], to=f"{me.jid}/nobody")
        assert condition(nobody) == "service-unavailable"
        version = known.get("<query xmlns='jabber:iq:version'/>", to=process.jid)
        assert child(version, "name").text == "Tester"
        # V68: nothing is done for anybody.
        for who in (known, stranger):
            command = "<command xmlns='http://jabber.org/protocol/commands' node='x'/>"
            refused = who.iq("set", command, to=process.jid)
            assert condition(refused) == "service-unavailable"


def test_capabilities_are_known_by_their_hash(server, driver, me):
    friend = friends(server, me)
    one = driver(me)
    other = driver(friend)
    for process, jid in ((one, other.jid), (other, one.jid)):
        saw(process, f"^caps {jid}$")
        assert ask(process, f"supports {jid} urn:xmpp:ping", r"^supports (\S+)$")[1] == "1"
        assert ask(process, f"supports {jid} urn:none", r"^supports (\S+)$")[1] == "0"


def test_V69_a_stranger_with_capabilities_is_not_asked(server, driver, me):
    process = driver(me)
    with server.user("stranger") as stranger:
        caps = ("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://x.org'"
                " ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>")
        stranger.presence(to=process.jid, inner=caps)
        stranger.message(process.jid, "hello")
        ask(process, f"time {server.domain}", "^time ok")
        stranger.nothing("iq")
        stranger.nothing("presence", frm=process.jid)


def test_the_small_questions(server, driver, me):
    process = driver(me)
    assert ask(process, f"version {server.domain}", r"^version (\S+) (\S+)")[1] == "ok"
    assert int(ask(process, f"time {server.domain}", r"^time ok (\d+)$")[1]) > 1600000000000
    ask(process, f"last {server.domain}", "^last ok$")


# --------------------------------------------------------------------------------------- eventing

@EVERYTHING
def test_items_go_to_those_who_may_see_them(server, driver, me):
    friend = friends(server, me)
    one, other = driver(me), driver(friend)
    other.write("watch urn:test:note")
    tell(server, one, "publish urn:test:note 1 <note xmlns='urn:test'>first</note>",
         "^done publish ok 1$", other, f"^event 0 {me.jid} other urn:test:note 1 first$")
    ask(one, "items urn:test:note", "^item 1 first$")
    one.expect("^items ok 1$")
    ask(other, f"items urn:test:note {me.jid}", "^items ok 1$")
    ask(one, "retract urn:test:note 1", "^done retract ok$")
    if server.kind != "ejabberd":  # it tells nobody of items that go
        other.expect(f"^event 1 {me.jid} other urn:test:note 1 ")
    if server.kind != "prosody":  # it does not say
        ask(one, "affiliations", "^own affiliations ok 0 1$")
    ask(one, "delete urn:test:note", "^done delete ok$")
    ask(one, "items urn:test:note", "^items item-not-found 0$")


@EVERYTHING
def test_V67_private_items_stay_private(server, driver, me):
    friend = friends(server, me)
    one, other = driver(me), driver(friend)
    ask(one, "private urn:test:own 1 <note xmlns='urn:test'>mine</note>", "^done private ok 1$")
    assert ask(one, "config urn:test:own", r"^config ok (\S+)$")[1] == "whitelist"
    assert ask(other, f"items urn:test:own {me.jid}", r"^items (\S+) 0$")[1] != "ok"
    # A node that is there and open does not take them, unless it is made private first.
    ask(one, "publish urn:test:open 1 <note xmlns='urn:test'>all</note>", "^done publish ok 1$")
    ask(one, "private urn:test:open 2 <note xmlns='urn:test'>mine</note>",
        "^done private conflict ")
    ask(one, "make-private urn:test:open 2 <note xmlns='urn:test'>mine</note>",
        "^done make-private ok 2$")
    assert ask(one, "config urn:test:open", r"^config ok (\S+)$")[1] == "whitelist"


# ------------------------------------------------------------------------------- cards and pictures

def test_vcards(server, driver, me):
    process = driver(me)
    ask(process, "vcard-set Nick Name", "^done vcard-set ok$")
    ask(process, f"vcard {me.jid}", "^vcard ok Nick Name$")
    process.write("vcard-set Other")
    process.expect("^done vcard-set ok$")
    ask(process, f"vcard {me.jid}", "^vcard ok Other -$")


@EVERYTHING
def test_vcard4(server, driver, me):
    process = driver(me)
    ask(process, f"vcard4 {me.jid}", "^vcard item-not-found")
    ask(process, "vcard4-set Nick Name", "^done vcard4-set ok$")
    ask(process, f"vcard4 {me.jid}", "^vcard ok Nick Name$")


@EVERYTHING
def test_avatars_are_announced_fetched_and_removed(server, driver, me):
    friend = friends(server, me)
    one, other = driver(me), driver(friend)
    saw(other, f"^caps {one.jid}$")
    name = hashlib.sha1(b"picture").hexdigest()
    tell(server, one, "avatar-set picture", f"^done avatar-set ok {name}$",
         other, f"^avatar {me.jid} {name} 7 image/png$")
    ask(other, f"picture {me.jid} {name}", "^picture ok picture$")
    missing = hashlib.sha1(b"another").hexdigest()
    assert ask(other, f"picture {me.jid} {missing}", r"^picture (\S+)")[1] == "item-not-found"
    ask(one, "avatar-remove", "^done avatar-remove ok")
    other.expect(f"^avatar {me.jid} - 0 -$")


# -------------------------------------------------------------------------------------- bookmarks

def test_bookmarks_are_there_in_the_next_session(server, driver, me):
    process = driver(me)
    ask(process, "bookmark One@rooms.example.org Name me", "^done bookmark ok$")
    ask(process, "bookmark two@rooms.example.org", "^done bookmark ok$")
    ask(process, "unbookmark two@rooms.example.org", "^unbookmark two@rooms.example.org$")
    process.expect("^done unbookmark ok$")
    process.write("quit")
    process.expect("^offline")
    process = driver(me, settled=False)
    process.expect("^bookmark one@rooms.example.org Name me auto$")
    process.expect("^bookmarks ok 1$")


@EVERYTHING
def test_bookmarks_come_to_the_other_devices(server, driver, me):
    one, two = driver(me), driver(me)
    tell(server, one, "bookmark room@rooms.example.org Name me", "^done bookmark ok$",
         two, "^bookmark room@rooms.example.org Name me auto$")
    assert ask(one, f"config {BOOKMARKS}", r"^config ok (\S+)$")[1] == "whitelist"
    ask(two, "unbookmark room@rooms.example.org", "^done unbookmark ok$")
    if server.kind != "ejabberd":  # it tells nobody of items that go
        one.expect("^unbookmark room@rooms.example.org$")


def test_V65_others_do_not_change_bookmarks(server, driver, me):
    friend = friends(server, me)
    process = driver(me)
    ask(process, "bookmark room@rooms.example.org", "^done bookmark ok$")
    forged = (f"<event xmlns='{EVENT}'><items node='{BOOKMARKS}'>"
              f"<item id='evil@rooms.example.org'><conference xmlns='{BOOKMARKS}' autojoin='1'/>"
              "</item><retract id='room@rooms.example.org'/></items></event>")
    with server.login(friend, presence=0) as liar, server.login(me, "forger", presence=0) as self:
        for who in (liar, self):
            who.message(process.jid, kind="headline", extra=forged)
            process.expect(f"^bad {bare(who.jid)}/.*: an event")
    process.write("quit")
    done = process.wait(code=0)
    assert "evil" not in done.out and "unbookmark" not in done.out
