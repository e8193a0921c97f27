"""What once went wrong in other XMPP software, and must not here: rows V01–V49 of the record, as
far as a stream shows them. Rows about parsers alone, clients and later features are tested there.
"""

import base64
import itertools
import random
import re
import ssl

import pytest

from harness import ns, openssl, sasl
from harness.people import befriend
from harness.server import Account, wait_until
from harness.xmpp import (Closed, Timeout, body, child, condition, decoded, dump, name, parse,
                          payload, same, unverified)

HEADER = (f"<stream:stream to='localhost' xmlns='jabber:client' version='1.0'"
          f" xmlns:stream='{ns.STREAM}'>")
LAUGHS = ("<!DOCTYPE lolz [<!ENTITY l0 'lol'>" + "".join(
    f"<!ENTITY l{i} '" + f"&l{i - 1};" * 10 + "'>" for i in range(1, 11)) + "]>")


@pytest.fixture
def bob(server):
    return server.user("bob")


@pytest.mark.parametrize("before", ["", "<?xml version='1.0'?>", HEADER])
def V01_a_billion_laughs(server, before):
    mark, rss = server.mark(), server.rss_kib()
    client = server.open()
    client.send(before + LAUGHS + "<message><body>&l10;</body></message>")
    client.expect_stream_error("restricted-xml")
    server.saw("stream.restricted", mark)
    assert server.rss_kib() - rss < 4096


SHAPES = {
    "nested": b"<a>" * 100_000,
    "attributes": b"<message" + b"".join(b" a%d=''" % i for i in range(100_000)) + b"/>",
    "element name": b"<" + b"a" * (1 << 20) + b"/>",
    "attribute name": b"<message " + b"a" * (1 << 20) + b"=''/>",
    "attribute value": b"<message a='" + b"a" * (1 << 20) + b"'/>",
    "prefix": b"<" + b"a" * (1 << 20) + b":b/>",
    "reference": b"<message>&" + b"a" * (1 << 20) + b";</message>",
    "cdata": b"<message><![CDATA[" + b"a" * (1 << 20),
    "end tags": b"<message>" + b"<a></a>" * 100_000,
}


@pytest.mark.burbled_only
@pytest.mark.parametrize("stage", ["stream", "session"])
@pytest.mark.parametrize("shape", SHAPES)
def V04_input_drives_no_recursion(server, stage, shape):
    client = server.stream() if stage == "stream" else server.user("mallory")
    client.send_quietly(SHAPES[shape])
    allowed = ("policy-violation", "restricted-xml", "not-well-formed")
    client.expect_stream_error(allowed if shape == "reference" else "policy-violation")


@pytest.mark.burbled_only
@pytest.mark.parametrize("what", ["bytes", "elements"])
def V06_little_is_taken_before_the_login(server, what):
    element = {
        "bytes": f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>".ljust(8193, "A"),
        "elements": "<iq type='set' id='1'>" + "<a/>" * 33 + "</iq>",
    }[what]
    mark = server.mark()
    client = server.stream()
    client.send(element)
    client.expect_stream_error("policy-violation")
    server.saw("stream.limit", mark)


