"""The extensions that every client asks for: XEP-0012, 0030, 0049, 0054, 0092, 0115, 0128, 0157,
0199, 0202, 0440, 0478."""

import base64
import datetime
import hashlib
import re

import pytest

from harness import ns
from harness.people import befriend, clean, subscribe
from harness.xmpp import child, condition, dump, name, parse, payload, same

SERVER = {
    "host_extra": {"contact": {"abuse": ["mailto:abuse@localhost", "xmpp:abuse@localhost"],
                               "security": ["mailto:security@localhost"]}},
}

pytestmark = pytest.mark.shards(1, 3)

DISCO = f"<query xmlns='{ns.DISCO_INFO}'/>"
ITEMS = f"<query xmlns='{ns.DISCO_ITEMS}'/>"


@pytest.fixture
def alice(server):
    return server.user("alice")


@pytest.fixture
def bob(server):
    return server.user("bob")


def features(query):
    return {f.get("var") for f in query if name(f) == "feature"}


def identities(query):
    return {(i.get("category"), i.get("type")) for i in query if name(i) == "identity"}


class TestDisco:
    """XEP-0030."""

    def test_the_server_says_what_it_is_and_can(self, server, alice):
        query = alice.get(DISCO, to=server.host)
        assert ("server", "im") in identities(query)
        missing = {ns.DISCO_INFO, ns.DISCO_ITEMS, ns.PING, ns.VERSION, ns.LAST, ns.TIME, ns.VCARD,
                   ns.PRIVATE, ns.BLOCKING, ns.IBR, "msgoffline"} - features(query)
        assert not missing
        names = [(f.get("var")) for f in query if name(f) == "feature"]
        assert len(names) == len(set(names)), "a feature twice"

    def test_every_feature_that_is_told_is_there(self, server, alice):
        """What disco announces for the server answers a request by something else than unknown."""
        probes = {ns.VERSION: "query", ns.LAST: "query", ns.TIME: "time", ns.PING: "ping",
                  ns.DISCO_ITEMS: "query"}
        offered = features(alice.get(DISCO, to=server.host))
        for space, element in probes.items():
            if space in offered:
                alice.get(f"<{element} xmlns='{space}'/>", to=server.host)

    def test_items_of_the_server(self, server, alice):
        query = alice.get(ITEMS, to=server.host)
        assert all(name(i) == "item" and i.get("jid") for i in query)

    @pytest.mark.parametrize("space", [ns.DISCO_INFO, ns.DISCO_ITEMS])
    def test_a_node_that_is_not_there(self, server, alice, space):
        alice.refused("get", f"<query xmlns='{space}' node='no such node'/>", "item-not-found",
                      to=server.host)

    def test_ones_own_account(self, alice):
        query = alice.get(DISCO, to=alice.account.jid)
        assert ("account", "registered") in identities(query)
        assert ("account", "registered") in identities(alice.get(DISCO))

    def test_a_contacts_account(self, alice, bob):
        subscribe(alice, bob)
        query = alice.get(DISCO, to=bob.account.jid)
        assert ("account", "registered") in identities(query)

    def test_a_stranger_learns_nothing(self, server, alice, bob):
        """Section 8: an account that is not there answers like one that does not know you."""
        nobody = f"nobody@{server.host}"
        for jid in (bob.account.jid, nobody):
            alice.refused("get", DISCO, "service-unavailable", to=jid)
            assert len(alice.get(ITEMS, to=jid)) == 0

    def test_a_contacts_client_is_asked_itself(self, alice, bob):
        befriend(alice, bob)
        ident = alice.next_id()
        alice.send(f"<iq type='get' id='{ident}' to='{bob.jid}'>"
                   f"<query xmlns='{ns.DISCO_INFO}' node='http://example.org#x'/></iq>")
        query = child(bob.expect("iq", id=ident, frm=alice.jid), "query", ns.DISCO_INFO)
        assert query.get("node") == "http://example.org#x"

    def test_set_is_no_question(self, server, alice):
        answer = alice.iq("set", DISCO, to=server.host)
        assert answer.get("type") == "error"


def forms(query):
    return [x for x in query if x.tag == f"{{{ns.DATA_FORM}}}x"]


def form_fields(form):
    return {f.get("var"): [v.text for v in f] for f in form}


