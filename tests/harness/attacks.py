"""What hostile servers and strangers send to clients: rows X, V, A and C that concern a client.

Data and scripts for harness.hostile; what a client must make of them is the tests' to say. Text
that no client may take for true holds the word FORGED; corrections and retractions by others (V61,
V62) may show it as a message of their sender, beside the first.
"""

import base64
import dataclasses

from . import ns
from .managed import SM
from .sasl import b64
from .xmpp import condition, name

CARBONS, FORWARD, MAM = "urn:xmpp:carbons:2", "urn:xmpp:forward:0", "urn:xmpp:mam:2"
RECEIPTS, MARKERS = "urn:xmpp:receipts", "urn:xmpp:chat-markers:0"
MUC, MUC_USER = "http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user"
EVENT = "http://jabber.org/protocol/pubsub#event"
MEBIBYTE = 1024 * 1024


# --- section 2.1: XML and streams (C02, X rows, V01, V11, V12, V14) ---------------------------


@dataclasses.dataclass(frozen=True)
class BadXml:
    """row and name for the test's id. stage: sent in place of the stream header ("header"), of the
    features ("features"), or when the client is available ("online").

    errors: stream errors of which the client should send one; empty: the stream goes on and
    `bodies` are the messages that arrive.
    """

    row: str
    name: str
    stage: str
    data: bytes
    errors: tuple = ()
    bodies: tuple = ()

    def __str__(self):
        return f"{self.row}-{self.stage}-{self.name}"


def _bytes(text):
    return text.encode() if isinstance(text, str) else text


def _message(body, sender="friend@{domain}/phone", attributes="", inner=""):
    return (f"<message type='chat' from='{sender}' to='{{jid}}'{attributes}>"
            f"<body>{body}</body>{inner}</message>")


def _header(**changes):
    attributes = {"xmlns": ns.CLIENT, "xmlns:stream": ns.STREAM, "id": "i", "from": "{domain}",
                  "version": "1.0", **changes}
    return "<?xml version='1.0'?><stream:stream" + "".join(
        f" {k}='{v}'" for k, v in attributes.items() if v is not None) + ">"


BOMB = "<!DOCTYPE x [<!ENTITY a0 'FORGED'>" + "".join(
    f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(10)) + "]>"
_WELL, _RESTRICTED = ("not-well-formed",), ("restricted-xml",)
_ENCODING = ("unsupported-encoding", "not-well-formed")
_TYPE = ("unsupported-stanza-type",)
_POLICY = ("policy-violation",)


