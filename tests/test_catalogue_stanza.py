"""Stanzas that are wrong, forged or too many: rows S01–S30 of the catalogue of bad inputs.

Rows of rooms, archives, uploads, publish-subscribe and stream management (S16–S26) come with
those features.
"""

import pytest

from harness import ns
from harness.people import befriend, clean
from harness.xmpp import child, condition, dump, has_app_condition

pytestmark = pytest.mark.shards(1, 3)

ERROR = f"<error type='cancel'><item-not-found xmlns='{ns.STANZA_ERROR}'/></error>"


@pytest.fixture
def alice(server):
    return server.user("alice")


@pytest.fixture
def bob(server):
    return server.user("bob")


def unseen(server, *clients):
    """Nothing came for these, up to a fence by somebody else."""
    witness = server.user("witness")
    for client in clients:
        witness.fence(client)
        client.nothing()


@pytest.mark.parametrize("stanza", [
    "<message to='{to}' from='{from_}'><body>x</body></message>",
    "<presence to='{to}' from='{from_}'/>", "<presence from='{from_}'/>",
    "<iq type='get' id='1' to='{to}' from='{from_}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='result' id='1' to='{to}' from='{from_}'/>",
])
@pytest.mark.parametrize("who", ["other", "other resource", "unknown", "server", "remote",
                                 "malformed", "empty local"])
def S01_the_from_of_somebody_else(server, alice, bob, who, stanza):
    other = server.account("other")
    forged = {
        "other": other.jid, "other resource": alice.account.jid + "/elsewhere",
        "unknown": f"nobody@{server.host}", "server": server.host, "remote": "a@b.example",
        "malformed": "a@b@c", "empty local": f"@{server.host}",
    }[who]
    mark = server.mark()
    alice.send(stanza.format(to=bob.jid, from_=forged))
    alice.expect_stream_error("invalid-from")
    server.saw("stanza.spoof", mark)
    unseen(server, bob)


def S01_ones_own_from_is_completed(server, alice, bob):
    for own in (alice.account.jid, alice.jid, alice.jid.upper().replace("/ONE", "/one")):
        ident = alice.next_id()
        alice.send(f"<message to='{bob.jid}' from='{own}' id='{ident}'><body>x</body></message>")
        assert bob.expect("message", id=ident).get("from") == alice.jid


BAD_JIDS = ["@{host}", "a b@{host}", "a@", "a@b@{host}", "a&amp;b@{host}", "{host}/", "a@{host}/",
            "x" * 1024 + "@{host}", "a@{host}/" + "x" * 1024, "a@" + "x" * 1024, "a&#x7f;@{host}",
            "a&apos;@{host}", "a@-{host}", "a@x..y", "é" * 512 + "@{host}",
            "a@{host}/&#x7f;", "&#x378;@{host}", "a@[::1", " ", ""]


@pytest.mark.parametrize("stanza", ["message", "iq", "presence"])
@pytest.mark.parametrize("jid", BAD_JIDS, ids=range(len(BAD_JIDS)))
def S02_a_to_that_cannot_be(server, alice, jid, stanza):
    to = jid.format(host=server.host)
    inner = {"message": "<body>x</body>", "iq": f"<ping xmlns='{ns.PING}'/>", "presence": ""}[stanza]
    kind = " type='get'" if stanza == "iq" else ""
    alice.send(f"<{stanza} to='{to}' id='bad'{kind}>{inner}</{stanza}>")
    answer = alice.expect(stanza, id="bad", type="error")
    assert condition(answer) == "jid-malformed", dump(answer)
    alice.sync()


def S02_the_longest_that_can_be(server, alice):
    alice.refused("get", f"<ping xmlns='{ns.PING}'/>", "service-unavailable",
                  to="x" * 1023 + "@" + server.host)


