"""RFC 6121, section 8.5: where a stanza to a local user goes, for every type and every case."""

import pytest

from harness import ns
from harness.people import befriend
from harness.xmpp import condition, error_type

pytestmark = pytest.mark.shards(1, 3)

KINDS = ("normal", None, "chat", "groupchat", "headline", "error")
ERROR = (
    "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
)
# The situation of the recipient: resource → priority; None: bound, no presence.
SITUATIONS = {
    "no account": None,
    "nobody": {},
    "bound": {"bound": None},
    "negative": {"neg": -1},
    "one": {"pos": 0},
    "several": {"high": 5, "low": 1, "neg": -1},
}
REFUSED, IGNORED, STORED = "refused", "ignored", "stored"


def outcomes(situation, target, kind):
    """What may happen, as (outcome, resources that must get it, resources that may).

    Table 1 of section 8.5.4; where the RFC lets the server choose for a message with a body, burble
    never drops it in silence: it delivers, stores or refuses.
    """
    kind = kind or "normal"
    if kind == "error":
        return error_outcomes(situation, target)
    resources = SITUATIONS[situation]
    if situation == "no account":
        # S07: the same answer as for someone who is there and stores nothing.
        refuse = {REFUSED} if kind in ("normal", "chat") else {REFUSED, IGNORED}
        return {REFUSED} if (kind, target) == ("groupchat", "bare") else refuse
    if target in resources:
        return {target}
    if target == "bare":
        if kind == "groupchat":
            return {REFUSED}
        if situation in ("one", "several"):
            return bare_deliveries(situation, kind)
        return {IGNORED} if kind == "headline" else {STORED}
    # A full JID that matches no resource.
    if kind == "chat":
        if situation in ("one", "several"):
            return bare_deliveries(situation, kind)
        return {STORED}
    return {REFUSED} if kind == "normal" else {REFUSED, IGNORED}


def bare_deliveries(situation, kind):
    if situation == "one":
        return {"pos"}
    # headline: every resource that is not negative; others: the most available, or all of those.
    return {"high+low"} if kind == "headline" else {"high", "high+low"}


def error_outcomes(situation, target):
    """An error is never answered and never kept for somebody who is not there."""
    resources = SITUATIONS[situation] or {}
    if target in resources:
        return {target}
    delivered = bare_deliveries(situation, "error") if situation in ("one", "several") else set()
    return {IGNORED} | (delivered if target == "bare" else set())


def observe(sender, present, later, account, ident):
    """What became of a message."""
    refusals = sender.take("message", id=ident)
    assert len(refusals) <= 1, "refused twice"
    got = []
    for resource, client in present.items():
        copies = client.take("message", id=ident)
        assert len(copies) <= 1, "delivered twice"
        got += [resource] if copies else []
    stored = later.take("message", id=ident) if later else []
    assert bool(refusals) + bool(got) + bool(stored) <= 1, "more than one outcome"
    if refusals:
        assert refusals[0].get("type") == "error"
        assert condition(refusals[0]) == "service-unavailable"
        assert error_type(refusals[0]) == "cancel"
        return REFUSED
    return "+".join(got) if got else STORED if stored else IGNORED


CASES = [
    (situation, target)
    for situation, resources in SITUATIONS.items()
    for target in ("bare", *(resources or {}), "gone")
]


@pytest.mark.parametrize("situation, target", CASES,
                         ids=[f"{s}-to-{t}".replace(" ", "-") for s, t in CASES])
def test_messages(server, situation, target):
    sender = server.user("sender")
    jid, account, present = f"nobody-here@{server.host}", None, {}
    if situation != "no account":
        account = server.account("rcpt")
        jid = account.jid
        present = {r: server.login(account, r, presence=p)
                   for r, p in SITUATIONS[situation].items()}
    to = jid if target == "bare" else f"{jid}/{target}"
    idents = {}
    for kind in KINDS:
        extra = ERROR if kind == "error" else ""
        idents[kind] = sender.message(to, f"a {kind} message", kind, extra=extra)
    sender.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=jid)  # comes behind all refusals
    for client in present.values():
        sender.fence(client)

    later = None
    if account is not None:
        for client in present.values():
            client.close()
        # What was stored comes in order, in front of this one.
        sender.message(jid, "the last one")
        sender.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=jid)
        later = server.login(account, "later", presence=0)
        later.expect_message("the last one")

    wrong = {}
    for kind, ident in idents.items():
        outcome = observe(sender, present, later, account, ident)
        allowed = outcomes(situation, target, kind)
        if outcome not in allowed:
            wrong[kind] = f"{outcome}, not {' or '.join(sorted(allowed))}"
    assert not wrong


@pytest.mark.parametrize("situation", SITUATIONS)
def test_iqs_to_an_account_are_answered_by_the_server(server, situation):
    """8.5.1, 8.5.2: IQs to a bare JID are never delivered to a client."""
    sender = server.user("sender")
    jid, present = f"nobody-here@{server.host}", []
    if situation != "no account":
        account = server.account("rcpt")
        jid = account.jid
        present = [server.login(account, r, presence=p) for r, p in SITUATIONS[situation].items()]
    for kind in ("get", "set"):
        sender.refused(kind, "<query xmlns='urn:example:unknown'/>", "service-unavailable", to=jid)
    for kind in ("result", "error"):
        sender.send(f"<iq type='{kind}' id='unasked' to='{jid}'>{ERROR if kind == 'error' else ''}</iq>")
    sender.refused("get", "<query xmlns='urn:example:unknown'/>", "service-unavailable", to=jid)
    sender.nothing("iq", id="unasked")
    for client in present:
        sender.fence(client)
        client.nothing("iq")