def _bad_xml():
    online = [
        ("V01", "entity-bomb", BOMB + "<a>&a10;</a>", _RESTRICTED + _WELL),
        ("X08", "comment", "<!-- FORGED -->", _RESTRICTED),
        ("X08", "comment-in-stanza", _message("a<!-- FORGED -->b"), _RESTRICTED),
        ("X08", "instruction", "<?php FORGED ?>", _RESTRICTED),
        ("X08", "doctype", "<!DOCTYPE a><a/>", _RESTRICTED + _WELL),
        ("X08", "entity", _message("&forged;"), _RESTRICTED + _WELL),
        ("X10", "nul", _message("\0"), _WELL),
        ("X10", "control", _message("\x01"), _WELL),
        ("X10", "not-a-character", _message("\ufffe"), _WELL + _ENCODING),
        ("X10", "reference-to-nul", _message("&#0;"), _WELL),
        ("X10", "reference-to-surrogate", _message("&#xD800;"), _WELL),
        ("X10", "end-of-cdata", _message("]]>"), _WELL),
        ("X12", "second-declaration", "<?xml version='1.0'?>", _WELL + _RESTRICTED),
        ("X13", "unbalanced", "<message><body></message>", _WELL),
        ("X13", "attribute-twice", "<message id='1' id='2'/>", _WELL),
        ("X13", "attribute-twice-by-prefix",
         "<message xmlns:a='u' xmlns:b='u' a:id='1' b:id='2'/>", _WELL),
        ("X13", "unbound-prefix", "<p:message/>", _WELL),
        ("X13", "xml-rebound", "<message xmlns:xml='u'/>", _WELL),
        ("X13", "xmlns-bound", "<message xmlns:xmlns='u'/>", _WELL),
        ("X13", "prefix-unbound-again", "<message xmlns:p=''/>", _WELL),
        ("X14", "huge-namespace", f"<message><a xmlns='{'u' * 9000}'/></message>",
         _POLICY),
        ("X15", "text-between-stanzas", "FORGED", ("bad-format",)),
        ("X16", "stream-in-stream", _header(), _TYPE + ("bad-format", "not-well-formed")),
        ("X17", "unknown-element", "<forged xmlns='urn:forged'/>", _TYPE),
        ("X18", "huge-stanza", _message("x" * (24 * MEBIBYTE)), _POLICY),
        ("X19", "depth", "<message>" + "<a>" * 100000, _POLICY),
        ("X19", "attributes", "<message " + " ".join(f"a{i}='1'" for i in range(100000)) + "/>",
         _POLICY),
        ("X19", "elements", "<message>" + "<a/>" * (6 * MEBIBYTE) + "</message>", _POLICY),
        ("X20", "endless-tag", "<" + "m" * (24 * MEBIBYTE), _POLICY),
        ("X25", "half-a-stanza", "<message type='chat'><body>FORGED</bo", ()),
    ]
    for label, raw in (("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"),
                       ("too-large", b"\xf4\x90\x80\x80"), ("stray", b"\x80"),
                       ("cut-short", b"\xe2\x82")):
        before, after = _message("{}").split("{}")
        online.append(("X09", label, before.encode() + raw + after.encode(), _ENCODING))
    online.append(("V11", "tags", b"<aaa\xeb/><?\xeb?>", _ENCODING))
    yield from (BadXml(row, label, "online", _bytes(data), errors)
                for row, label, data, errors in online)
    yield from (BadXml(row, label, "header", _bytes(data), errors)
                for row, label, data, errors in (
        ("X01", "http", "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", _WELL),
        ("C04", "captive-portal", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
         "<html><body>FORGED</body></html>", _WELL),
        ("X02", "tls-alert", b"\x15\x03\x01\x00\x02\x02\x28", _WELL + _ENCODING),
        ("X03", "stream-namespace", _header(**{"xmlns:stream": "urn:forged"}),
         ("invalid-namespace",)),
        ("X04", "content-namespace", _header(xmlns=ns.SERVER), ("invalid-namespace",)),
        ("X05", "version-missing", _header(version=None), ("unsupported-version",)),
        ("X05", "version-old", _header(version="0.9"), ("unsupported-version",)),
        ("X05", "version-junk", _header(version="1.x.y"), ("unsupported-version",)),
        ("V01", "entity-bomb", "<?xml version='1.0'?>" + BOMB + "<a>&a10;</a>",
         _RESTRICTED + _WELL),
        ("X08", "comment", "<?xml version='1.0'?><!-- FORGED -->", _RESTRICTED),
        ("X11", "latin-1", _header().replace("?>", " encoding='ISO-8859-1'?>"), _ENCODING),
        ("X11", "utf-16", _header().encode("utf-16"), _ENCODING),
        ("X12", "xml-1.1", _header().replace("'1.0'?", "'1.1'?"), _WELL),
        ("X12", "declaration-twice", "<?xml version='1.0'?>" + _header(), _WELL + _RESTRICTED),
        ("X17", "not-a-stream", "<?xml version='1.0'?><forged/>",
         ("invalid-namespace", "bad-format", "not-well-formed", "invalid-xml")),
    ))
    good = (
        ("V12", "separator-in-namespace", _message("first", inner="<a xmlns='u&#10;x'/>")
         + _message("second", inner="<a xmlns='u|x&#x09;'/>"), ("first", "second")),
        ("V14", "stream-in-message", _message("shown", inner=(
            f"<stream:stream><iq type='set' id='f' xmlns='{ns.CLIENT}'><query xmlns='{ns.ROSTER}'>"
            "<item jid='forged@x'/></query></iq></stream:stream>")), ("shown",)),
        ("X24", "after-the-end", "</stream:stream>" + _message("FORGED"), ()),
        ("X27", "cdata", _message("<![CDATA[<a>&amp;]]>"), ("<a>&amp;",)),
        ("X28", "language", _message("later").replace(
            "<body>", "<body xml:lang='de'>später</body><body>"), ("later",)),
        ("X29", "prefix", "<c:message xmlns:c='jabber:client' type='chat'"
         " from='friend@{domain}/phone' to='{jid}'><c:body>prefixed</c:body></c:message>",
         ("prefixed",)),
        ("X30", "many-at-once", "".join(_message(f"m{i}") for i in range(1000)),
         tuple(f"m{i}" for i in range(1000))),
        ("X22", "white-space", " \n" * 5000 + _message("still here"), ("still here",)),
    )
    yield from (BadXml(row, label, "online", _bytes(data), (), bodies)
                for row, label, data, bodies in good)