IQS = {
    "no id": "<iq type='get' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "no type": "<iq id='q' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "bad type": "<iq type='foo' id='q' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "type in capitals": "<iq type='GET' id='q' to='{host}'><ping xmlns='urn:xmpp:ping'/></iq>",
    "no child": "<iq type='get' id='q' to='{host}'/>",
    "text for a child": "<iq type='get' id='q' to='{host}'>hello</iq>",
    "two children": "<iq type='set' id='q' to='{host}'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
    "no child to a user": "<iq type='set' id='q' to='{bob}'/>",
    "bad type to a user": "<iq type='foo' id='q' to='{bob}'><a xmlns='urn:a'/></iq>",
    "two children to a user": "<iq type='get' id='q' to='{bob}'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
    "no child to the account": "<iq type='get' id='q' to='{me}'/>",
    "no type to nobody": "<iq id='q' to='nobody@{host}'/>",
}


@pytest.mark.parametrize("what", IQS)
def S03_iqs_that_are_none(server, alice, bob, what):
    befriend(alice, bob)
    alice.send(IQS[what].format(host=server.host, bob=bob.jid, me=alice.account.jid))
    answer = alice.expect("iq", type="error")
    assert condition(answer) == "bad-request", dump(answer)
    assert answer.get("id") == (None if what == "no id" else "q")
    alice.sync()
    unseen(server, bob)


@pytest.mark.parametrize("kind", ["get", "set"])
@pytest.mark.parametrize("to", ["host", "me", "none", "bob"])
def S04_an_unknown_namespace(server, alice, bob, kind, to):
    jid = {"host": server.host, "me": alice.account.jid, "none": None, "bob": bob.account.jid}[to]
    alice.refused(kind, "<x xmlns='urn:example:unknown'/>", "service-unavailable", to=jid)


@pytest.mark.parametrize("to", ["host", "me", "none", "bob", "full"])
def S05_an_answer_that_nobody_asked_for(server, alice, bob, to):
    befriend(alice, bob)
    target = {"host": server.host, "me": alice.account.jid, "none": None, "bob": bob.account.jid,
              "full": bob.account.jid + "/gone"}[to]
    target = f" to='{target}'" if target else ""
    alice.send(f"<iq type='result' id='u1'{target}><x xmlns='urn:x'/></iq>")
    alice.send(f"<iq type='error' id='u2'{target}>{ERROR}</iq>")
    alice.send(f"<iq type='result' id='u3'{target}/>")
    alice.sync()
    alice.iq("get", "<x xmlns='urn:x'/>", to=bob.account.jid)
    alice.nothing()
    unseen(server, bob)


def S06_two_programs_that_answer_errors_do_not_loop(server, alice, bob):
    """Each answers whatever comes by an error to somewhere that is not; the server ends it."""
    befriend(alice, bob)
    for stanza in ("message", "iq"):
        alice.send(f"<{stanza} type='error' id='loop' to='{bob.jid}'>{ERROR}</{stanza}>")
        bob.expect(stanza, id="loop", type="error")
        bob.send(f"<{stanza} type='error' id='loop' to='{alice.account.jid}/gone'>{ERROR}</{stanza}>")
        bob.send(f"<{stanza} type='error' id='loop' to='nobody@{server.host}'>{ERROR}</{stanza}>")
        bob.send(f"<{stanza} type='error' id='loop' to='@broken'>{ERROR}</{stanza}>")
    clean_nothing(bob, alice)


def clean_nothing(*clients):
    for client in clients:
        client.sync()
        client.nothing(where=lambda e: e.get("id") == "loop")


def S07_a_message_to_nobody(server, alice):
    for jid in (f"nobody@{server.host}", f"nobody@{server.host}/r"):
        ident = alice.message(jid, "anybody there?")
        answer = alice.expect("message", id=ident, type="error")
        assert condition(answer) == "service-unavailable"
        assert answer.get("from") == jid and answer.get("to") == alice.jid


def S08_a_message_to_nowhere(server, alice):
    """No connection is opened to other servers yet: every other domain is not found."""
    ident = alice.message("a@no-such-domain.invalid", "hello")
    answer = alice.expect("message", id=ident, type="error", timeout=10)
    assert condition(answer) == "remote-server-not-found"
    alice.refused("get", f"<ping xmlns='{ns.PING}'/>", "remote-server-not-found",
                  to="no-such-domain.invalid")
    alice.presence(to="a@no-such-domain.invalid")
    alice.send(f"<message type='error' to='a@no-such-domain.invalid' id='e'>{ERROR}</message>")
    alice.sync()
    alice.nothing("message", id="e")


