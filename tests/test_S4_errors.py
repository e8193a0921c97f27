"""S4: errors that mean something; RFC 6120, section 8.3."""

import pytest

from harness import ns
from harness.people import befriend
from harness.xmpp import child, condition, dump, error_type, has_app_condition, name

pytestmark = pytest.mark.shards(1, 3)

# RFC 6120, 8.3.3: the type that each condition comes with, where it names one.
TYPES = {
    "bad-request": ("modify",),
    "conflict": ("cancel",),
    "feature-not-implemented": ("cancel", "modify"),
    "forbidden": ("auth",),
    "item-not-found": ("cancel",),
    "jid-malformed": ("modify",),
    "not-acceptable": ("modify", "cancel"),
    "not-allowed": ("cancel",),
    "policy-violation": ("modify", "wait"),
    "remote-server-not-found": ("cancel",),
    "resource-constraint": ("wait",),
    "service-unavailable": ("cancel",),
}


@pytest.fixture
def alice(server):
    return server.user("alice")


REQUESTS = {
    "an unknown namespace to the server": (
        "get", "<query xmlns='urn:example:nothing'/>", "host",
        ("service-unavailable", "feature-not-implemented")),
    "an unknown namespace to oneself": (
        "get", "<query xmlns='urn:example:nothing'/>", None,
        ("service-unavailable", "feature-not-implemented")),
    "an unknown element in a known namespace": (
        "get", f"<nonsense xmlns='{ns.VERSION}'/>", "host",
        ("service-unavailable", "feature-not-implemented", "bad-request")),
    "set where only get makes sense": (
        "set", f"<query xmlns='{ns.VERSION}'/>", "host",
        ("service-unavailable", "feature-not-implemented", "bad-request", "not-allowed")),
    "nobody": ("get", f"<query xmlns='{ns.VERSION}'/>", "nobody@{host}", ("service-unavailable",)),
    "a domain that is not here": (
        "get", f"<query xmlns='{ns.VERSION}'/>", "no-such-host.invalid",
        ("remote-server-not-found",)),
    "another's roster": (
        "get", f"<query xmlns='{ns.ROSTER}'/>", "nobody@{host}",
        ("forbidden", "service-unavailable")),
    "two payloads": ("get", f"<query xmlns='{ns.VERSION}'/><ping xmlns='{ns.PING}'/>", "host",
                     ("bad-request",)),
    "no payload": ("set", "", "host", ("bad-request",)),
    "nonsense in the roster": (
        "set", f"<query xmlns='{ns.ROSTER}'><item/></query>", None, ("bad-request",)),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_that_cannot_be_served_is_answered(server, alice, case):
    kind, payload, to, wanted = REQUESTS[case]
    to = server.host if to == "host" else to and to.format(host=server.host)
    answer = alice.refused(kind, payload, wanted, to=to)
    assert error_type(answer) in TYPES[condition(answer)], dump(answer)
    assert answer.get("to") in (None, alice.jid)
    if to:
        assert answer.get("from") == to
    # Only one defined condition, in front of everything else in the stanza error namespace.
    error = child(answer, "error")
    conditions = [e for e in error if e.tag.startswith(f"{{{ns.STANZA_ERROR}}}")
                  and name(e) != "text"]
    assert len(conditions) == 1


ALL_TYPES = {
    "auth": "forbidden",
    "cancel": "item-not-found",
    "continue": "feature-not-implemented",
    "modify": "not-acceptable",
    "wait": "resource-constraint",
}


@pytest.mark.parametrize("kind", ALL_TYPES)
def test_all_five_error_types_pass_between_people(server, alice, kind):
    """An answer such as a closed node's: type, condition, application condition and text."""
    bob = server.user("bob")
    befriend(alice, bob)
    ident = alice.next_id()
    alice.send(
        f"<iq type='set' id='{ident}' to='{bob.jid}'><pubsub xmlns='{ns.PUBSUB}'>"
        f"<subscribe node='closed' jid='{alice.account.jid}'/></pubsub></iq>"
    )
    bob.expect("iq", type="set", id=ident)
    bob.send(
        f"<iq type='error' id='{ident}' to='{alice.jid}'><error type='{kind}'>"
        f"<{ALL_TYPES[kind]} xmlns='{ns.STANZA_ERROR}'/>"
        f"<text xmlns='{ns.STANZA_ERROR}' xml:lang='en'>This node is closed.</text>"
        f"<closed-node xmlns='{ns.PUBSUB}#errors'/></error></iq>"
    )
    answer = alice.expect("iq", type="error", id=ident, frm=bob.jid)
    assert error_type(answer) == kind and condition(answer) == ALL_TYPES[kind]
    assert has_app_condition(answer, "closed-node", ns.PUBSUB + "#errors")
    assert child(child(answer, "error"), "text", ns.STANZA_ERROR).text == "This node is closed."


def test_subscribing_to_a_node_of_the_server_is_refused(server, alice):
    payload = (f"<pubsub xmlns='{ns.PUBSUB}'><subscribe node='closed' jid='{alice.account.jid}'/>"
               "</pubsub>")
    answer = alice.iq("set", payload, to=server.host)
    assert answer.get("type") == "error"
    if condition(answer) == "not-allowed":
        assert has_app_condition(answer, "closed-node", ns.PUBSUB + "#errors")
        assert child(child(answer, "error"), "text", ns.STANZA_ERROR) is not None
    else:
        assert condition(answer) in ("service-unavailable", "feature-not-implemented")


ERROR = (f"<error type='cancel'><item-not-found xmlns='{ns.STANZA_ERROR}'/></error>")


@pytest.mark.parametrize("to", ["nobody@{host}", "{host}", "{host}/x", "@broken", "{me}/gone", "{me}",
                                "user@no-such-host.invalid"])
@pytest.mark.parametrize("stanza", ["message", "iq", "presence"])
def test_an_error_is_never_answered_by_an_error(server, alice, stanza, to):
    to = to.format(host=server.host, me=alice.account.jid)
    alice.send(f"<{stanza} type='error' id='loop' to='{to}'>{ERROR}</{stanza}>")
    alice.send(f"<{stanza} type='error' id='loop' to='{to}'/>")
    alice.sync()
    alice.iq("get", "<query xmlns='urn:example:nothing'/>", to=alice.account.jid)
    # To oneself an error may be delivered, but then it is the one that was sent.
    answers = [e for e in alice.take(stanza, id="loop") if e.get("from") != alice.jid]
    assert not answers, [dump(a) for a in answers]


def test_results_that_nobody_asked_for_are_dropped(server, alice):
    for to in ("", f" to='{server.host}'", f" to='nobody@{server.host}'"):
        alice.send(f"<iq type='result' id='unasked'{to}/>")
    alice.sync()
    alice.nothing("iq", id="unasked")


def test_the_answer_carries_the_language_and_id_of_the_request(server, alice):
    ident = "id with spaces & <signs> 'quoted'"
    escaped = "id with spaces &amp; &lt;signs> &apos;quoted&apos;"
    alice.send(f"<iq type='get' id='{escaped}' to='{server.host}'><q xmlns='urn:example:q'/></iq>")
    alice.expect("iq", type="error", id=ident)