BAD_XML = tuple(_bad_xml())


def play(conn, attack, timeout=20, **options):
    """The script of one BadXml. Gives the stream error that the client sent, or None when it said
    none; the client has closed then. Where the stream should go on, it is pinged and left open."""
    fill = lambda: conn.filled(attack.data.decode("latin-1")).encode("latin-1")  # noqa: E731
    if attack.stage == "online":
        conn.log_in(**options)
        conn.serve(until=lambda: any(name(e) == "presence" for e in conn.heard))
    else:
        conn.expect_open()
        if attack.stage == "features":
            conn.reply_open()
    data = fill()
    conn.send_quietly(*(data[i:i + 65536] for i in range(0, len(data), 65536)))
    if attack.bodies:
        conn.ping()
        return None
    if attack.row == "X25":
        conn.leave()
        return None
    conn.expect_closed(timeout)
    return None if conn.error is None else condition(conn.error)


# --- section 2.2 and 1C: logging in ------------------------------------------------------------

# V46: what a server may ask for, and what no client may do for it.
ITERATIONS_GOOD = (4096, 10000, 100000)
ITERATIONS_BAD = (0, 1, -1, 4095, 1000001, 4294967295, "9" * 20, "4096x", "", " 4096", "0x1000")


def _fields(text, **changes):
    """server-first-message with other values; None: left out."""
    parts = dict(part.split("=", 1) for part in text.split(","))
    parts.update(changes)
    return ",".join(f"{k}={v}" for k, v in parts.items() if v is not None)


# A10, A12: arguments of Conn.sasl_scram; with none of them may a client go online.
TAMPERS = {
    "nonce-not-ours": {"nonce": lambda whole: "forged" + whole[6:]},
    "nonce-not-longer": {"nonce": lambda whole: whole[:24]},
    "nonce-empty": {"nonce": lambda whole: ""},
    "nonce-missing": {"first": lambda text: _fields(text, r=None)},
    "salt-missing": {"first": lambda text: _fields(text, s=None)},
    "salt-empty": {"first": lambda text: _fields(text, s="")},
    "salt-not-base64": {"first": lambda text: _fields(text, s="!!!")},
    "iterations-missing": {"first": lambda text: _fields(text, i=None)},
    "mandatory-extension": {"first": lambda text: "m=forged," + text},
    "order": {"first": lambda text: ",".join(reversed(text.split(",")))},
    "error": {"first": lambda text: "e=other-error"},
    "first-empty": {"first": lambda text: ""},
    "first-junk": {"first": lambda text: "\x00\xff" * 20},
    "first-huge": {"first": lambda text: text + ",x=" + "y" * MEBIBYTE},
    "signature-wrong": {"final": lambda text: "v=" + "A" * (len(text) - 3) + "="},
    "signature-of-another": {"stored": "another password", "accept": True},
    "signature-missing": {"final": lambda text: None},
    "signature-empty": {"final": lambda text: "v="},
    "signature-not-base64": {"final": lambda text: "v=!!!"},
    "signature-longer": {"final": lambda text: "v=" + b64(base64.b64decode(text[2:]) + b"x")},
    "signature-shorter": {"final": lambda text: "v=" + b64(base64.b64decode(text[2:])[:-1])},
    "error-in-success": {"final": lambda text: "e=invalid-proof"},
    "success-at-once": {"success_at_once": True},
    "success-without-signature": {"skip": True},
}
# Right, though unusual: a client must go online with each.
ODD_BUT_RIGHT = {
    "signature-as-challenge": {"in_success": False},
    "optional-extension": {"first": lambda text: text + ",x=unknown"},
    "long-salt": {"salt": b"s" * 200},
    "short-salt": {"salt": b"s"},
}