def S09_a_type_that_messages_do_not_have(server, alice, bob):
    for kind in ("foo", "CHAT", "", "normal "):
        alice.send(f"<message to='{bob.account.jid}' type='{kind}' id='t'><body>x</body></message>")
        got = bob.expect("message", id="t")
        assert got.get("type") in (kind, "normal", None)


@pytest.mark.parametrize("presence", [
    "<presence type='foo' id='p'/>", "<presence type='available' id='p'/>", "<presence type='' id='p'/>",
    "<presence id='p'><priority>999</priority></presence>",
    "<presence id='p'><priority>-129</priority></presence>",
    "<presence id='p'><priority>128</priority></presence>",
    "<presence id='p'><priority>abc</priority></presence>",
    "<presence id='p'><priority>1.5</priority></presence>",
    "<presence id='p'><priority/></presence>",
    "<presence id='p'><priority>1</priority><priority>2</priority></presence>",
    "<presence id='p'><priority>99999999999999999999</priority></presence>",
    "<presence id='p'><show>away</show><show>dnd</show></presence>",
    "<presence id='p'><show>happy</show></presence>", "<presence id='p'><show/></presence>",
])
def S10_presence_that_is_none(server, alice, bob, presence):
    befriend(alice, bob)
    alice.send(presence)
    answer = alice.expect("presence", id="p", type="error")
    assert condition(answer) == "bad-request", dump(answer)
    alice.fence(bob)
    bob.nothing("presence")
    # What was in force stays in force.
    alice.presence(inner="<show>away</show>")
    bob.expect("presence", frm=alice.jid)


@pytest.mark.burbled_only
def S11_presence_to_thousands(server, alice):
    """Beyond 1,000 remembered targets the sender is told."""
    mark = server.mark()
    alice.send("".join(f"<presence to='nobody{i}@{server.host}' id='d{i}'/>" for i in range(1005)))
    for index in range(1000, 1005):
        answer = alice.expect("presence", id=f"d{index}", type="error", timeout=20)
        assert condition(answer) == "resource-constraint", dump(answer)
    alice.sync()
    alice.nothing("presence", type="error")
    server.saw("presence.limit", mark)


def item(jid="x@example.net", attributes="", inner=""):
    return f"<query xmlns='{ns.ROSTER}'><item jid='{jid}'{attributes}>{inner}</item></query>"


def S12_a_roster_of_somebody_else(server, alice, bob):
    alice.refused("set", item(), ("forbidden", "service-unavailable"), to=bob.account.jid)
    alice.refused("get", f"<query xmlns='{ns.ROSTER}'/>", ("forbidden", "service-unavailable"),
                  to=bob.account.jid)
    befriend(alice, bob)
    assert condition(alice.iq("set", item(), to=bob.account.jid)) == "forbidden"
    assert set(bob.roster()) == {alice.account.jid}


BAD_SETS = [
    (f"<query xmlns='{ns.ROSTER}'><item jid='a@x.net'/><item jid='b@x.net'/></query>", ("bad-request",)),
    (f"<query xmlns='{ns.ROSTER}'/>", ("bad-request",)),
    (item(jid=""), ("bad-request", "jid-malformed")),
    (item(jid="a@b@c"), ("bad-request", "jid-malformed")),
    (item(inner="<group>" + "g" * 2048 + "</group>"), ("not-acceptable",)),
    (item(inner="<group/>"), ("not-acceptable",)),
    (item(inner="<group>a</group><group>a</group>"), ("bad-request",)),
    (item(inner="".join(f"<group>g{i}</group>" for i in range(100))), ("not-acceptable",)),
    (item(attributes=" name='" + "n" * 2048 + "'"), ("not-acceptable",)),
    (item(jid="never-was@example.net", attributes=" subscription='remove'"), ("item-not-found",)),
    (item(jid="{me}"), ("not-allowed",)),
]


@pytest.mark.parametrize("payload, wanted", BAD_SETS, ids=range(len(BAD_SETS)))
def S12_a_roster_set_that_cannot_be(server, alice, payload, wanted):
    alice.refused("set", payload.replace("{me}", alice.account.jid), wanted)
    assert alice.roster() == {}