@pytest.mark.burbled_only
def V06_a_thousand_strangers(start_server):
    server = start_server()
    clients = [server.open() for _ in range(1000)]
    before = server.rss_kib()
    partial = (HEADER + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>").encode()
    for client in clients:
        client.send(partial + b"A" * (8192 - len(partial)))
    server.login(server.account("member"), presence=0)
    grown = server.rss_kib() - before
    assert grown < (65536 if not server.instrumented() else 262144), f"{grown} KiB"


GARBAGE = [
    b"", b"\0", b"<", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"<?xml version='1.0'?>",
    HEADER.encode()[:30], HEADER.encode(), HEADER.encode() + b"<auth", HEADER.encode() + b"</stream:stream>",
    HEADER.encode() + b"<!DOCTYPE a>", HEADER.encode() + b"\xff", HEADER.encode() + b"x",
    HEADER.encode() + b"<message/>", HEADER.encode() + b"<a>" * 100,
    HEADER.encode() + f"<starttls xmlns='{ns.TLS}'/>".encode(),
    HEADER.encode() + f"<starttls xmlns='{ns.TLS}'/>x".encode(),
    HEADER.encode() + f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AGEAYg==</auth>".encode(),
    HEADER.encode() + f"<auth xmlns='{ns.SASL}' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9Yg==</auth>".encode(),
    HEADER.replace("localhost", "elsewhere.example").encode(),
]


def churn(server, rounds):
    for round_, data in itertools.product(range(rounds), GARBAGE):
        client = server.open()
        client.send_quietly(data)
        (client.reset if round_ % 2 else client.abandon)()
    server.clients.clear()


def settled_fds(server, start):
    """The descriptors when the server has seen every connection end."""
    server.stream().close()
    wait_until(lambda: server.fds() <= start, 10, f"{start} descriptors (now {server.fds()})")


@pytest.mark.burbled_only
def V07_connections_leave_nothing_behind(server):
    server.user("member").close()
    churn(server, 10)
    server.stream().close()
    start = server.fds()
    rss = server.rss_kib()
    churn(server, 60)
    settled_fds(server, start)
    if not server.instrumented():  # a leak checker looks at that at the end of the process
        assert server.rss_kib() - rss < 1024


def V11_malformed_utf8_is_not_passed_on(server, bob):
    for data in (b"<aaa\xeb/>", b"<?\xeb?>", b"<message to='%s'><aaa\xeb/></message>" % bob.jid.encode(),
                 b"<message to='%s'><x y\xc0='1'/></message>" % bob.jid.encode(),
                 b"<message to='%s'><body>\xf0\x9f\x98" % bob.jid.encode() + b"</body></message>"):
        client = server.user("mallory")
        client.send(data)
        client.expect_stream_error(("unsupported-encoding", "restricted-xml"))
    server.user("witness").fence(bob)
    bob.nothing()


@pytest.mark.parametrize("space", ["u&#10;x", "u&#9;x", "u|x", "u:x", "u}x", "urn:x&#10;jabber:client",
                                   "jabber:client|message"])
def V12_a_separator_in_a_namespace_forges_no_name(server, bob, space):
    client = server.user("mallory")
    ident = client.message(bob.jid, None, extra=f"<body xmlns='{space}'>forged</body>")
    got = bob.expect("message", id=ident)
    assert body(got) is None
    assert same(got[0], parse(f"<body xmlns='{space}'>forged</body>"))


@pytest.mark.parametrize("space", ["u&#x0c;x", "u&#x1f;x", "u&#x0b;x", "u&#0;x"])
def V12_control_characters_in_a_namespace(server, space):
    client = server.user("mallory")
    client.send(f"<message><x xmlns='{space}'/></message>")
    client.expect_stream_error("not-well-formed")


def random_tree(rng, depth=0):
    """XML text of a random element, with every trick that is allowed."""
    texts = ["", "a", "&lt;&amp;&gt;", "<![CDATA[<x>&amp;]]>", "&#9;&#10;&#13;", "é😀", "]] >", "\n\t ",
             "&quot;&apos;\"'", "&#x1F600;", "]]&gt;", "--", "<![CDATA[]]>"]
    spaces = ["urn:a", "urn:b", "jabber:client", "", "http://x/?a=1&amp;b=2", "urn:ü"]
    local = rng.choice(["a", "b-c", "message", "stream", "body", "_x.1", "é"])
    prefix = rng.choice(["", "", "p", "stream2"])
    space = rng.choice(spaces)
    if prefix and not space:
        space = "urn:p"
    declared = f" xmlns{':' + prefix if prefix else ''}='{space}'"
    attributes = "".join(
        f" {n}{rng.choice(['=', ' = '])}'{rng.choice(['', '1', '&lt;', '&#10;x', '>', 'ü', 'a  b'])}'"
        for n in rng.sample(["x", "y", "xml:lang", "id", "to", f"{prefix or 'xml'}:z"], rng.randint(0, 3)))
    tag = f"{prefix}:{local}" if prefix else local
    inner = "".join(rng.choice(texts) + (random_tree(rng, depth + 1) if depth < 4 and rng.random() < .6
                                         else "") for _ in range(rng.randint(0, 3)))
    return f"<{tag}{declared}{attributes}>{inner}</{tag}>"


def V13_client_and_server_read_the_same_tree(server, bob):
    """What is parsed, serialised and parsed again is what was sent."""
    rng = random.Random(13)
    client = server.user("sender")
    for index in range(400):
        text = random_tree(rng)
        client.send(f"<message to='{bob.jid}' type='headline' id='t{index}'>{text}</message>")
        got = bob.expect("message", id=f"t{index}")
        wanted = parse(f"<message>{text}</message>")
        assert len(got) == len(wanted) == 1
        assert same(got[0], wanted[0]), f"sent {text}\ngot {dump(got[0])}"


@pytest.mark.parametrize("inner", [
    "<stream:stream xmlns='jabber:client' version='1.0'><iq type='set' id='evil'/></stream:stream>",
    "<stream:features/>", "<stream:error/>", "<message xmlns='jabber:client'><body>in</body></message>",
    f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'/>",
])
def V14_a_stream_within_a_stanza_is_data(server, bob, inner):
    client = server.user("mallory")
    ident = client.message(bob.jid, None, extra=inner)
    got = bob.expect("message", id=ident)
    wanted = parse(f"<message xmlns:stream='{ns.STREAM}'>{inner}</message>")
    assert same(got[0], wanted[0]), dump(got)
    client.sync()
    client.nothing(id="evil")
    bob.sync()


def V18_mutated_stream_headers_crash_nothing(server):
    rng = random.Random(18)
    source = ("<?xml version='1.0'?>" + HEADER).encode()
    for _ in range(400):
        data = bytearray(source)
        for _ in range(rng.randint(1, 6)):
            where = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[where] = rng.randrange(256)
            elif how == 1:
                del data[where : where + rng.randint(1, 8)]
            elif how == 2:
                data[where:where] = bytes(rng.choice(b"<>'\"=/ :&;ax\0\xff") for _ in range(3))
            else:
                data[where:where] = data[where : where + 20]
        client = server.open()
        client.send(bytes(data))
        client.send_quietly(b" </stream:stream>")
        client.reset()
    server.clients.clear()
    assert server.stream()


@pytest.mark.parametrize("depth", [1, 2, 3, 20])
def V19_the_depth_is_right_after_an_error_within(server, bob, depth):
    """A stanza that is refused, with errors at any depth inside, leaves the next one at depth 1."""
    client = server.user("mallory")
    inner = "<x xmlns='urn:x'>" * depth + f"<error/><message to='{bob.jid}'/>" + "</x>" * depth
    for bad in (f"<message to='@' id='e1'>{inner}</message>",
                f"<iq type='get' id='e1' to='nobody@{server.host}'>{inner}</iq>",
                f"<iq type='bad' id='e1'>{inner}</iq>",
                f"<presence id='e1'><priority>x</priority>{inner}</presence>"):
        client.send(bad)
        client.expect(("message", "iq", "presence"), id="e1", type="error")
        ident = client.message(bob.jid, "next", extra=inner)
        got = bob.expect("message", id=ident)
        assert len(payload(got)) == 2
    client.sync()
    bob.nothing("message")


@pytest.mark.parametrize("size, good", [(1023, True), (1024, False), (1025, False)])
@pytest.mark.parametrize("part", ["local", "resource"])
def V23_a_name_is_never_cut_within_a_character(server, size, good, part):
    """Names that end in the middle of a character if cut at the limit."""
    client = server.user("asker")
    text = "a" * (size - 2 * 100) + "é" * 100
    assert len(text.encode()) == size
    jid = f"{text}@{server.host}" if part == "local" else f"nobody@{server.host}/{text}"
    wanted = "service-unavailable" if good else "jid-malformed"
    answer = client.refused("get", f"<ping xmlns='{ns.PING}'/>", wanted, to=jid)
    if good:
        assert answer.get("from") == jid


@pytest.mark.parametrize("stamp", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "-0001-01-01T00:00:00Z",
                                   "2020-01-01T00:00:00." + "1" * 20 + "Z", "2020-02-30T25:61:61",
                                   "2020-01-01T00:00:00", "", "x" * 500, "99999999999999999999",
                                   "20200101T00:00:00"])