# C03: nothing here that a client should use.
WEAK = (("ANONYMOUS",), ("CRAM-MD5", "DIGEST-MD5"), ("X-FORGED", "LOGIN"), ("SCRAM-SHA-3-999",),
        ())

# V21: features as they should not be; the client must end the login in order.
FEATURES = {
    "empty": "<stream:features/>",
    "no-namespace": "<stream:features><mechanisms xmlns=''><mechanism>PLAIN</mechanism>"
                    "</mechanisms></stream:features>",
    "empty-mechanism": f"<stream:features><mechanisms xmlns='{ns.SASL}'><mechanism/></mechanisms>"
                       "</stream:features>",
    "empty-mechanisms": f"<stream:features><mechanisms xmlns='{ns.SASL}'/></stream:features>",
    "text-for-mechanisms": f"<stream:features><mechanisms xmlns='{ns.SASL}'>SCRAM-SHA-1"
                           "</mechanisms></stream:features>",
    "mechanism-with-children": f"<stream:features><mechanisms xmlns='{ns.SASL}'><mechanism><a/>"
                               "</mechanism></mechanisms></stream:features>",
    "many-mechanisms": f"<stream:features><mechanisms xmlns='{ns.SASL}'>" + "".join(
        f"<mechanism>X-{i}</mechanism>" for i in range(10000)) + "</mechanisms></stream:features>",
    "long-mechanism": f"<stream:features><mechanisms xmlns='{ns.SASL}'><mechanism>{'X' * 100000}"
                      "</mechanism></mechanisms></stream:features>",
    "not-features": f"<message from='{{domain}}'><body>FORGED</body></message>",
    "iq-for-features": "<iq type='result' id='x'/>",
    "error-without-condition": "<stream:error/></stream:stream>",
    "failure-unasked": f"<failure xmlns='{ns.SASL}'/>",
    "success-unasked": f"<success xmlns='{ns.SASL}'/>",
    "challenge-unasked": f"<challenge xmlns='{ns.SASL}'/>",
}


# V31: ways to keep a client that wants TLS from it. Each is a script; none may see credentials.
def no_starttls(conn):
    conn.expect_open()
    conn.reply_open()
    conn.features(mechanisms=("PLAIN", "SCRAM-SHA-1"))
    conn.expect_closed()


def tls_refused(conn):
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls="required", mechanisms=("PLAIN",))
    conn.refuse_tls()
    conn.leave()


def features_twice(conn):
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls="optional")
    conn.features(mechanisms=("PLAIN", "SCRAM-SHA-1"))
    conn.expect(("starttls", "auth"))
    conn.features(mechanisms=("PLAIN", "SCRAM-SHA-1"))
    conn.leave()


def sasl_before_tls(conn):
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls="optional", mechanisms=("PLAIN", "SCRAM-SHA-1"))
    conn.expect(("starttls", "auth"))
    conn.say("success", f"<success xmlns='{ns.SASL}'/>")
    conn.leave()


def success_for_proceed(conn):
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls="required")
    conn.expect("starttls")
    conn.say("proceed", "<proceed xmlns='urn:forged'/>")
    conn.features(mechanisms=("PLAIN", "SCRAM-SHA-1"))
    conn.leave()


def injected_behind_proceed(conn):
    """V32 against the client: features in clear right behind <proceed/>."""
    conn.expect_open()
    conn.reply_open()
    conn.features(starttls="required")
    inject = (_header() + f"<stream:features><mechanisms xmlns='{ns.SASL}'><mechanism>PLAIN"
              "</mechanism></mechanisms></stream:features>")
    conn.starttls(inject=conn.filled(inject).encode())
    conn.leave()


DOWNGRADES = (no_starttls, tls_refused, features_twice, sasl_before_tls, success_for_proceed,
              injected_behind_proceed)