def S12_a_client_cannot_set_a_subscription(server, alice, bob):
    """RFC 6121, 2.1.2.5: only "remove" counts."""
    for value in ("both", "from", "to", "foo"):
        alice.set(item(jid=bob.account.jid, attributes=f" subscription='{value}' ask='subscribe'"))
    entry = alice.roster()[bob.account.jid]
    assert entry.get("subscription") == "none" and entry.get("ask") is None
    bob.presence(inner="<show>away</show>")
    bob.fence(alice)
    alice.nothing("presence", frm=bob.jid)


@pytest.mark.burbled_only
def S12_a_full_roster(start_server):
    server = start_server(limits={"roster_items": 5})
    alice = server.user("alice")
    for index in range(5):
        alice.roster_set(f"c{index}@example.net")
    alice.refused("set", item(), "resource-constraint")
    alice.roster_set("c0@example.net", name="still to be changed")
    alice.roster_set("c0@example.net", subscription="remove")
    alice.roster_set("x@example.net")


@pytest.mark.burbled_only
def S13_a_flood_of_requests(start_server):
    """L19: 30 in an hour; and one row for a pair however often it asks."""
    server = start_server(rate=True, limits={"traffic_bytes_per_second_c2s": 10_000_000})
    alice, bob = server.user("alice"), server.user("bob")
    mark = server.mark()
    for index in range(30):
        alice.presence("subscribe", to=f"nobody{index}@{server.host}")
    ident = alice.presence("subscribe", to=bob.account.jid)
    answer = alice.expect("presence", id=ident, type="error")
    assert condition(answer) == "policy-violation"
    server.saw("sub.limit", mark)
    alice.fence(bob)
    bob.nothing("presence")


def S13_a_request_again_and_again_is_one(server, alice, bob):
    account = bob.account
    bob.close()
    for index in range(10):
        alice.presence("subscribe", to=account.jid, inner=f"<status>{index}</status>")
    alice.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=account.jid)
    again = server.login(account, presence=0)
    again.expect("presence", type="subscribe", frm=alice.account.jid)
    alice.fence(again)
    again.nothing("presence", type="subscribe")


@pytest.mark.parametrize("forged", [
    f"<iq type='set' id='f' to='{{to}}'><query xmlns='{ns.ROSTER}'><item jid='evil@x'"
    " subscription='both'/></query></iq>",
    f"<iq type='result' id='f' to='{{to}}'><query xmlns='{ns.ROSTER}'/></iq>",
])
def S14_a_roster_push_by_a_user(server, alice, bob, forged):
    """V57: neither a friend's nor a stranger's reaches a client."""
    befriend(alice, bob)
    alice.send(forged.format(to=bob.jid))
    alice.send(forged.format(to=bob.account.jid))
    alice.fence(bob)
    bob.nothing("iq", type="set")


@pytest.mark.parametrize("wrapper", ["received", "sent"])
def S14_a_carbon_by_a_user(server, alice, bob, wrapper):
    """V58: what looks like a copy made by one's own server."""
    alice.message(bob.jid, None, extra=(
        f"<{wrapper} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<message xmlns='jabber:client' from='boss@x'><body>pay him</body></message></forwarded>"
        f"</{wrapper}>"))
    alice.fence(bob)
    assert not [m for m in bob.take("message") if child(m, wrapper, "urn:xmpp:carbons:2") is not None]


def S15_a_delay_by_the_own_server_is_removed(server, alice, bob):
    """Only the server itself says that a message was delayed here."""
    ident = alice.message(bob.jid, "fresh", extra=(
        f"<delay xmlns='{ns.DELAY}' from='{server.host}' stamp='2001-01-01T00:00:00Z'/>"
        f"<delay xmlns='{ns.DELAY}' from='other.example' stamp='2001-01-01T00:00:00Z'/>"))
    got = bob.expect("message", id=ident)
    assert [d.get("from") for d in got.findall(f"{{{ns.DELAY}}}delay")] == ["other.example"]
    account = bob.account
    bob.close()
    alice.message(account.jid, "stored", extra=(
        f"<delay xmlns='{ns.DELAY}' from='{server.host}' stamp='2001-01-01T00:00:00Z'/>"))
    alice.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=account.jid)
    stored = server.login(account, presence=0).expect_message("stored")
    delays = stored.findall(f"{{{ns.DELAY}}}delay")
    assert len(delays) == 1 and not delays[0].get("stamp").startswith("2001")