def V25_odd_times_break_nothing(server, bob, stamp):
    client = server.user("sender")
    ident = client.message(bob.jid, "kept", extra=f"<delay xmlns='{ns.DELAY}' from='x.example'"
                           f" stamp='{stamp}'/>")
    got = bob.expect("message", id=ident)
    assert body(got) == "kept"
    client.presence(to=bob.jid, inner=f"<delay xmlns='{ns.DELAY}' stamp='{stamp}'/>")
    bob.expect("presence", frm=client.jid)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 6000])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1"])
def V26_long_names_at_the_login(server, mechanism, size):
    client = server.stream()
    answer = client.authenticate(Account("x" * size, server.host, "pw"), mechanism)
    assert name(answer) == "failure"
    assert condition(answer) in ("not-authorized", "malformed-request")
    assert name(client.authenticate(server.account("ok"))) == "success"


@pytest.mark.burbled_only
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1"])
def V26_a_name_of_64_kib(server, mechanism):
    client = server.stream()
    message = f"\0{'x' * 65536}\0pw" if mechanism == "PLAIN" else f"n,,n={'x' * 65536},r=abc"
    client.send_quietly(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{sasl.b64(message)}</auth>")
    client.expect_stream_error("policy-violation")


KNOWN_IQS = {
    "bind": f"<bind xmlns='{ns.BIND}'><resource>r</resource></bind>",
    "roster get": f"<query xmlns='{ns.ROSTER}'/>",
    "roster set": f"<query xmlns='{ns.ROSTER}'><item jid='a@b.example' name='n'>"
    "<group>g</group></item></query>",
    "register": f"<query xmlns='{ns.IBR}'><username>u</username><password>p</password></query>",
    "private": f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:x'/></query>",
    "block": f"<block xmlns='{ns.BLOCKING}'><item jid='a@b.example'/></block>",
    "unblock": f"<unblock xmlns='{ns.BLOCKING}'><item jid='a@b.example'/></unblock>",
    "disco info": f"<query xmlns='{ns.DISCO_INFO}' node='x'/>",
    "disco items": f"<query xmlns='{ns.DISCO_ITEMS}' node='x'/>",
    "vcard": f"<vCard xmlns='{ns.VCARD}'><FN>x</FN></vCard>",
    "last": f"<query xmlns='{ns.LAST}'/>",
    "version": f"<query xmlns='{ns.VERSION}'/>",
    "time": f"<time xmlns='{ns.TIME}'/>",
}


def reductions(payload):
    """The payload with each attribute, each child and each namespace taken away in turn."""
    for match in re.finditer(r" (?!xmlns)[a-z]+='[^']*'", payload):
        yield payload[: match.start()] + payload[match.end():]
    for match in re.finditer(r"<([a-zA-Z]+)[^<>]*>[^<>]*</\1>|<[a-zA-Z][^<>]*/>", payload):
        if match.start() > 0:
            yield payload[: match.start()] + payload[match.end():]
    yield re.sub(r" xmlns='[^']*'", "", payload, count=1)
    yield re.sub(r"^<([a-zA-Z]+)", r"<nonsense", re.sub(r"</[a-zA-Z]+>$", "</nonsense>", payload))


@pytest.mark.parametrize("what", KNOWN_IQS)
def V27_every_request_with_something_missing_is_answered(server, what):
    payload = KNOWN_IQS[what]
    client = server.user("asker")
    for variant in [payload, *reductions(payload)]:
        for verb in ("get", "set"):
            answer = client.iq(verb, variant)
            assert answer.get("type") in ("result", "error")
            if answer.get("type") == "error":
                condition(answer)
    client.sync()


def V28_every_string_survives_the_way(server, bob):
    """parse(serialise(t)) == t, over a wire."""
    rng = random.Random(28)
    client = server.user("sender")
    alphabet = "<>&'\"\t\n\ra ;#x]"
    for index in range(300):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 64)))
        escaped = "".join(f"&#{ord(c)};" for c in text)
        client.send(f"<message to='{bob.jid}' type='headline' id='s{index}'>"
                    f"<x xmlns='urn:x' a='{escaped}'>{escaped}</x></message>")
        got = bob.expect("message", id=f"s{index}")
        assert (got[0].get("a"), got[0].text or "") == (text, text)


