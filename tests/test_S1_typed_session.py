"""S1: a whole session typed by hand, sent over a plain socket byte for byte."""

import base64

from harness import ns
from harness.people import subscribe
from harness.server import Account
from harness.xmpp import body, child, dump, name, parse, same

PASSWORD = "wonderland"

HEADER = (
    b"<stream:stream to='localhost' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\n"
)
AUTH = (
    b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
    + base64.b64encode(b"alice@localhost\0alice\0" + PASSWORD.encode())
    + b"</auth>\n"
)
BIND = (
    b"<iq type='set' id='bind_1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    b"<resource>telnet</resource></bind></iq>\n"
)
SESSION = (
    b"<iq type='set' id='sess_1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>\n"
)
PRESENCE_CHILDREN = (
    "<priority>50</priority><show>chat</show>"
    "<c xmlns='http://jabber.org/protocol/caps' node='http://example.org/by-hand' hash='sha-1'"
    " ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/>"
    "<status>Пишу руками, без клиента</status>"
    "<x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>"
)
PRESENCE = f"<presence>{PRESENCE_CHILDREN}</presence>\n".encode()
MESSAGE = (
    "<message to='{bob}' type='chat' id='m1'><body>Привет из telnet</body></message>\n"
)
UNAVAILABLE = "<presence type='unavailable'><status>ушла</status></presence>\n".encode()
END = b"</stream:stream>\n"


def check_presence(presence, sender):
    wanted = parse(f"<presence>{PRESENCE_CHILDREN}</presence>")
    assert presence.get("from") == sender and presence.get("type") is None
    assert len(presence) == len(wanted), dump(presence)
    for got, expected in zip(presence, wanted):
        assert same(got, expected), dump(presence)


def type_session(alice, bob):
    alice.send(HEADER)
    header = alice.expect_header()
    assert name(header) == "stream" and header.get("from") == "localhost"
    assert header.get("version") == "1.0" and len(header.get("id")) >= 8
    alice.expect_features()
    assert alice.feature("starttls", ns.TLS) is not None
    assert "PLAIN" in alice.mechanisms()
    assert alice.feature("register", ns.IBR_FEATURE) is not None

    alice.send(AUTH)
    assert name(alice.sasl_answer()) == "success"

    alice.restart()
    alice.send(HEADER)
    second = alice.expect_header()
    assert second.get("id") != header.get("id")
    alice.expect_features()
    assert alice.feature("bind", ns.BIND) is not None
    assert not alice.mechanisms()

    alice.send(BIND)
    bound = alice.expect("iq", id="bind_1", type="result")
    assert child(child(bound, "bind", ns.BIND), "jid", ns.BIND).text == "alice@localhost/telnet"
    alice.jid = "alice@localhost/telnet"
    alice.send(SESSION)
    alice.expect("iq", id="sess_1", type="result")

    alice.send(PRESENCE)
    check_presence(alice.expect("presence", frm=alice.jid), alice.jid)
    check_presence(bob.expect("presence", frm=alice.jid), alice.jid)

    alice.send(MESSAGE.format(bob=bob.account.jid).encode())
    message = bob.expect("message", id="m1", type="chat")
    assert body(message) == "Привет из telnet" and message.get("from") == alice.jid
    assert message.get("to") == bob.account.jid

    alice.send(UNAVAILABLE)
    gone = bob.expect("presence", type="unavailable", frm=alice.jid)
    assert child(gone, "status").text == "ушла"

    alice.send(END)
    alice.expect_end()
    alice.expect_closed()


def prepare(server):
    account = Account("alice", "localhost", PASSWORD)
    server.add_account(account)
    bob = server.user("bob")
    helper = server.login(account, "elsewhere", presence=0)
    subscribe(bob, helper)
    helper.close()
    bob.expect("presence", type="unavailable", frm=helper.jid)
    return bob


def test_a_person_types_a_whole_session(server):
    bob = prepare(server)
    type_session(server.open(), bob)
    bob.nothing("presence", type="unavailable")

    # The same keystrokes, each byte a segment of its own, as a slow typist's terminal may send.
    again = server.open()
    whole_send = again.send
    again.send = lambda data: whole_send(*(data[i : i + 1] for i in range(len(data))))
    type_session(again, bob)