def S27_an_error_does_not_carry_a_big_payload_back(server, alice):
    ident = alice.message(f"nobody@{server.host}", "x" * 200_000)
    answer = alice.expect("message", id=ident, type="error")
    assert condition(answer) == "service-unavailable"
    assert len(dump(answer)) < 8192
    small = alice.message(f"nobody@{server.host}", "short")
    alice.expect("message", id=small, type="error")
    answer = alice.refused("get", f"<x xmlns='urn:x'>{'y' * 200_000}</x>", "service-unavailable",
                           to=server.host)
    assert len(dump(answer)) < 8192


def S28_a_blocked_sender(server, alice, bob):
    """Message, IQ, presence; and nothing of the blocker leaks. test_blocking.py has the rest."""
    befriend(alice, bob)
    alice.set(f"<block xmlns='{ns.BLOCKING}'><item jid='{bob.account.jid}'/></block>")
    bob.expect("presence", type="unavailable", frm=alice.jid)
    ident = bob.message(alice.jid, "hello?")
    assert condition(bob.expect("message", id=ident, type="error")) == "service-unavailable"
    bob.refused("get", f"<ping xmlns='{ns.PING}'/>", "service-unavailable", to=alice.jid)
    for kind in (None, "subscribe", "probe"):
        bob.presence(kind, to=alice.account.jid)
    bob.refused("get", f"<ping xmlns='{ns.PING}'/>", "service-unavailable", to=alice.jid)
    bob.nothing()
    alice.sync()
    alice.nothing()


def S29_a_message_to_oneself(server):
    account = server.account("me")
    one, two, neg = (server.login(account, r, presence=p)
                     for r, p in (("one", 1), ("two", 1), ("neg", -1)))
    clean(one, two, neg)
    ident = one.message(account.jid, "to the account")
    full = one.message(two.jid, "to the other device")
    own = one.message(one.jid, "to this device")
    negative = one.message(neg.jid, "to the negative one")
    gone = one.message(account.jid + "/gone", "to a device that is gone")
    for client in (one, two, neg):
        one.fence(client)
    assert len(two.take("message", id=full)) == 1
    assert len(one.take("message", id=own)) == 1
    assert len(neg.take("message", id=negative)) == 1
    # No copy twice, none lost, none to the negative one.
    for wanted in (ident, gone):
        copies = [len(c.take("message", id=wanted)) for c in (one, two)]
        assert max(copies) == 1, copies
    for client in (one, two, neg):
        client.nothing("message")


def S29_presence_and_subscription_to_oneself(server):
    account = server.account("me")
    one, two = (server.login(account, r, presence=0) for r in ("one", "two"))
    clean(one, two)
    for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
        one.presence(kind, to=account.jid)
    one.fence(two)
    one.sync()
    two.nothing("presence", type=("subscribe", "subscribed"))
    assert account.jid not in one.roster()
    ident = one.presence(to=two.jid)
    two.expect("presence", id=ident)


def S30_a_card_with_a_picture_up_to_the_limit(server, alice):
    photo = "A" * 250_000
    card = f"<vCard xmlns='{ns.VCARD}'><PHOTO><BINVAL>{photo}</BINVAL></PHOTO></vCard>"
    answer = alice.iq("set", card)
    if answer.get("type") == "error":
        assert condition(answer) in ("not-acceptable", "resource-constraint")
    else:
        got = alice.get(f"<vCard xmlns='{ns.VCARD}'/>")
        assert len(got[0][0].text) == 250_000


@pytest.mark.burbled_only
def S30_a_card_beyond_the_limit(server, alice):
    card = f"<vCard xmlns='{ns.VCARD}'><PHOTO><BINVAL>{'A' * 500_000}</BINVAL></PHOTO></vCard>"
    alice.send_quietly(f"<iq type='set' id='big'>{card}</iq>")
    error = alice.expect_stream_error("policy-violation")
    assert has_app_condition(error, "stanza-too-big")