def caps_string(query):
    """XEP-0115, section 5.1."""
    lang = f"{{{ns.XML}}}lang"
    idents = sorted("/".join((i.get("category"), i.get("type"), i.get(lang) or "",
                              i.get("name") or "")) for i in query if name(i) == "identity")
    text = "".join(f"{i}<" for i in idents)
    text += "".join(f"{f}<" for f in sorted(features(query)))
    extended = sorted((form_fields(f)["FORM_TYPE"][0], form_fields(f)) for f in forms(query))
    for form_type, fields in extended:
        text += f"{form_type}<"
        for var in sorted(set(fields) - {"FORM_TYPE"}):
            text += f"{var}<" + "".join(f"{v}<" for v in sorted(fields[var]))
    return text


class TestCaps:
    """XEP-0115."""

    def test_the_servers_own_in_the_stream_features(self, server, alice):
        caps = alice.feature("c", ns.CAPS)
        assert caps is not None and caps.get("hash") == "sha-1" and caps.get("node")
        node = f"{caps.get('node')}#{caps.get('ver')}"
        query = alice.get(f"<query xmlns='{ns.DISCO_INFO}' node='{node}'/>", to=server.host)
        digest = hashlib.sha1(caps_string(query).encode()).digest()
        assert base64.b64encode(digest).decode() == caps.get("ver")
        assert query.get("node") == node
        plain = alice.get(DISCO, to=server.host)
        assert features(plain) == features(query)

    def test_others_are_carried_through(self, alice, bob):
        befriend(alice, bob)
        inner = f"<c xmlns='{ns.CAPS}' hash='sha-1' node='http://x.example/' ver='AAAAAA='/>"
        ident = alice.presence(inner=inner)
        got = bob.expect("presence", id=ident)
        assert same(child(got, "c", ns.CAPS), parse(inner))


class TestContactAddresses:
    """XEP-0157 in a form of XEP-0128."""

    def test_addresses_for_abuse_reports(self, server, alice):
        query = alice.get(DISCO, to=server.host)
        infos = [form_fields(f) for f in forms(query)
                 if form_fields(f).get("FORM_TYPE") == [ns.SERVERINFO]]
        assert len(infos) == 1
        assert "mailto:abuse@localhost" in infos[0]["abuse-addresses"]
        form = next(f for f in forms(query) if form_fields(f)["FORM_TYPE"] == [ns.SERVERINFO])
        assert form.get("type") == "result"
        if server.is_burbled:
            assert infos[0]["abuse-addresses"] == ["mailto:abuse@localhost", "xmpp:abuse@localhost"]
            assert infos[0]["security-addresses"] == ["mailto:security@localhost"]


class TestLastActivity:
    """XEP-0012."""

    QUERY = f"<query xmlns='{ns.LAST}'/>"

    def test_the_servers_uptime(self, server, alice):
        query = alice.get(self.QUERY, to=server.host)
        assert 0 <= int(query.get("seconds")) < 10000

    def test_a_contact_who_left(self, server, alice, bob):
        befriend(alice, bob)
        bob.presence("unavailable", inner="<status>Heading Home</status>")
        bob.close()
        alice.expect("presence", type="unavailable", frm=bob.jid)
        query = alice.get(self.QUERY, to=bob.account.jid)
        assert 0 <= int(query.get("seconds")) < 60
        assert query.text == "Heading Home"

    def test_a_contact_who_is_there(self, alice, bob):
        befriend(alice, bob)
        assert alice.get(self.QUERY, to=bob.account.jid).get("seconds") == "0"

    def test_a_stranger_is_forbidden(self, server, alice, bob):
        alice.refused("get", self.QUERY, "forbidden", to=bob.account.jid)
        alice.refused("get", self.QUERY, ("forbidden", "service-unavailable"), to=bob.jid)
        alice.fence(bob)
        bob.nothing("iq")
        alice.refused("get", self.QUERY, ("forbidden", "service-unavailable"),
                      to=f"nobody@{server.host}")

    def test_an_idle_client_is_asked_itself(self, alice, bob):
        befriend(alice, bob)
        ident = alice.next_id()
        alice.send(f"<iq type='get' id='{ident}' to='{bob.jid}'>{self.QUERY}</iq>")
        bob.expect("iq", id=ident)

    def test_it_outlives_the_server(self, start_server):
        server = start_server()
        if not server.is_burbled:
            pytest.skip("restarts burbled")
        alice, bob = server.user("alice"), server.user("bob")
        befriend(alice, bob)
        bob.presence("unavailable", inner="<status>gone</status>")
        bob.close()
        alice.expect("presence", type="unavailable")
        server.stop()
        server.start()
        again = server.login(alice.account)
        assert again.get(self.QUERY, to=bob.account.jid).text == "gone"


