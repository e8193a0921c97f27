"""The scripted server itself: good where it is told to be, wrong only where it is told to be."""

import asyncio
import ssl

import pytest

from harness import attacks, ns, sasl
from harness.certs import Authority, authority
from harness.hostile import DOMAIN, STEPS, Cut, Hostile, cuts, good_session
from harness.managed import SM
from harness.mutations import NEGOTIATION, PUSHES, RESULTS, mutations, well_formed
from harness.server import Account
from harness.xmpp import Client, Closed, body, child, condition, dump, name
from test_harness_servers import DEADLINE_S, Slix, run

ALICE = Account("alice", DOMAIN, "alice's secret")


def strict(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    context.hostname_checks_common_name = False
    return context


def visit(server):
    client = Client(server.address, server.domain)
    vars(server).setdefault("visitors", []).append(client)
    return client


def leave(server, count=1):
    """The clients go; waits for the ends of so many scripts."""
    for client in server.visitors:
        client.abandon()
    server.wait(count)


def secured(server, **options):
    """A raw client behind STARTTLS; options of openssl.TlsSocket make that do TLS."""
    client = visit(server)
    client.open()
    client.starttls(**({"openssl_options": options} if options else {"context": strict(server)}))
    client.open()
    return client


def online(server, mechanism="SCRAM-SHA-256", presence=True):
    client = secured(server)
    client.login(ALICE, mechanism)
    client.bind("x")
    client.send(f"<enable xmlns='{SM}' resume='true'/>")
    client.sm_id = client.expect("enabled", space=SM).get("id")
    if presence:
        client.roster()
        client.presence()
    return client


def test_a_good_session():
    with Hostile() as server:
        client = online(server)
        assert client.jid == f"{ALICE.jid}/x"
        assert client.expect_message("hello").get("from") == f"friend@{DOMAIN}/phone"
        client.get(f"<query xmlns='{ns.DISCO_INFO}'/>", to=DOMAIN)
        client.refused("get", "<a xmlns='urn:unknown'/>", "service-unavailable")
        client.close()
        leave(server)
        assert server.steps[:13] == list(STEPS[:13])


@pytest.mark.parametrize("tls", ["starttls", "direct"])
def test_slixmpp_finds_nothing_wrong_with_it(tls):
    with Hostile(lambda conn: good_session(conn, tls=tls)) as server:

        async def scenario():
            person = Slix(server, ALICE, ["xep_0198", "xep_0199", "xep_0280"])
            said = asyncio.get_event_loop().create_future()
            person.add_event_handler("message", said.set_result)
            await person.login(server.port, tls == "direct")
            roster = await person.get_roster()
            assert roster["roster"]["items"]
            person.send_presence()
            assert (await asyncio.wait_for(said, DEADLINE_S))["body"] == "hello"
            await person.logout()

        run(scenario())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_mechanisms(mechanism):
    with Hostile(lambda conn: good_session(conn, mechanisms=(mechanism,))) as server:
        secured(server).login(ALICE, mechanism)
        wrong = Account("alice", DOMAIN, "wrong")
        assert name(secured(server).authenticate(wrong, mechanism)) == "failure"


@pytest.mark.parametrize("cb_type, version", [
    ("tls-exporter", "TLSv1.3"), ("tls-exporter", "TLSv1.2"), ("tls-server-end-point", "TLSv1.3"),
    ("tls-unique", "TLSv1.2"),
])
def test_channel_binding(cb_type, version):
    with Hostile(lambda conn: attacks.with_binding(conn, cb_type)) as server:
        client = secured(server, version=version)
        assert dump(client.features).count(cb_type) == 1
        options = {"cb_type": cb_type, "cb_data": client.channel_binding(cb_type)}
        answer = client.authenticate(ALICE, "SCRAM-SHA-256-PLUS", **options)
        assert name(answer) == "success"
        client = secured(server, version=version)
        options["cb_data"] = b"x" * 32
        answer = client.authenticate(ALICE, "SCRAM-SHA-256-PLUS", **options)
        assert name(answer) == "failure"


def test_direct_tls_with_alpn_and_a_clients_certificate():
    me = authority().issue(common_name="alice", xmpp_addresses=(ALICE.jid,))

    def script(conn):
        conn.wrap_tls(alpn=["xmpp-client"], client_ca=conn.server.ca_file)
        conn.expect_open()
        conn.reply_open()
        conn.features(mechanisms=("EXTERNAL",))
        assert conn.sasl()
        conn.leave()

    with Hostile(script) as server:
        client = visit(server)
        context = strict(server)
        context.load_cert_chain(me.chain, me.key)
        context.set_alpn_protocols(["h2", "xmpp-client"])
        client.wrap(context=context)
        assert client.sock.selected_alpn_protocol() == "xmpp-client"
        client.open()
        client.auth("EXTERNAL", "")
        assert name(client.sasl_answer()) == "success"
        leave(server)
        conn = server.connections[0]
        assert conn.tls.server_name == DOMAIN
        assert conn.tls.offered_alpn == ["h2", "xmpp-client"] and conn.mechanism == "EXTERNAL"


@pytest.mark.parametrize("kind", Authority.BAD)
def test_bad_certificates_are_what_their_names_say(kind):
    certificate = getattr(authority(), kind)(DOMAIN)
    with Hostile(certificate=certificate) as server:
        client = visit(server)
        client.open()
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            client.starttls(context=strict(server))
        assert {"expired": "has expired", "not_yet_valid": "not yet valid",
                "wrong_name": "mismatch", "self_signed": "self-signed",
                "common_name_only": "mismatch", "wildcard": "mismatch",
                "unknown_authority": "unable to get local issuer"}[kind] in str(caught.value)
        leave(server)
        assert not server.connections[0].mentions("alice")


@pytest.mark.parametrize("tamper", attacks.TAMPERS.values(), ids=attacks.TAMPERS)
def test_what_is_tampered_with_is_wrong(tamper):
    """The raw client ends wrong, or is told something that is not what RFC 5802 says."""
    with Hostile(lambda conn: conn.log_in(**tamper)) as server:
        client = secured(server)
        exchange = sasl.Scram("SCRAM-SHA-256", ALICE.user, ALICE.password)
        with pytest.raises((AssertionError, KeyError, ValueError)):
            client.auth(exchange.mechanism, exchange.first())
            challenge = unpacked(client)
            parts = sasl.fields(challenge)
            assert list(parts) == ["r", "s", "i"] and int(parts["i"]) == 4096
            assert parts["r"].startswith(exchange.nonce) and len(parts["r"]) > len(exchange.nonce)
            client.respond(exchange.final(challenge))
            final = unpacked(client, "success")
            assert list(sasl.fields(final)) == ["v"]
            exchange.verify(final)
        client.abandon()


def unpacked(client, wanted="challenge"):
    answer = client.sasl_answer()
    assert name(answer) == wanted
    return sasl.base64.b64decode(answer.text or "", validate=True).decode()


@pytest.mark.parametrize("odd", attacks.ODD_BUT_RIGHT.values(), ids=attacks.ODD_BUT_RIGHT)
def test_what_is_odd_is_right(odd):
    with Hostile(lambda conn: conn.log_in(bind=False, **odd)) as server:
        client = secured(server)
        exchange = sasl.Scram("SCRAM-SHA-256", ALICE.user, ALICE.password)
        client.auth(exchange.mechanism, exchange.first())
        client.respond(exchange.final(unpacked(client)))
        final = unpacked(client, ("challenge", "success")[odd.get("in_success", True)])
        exchange.verify(final)
        if not odd.get("in_success", True):
            client.respond("")
            assert name(client.sasl_answer()) == "success"
        client.open()


@pytest.mark.parametrize("iterations", attacks.ITERATIONS_GOOD[:2] + attacks.ITERATIONS_BAD)
def test_iterations_are_said_as_they_are(iterations):
    with Hostile(lambda conn: conn.log_in(iterations=iterations)) as server:
        client = secured(server)
        client.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", "alice", "").first())
        assert sasl.fields(unpacked(client))["i"] == str(iterations)
        client.abandon()


def test_there_are_enough_places_to_cut():
    assert len({str(c) for c in cuts()}) >= 80 and len(cuts(hows=("close",))) >= 40


@pytest.mark.parametrize("cut", cuts(), ids=str)
def test_sessions_break_where_they_are_told_to(cut):
    with Hostile(cut=cut) as server:
        try:
            client = online(server)
            client.get(f"<query xmlns='{ns.DISCO_INFO}'/>", to=DOMAIN)
            client.expect_message("hello")
            client.close()
            done = True
        except (Closed, OSError, AssertionError):
            done = False
        leave(server)
        assert server.was_cut and server.steps[-1] == cut.step
        assert not done or cut.step == "end"


def test_the_second_connection_is_not_cut():
    with Hostile(cut=Cut("features#2", "middle", "rst")) as server:
        with pytest.raises((Closed, OSError)):
            online(server)
        online(server).close()
        leave(server, 2)


def test_a_server_that_stalls_lets_go_when_the_client_does():
    with Hostile(cut=Cut("challenge", "before", "stall")) as server:
        client = secured(server)
        client.auth("SCRAM-SHA-256", sasl.Scram("SCRAM-SHA-256", "alice", "x").first())
        leave(server)
        assert server.was_cut


def test_credentials_are_found_however_they_are_packed():
    with Hostile(lambda conn: good_session(conn, tls=None, mechanisms=("PLAIN",))) as server:
        client = visit(server)
        client.open()
        client.login(ALICE)
        leave(server)
        conn = server.connections[0]
        assert conn.mentions("alice", "alice's secret", "bob") == ["alice", "alice's secret"]
        assert conn.mentions("alice", where=conn.sent_in_clear()) == ["alice"]
    with Hostile(lambda conn: good_session(conn, mechanisms=("PLAIN",))) as server:
        secured(server).login(ALICE)
        conn = server.connections[0]
        assert conn.mentions("alice's secret")
        assert not conn.mentions("alice", where=conn.sent_in_clear())


@pytest.mark.parametrize("script", attacks.DOWNGRADES, ids=lambda s: s.__name__)
def test_downgrades_offer_what_a_careful_client_leaves_alone(script):
    """V31, V32: this client wants TLS, and leaves when it cannot have it."""
    with Hostile(script) as server:
        client = visit(server)
        client.open()
        try:
            assert client.feature("starttls", ns.TLS) is not None
            client.send(f"<starttls xmlns='{ns.TLS}'/>")
            client.expect("proceed", space=ns.TLS, timeout=2)
        except AssertionError:
            pass
        leave(server)
        assert not server.connections[0].mentions("alice")


def test_see_other_host():
    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.see_other_host("other.example:5222")

    with Hostile(script) as server:
        client = visit(server)
        client.open(features=False)
        error = client.expect_stream_error("see-other-host")
        assert child(error, "see-other-host", ns.STREAM_ERROR).text == "other.example:5222"


@pytest.mark.parametrize("resumption", ["good", "fail", "fail-h"])
def test_C06_resumption(resumption):
    """The connection breaks after the message; what was not acknowledged comes again, or not."""
    with Hostile(cut=Cut("stanza#2", "after", "rst"), resumption=resumption) as server:
        client = online(server)
        leave(server)
        again = secured(server)
        again.login(ALICE)
        again.send(f"<resume xmlns='{SM}' previd='{client.sm_id}' h='2'/>")
        answer = again.expect(("resumed", "failed"), space=SM)
        if resumption == "good":
            assert name(answer) == "resumed" and answer.get("h") == "2"  # roster and presence
            assert again.expect_message("hello") is not None
            again.roster()
        else:
            assert name(answer) == "failed" and answer.get("h") == {"fail": None, "fail-h": "2"}[
                resumption]
            again.bind("x")
        again.send(f"<r xmlns='{SM}'/>")
        if resumption == "good":
            assert again.expect("a", space=SM).get("h") == "3"
        again.close()


def test_logins_by_sasl2_with_bind_and_stream_management():
    with Hostile(lambda conn: good_session(conn, mechanisms=(), sasl2=("SCRAM-SHA-256",),
                                           inline=(ns.BIND2, SM), offer_hash=True)) as server:
        client = secured(server)
        success = client.authenticate2(ALICE, "SCRAM-SHA-256", (
            f"<bind xmlns='{ns.BIND2}'><tag>bench</tag><enable xmlns='{SM}' resume='true'/>"
            "</bind>"))
        jid = child(success, "authorization-identifier").text
        assert jid.startswith(f"{ALICE.jid}/bench.")
        bound = child(success, "bound", ns.BIND2)
        assert child(bound, "enabled", SM).get("id")
        client.jid = jid
        client.expect_features()
        client.presence()
        assert client.expect_message("hello").get("to") == jid
        client.close()


def test_C02_bad_xml_of_every_row_is_sent():
    rows = {attack.row for attack in attacks.BAD_XML}
    numbers = {*range(1, 31)} - {6, 7, 21, 23, 26}  # those concern servers, or have no bytes
    assert rows >= {f"X{number:02}" for number in numbers}
    assert len({str(a) for a in attacks.BAD_XML}) == len(attacks.BAD_XML)


@pytest.mark.parametrize("attack", [a for a in attacks.BAD_XML if not a.bodies
                                    and a.row not in ("X18", "X19", "X20")], ids=str)
def test_bad_xml_is_bad(attack):
    """Expat, or the raw client's own look at the stream, takes none of it for good."""
    with Hostile(lambda conn: attacks.play(conn, attack)) as server:
        client = visit(server)
        with pytest.raises((AssertionError, UnicodeError, KeyError, ValueError)):
            client.open(features=attack.stage != "header")
            if attack.stage == "header":
                header = client.expect_header(timeout=0.3)
                assert header.tag == f"{{{ns.STREAM}}}stream" and header.get("version") == "1.0"
                assert f"xmlns='{ns.CLIENT}'".encode() in client.received
                client.expect("features", timeout=0.2)
            client.starttls(context=strict(server))
            client.open()
            client.login(ALICE, "SCRAM-SHA-256")
            client.bind("x")
            client.presence()
            client.inbox.clear()
            client.expect("message", where=lambda m: body(m) and m.get("id"), timeout=0.2)
        client.abandon()


@pytest.mark.parametrize("attack", [a for a in attacks.BAD_XML if a.bodies], ids=str)
def test_unusual_xml_is_good(attack):
    with Hostile(lambda conn: attacks.play(conn, attack)) as server:
        client = secured(server)
        client.login(ALICE, "SCRAM-SHA-256")
        client.bind("x")
        client.presence()
        ping = client.expect("iq", type="get", has=f"{{{ns.PING}}}")
        client.send(f"<iq type='result' id='{ping.get('id')}'/>")
        bodies = [[b.text for b in m.iterfind(f"{{{ns.CLIENT}}}body")][-1]
                  for m in client.take("message")]
        assert bodies == list(attack.bodies)
        leave(server)


def test_V22_mutations():
    for table in (PUSHES, RESULTS, NEGOTIATION):
        variants = mutations(table)
        assert {key for key, _, _ in variants} == set(table)
        assert all(well_formed(text) for _, _, text in variants)
        assert len({text for _, _, text in variants}) == len(variants)
    assert len(mutations()) >= 2000


def test_V22_mutations_arrive():
    """All in one session; a client that is alive answers the ping behind them."""
    variants = [text for _, _, text in mutations()]

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: any(name(e) == "presence" for e in conn.heard))
        conn.deliver(*variants)
        assert conn.ping().get("type") == "result"
        conn.leave()

    with Hostile(script) as server:
        client = online(server)
        ping = client.expect("iq", type="get", where=lambda q: q.get("id", "").startswith("ping"))
        client.send(f"<iq type='result' id='{ping.get('id')}'/>")
        assert len(client.inbox) >= len(variants) - 1
        leave(server)