STREAM_ELEMENTS = {
    "auth": f"<auth xmlns='{ns.SASL}' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9Yg==</auth>",
    "auth plain": f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AGEAYg==</auth>",
    "response": f"<response xmlns='{ns.SASL}'>Yg==</response>",
    "abort": f"<abort xmlns='{ns.SASL}'/>",
    "compress": "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
    "bind": f"<iq type='set' id='1'><bind xmlns='{ns.BIND}'/></iq>",
    "register": f"<iq type='set' id='1'><query xmlns='{ns.IBR}'><username>sneaky</username>"
                "<password>x</password></query></iq>",
    "message": "<message to='a@localhost'><body>x</body></message>",
    "presence": "<presence/>", "iq": "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    "enable": "<enable xmlns='urn:xmpp:sm:3'/>", "sasl2": "<authenticate xmlns='urn:xmpp:sasl:2'/>",
    "proceed": f"<proceed xmlns='{ns.TLS}'/>", "success": f"<success xmlns='{ns.SASL}'/>",
    "features": "<stream:features/>",
}


@pytest.mark.burbled_only
@pytest.mark.parametrize("what", STREAM_ELEMENTS)
def V30_nothing_but_starttls_before_tls_where_it_is_demanded(server, what):
    client = server.open("tls")
    client.open()
    client.send(STREAM_ELEMENTS[what])
    try:
        answer = client.sasl_answer()
        assert name(answer) == "failure" and condition(answer) == "encryption-required", dump(answer)
    except AssertionError as error:
        if client.error is None:
            raise
        wanted = ("policy-violation", "unsupported-stanza-type", "not-authorized")
        assert condition(client.error) in wanted, error
    assert not client.take("iq", type="result")


