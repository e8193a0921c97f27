"""Bad XML and bad streams over a real socket: rows X01–X30 of the catalogue of bad inputs.

The rows name the outcome and the event in the log. Bytes are sent before the stream header, on a
stream before authentication and on a session; where nothing may be routed, a second session sees
that nothing was.
"""

import os
import socket
import time

import pytest

from harness import ns, openssl
from harness.xmpp import (DEADLINE_S, PATIENCE, Timeout, body, dump, has_app_condition, parse,
                          payload, same)

XML_LANG = f"{{{ns.XML}}}lang"
HEADER = (
    "<stream:stream to='localhost' xmlns='jabber:client' version='1.0'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
)


@pytest.fixture
def bob(server):
    return server.user("bob")


def ends_with(server, client, error, event=None, mark=0):
    found = client.expect_stream_error(error)
    if event:
        server.saw(event, mark)
    return found


def opened(server, stage):
    """A connection at a stage: nothing said yet, a stream, a session."""
    if stage == "nothing":
        return server.open()
    if stage == "stream":
        return server.stream()
    return server.user("mallory")


STAGES = pytest.mark.parametrize("stage", ["stream", "session"])


def X01_an_http_request_gets_a_stream_error(server):
    for request in ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /x HTTP/1.1\r\n\r\n{}",
                    "\x00\x01\x02", "SSH-2.0-OpenSSH_9.2\r\n", "EHLO x\r\n"):
        mark = server.mark()
        client = server.open()
        client.send(request)
        ends_with(server, client, "not-well-formed", "stream.bad_xml", mark)
        assert client.header is not None


def X02_a_tls_hello_on_the_starttls_port_gets_xml(server):
    mark = server.mark()
    client = server.open()
    client.send(bytes.fromhex("16030100c2010000be0303") + os.urandom(180))
    ends_with(server, client, "not-well-formed", "stream.tls_on_plain", mark)
    assert client.received.startswith(b"<"), "an alert instead of a stream"


@pytest.mark.parametrize("space", ["urn:wrong", "", "http://etherx.jabber.org/stream",
                                   "http://etherx.jabber.org/streams/"])
def X03_a_wrong_stream_namespace(server, space):
    mark = server.mark()
    client = server.open()
    declared = f"<s:stream xmlns:s='{space}'" if space else "<stream"
    client.send(f"{declared} to='localhost' xmlns='jabber:client' version='1.0'>")
    ends_with(server, client, "invalid-namespace", "stream.bad_ns", mark)


@pytest.mark.parametrize("declared", ["", " xmlns='jabber:server'", " xmlns='urn:x'",
                                      " xmlns=''", " xmlns='jabber:component:accept'"])
def X04_a_wrong_content_namespace(server, declared):
    mark = server.mark()
    client = server.open()
    client.send(f"<stream:stream to='localhost' version='1.0' xmlns:stream='{ns.STREAM}'{declared}>")
    ends_with(server, client, "invalid-namespace", "stream.bad_ns", mark)


def header(**attributes):
    inner = "".join(f" {k}='{v}'" for k, v in attributes.items() if v is not None)
    return f"<stream:stream xmlns='jabber:client' xmlns:stream='{ns.STREAM}'{inner}>"


@pytest.mark.parametrize("version", [None, "0.9", "0.0", "1.x.y", "", "one", "-1.0", "1.", ".1", "1"])
def X05_a_version_that_is_not_spoken(server, version):
    mark = server.mark()
    client = server.open()
    client.send(header(to="localhost", version=version))
    ends_with(server, client, "unsupported-version", "stream.version", mark)


@pytest.mark.parametrize("version", ["1.0", "2.0", "1.1", "01.0", "1.10", "11.0"])
def X05_a_later_version_is_answered_with_ours(server, version):
    client = server.open()
    client.send(header(to="localhost", version=version))
    client.expect_features()
    assert client.header.get("version") == "1.0"