@pytest.mark.parametrize("spoof", attacks.SPOOFS, ids=str)
def test_forged_stanzas_arrive_as_they_were_forged(spoof):
    def script(conn):
        conn.log_in()
        conn.deliver(*spoof.stanzas)
        conn.ping()
        conn.leave()

    with Hostile(script) as server:
        client = online(server, presence=False)
        ping = client.expect("iq", where=lambda q: q.get("id", "").startswith("ping"))
        assert len(client.inbox) == len(spoof.stanzas)
        assert all("{" not in (e.get("from") or "") for e in client.inbox)
        client.send(f"<iq type='result' id='{ping.get('id')}'/>")
        leave(server)


def test_V60_wrong_answers_come_before_the_right_one():
    def wrong_then_right(conn, iq):
        attacks.wrong_answers(conn, iq)
        conn.answer(iq, f"<query xmlns='{ns.VERSION}'><name>right</name></query>")

    with Hostile(answers={f"{{{ns.VERSION}}}query": wrong_then_right}) as server:
        client = online(server, presence=False)
        client.send(f"<iq type='get' id='v1' to='friend@{DOMAIN}/tv'><query xmlns='{ns.VERSION}'/>"
                    "</iq>")
        right = client.expect("iq", id="v1", frm=f"friend@{DOMAIN}/tv")
        assert "right" in dump(right)
        assert len(client.take("iq", id="v1")) == len(attacks.IMPOSTORS)


def test_a_script_that_fails_fails_the_test():
    def script(conn):
        conn.expect_open()
        raise ValueError("of the script")

    with pytest.raises(ValueError, match="of the script"):
        with Hostile(script) as server:
            visit(server).send("<stream:stream xmlns='jabber:client'"
                                                f" xmlns:stream='{ns.STREAM}'>")
            leave(server)


@pytest.mark.parametrize("when", ["features", "success"])
def test_a_client_that_ends_the_stream_with_an_error_is_heard(when):
    with Hostile() as server:
        client = visit(server)
        client.open()
        if when == "success":
            client.starttls(context=strict(server))
            client.open()
            assert name(client.authenticate(ALICE, "SCRAM-SHA-256")) == "success"
        client.send(f"<stream:error><policy-violation xmlns='{ns.STREAM_ERROR}'/></stream:error>"
                    "</stream:stream>")
        client.expect_end()
        client.expect_closed(timeout=1)
        leave(server)
        conn = server.connections[0]
        assert condition(conn.error) == "policy-violation" and conn.ended