@pytest.mark.burbled_only
def V31_a_client_on_a_bad_line_is_not_offered_less(server):
    """Server's side of STARTTLS stripping: TLS is demanded in so many words, SASL is not offered
    before it, and after it the offer is the same for everybody."""
    client = server.open("tls")
    client.open()
    assert child(client.feature("starttls", ns.TLS), "required") is not None
    assert client.feature("mechanisms", ns.SASL) is None
    assert client.feature("register", ns.IBR_FEATURE) is None
    client.starttls()
    client.open()
    assert client.feature("starttls", ns.TLS) is None and client.mechanisms()


@pytest.mark.parametrize("behind", [f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AGEAYg==</auth>",
                                    "<message to='a@localhost'><body>x</body></message>", "<", HEADER])
@pytest.mark.parametrize("listener", ["tls", "plain"])
def V32_plaintext_behind_starttls_in_the_same_segment(server, listener, behind):
    mark = server.mark()
    client = server.open(listener)
    client.open()
    client.send(f"<starttls xmlns='{ns.TLS}'/>{behind}")
    client.expect_closed()
    assert not client.take(("success", "failure", "challenge"), space=ns.SASL)
    server.saw("tls.injection", mark)


def V32_plaintext_between_proceed_and_the_handshake(server):
    """It can only be taken for a TLS record, and is none."""
    for data in (f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AGEAYg==</auth>", HEADER, " "):
        client = server.open("tls")
        client.open()
        client.send(f"<starttls xmlns='{ns.TLS}'/>")
        client.expect("proceed", space=ns.TLS)
        client.raw.sendall(data.encode())
        with pytest.raises((ssl.SSLError, OSError)):
            client.wrap(context=unverified())
        client.abandon()


WEAK = ["RC4-SHA", "DES-CBC3-SHA", "NULL-SHA256", "EXP-RC4-MD5", "AES128-SHA", "AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA", "ADH-AES128-SHA256",
        "AECDH-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "PSK-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CAMELLIA128-SHA256"]


@pytest.mark.burbled_only
@pytest.mark.parametrize("cipher", WEAK)
def V33_weak_ciphers(server, cipher):
    """TLS 1.2 without AEAD or without a fresh key exchange."""
    mark = server.mark()
    try:
        tls = openssl.connect(server.address("direct"), server.host, version="TLSv1.2",
                              ciphers=f"{cipher}:@SECLEVEL=0")
    except ValueError:
        return  # so weak that this OpenSSL cannot even ask for it
    except (openssl.TlsError, OSError):
        server.saw("tls.reject", mark)
        return
    tls.close()
    pytest.fail(f"{cipher} was accepted")


@pytest.mark.burbled_only
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def V33_old_versions(server, version):
    mark = server.mark()
    with pytest.raises(openssl.TlsError):
        openssl.connect(server.address("direct"), server.host, version=version)
    server.saw("tls.reject", mark)


@pytest.mark.burbled_only
@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                    "ECDHE-ECDSA-CHACHA20-POLY1305"])
def V33_good_ciphers(server, cipher):
    openssl.connect(server.address("direct"), server.host, version="TLSv1.2", ciphers=cipher).close()