@pytest.mark.parametrize("to, error", [
    ("other.example", "host-unknown"), ("localhost.", None),
    ("user@localhost", "improper-addressing"), ("user@localhost/r", "improper-addressing"),
    ("localhost/r", "improper-addressing"), ("@localhost", ("improper-addressing", "host-unknown")),
    ("", ("host-unknown", "improper-addressing")), ("a b", ("host-unknown", "improper-addressing")),
    ("x" * 1024, ("host-unknown", "improper-addressing")),
])
def X06_a_to_that_is_not_served(server, to, error):
    mark = server.mark()
    client = server.open()
    client.send(header(to=to, version="1.0"))
    if error is None:  # RFC 7622, 3.2: a final dot is taken off
        client.expect_features()
        return
    ends_with(server, client, error, "stream.host_unknown", mark)


def X06_a_missing_to_means_the_only_host(server):
    client = server.open()
    client.send(header(version="1.0"))
    client.expect_features()
    assert client.header.get("from") == server.host


@pytest.mark.burbled_only
def X06_a_missing_to_between_two_hosts(start_server):
    server = start_server(hosts=[{"name": "other.example"}])
    client = server.open()
    client.send(header(version="1.0"))
    client.expect_stream_error("host-unknown")
    for host in ("localhost", "other.example"):
        server.stream(host=host)


def X07_a_from_on_the_stream_is_never_trusted(server):
    account = server.account("honest")
    victim = server.account("victim")
    client = server.open()
    client.open(**{"from": victim.jid})
    client.login(account)
    assert client.bind("x") == f"{account.jid}/x"
    # Nor on the stream after the login.
    client = server.stream()
    client.authenticate(account)
    client.open(features=False, **{"from": victim.jid})
    try:
        client.expect_features()
        assert client.bind("y") == f"{account.jid}/y"
    except AssertionError:
        client.expect_stream_error("invalid-from")


RESTRICTED = {
    "comment": "<!-- x -->", "processing instruction": "<?php x?>", "stylesheet":
    "<?xml-stylesheet href='x'?>", "doctype": "<!DOCTYPE a>", "doctype with entities":
    "<!DOCTYPE a [<!ENTITY x 'y'>]>", "entity": "<message><body>&nbsp;</body></message>",
    "entity in an attribute": "<message to='&foo;'/>", "comment in a stanza":
    "<message><!-- x --></message>", "instruction in a stanza": "<message><?a b?></message>",
}


@STAGES
@pytest.mark.parametrize("what", RESTRICTED)
def X08_what_xmpp_forbids_of_xml(server, stage, what):
    client = opened(server, stage)
    mark = server.mark()
    client.send(RESTRICTED[what])
    ends_with(server, client, "restricted-xml", "stream.restricted", mark)


@pytest.mark.parametrize("what", ["comment", "processing instruction", "doctype",
                                  "doctype with entities"])
def X08_in_front_of_the_stream(server, what):
    client = server.open()
    client.send(RESTRICTED[what] + HEADER)
    client.expect_stream_error("restricted-xml")
    client = server.open()
    client.send("<?xml version='1.0'?>" + RESTRICTED[what] + HEADER)
    client.expect_stream_error("restricted-xml")


BAD_UTF8 = {
    "lone continuation": b"\x80", "overlong slash": b"\xc0\xaf", "overlong in three":
    b"\xe0\x80\xaf", "overlong in four": b"\xf0\x80\x80\xaf", "surrogate": b"\xed\xa0\x80",
    "paired surrogates": b"\xed\xa0\xbd\xed\xb8\x80", "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80", "fe": b"\xfe", "ff": b"\xff",
    "truncated two": b"\xc3", "truncated three": b"\xe2\x82", "truncated four": b"\xf0\x9f\x98",
}


@STAGES
@pytest.mark.parametrize("what", BAD_UTF8)
def X09_text_that_is_not_utf8(server, bob, stage, what):
    for template in (b"<message to='%s'><body>a%sb</body></message>",
                     b"<message to='%s' id='%s'/>", b"<message to='%s'><a%sa/></message>"):
        client = opened(server, stage)
        mark = server.mark()
        client.send(template % (bob.jid.encode(), BAD_UTF8[what]))
        ends_with(server, client, "unsupported-encoding", "stream.encoding", mark)
    server.user("witness").fence(bob)
    bob.nothing("message")