class TestPrivateStorage:
    """XEP-0049."""

    NOTES = "<storage xmlns='storage:rosternotes'><note jid='a@b'>Seems <b/> nice &amp; so</note></storage>"

    def test_what_is_put_in_comes_out(self, server, alice):
        alice.set(f"<query xmlns='{ns.PRIVATE}'>{self.NOTES}</query>")
        alice.set(f"<query xmlns='{ns.PRIVATE}'><other xmlns='urn:example:o'>1</other></query>")
        got = alice.get(f"<query xmlns='{ns.PRIVATE}'><storage xmlns='storage:rosternotes'/></query>")
        assert len(got) == 1 and same(got[0], parse(self.NOTES)), dump(got)
        again = server.login(alice.account)
        got = again.get(f"<query xmlns='{ns.PRIVATE}'><other xmlns='urn:example:o'/></query>")
        assert got[0].text == "1"

    def test_a_new_value_replaces_the_old_one(self, alice):
        for text in ("one", "two"):
            alice.set(f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:example:x'>{text}</x></query>")
        got = alice.get(f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:example:x'/></query>")
        assert [e.text for e in got] == ["two"]

    def test_what_was_never_put_in(self, alice):
        got = alice.get(f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:example:never'/></query>")
        assert got[0].tag == "{urn:example:never}x" and len(got[0]) == 0 and not got[0].text

    def test_it_is_private(self, alice, bob):
        bob.set(f"<query xmlns='{ns.PRIVATE}'>{self.NOTES}</query>")
        payload = f"<query xmlns='{ns.PRIVATE}'><storage xmlns='storage:rosternotes'/></query>"
        befriend(alice, bob)
        for kind in ("get", "set"):
            alice.refused(kind, payload, ("forbidden", "service-unavailable"), to=bob.account.jid)
        got = bob.get(payload)
        assert same(got[0], parse(self.NOTES))

    def test_nothing_to_get(self, alice):
        for kind in ("get", "set"):
            alice.refused(kind, f"<query xmlns='{ns.PRIVATE}'/>",
                          ("bad-request", "not-acceptable", "bad-format"))


class TestVCard:
    """XEP-0054."""

    CARD = ("<vCard xmlns='vcard-temp'><FN>Алиса &lt;A&gt;</FN><N><FAMILY>L</FAMILY></N>"
            "<PHOTO><TYPE>image/png</TYPE><BINVAL>{}</BINVAL></PHOTO></vCard>")
    ASK = "<vCard xmlns='vcard-temp'/>"

    def test_ones_own(self, server, alice):
        answer = alice.iq("get", self.ASK)
        if answer.get("type") == "error":
            assert condition(answer) in ("item-not-found", "service-unavailable")
        else:
            assert len(answer[0]) == 0
        card = self.CARD.format(base64.b64encode(bytes(range(256)) * 20).decode())
        alice.set(card)
        assert same(alice.get(self.ASK), parse(card))
        again = server.login(alice.account)
        assert same(again.get(self.ASK), parse(card))
        # As a whole it is replaced.
        again.set("<vCard xmlns='vcard-temp'><FN>A</FN></vCard>")
        assert [name(e) for e in again.get(self.ASK)] == ["FN"]

    def test_anybody_may_read_it(self, server, alice, bob):
        bob.set(self.CARD.format("AAAA"))
        assert same(alice.get(self.ASK, to=bob.account.jid), parse(self.CARD.format("AAAA")))
        alice.fence(bob)
        bob.nothing("iq")
        bob.close()
        assert alice.get(self.ASK, to=bob.account.jid) is not None

    def test_nobody_may_write_it(self, alice, bob):
        bob.set(self.CARD.format("AAAA"))
        alice.refused("set", self.CARD.format("BBBB"), ("forbidden", "not-allowed"),
                      to=bob.account.jid)
        assert same(bob.get(self.ASK), parse(self.CARD.format("AAAA")))

    def test_no_card_looks_like_no_user(self, server, alice, bob):
        """Section 3.4 of version 1.3: against the harvesting of addresses."""
        for jid in (bob.account.jid, f"nobody@{server.host}"):
            alice.refused("get", self.ASK, "service-unavailable", to=jid)

    def test_a_big_one(self, alice):
        photo = base64.b64encode(bytes(140000)).decode()
        alice.set(self.CARD.format(photo))
        assert alice.get(self.ASK).find(f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}BINVAL").text == photo


class TestSmallQuestions:
    def test_version(self, server, alice):
        """XEP-0092."""
        query = alice.get(f"<query xmlns='{ns.VERSION}'/>", to=server.host)
        assert child(query, "name").text and child(query, "version").text
        if server.is_burbled:
            assert child(query, "name").text == "burble"

    def test_time(self, server, alice):
        """XEP-0202."""
        answer = alice.get(f"<time xmlns='{ns.TIME}'/>", to=server.host)
        utc, tzo = child(answer, "utc").text, child(answer, "tzo").text
        assert re.match(r"^(Z|[+-]\d\d:\d\d)$", tzo)
        assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", utc)
        stamp = datetime.datetime.fromisoformat(utc.replace("Z", "+00:00"))
        assert abs(datetime.datetime.now(datetime.timezone.utc) - stamp).total_seconds() < 5

    def test_ping(self, server, alice, bob):
        """XEP-0199."""
        ping = f"<ping xmlns='{ns.PING}'/>"
        for to in (server.host, alice.account.jid, None):
            answer = alice.iq("get", ping, to=to)
            assert answer.get("type") == "result" and len(answer) == 0
        alice.iq("get", ping, to=bob.account.jid)  # whatever the account says, it says something
        alice.refused("get", ping, "service-unavailable", to=f"nobody@{server.host}")
        befriend(alice, bob)
        ident = alice.next_id()
        alice.send(f"<iq type='get' id='{ident}' to='{bob.jid}'>{ping}</iq>")
        bob.expect("iq", id=ident, has=f"{{{ns.PING}}}ping")
        bob.send(f"<iq type='result' id='{ident}' to='{alice.jid}'/>")
        alice.expect("iq", id=ident, type="result", frm=bob.jid)

    def test_the_legacy_session(self, alice):
        """RFC 3921, 3; RFC 6121 keeps it as a request that does nothing."""
        session = alice.feature("session", ns.SESSION)
        assert session is None or child(session, "optional") is not None
        alice.set(f"<session xmlns='{ns.SESSION}'/>")

    @pytest.mark.burbled_only
    def test_limits_are_announced(self, server, alice):
        """XEP-0478."""
        limits = alice.feature("limits", ns.STREAM_LIMITS)
        assert child(limits, "max-bytes").text == "262144"
        idle = child(limits, "idle-seconds")
        assert idle is None or int(idle.text) > 0
        before = server.stream().feature("limits", ns.STREAM_LIMITS)
        assert before is None or int(child(before, "max-bytes").text) <= 8192

    @pytest.mark.burbled_only
    def test_channel_bindings_are_announced(self, server):
        """XEP-0440; only where there is a channel to bind to."""
        for listener in ("tls", "direct"):
            announced = server.stream(listener).feature("sasl-channel-binding", ns.SASL_CB)
            kinds = {b.get("type") for b in announced}
            assert kinds == {"tls-exporter", "tls-server-end-point"}
        assert server.stream().feature("sasl-channel-binding", ns.SASL_CB) is None


def test_an_extension_of_a_vendor_is_passed_through(alice, bob):
    """S9: an empty body and a vendor's own element."""
    inner = ("<body/><x xmlns='http://vendor.example/ns' v='1&#10;2'>a<y xmlns='urn:z'>"
             "&lt;&amp;&gt;</y>b<y/></x><subject xml:lang='de'>ß</subject>")
    ident = alice.message(bob.jid, None, extra=inner)
    got = bob.expect("message", id=ident)
    came, wanted = payload(got), parse(f"<message>{inner}</message>")
    assert len(came) == len(wanted) and all(same(g, w) for g, w in zip(came, wanted)), dump(got)
    clean(alice, bob)