@pytest.mark.burbled_only
def V34_renegotiation_is_refused(server):
    mark = server.mark()
    client = server.stream("direct", openssl={"version": "TLSv1.2"})
    with pytest.raises(openssl.TlsError):
        client.sock.renegotiate()
    # The refusal is an alert; it is the client that gives up then.
    wait_until(lambda: {"tls.reject", "tls.error"} & {e["event"] for e in server.log.events(mark)})
    server.stream("direct")


@pytest.mark.burbled_only
def V34_a_flood_of_key_updates_is_ended(server):
    client = server.stream("direct", openssl={"version": "TLSv1.3"})
    client.login(server.account("flooder"))
    with pytest.raises((openssl.TlsError, OSError, Closed)):
        for _ in range(20_000):
            client.sock.key_update()
        client.bind()


@pytest.mark.burbled_only
def V34_a_key_update_now_and_then_is_fine(server, bob):
    client = server.login(server.account("careful"), listener="direct", openssl={"version": "TLSv1.3"})
    for answer in (False, True):
        client.sock.key_update(answer)
        client.message(bob.jid, "on new keys")
        bob.expect_message("on new keys")
        client.sync()


IANA = ["9798-M-DSA-SHA1", "9798-U-RSA-SHA1-ENC", "ANONYMOUS", "CRAM-MD5", "DIGEST-MD5",
        "ECDH-X25519-CHALLENGE", "ECDSA-NIST256P-CHALLENGE", "EAP-AES128", "EAP-AES128-PLUS",
        "EXTERNAL", "GS2-KRB5", "GS2-KRB5-PLUS",
        "GSS-SPNEGO", "GSSAPI", "KERBEROS_V4", "KERBEROS_V5", "LOGIN", "NMAS-SAMBA-AUTH", "NTLM", "OAUTH10A",
        "OAUTHBEARER", "OPENID20", "OTP", "SAML20", "SECURID", "SKEY", "SPNEGO", "SPNEGO-PLUS", "SXOVER-PLUS",
        "X-FACEBOOK-PLATFORM", "X-GOOGLE-TOKEN", "X-OAUTH2", "HT-SHA-256-ENDP", "SCRAM-SHA3-512"]


def V38_a_mechanism_that_was_not_offered(server):
    client = server.stream()
    account = server.account("user")
    offered = set(client.mechanisms())
    for mechanism in IANA:
        for spelled in (mechanism, mechanism.lower(), mechanism.title()):
            assert mechanism not in offered
            client.auth(spelled, sasl.plain(account.user, account.password))
            client.expect_failure("invalid-mechanism")
    assert name(client.authenticate(account)) == "success"