NOT_XML = {
    "nul": b"<body>\x00</body>", "c0": b"<body>\x01</body>", "escape": b"<body>\x1b[2J</body>",
    "vertical tab": b"<body>\x0b</body>", "form feed in an attribute": b"<x a='\x0c'/>",
    "U+FFFE": b"<body>\xef\xbf\xbe</body>", "U+FFFF": b"<body>\xef\xbf\xbf</body>",
    "reference to nul": b"<body>&#0;</body>", "reference to c0": b"<body>&#x1;</body>",
    "reference to a surrogate": b"<body>&#xD800;</body>", "reference to U+FFFE":
    b"<body>&#xFFFE;</body>", "reference above U+10FFFF": b"<body>&#x110000;</body>",
    "endless reference": b"<body>&#x" + b"0" * 200 + b"</body>", "empty reference":
    b"<body>&#;</body>", "reference without digits": b"<body>&#x;</body>", "lone ampersand":
    b"<body>a & b</body>", "end of cdata in text": b"<body>]]></body>", "less than in an attribute":
    b"<x a='<'/>", "attribute without quotes": b"<x a=b/>", "attribute without value": b"<x a/>",
    "no space between attributes": b"<x a='1'b='2'/>", "name with a digit first": b"<1x/>",
    "end tag with attribute": b"<x></x a='1'>", "space in front of a name": b"< x/>",
}


@STAGES
@pytest.mark.parametrize("what", NOT_XML)
def X10_characters_and_references_that_xml_does_not_have(server, bob, stage, what):
    client = opened(server, stage)
    mark = server.mark()
    client.send(b"<message to='" + bob.jid.encode() + b"'>" + NOT_XML[what] + b"</message>")
    ends_with(server, client, "not-well-formed", "stream.bad_xml", mark)
    server.user("witness").fence(bob)
    bob.nothing("message")


ENCODINGS = {
    "iso": "<?xml version='1.0' encoding='ISO-8859-1'?>".encode(),
    "utf-16 by name": "<?xml version='1.0' encoding='UTF-16'?>".encode(),
    "utf-16le with bom": b"\xff\xfe" + (HEADER.encode("utf-16-le")),
    "utf-16be with bom": b"\xfe\xff" + (HEADER.encode("utf-16-be")),
    "us-ascii": "<?xml version='1.0' encoding='US-ASCII'?>".encode(),
}


@pytest.mark.parametrize("what", ENCODINGS)
def X11_other_encodings(server, what):
    mark = server.mark()
    client = server.open()
    client.send(ENCODINGS[what] + HEADER.encode())
    ends_with(server, client, "unsupported-encoding", "stream.encoding", mark)