def test_iqs_to_a_resource(server):
    sender, rcpt = server.user("sender"), server.user("rcpt")
    befriend(sender, rcpt)
    sender.send(f"<iq type='get' id='q1' to='{rcpt.jid}'><query xmlns='urn:example:q'/></iq>")
    query = rcpt.expect("iq", type="get", id="q1", frm=sender.jid)
    assert query.get("to") == rcpt.jid
    rcpt.send(f"<iq type='result' id='q1' to='{sender.jid}'/>")
    sender.expect("iq", type="result", id="q1", frm=rcpt.jid)
    sender.send(f"<iq type='set' id='q2' to='{rcpt.jid}'><query xmlns='urn:example:q'/></iq>")
    rcpt.expect("iq", type="set", id="q2", frm=sender.jid)
    rcpt.send(f"<iq type='error' id='q2' to='{sender.jid}'>{ERROR}</iq>")
    sender.expect("iq", type="error", id="q2", frm=rcpt.jid)


def test_iqs_to_a_resource_that_is_gone(server):
    sender, rcpt = server.user("sender"), server.user("rcpt")
    for kind in ("get", "set"):
        answer = sender.refused(kind, "<query xmlns='urn:example:q'/>", "service-unavailable",
                                to=rcpt.account.jid + "/gone")
        assert answer.get("from") == rcpt.account.jid + "/gone"
    sender.send(f"<iq type='result' id='r' to='{rcpt.account.jid}/gone'/>")
    sender.send(f"<iq type='error' id='e' to='{rcpt.account.jid}/gone'>{ERROR}</iq>")
    sender.sync()
    sender.nothing("iq")


def test_a_stranger_cannot_ask_a_resource(server):
    """8.5.3.1: without shared presence a get or set is not delivered, so that nobody learns who is
    online; answers are."""
    sender, rcpt = server.user("sender"), server.user("rcpt")
    sender.refused("get", "<query xmlns='urn:example:q'/>", "service-unavailable", to=rcpt.jid)
    sender.fence(rcpt)
    rcpt.nothing("iq")
    # Directed presence opens the door.
    rcpt.presence(to=sender.jid)
    sender.expect("presence", frm=rcpt.jid)
    sender.send(f"<iq type='get' id='q1' to='{rcpt.jid}'><query xmlns='urn:example:q'/></iq>")
    rcpt.expect("iq", type="get", id="q1")


@pytest.mark.parametrize("kind", [None, "unavailable"])
def test_directed_presence_to_an_account_reaches_all_its_available_resources(server, kind):
    sender, account = server.user("sender"), server.account("rcpt")
    high, neg = (server.login(account, r, presence=p) for r, p in (("high", 5), ("neg", -1)))
    bound = server.login(account, "bound")
    ident = sender.presence(kind, to=account.jid)
    for client in (high, neg):
        client.expect("presence", id=ident, type=kind, frm=sender.jid)
    sender.fence(bound)
    bound.nothing("presence", id=ident)


def test_presence_to_a_resource(server):
    sender, account = server.user("sender"), server.account("rcpt")
    one, two = (server.login(account, r, presence=0) for r in ("one", "two"))
    ident = sender.presence(to=one.jid)
    one.expect("presence", id=ident, frm=sender.jid)
    gone = sender.presence(to=account.jid + "/gone")
    nobody = sender.presence(to=f"nobody-here@{server.host}")
    for client in (one, two):
        sender.fence(client)
        client.nothing("presence", frm=sender.jid)
    sender.sync()
    sender.nothing("presence", id=gone)
    sender.nothing("presence", id=nobody)


def test_a_message_to_the_server_itself(server):
    """RFC 6121, 8.4: the server may do with it what it likes, but it answers or ignores."""
    sender = server.user("sender")
    sender.message(server.host, "hello server")
    sender.sync()
    for answer in sender.take("message"):
        assert answer.get("type") == "error"


def test_a_message_without_a_to_is_for_oneself(server):
    """RFC 6120, 10.3.1."""
    account = server.account("me")
    one, two = (server.login(account, r, presence=0) for r in ("one", "two"))
    one.send("<message type='chat' id='self'><body>note</body></message>")
    one.sync()
    one.fence(two)
    got = one.take("message", id="self") + two.take("message", id="self")
    assert got and all(m.get("from") == one.jid for m in got)


def test_an_iq_without_a_to_is_for_the_account(server):
    """RFC 6120, 10.3.3: answered as if addressed to the bare JID."""
    me = server.user("me")
    answer = me.refused("get", "<query xmlns='urn:example:unknown'/>", "service-unavailable")
    assert answer.get("from") in (None, me.account.jid)
    assert answer.get("to") in (None, me.jid)


def test_order_is_kept(server):
    """RFC 6120, 10.1: stanzas from one stream to one recipient arrive in order."""
    sender, rcpt = server.user("sender"), server.user("rcpt")
    stanzas = []
    for index in range(300):
        kind = ("chat", "headline", "normal")[index % 3]
        stanzas.append(f"<message to='{rcpt.jid}' type='{kind}' id='o{index}'>"
                       f"<body>{index}</body></message>")
        if index % 7 == 0:
            stanzas.append(f"<presence to='{rcpt.jid}' id='o{index}p'/>")
    sender.send("".join(stanzas))
    sender.fence(rcpt)
    order = [e.get("id") for e in rcpt.inbox if (e.get("id") or "").startswith("o")]
    wanted = []
    for index in range(300):
        wanted += [f"o{index}"] + ([f"o{index}p"] if index % 7 == 0 else [])
    assert order == wanted