# V47: once seen with channel binding, and then without.
def with_binding(conn, cb_type="tls-exporter", **options):
    from .hostile import good_session
    good_session(conn, mechanisms=("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), cb_types=(cb_type,),
                 **options)


def without_binding(conn, **options):
    from .hostile import good_session
    good_session(conn, mechanisms=("SCRAM-SHA-256",), **options)


def binding_of_another_channel(conn):
    """The one in the middle has a good certificate, not the same TLS session."""
    from .hostile import good_session
    good_session(conn, mechanisms=("SCRAM-SHA-256-PLUS",), cb_types=("tls-exporter",),
                 cb_data=b"\0" * 32)


# --- section 1E: what comes from those who may not send it ---------------------------------------


@dataclasses.dataclass(frozen=True)
class Spoof:
    """stanzas: templates, see Conn.filled; none of them may have an effect. silent: they may not
    even be answered; otherwise an error is the one answer that may come."""

    row: str
    name: str
    stanzas: tuple
    silent: bool = False

    def __str__(self):
        return f"{self.row}-{self.name}"


STRANGER = "stranger@elsewhere.example/x"
IMPOSTORS = {
    "contact": "friend@{domain}/phone", "stranger": STRANGER, "own-full": "{jid}",
    "other-resource": "{bare}/other", "server": "{domain}", "look-alike": "{bare}.example",
    "longer": "x{bare}",
}


def _forward(body, sender="friend@{domain}/phone", to="{jid}", extra=""):
    return (f"<forwarded xmlns='{FORWARD}'><message xmlns='jabber:client' type='chat'"
            f" from='{sender}' to='{to}'{extra}><body>{body}</body></message></forwarded>")


def _spoofs():
    for who, sender in IMPOSTORS.items():
        yield Spoof("V57", f"roster-push-{who}", (
            f"<iq type='set' id='push' from='{sender}' to='{{jid}}'><query xmlns='{ns.ROSTER}'>"
            "<item jid='forged@elsewhere.example' name='FORGED' subscription='both'/>"
            "</query></iq>",))
        for direction in ("received", "sent"):
            yield Spoof("V58", f"carbon-{direction}-{who}", (
                f"<message from='{sender}' to='{{jid}}' type='chat'><{direction}"
                f" xmlns='{CARBONS}'>{_forward('FORGED')}</{direction}></message>",), True)
        yield Spoof("V59", f"archive-{who}", (
            f"<message from='{sender}' to='{{jid}}'><result xmlns='{MAM}' queryid='q' id='1'>"
            f"{_forward('FORGED')}</result></message>",), True)
        if who != "server":
            yield Spoof("V65", f"bookmarks-{who}", (_event(
                sender, "urn:xmpp:bookmarks:1",
                "<item id='forged@muc.elsewhere.example'><conference xmlns='urn:xmpp:bookmarks:1'"
                " name='FORGED' autojoin='true'/></item>"),), True)
    yield Spoof("V58", "carbon-in-carbon", (
        f"<message from='{{bare}}' to='{{jid}}'><received xmlns='{CARBONS}'><forwarded"
        f" xmlns='{FORWARD}'><message xmlns='jabber:client' from='friend@{{domain}}/x'"
        f" to='{{jid}}'><received xmlns='{CARBONS}'>{_forward('FORGED')}</received></message></forwarded>"
        "</received></message>",), True)
    yield Spoof("V59", "archive-unasked", (
        f"<message from='{{bare}}' to='{{jid}}'><result xmlns='{MAM}' queryid='q' id='1'>"
        f"{_forward('FORGED')}</result></message>",
        f"<message to='{{jid}}'><result xmlns='{MAM}' id='1'>{_forward('FORGED')}</result>"
        "</message>"), True)
    first = _message("kept", attributes=" id='m1'")
    for who in ("stranger", "server", "own-full"):
        yield Spoof("V61", f"correction-{who}", (first, _message(
            "FORGED", IMPOSTORS[who], " id='m2'",
            "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>")))
        yield Spoof("V62", f"retraction-{who}", (first, (
            f"<message type='chat' id='m3' from='{IMPOSTORS[who]}' to='{{jid}}'>"
            "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/><body>FORGED</body>"
            "</message>")))
    yield Spoof("V62", "moderation-by-an-occupant", (
        "<message type='groupchat' from='room@muc.{domain}/Mallory' to='{jid}'>"
        "<retract xmlns='urn:xmpp:message-retract:1' id='s1'><moderated"
        " xmlns='urn:xmpp:message-moderate:1' by='room@muc.{domain}/Mallory'/>"
        "<reason>FORGED</reason></retract></message>",))
    stranger = (
        ("plain", ""), ("receipt", f"<request xmlns='{RECEIPTS}'/>"),
        ("marker", f"<markable xmlns='{MARKERS}'/>"),
        ("chat-state", f"<active xmlns='{ns.CHATSTATES}'/>"),
        ("acknowledgement", f"<received xmlns='{RECEIPTS}' id='x'/>"),
    )
    for label, inner in stranger:
        yield Spoof("V69", f"stranger-{label}", (
            _message("hello from a stranger", STRANGER, " id='s1'", inner),), True)
    yield Spoof("V69", "stranger-presence-probe", (
        f"<presence type='probe' from='{STRANGER}' to='{{jid}}'/>",
        f"<presence from='{STRANGER}' to='{{jid}}'><status>FORGED</status></presence>"), True)


def _event(sender, node, item):
    return (f"<message from='{sender}' to='{{jid}}' type='headline'><event xmlns='{EVENT}'>"
            f"<items node='{node}'>{item}</items></event></message>")


SPOOFS = tuple(_spoofs())


def wrong_answers(conn, iq, but=()):
    """V60: results with the right id from all who were not asked; use it as an answer in serve().
    but: IMPOSTORS that may say it.

    The one who was asked does not answer; the caller may, with conn.answer.
    """
    ident = iq.get("id")
    body = "".join(f"<{name(e)} xmlns='{e.tag[1:].partition('}')[0]}' name='FORGED'/>" for e in iq)
    for sender in IMPOSTORS.values():
        if sender not in but and conn.filled(sender) != (iq.get("to") or conn.filled("{bare}")):
            conn.deliver(f"<iq type='result' id='{ident}' from='{sender}' to='{{jid}}'>{body}</iq>")


# V20: stanzas that must be counted, and not lead to a loop.
BAD_STANZAS = {
    "from-not-a-jid": _message("FORGED", "@@/\U0001F600@"),
    "from-empty": _message("FORGED", ""),
    "from-too-long": _message("FORGED", "a" * 1024 + "@x"),
    "from-cut-in-a-character": _message("FORGED", "\u00e9" * 512 + "@x"),
    "to-not-ours": _message("FORGED").replace("{jid}", "other@{domain}"),
    "unknown-type": _message("FORGED").replace("'chat'", "'forged'"),
    "iq-without-payload": "<iq type='get' id='p' from='{domain}' to='{jid}'/>",
    "iq-with-two-payloads": "<iq type='get' id='p' from='{domain}' to='{jid}'><a xmlns='u'/>"
                            "<b xmlns='u'/></iq>",
    "iq-without-type": "<iq id='p' from='{domain}' to='{jid}'><a xmlns='u'/></iq>",
    "iq-without-id": f"<iq type='get' from='{{domain}}' to='{{jid}}'><ping xmlns='{ns.PING}'/>"
                     "</iq>",
    "result-nobody-asked-for": "<iq type='result' id='forged' from='{domain}' to='{jid}'/>",
    "error-without-error": "<message type='error' from='friend@{domain}' to='{jid}'/>",
    "error-without-condition": "<message type='error' from='friend@{domain}' to='{jid}'><error/>"
                               "</message>",
    "presence-of-unknown-type": "<presence type='forged' from='friend@{domain}/x' to='{jid}'/>",
    "priority-of-another-world": "<presence from='friend@{domain}/x' to='{jid}'>"
                                 "<priority>99999999999</priority></presence>",
    "two-bodies": _message("one", inner="<body>two</body>"),
    "delay-of-another-world": _message("late", inner=(
        f"<delay xmlns='{ns.DELAY}' stamp='-0001-13-45T99:99:99.{'9' * 30}'/>")),
}

# C05: where a server may want to send a client that it must not follow.
ELSEWHERE = ("127.0.0.1:25", "localhost:22", "evil.example:5222", "[::1]:1", ":", "a" * 300,
             "example.test:99999", "example.test:-1", "-oProxyCommand=x")

# SM counters that no server may send (S25 from the other side).
BAD_COUNTERS = tuple(f"<a xmlns='{SM}'{h}/>" for h in (
    " h='1000'", " h='-1'", " h='4294967296'", " h='forged'", " h=''", ""))