def X11_a_byte_order_mark_is_for_the_first_byte_alone(server):
    client = server.open()
    client.send(b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>" + HEADER.encode())
    client.expect_features()
    client.send(b"\xef\xbb\xbf")
    client.send("<iq type='get' id='x'/>")
    client.expect_stream_error(("not-well-formed", "bad-format", "unsupported-encoding"))


@pytest.mark.parametrize("declaration", [
    "<?xml version='1.0'?><?xml version='1.0'?>", " <?xml version='1.0'?>",
    "<?xml version='1.1'?>", "<?xml version='2.0'?>", "<?xml?>", "<?xml encoding='utf-8'?>",
    "<?xml version='1.0' standalone='maybe'?>", "<?xml version='1.0' foo='bar'?>",
    "<?xml version='1.0' encoding='utf-8' version='1.0'?>",
])
def X12_declarations_that_are_none(server, declaration):
    mark = server.mark()
    client = server.open()
    client.send(declaration + HEADER)
    ends_with(server, client, "not-well-formed", "stream.bad_xml", mark)


@pytest.mark.parametrize("declaration", [
    "<?xml version='1.0'?>", '<?xml version="1.0" encoding="UTF-8" ?>\n',
    "<?xml version='1.0' standalone='no'?>", "<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
    "", "\n",
])
def X12_declarations_that_are_fine(server, declaration):
    client = server.open()
    client.send(declaration + HEADER)
    client.expect_features()


@STAGES
def X12_a_declaration_in_the_middle(server, stage):
    client = opened(server, stage)
    client.send("<?xml version='1.0'?>")
    client.expect_stream_error("not-well-formed")


NAMESPACES = {
    "unbalanced": "<message><body></message>", "crossed": "<message><a><b></a></b></message>",
    "attribute twice": "<message id='1' id='2'/>",
    "attribute twice by two prefixes":
    "<message xmlns:a='urn:x' xmlns:b='urn:x' a:c='1' b:c='2'/>",
    "unbound prefix": "<a:message/>", "unbound prefix of an attribute": "<message a:b='c'/>",
    "xml rebound": "<message xmlns:xml='urn:x'/>", "xmlns bound":
    "<message xmlns:xmlns='urn:x'/>", "another prefix for xml":
    "<message xmlns:a='http://www.w3.org/XML/1998/namespace'/>", "prefix for xmlns":
    "<message xmlns:a='http://www.w3.org/2000/xmlns/'/>", "prefix undeclared":
    "<message xmlns:p=''/>", "two colons": "<a:b:c xmlns:a='urn:x'/>", "colon first": "<:a/>",
    "colon last": "<a: xmlns:a='urn:x'/>", "declared twice": "<message xmlns='jabber:client' xmlns='urn:x'/>",
    "end tag of another": "<message></iq>", "end of a stream that is not open": "<message></stream:stream>",
}


@STAGES
@pytest.mark.parametrize("what", NAMESPACES)
def X13_tags_and_namespaces_that_do_not_fit(server, stage, what):
    client = opened(server, stage)
    mark = server.mark()
    client.send(NAMESPACES[what])
    ends_with(server, client, "not-well-formed", "stream.bad_xml", mark)


@pytest.mark.parametrize("space", ["u&#10;x", "u|x", "u}x", "{u}x", "u&#9;x", "u x", "u&lt;x&gt;",
                                   "jabber:client&#10;message", "http://a/&amp;b", "Ω", "u" * 1000])
def X14_a_namespace_is_one_string(server, bob, space):
    sender = server.user("sender")
    inner = f"<x xmlns='{space}'><y/></x><p:z xmlns:p='{space}' p:a='1' a='2'/>"
    ident = sender.message(bob.jid, None, extra=inner)
    got = bob.expect("message", id=ident)
    wanted = parse(f"<message>{inner}</message>")
    assert len(got) == 2 and all(same(g, w) for g, w in zip(got, wanted)), dump(got)


@pytest.mark.parametrize("size", [1500, 8192, 100000])
def X14_a_namespace_has_an_end(server, size):
    client = opened(server, "session")
    mark = server.mark()
    client.send(f"<message><x xmlns='{'u' * size}'/></message>")
    ends_with(server, client, "policy-violation", "stream.limit", mark)


@STAGES
@pytest.mark.parametrize("text", ["hello", "]", "&#32;x", "\u00a0", "<iq type='result' id='a'/>x"])
def X15_text_between_stanzas(server, stage, text):
    if stage == "stream" and "<" in text:
        text = "x"
    client = opened(server, stage)
    mark = server.mark()
    client.send(text)
    ends_with(server, client, "bad-format", "stream.bad_format", mark)


@STAGES
def X16_a_second_header_without_a_restart(server, stage):
    client = opened(server, stage)
    mark = server.mark()
    client.send(HEADER)
    ends_with(server, client, "unsupported-stanza-type", "stream.unexpected", mark)


@pytest.mark.parametrize("element", [
    "<foo/>", "<foo xmlns='urn:x'/>", "<message xmlns='urn:x'/>", "<iq xmlns='jabber:server'/>",
    "<stream:foo/>", "<stream:features/>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "<Message/>",
    "<compress xmlns='urn:example:compress'/>",
])
def X17_unknown_elements(server, element):
    client = opened(server, "session")
    mark = server.mark()
    client.send(element)
    ends_with(server, client, "unsupported-stanza-type", "stream.unexpected", mark)


def sized_message(to, size):
    frame = f"<message to='{to}' type='headline' id='big'><body></body></message>"
    text = "x" * (size - len(frame))
    return frame.replace("<body></body>", f"<body>{text}</body>"), len(text)


@pytest.mark.burbled_only
def X18_a_stanza_of_exactly_the_limit_passes(server, bob):
    sender = server.user("sender")
    stanza, length = sized_message(bob.jid, 262144)
    sender.send(stanza)
    assert len(body(bob.expect("message", id="big"))) == length


@pytest.mark.burbled_only
def X18_one_byte_more_does_not(server, bob):
    sender = server.user("sender")
    mark = server.mark()
    stanza, _ = sized_message(bob.jid, 262145)
    sender.send(stanza)
    error = ends_with(server, sender, "policy-violation", "stream.limit", mark)
    assert has_app_condition(error, "stanza-too-big")
    server.user("witness").fence(bob)
    bob.nothing("message")


@pytest.mark.burbled_only
def X18_it_is_decided_before_the_end_is_seen(server, bob):
    sender = server.user("sender")
    sender.send(sized_message(bob.jid, 300000)[0][:262145])
    error = sender.expect_stream_error("policy-violation")
    assert has_app_condition(error, "stanza-too-big")


TOO_MUCH = {
    "depth": "<message>" + "<a>" * 66 + "</a>" * 66 + "</message>",
    "attributes": "<message" + "".join(f" a{i}='1'" for i in range(65)) + "/>",
    "attributes of a child": "<message><x" + "".join(f" a{i}='1'" for i in range(65)) + "/></message>",
    "elements": "<message>" + "<a/>" * 4097 + "</message>",
    "declarations": "<message>" + "".join(f"<a xmlns:n{i}='urn:{i}'/>" for i in range(70))
    + "</message>",
}


@pytest.mark.burbled_only
@pytest.mark.parametrize("what", TOO_MUCH)
def X19_too_deep_too_wide_too_many(server, what):
    client = opened(server, "session")
    mark = server.mark()
    client.send(TOO_MUCH[what])
    ends_with(server, client, "policy-violation", "stream.limit", mark)


def X19_as_much_as_is_allowed(server, bob):
    sender = server.user("sender")
    for inner in ("<a>" * 60 + "</a>" * 60, "<a/>" * 4000,
                  "<x" + "".join(f" a{i}='1'" for i in range(64)) + "/>"):
        ident = sender.message(bob.jid, None, kind="headline", extra=inner)
        got = bob.expect("message", id=ident)
        assert same(got[0], parse(f"<message>{inner}</message>")[0])


@pytest.mark.parametrize("stage", ["nothing", "stream", "session"])
def X20_a_tag_that_never_ends(server, stage):
    client = opened(server, stage)
    mark = server.mark()
    before = server.rss_kib()
    client.send("<stream:stream a='" if stage == "nothing" else "<message a='")
    try:
        for _ in range(160):
            client.send(b"x" * 65536)
        client.raw.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    try:
        client.expect_stream_error("policy-violation")
    except AssertionError:
        # A reset for bytes that nobody read may overtake the error.
        assert client.closed and client.error is None
    server.saw("stream.limit", mark)
    # What it kept is of the order of the limit; a sanitizer's own book-keeping is not counted.
    if server.is_burbled and not server.instrumented():
        assert server.rss_kib() - before < 4096


def X21_one_byte_per_segment(server, bob):
    client = server.open()
    whole, client.send = client.send, lambda data: whole(
        *(bytes([b]) for b in (data.encode() if isinstance(data, str) else data)))
    client.open()
    client.login(server.account("slow"))
    client.bind("s")
    client.message(bob.jid, "Привет 😀 <&>")
    assert bob.expect_message("Привет 😀 <&>")


def X21_every_split_point(server, bob):
    client = server.user("sender")
    text = (f"<message to='{bob.jid}' id='split' type='headline'><body>é😀&amp;&#x41;</body>"
            "<x xmlns='urn:x' a='&lt;'><![CDATA[<]]></x></message>").encode()
    wanted = None
    for cut in range(1, len(text)):
        client.send(text[:cut], text[cut:])
        got = bob.expect("message", id="split")
        wanted = wanted if wanted is not None else got
        assert same(got, wanted), f"split at {cut}: {dump(got)}"


def X22_white_space_before_login_is_rationed(server):
    if not server.is_burbled:
        pytest.skip("a limit of burbled")
    client = server.stream()
    mark = server.mark()
    client.send(" " * 200)
    client.send_quietly(*[b" " * 65536] * 64)
    client.expect_closed()
    server.saw("stream.limit", mark)
    client = server.stream()
    client.send(" " * 257)
    client.expect_stream_error("policy-violation")


def X22_white_space_keeps_a_session_alive(server, bob):
    client = opened(server, "session")
    for _ in range(50):
        client.send(" ", "\n", "\r\n\t ")
    client.send(" " * 100000)
    client.message(bob.jid, "still here")
    bob.expect_message("still here")


@pytest.mark.parametrize("listener", ["plain", "tls", "direct"])
def X23_a_stream_is_closed_in_order(server, listener):
    mark = server.mark()
    account = server.account("closer")
    options = {} if listener == "plain" else {"openssl": {}}
    client = server.login(account, listener=listener, presence=0, **options)
    client.send("</stream:stream>")
    client.expect_end()
    if listener == "plain":
        client.expect_closed()
    else:
        # close_notify comes in front of the FIN: an abrupt end would be an error here.
        assert client.sock.recv(100) == b""
        assert isinstance(client.sock, openssl.TlsSocket)
    server.saw("session.close", mark)


def X24_bytes_behind_the_end_are_ignored(server, bob):
    client = server.user("talker")
    client.send(f"</stream:stream><message to='{bob.jid}' id='late'><body>x</body></message><<<&")
    client.expect_end()
    client.expect_closed()
    server.user("witness").fence(bob)
    bob.nothing("message")


@pytest.mark.parametrize("end", ["abandon", "reset"])
def X25_half_a_stanza_is_no_stanza(server, bob, end):
    client = server.user("talker")
    mark = server.mark()
    client.message(bob.jid, "whole")
    client.send(f"<message to='{bob.jid}'><body>half</body></messag")
    bob.expect_message("whole")
    getattr(client, end)()
    server.saw("conn.reset", mark)
    server.user("witness").fence(bob)
    bob.nothing("message")


def X26_an_end_that_is_never_answered(server):
    client = opened(server, "session")
    start = time.monotonic()
    client.send("<nonsense/>")
    while client.error is None or not client.ended:
        client.pump(start + DEADLINE_S)
    while not client.closed:  # we say nothing and wait
        client.pump(start + 7 * PATIENCE)
    assert time.monotonic() - start < 6 * PATIENCE


@pytest.mark.parametrize("inner", [
    "<body><![CDATA[<a>&amp;</a>]]></body>", "<body>a<![CDATA[]]>b<![CDATA[ ]] > ]]></body>",
    "<body>&lt;![CDATA[x]]&gt;</body>", "<body>&amp;lt; &amp;amp;#60;</body>",
    "<x xmlns='urn:x' a='&#9;&#10;&#13;' b='&quot;&apos;' c='>'/>",
    "<body>line1&#13;&#10;line2&#13;line3\nline4\tx</body>", "<body>]] &gt; ]]&gt;</body>",
    "<x xmlns='urn:x' a='a\tb\nc'/>", "<body>\u0085\u2028\ufeff\ue000</body>",
    "<body>&#x1F600;&#128512;😀</body>", "<body> leading and trailing </body>",
])
def X27_text_is_passed_on_with_the_same_meaning(server, bob, inner):
    sender = server.user("sender")
    ident = sender.message(bob.jid, None, extra=inner)
    got = bob.expect("message", id=ident)
    assert same(got[0], parse(f"<message>{inner}</message>")[0]), dump(got)
    assert b"CDATA[" not in bob.received or b"&lt;![CDATA[" in bob.received


def X28_a_language_is_inherited_from_the_stream(server, bob):
    account = server.account("sprecher")
    client = server.open()
    client.open(xml_lang="de")
    client.authenticate(account)
    client.open(xml_lang="de")
    client.bind("x")
    ident = client.message(bob.jid, "Hallo")
    assert bob.expect("message", id=ident).get(XML_LANG) == "de"
    client.send(f"<message to='{bob.jid}' id='fr' xml:lang='fr'><body>Salut</body>"
                "<body xml:lang='it'>Ciao</body></message>")
    got = bob.expect("message", id="fr")
    assert got.get(XML_LANG) == "fr"
    assert [b.get(XML_LANG) for b in payload(got)] == [None, "it"]


def X28_no_language_is_fine(server, bob):
    sender = server.user("sender")
    ident = sender.message(bob.jid, "hello")
    bob.expect("message", id=ident)


@pytest.mark.parametrize("lang", ["", "x" * 300, "not a tag", "de-DE-1996"])
def X28_odd_languages_break_nothing(server, lang):
    client = server.open()
    client.open(xml_lang=lang)
    client.login(server.account("odd"))
    client.bind()


def X29_prefixes_mean_nothing(server, bob):
    sender = server.user("sender")
    for index, stanza in enumerate((
        "<c:message xmlns:c='jabber:client' to='{}' id='{}'><c:body>hi</c:body></c:message>",
        "<message xmlns='jabber:client' to='{}' id='{}'><body>hi</body></message>",
        "<a:message xmlns='urn:other' xmlns:a='jabber:client' to='{}' id='{}'>"
        "<a:body>hi</a:body></a:message>",
    )):
        sender.send(stanza.format(bob.jid, index))
        got = bob.expect("message", id=str(index))
        assert body(got) == "hi"
    sender.send(f"<q:iq xmlns:q='jabber:client' type='get' id='p' to='{server.host}'>"
                f"<z:ping xmlns:z='{ns.PING}'/></q:iq>")
    sender.expect("iq", id="p", type="result")


def X29_a_prefixed_stream(server):
    client = server.open()
    client.send(f"<x:stream xmlns:x='{ns.STREAM}' to='localhost' version='1.0' xmlns='jabber:client'>")
    client.expect_features()
    account = server.account("prefix")
    client.login(account)
    assert client.bind("x") == f"{account.jid}/x"
    client.send("</stream:stream>")
    client.expect_end()


def X30_a_thousand_stanzas_in_one_segment(server, bob):
    sender = server.user("sender")
    sender.send("".join(f"<message to='{bob.jid}' type='headline' id='n{i}'/>" for i in range(1000)))
    sender.fence(bob)
    got = [m.get("id") for m in bob.take("message")]
    assert got == [f"n{i}" for i in range(1000)]


def X30_others_are_served_in_between(server, bob):
    """Fairness: a flood of one connection does not hold up another's ping."""
    sender, other = server.user("sender"), server.user("other")
    flood = "".join(f"<iq type='get' id='f{i}' to='localhost'><ping xmlns='{ns.PING}'/></iq>"
                    for i in range(3000)).encode()
    sender.raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sender.raw.setblocking(False)
    view = memoryview(flood)
    while view:
        try:
            view = view[sender.raw.send(view):]
        except BlockingIOError:
            break
    other.sync()
    sender.raw.settimeout(DEADLINE_S)
    try:
        sender.send(bytes(view))
    except OSError:
        raise Timeout("the flooding session was closed") from None
    sender.expect("iq", id="f2999", type="result")