@pytest.mark.burbled_only
@pytest.mark.parametrize("listener", ["plain", "tls"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                       "SCRAM-SHA-256-PLUS"])
def V39_an_authzid(server, mechanism, listener):
    if mechanism.endswith("-PLUS") and listener == "plain":
        return
    options = {"openssl": {}} if mechanism.endswith("-PLUS") else {}
    account, other = server.account("alice"), server.account("bob")

    def attempt(authzid):
        client = server.stream(listener, **options)
        extra = {}
        if options:
            extra = {"cb_type": "tls-exporter", "cb_data": client.channel_binding("tls-exporter")}
        answer = client.authenticate(account, mechanism, authzid, **extra)
        return client, name(answer), None if name(answer) == "success" else condition(answer)

    for authzid in (other.jid, f"{account.user}@other.example", account.jid + "/resource", "a@b@c",
                    "@", server.host, other.user, f"{account.user}@{server.host}x", "\u0378@localhost"):
        client, result, what = attempt(authzid)
        assert (result, what) == ("failure", "invalid-authzid"), authzid
        client.abandon()
    for authzid in (account.jid, account.jid.upper()):
        client, result, what = attempt(authzid)
        assert result == "success", (authzid, what)
        client.open()
        assert client.bind("x") == f"{account.jid}/x"


@pytest.mark.burbled_only
def V40_a_restart_with_another_host(start_server):
    server = start_server(hosts=[{"name": "other.example"}])
    account = server.account("alice")
    for to in ("other.example", "nowhere.example"):
        client = server.stream()
        assert name(client.authenticate(account)) == "success"
        client.open(to=to, features=False)
        client.expect_stream_error(("not-authorized", "host-unknown") if to[0] == "n"
                                   else "not-authorized")
    # The same after STARTTLS: only what is negotiated later counts.
    client = server.open()
    client.open()
    client.starttls()
    client.open(to="other.example")
    answer = client.authenticate(account)
    assert name(answer) == "failure"


ROUTED = f"<message to='{{to}}' type='headline' id='sneaked'/>"


@pytest.mark.burbled_only
def V41_no_sequence_of_elements_gets_around_the_login(server, bob):
    """Every pair of stream-level elements, then a message: none arrives. Longer ones: in the unit
    tests of the stream."""
    elements = [e for k, e in STREAM_ELEMENTS.items() if k != "register"]
    elements += ["</stream:stream>", HEADER, " ", f"<starttls xmlns='{ns.TLS}' x=''/>x",
                 f"<auth xmlns='{ns.SASL}' mechanism='SCRAM-SHA-1'/>"]
    message = ROUTED.format(to=bob.jid)
    for first, second in itertools.product(elements, repeat=2):
        client = server.open()
        client.send_quietly(HEADER + first + second + message)
        client.send_quietly("</stream:stream>")
        try:
            client.expect_closed(timeout=0.02)
        except (Timeout, Closed):
            pass
        client.abandon()
        server.clients.remove(client)
    server.user("witness").fence(bob)
    bob.nothing("message")


def V43_unknown_users_have_a_salt_that_stays(server):
    account = server.account("known")

    def challenge(user, mechanism):
        client = server.stream()
        exchange = sasl.Scram(mechanism, user, "pw")
        client.auth(mechanism, exchange.first())
        answer = client.sasl_answer()
        assert name(answer) == "challenge", dump(answer)
        fields = sasl.fields(decoded(answer))
        client.respond(exchange.final(decoded(answer)))
        return fields, dump(client.expect_failure("not-authorized"))

    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
        real, real_failure = challenge(account.user, mechanism)
        one, failure = challenge("nobody-one", mechanism)
        again, _ = challenge("nobody-one", mechanism)
        two, _ = challenge("nobody-two", mechanism)
        assert one["s"] == again["s"] != two["s"]
        assert one["i"] == two["i"] == real["i"]
        assert len(base64.b64decode(one["s"])) == len(base64.b64decode(real["s"]))
        assert failure == real_failure


@pytest.mark.burbled_only
def V44_aborted_logins_leave_nothing_behind(server):
    account = server.account("aborter")

    def round_():
        for steps in range(4):
            client = server.stream()
            exchange = sasl.Scram("SCRAM-SHA-256", account.user, account.password)
            if steps > 0:
                client.auth("SCRAM-SHA-256", exchange.first())
            if steps > 1:
                challenge = decoded(client.sasl_answer())
            if steps == 2:
                client.send(f"<abort xmlns='{ns.SASL}'/>")
            if steps == 3:
                client.respond(exchange.final(challenge))
            client.reset() if steps % 2 else client.abandon()
        server.clients.clear()

    for _ in range(20):
        round_()
    server.stream().close()
    fds, rss = server.fds(), server.rss_kib()
    for _ in range(100):
        round_()
    settled_fds(server, fds)
    if not server.instrumented():
        assert server.rss_kib() - rss < 1024


def V45_bad_logins_do_not_break_good_ones(server):
    accounts = [server.account("good") for _ in range(5)]
    bad = [server.stream() for _ in range(30)]
    good = [(server.stream(), account) for account in accounts * 6]
    for (client, account), broken in zip(good, bad):
        broken.auth("PLAIN", "!!!bad base64!!!")
        client.auth("PLAIN", sasl.plain(account.user, account.password))
        broken.respond("=====")
    for client, _ in good:
        assert name(client.sasl_answer()) == "success"
    for client in bad:
        client.expect_failure("incorrect-encoding")


def V48_what_must_be_unpredictable_is_random(server):
    account = server.account("nonce")
    ids, nonces, resources = [], [], []
    for _ in range(100):
        client = server.stream()
        ids.append(client.header.get("id"))
        exchange = sasl.Scram("SCRAM-SHA-1", account.user, account.password)
        client.auth("SCRAM-SHA-1", exchange.first())
        challenge = decoded(client.sasl_answer())
        nonces.append(sasl.fields(challenge)["r"].removeprefix(exchange.nonce))
        client.respond(exchange.final(challenge))
        client.sasl_answer()
        client.open()
        resources.append(client.bind().partition("/")[2])
        client.abandon()
    server.clients.clear()
    for values, least in ((ids, 16), (nonces, 16), (resources, 8)):
        assert len(set(values)) == 100 and min(map(len, values)) >= least
        # No two share a long beginning or end, as counters and times would.
        for cut in (slice(0, 8), slice(-8, None)):
            assert len({v[cut] for v in values}) == 100


@pytest.mark.burbled_only
class TestV49:
    """A fresh server holds no secret that another has."""

    def V49_there_is_no_account(self, start_server):
        server = start_server()
        assert server.ctl("account", "list", "--json").stdout.strip() in ("", "[]")
        for user in ("admin", "root", "test", "alice", "burble"):
            for password in (user, "admin", "password", "burble"):
                answer = server.stream().authenticate(Account(user, server.host, password))
                assert condition(answer) == "not-authorized"

    def V49_every_server_makes_its_own_key(self, start_server):
        one, two = start_server(), start_server()
        made = one.certificate()
        assert made != two.certificate()
        # And keeps it, for its user alone.
        one.stop()
        one.start()
        assert one.certificate() == made
        private = [p for p in one.data.rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
        assert private and all(p.stat().st_mode & 0o077 == 0 for p in private)

    def V49_a_self_made_certificate_is_not_shown_in_public(self, start_server):
        server = start_server(start=False)
        server.listener("direct")["address"] = "0.0.0.0"
        code, said = server.refuse()
        assert code == 78 and "self_signed" in said, said
        server.settings["hosts"][0]["self_signed"] = True
        server.start()


def V57_a_roster_push_by_a_contact_is_not_delivered(server, bob):
    """The server's side; S14 has the variants."""
    alice = server.user("alice")
    befriend(alice, bob)
    alice.send(f"<iq type='set' id='push' to='{bob.jid}'><query xmlns='{ns.ROSTER}'>"
               "<item jid='evil@x.example' subscription='both'/></query></iq>")
    answer = alice.expect("iq", id="push", type="error")
    assert condition(answer) == "service-unavailable"
    alice.fence(bob)
    bob.nothing("iq")
