"""TLS and SASL gone wrong, over real sockets: rows A01–A28 of the catalogue of bad inputs.

Rows about a client (A12, A13) and about SASL2 (A27) belong elsewhere.
"""

import base64
import os
import re
import sqlite3
import time

import pytest

from harness import ns, openssl, sasl
from harness.server import Account, wait_until
from harness.xmpp import Timeout, child, condition, decoded, dump, has_app_condition, name

SERVER = {"listen": {"noplain": {"tls": "starttls", "require_tls": False}}}


@pytest.fixture(scope="module")
def account(server):
    return server.account("alice")


def refused(server, client, wanted, event="auth.fail", mark=0):
    failure = client.expect_failure(wanted)
    if event:
        server.saw(event, mark)
    return failure


def still_good(client, account):
    """K: the connection is kept, and a right login goes on it."""
    answer = client.authenticate(account)
    assert name(answer) == "success", dump(answer)


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "EXTERNAL", "DIGEST-MD5", "CRAM-MD5", "GSSAPI",
                                       "X-OAUTH2", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-224", "FOO", "",
                                       "plain", "Scram-Sha-1", "A" * 100, "SCRAM-SHA-1 "])
def A01_a_mechanism_that_is_not_offered(server, account, mechanism):
    client = server.stream()
    mark = server.mark()
    client.auth(mechanism, sasl.plain(account.user, account.password))
    refused(server, client, "invalid-mechanism", mark=mark)
    still_good(client, account)


def A01_no_mechanism_at_all(server, account):
    client = server.stream()
    client.send(f"<auth xmlns='{ns.SASL}'/>")
    refused(server, client, ("invalid-mechanism", "malformed-request"))
    still_good(client, account)


@pytest.mark.burbled_only
@pytest.mark.parametrize("listener", ["tls", "noplain"])
def A02_a_password_in_clear_is_not_taken(server, account, listener):
    client = server.open(listener)
    client.open()
    mark = server.mark()
    client.auth("PLAIN", sasl.plain(account.user, account.password))
    refused(server, client, "encryption-required", "auth.plain_refused", mark)
    said = server.log.text(mark)
    assert account.user not in said and account.password not in said
    client.starttls()
    client.open()
    still_good(client, account)


@pytest.mark.parametrize("data", ["!!!!", "AGFsaWNl AHB3", "AGFsaWNl\nAHB3", "AGFsaWN", "AGFsaW=N",
                                  "====", "==", "A", "AGFsaWNlAHB3====", "AGFsaWNl*", "=AAA",
                                  "AGFsaWNlAHB3AA=\u00e9", "-_-_"])
def A03_bad_base64(server, account, data):
    client = server.stream()
    mark = server.mark()
    client.auth("PLAIN", data)
    refused(server, client, "incorrect-encoding", mark=mark)
    still_good(client, account)


def A03_an_empty_initial_response_is_no_bad_base64(server, account):
    """RFC 6120, 6.4.2: a single "=" is an empty response. The row said incorrect-encoding."""
    client = server.stream()
    client.auth("PLAIN", "=")
    refused(server, client, "malformed-request")
    still_good(client, account)


def A03_bad_base64_within_an_exchange(server, account):
    client = server.stream()
    client.auth("SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", account.user, "x").first())
    assert name(client.sasl_answer()) == "challenge"
    client.respond("!!!")
    refused(server, client, "incorrect-encoding")
    still_good(client, account)


@pytest.mark.burbled_only
def A03_a_response_without_end(server):
    client = server.stream()
    mark = server.mark()
    client.auth("PLAIN", "A" * 100_000)
    client.expect_stream_error("policy-violation")
    server.saw("stream.limit", mark)


@pytest.mark.parametrize("message", [b"", b"alice", b"alice\0pw", b"\0alice\0pw\0", b"\0\0\0\0",
                                     b"\0\0pw", b"\0alice\0", b"\0\0", b"\0al\xffice\0pw",
                                     b"\0alice\0p\xc3", b"\0a\xed\xa0\x80\0pw"])
def A04_plain_messages_that_are_none(server, account, message):
    client = server.stream()
    mark = server.mark()
    client.auth("PLAIN", sasl.b64(message) or "=")
    refused(server, client, "malformed-request", mark=mark)
    still_good(client, account)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def A05_acting_as_someone_else(server, account, mechanism):
    victim = server.account("victim")
    client = server.stream()
    mark = server.mark()
    answer = client.authenticate(account, mechanism, authzid=victim.jid)
    assert name(answer) == "failure" and condition(answer) == "invalid-authzid", dump(answer)
    server.saw("auth.authzid", mark)
    still_good(client, account)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def A06_a_wrong_password_looks_like_a_wrong_name(server, account, mechanism):
    wrong = Account(account.user, account.host, "wrong")
    nobody = Account("nobody-at-all", account.host, "wrong")
    client = server.stream()
    mark = server.mark()
    answers = [client.authenticate(who, mechanism) for who in (wrong, nobody)]
    for answer in answers:
        assert name(answer) == "failure" and condition(answer) == "not-authorized"
    assert dump(answers[0]) == dump(answers[1])
    server.saw("auth.fail", mark)
    still_good(client, account)


@pytest.mark.burbled_only
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def A06_a_disabled_account_is_told_only_with_the_right_password(server, mechanism):
    account = server.account("shut")
    server.ctl("account", "disable", account.jid)
    client = server.stream()
    answer = client.authenticate(Account(account.user, account.host, "wrong"), mechanism)
    assert condition(answer) == "not-authorized"
    answer = client.authenticate(account, mechanism)
    assert name(answer) == "failure" and condition(answer) == "account-disabled"


@pytest.mark.burbled_only
class TestRates:
    """Rows whose limits the other tests switch off; each has an address of its own."""

    @pytest.fixture(scope="class")
    def strict(self, request):
        from conftest import make_server

        server = make_server(request.config, rate=True,
                             limits={"connections_per_address": 8, "pbkdf2_queue": 1})
        server.start()
        yield server
        try:
            server.stop()
        finally:
            if server.process:
                server.process.kill()
            server.remove()

    def A07_the_fourth_failure_ends_the_stream(self, strict):
        mark = strict.mark()
        client = strict.stream(source="127.0.0.7")
        for _ in range(3):
            client.auth("PLAIN", sasl.plain("nobody", "guess"))
            client.expect_failure("not-authorized")
        client.auth("PLAIN", sasl.plain("nobody", "guess"))
        client.expect_stream_error("policy-violation")
        strict.saw("auth.too_many", mark)
        strict.drop_clients()

    def A07_an_address_that_guesses_is_slowed_down(self, strict):
        """L10: from the eleventh failure in a minute on, answers come a second and more later."""
        for _ in range(4):
            client = strict.stream(source="127.0.0.70")
            for _ in range(3):
                client.auth("PLAIN", sasl.plain("nobody", "guess"))
                start = time.monotonic()
                client.expect_failure("not-authorized")
                last = time.monotonic() - start
        assert last >= 0.9
        # Another address is not held up by it, nor is an account locked out.
        other = strict.stream(source="127.0.0.71")
        other.login(strict.account("calm"))
        strict.drop_clients()

    def A19_more_connections_than_an_address_may_have(self, strict):
        mark = strict.mark()
        held = [strict.stream(source="127.0.0.19") for _ in range(8)]
        extra = strict.open(source="127.0.0.19")
        extra.expect_closed()
        assert not extra.received
        strict.saw("conn.limit", mark)
        strict.stream(source="127.0.0.20")
        for client in held:
            client.abandon()

        def again():
            client = strict.open(source="127.0.0.19")
            try:
                client.open()
                return True
            except AssertionError:
                return False

        wait_until(again, 5, "room for the address")
        strict.drop_clients()

    def A28_one_registration_in_ten_minutes(self, strict):
        mark = strict.mark()
        form = (f"<query xmlns='{ns.IBR}'><username>{{}}</username>"
                "<password>x</password></query>")
        first = strict.stream(source="127.0.0.28")
        assert first.iq("set", form.format("reg1")).get("type") == "result"
        for client in (first, strict.stream(source="127.0.0.28")):
            answer = client.iq("set", form.format("reg2"))
            assert condition(answer) == "resource-constraint", dump(answer)
        strict.saw("register.limit", mark)
        other = strict.stream(source="127.0.0.29")
        assert other.iq("set", form.format("reg3")).get("type") == "result"
        strict.drop_clients()


def in_exchange(server, account):
    client = server.stream()
    exchange = sasl.Scram("SCRAM-SHA-1", account.user, account.password)
    client.auth("SCRAM-SHA-1", exchange.first())
    challenge = client.sasl_answer()
    assert name(challenge) == "challenge"
    return client, exchange, decoded(challenge)


def A08_an_exchange_is_aborted(server, account):
    client, _, _ = in_exchange(server, account)
    client.send(f"<abort xmlns='{ns.SASL}'/>")
    refused(server, client, "aborted", event=None)
    still_good(client, account)


def A08_a_response_without_an_exchange(server, account):
    client = server.stream()
    client.respond(sasl.b64("x"))
    refused(server, client, "malformed-request", event=None)
    still_good(client, account)


def A08_a_second_start_within_an_exchange(server, account):
    client, _, _ = in_exchange(server, account)
    client.auth("PLAIN", sasl.plain(account.user, account.password))
    refused(server, client, "malformed-request", event=None)
    still_good(client, account)


def A09_a_login_after_the_login(server, account):
    client = server.stream()
    client.login(account)
    mark = server.mark()
    client.auth("PLAIN", sasl.plain(account.user, account.password))
    client.expect_stream_error("unsupported-stanza-type")
    server.saw("stream.unexpected", mark)


def A09_bind_twice(server, account):
    client = server.login(account, "once")
    answer = client.refused("set", f"<bind xmlns='{ns.BIND}'><resource>twice</resource></bind>",
                            "not-allowed")
    assert child(answer, "error").get("type") == "cancel"
    client.sync()


SCRAM_BENDS = {
    "another nonce": {"nonce": "made-up"}, "no channel binding": {"cbind": ""},
    "other channel binding": {"cbind": sasl.b64("y,,")}, "no proof": {"proof": ""},
    "wrong proof": {"proof": sasl.b64(b"\0" * 20)}, "short proof": {"proof": sasl.b64(b"x")},
    "long proof": {"proof": sasl.b64(b"x" * 2000)}, "proof not base64": {"proof": "!!!"},
    "mandatory extension behind": {"extra": ",m=x"},
}


@pytest.mark.parametrize("what", SCRAM_BENDS)
def A10_a_final_message_that_is_wrong(server, account, what):
    client, exchange, challenge = in_exchange(server, account)
    mark = server.mark()
    client.respond(exchange.final(challenge, **SCRAM_BENDS[what]))
    event = "auth.downgrade" if what == "other channel binding" else "auth.fail"
    refused(server, client, ("not-authorized", "malformed-request", "incorrect-encoding"), event,
            mark)
    still_good(client, account)


def A10_the_servers_nonce_cut_off(server, account):
    client, exchange, challenge = in_exchange(server, account)
    client.respond(exchange.final(challenge, nonce=exchange.nonce))
    refused(server, client, ("not-authorized", "malformed-request"))


@pytest.mark.parametrize("message", [
    "", "n", "n,,", "n,,n=alice", "n,,r=abc", "n,,n=,r=abc", "n,,r=abc,n=alice", "n,,m=x,n=alice,r=abc",
    "n,,n=alice,r=", "n,,n=al=ice,r=abc", "n,,n=al=2Xice,r=abc", "x,,n=alice,r=abc", "n,b=x,n=alice,r=abc",
    "n,a=,n=alice,r=abc", "p=,,n=alice,r=abc", "n,,n=alice,r=a b\x7f", ",,n=alice,r=abc", "n,,N=alice,R=abc",
    "n,,n=alice", "n,,n=alice,,r=abc", "\0",
])
def A10_a_first_message_that_is_wrong(server, account, message):
    client = server.stream()
    mark = server.mark()
    client.auth("SCRAM-SHA-1", sasl.b64(message) or "=")
    refused(server, client, ("malformed-request", "not-authorized"), mark=mark)
    still_good(client, account)


def A10_fields_of_the_final_message_out_of_order(server, account):
    client, exchange, challenge = in_exchange(server, account)
    final = base64.b64decode(exchange.final(challenge)).decode()
    c, r, p = final.split(",", 2)
    for bent in (f"{r},{c},{p}", f"{c},{p},{r}", f"{c},{r}", f"{c},{p}", f"{r},{p}", "", f"{final},"):
        client.respond(sasl.b64(bent) or "=")
        refused(server, client, ("malformed-request", "not-authorized"))
        exchange = sasl.Scram("SCRAM-SHA-1", account.user, account.password)
        client.auth("SCRAM-SHA-1", exchange.first())
        assert name(client.sasl_answer()) == "challenge"


def A10_a_first_message_that_comes_as_a_response(server, account):
    """RFC 6120, 6.3.5: the initial response may be left out; the challenge is then empty."""
    client = server.stream()
    exchange = sasl.Scram("SCRAM-SHA-256", account.user, account.password)
    client.auth("SCRAM-SHA-256")
    challenge = client.sasl_answer()
    assert name(challenge) == "challenge" and (challenge.text or "=") == "="
    client.respond(exchange.first())
    client.respond(exchange.final(decoded(client.sasl_answer())))
    success = client.sasl_answer()
    assert name(success) == "success"
    exchange.verify(decoded(success))


@pytest.mark.burbled_only
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def A11_a_client_that_was_told_there_is_no_channel_binding(server, account, mechanism):
    client = server.stream("tls")
    mark = server.mark()
    answer = client.authenticate(account, mechanism, flag="y")
    assert condition(answer) == "not-authorized", dump(answer)
    event = server.saw("auth.downgrade", mark)
    assert event["level"] == "warning"
    # Where none is offered, "y" is the truth.
    assert name(server.stream().authenticate(account, mechanism, flag="y")) == "success"


@pytest.mark.burbled_only
@pytest.mark.parametrize("bend", [
    {"cb_type": "tls-exporter", "cb_data": b"\0" * 32},
    {"cb_type": "tls-exporter", "cb_data": b""},
    {"cb_type": "tls-server-end-point", "cb_data": b"x" * 32},
    {"cb_type": "tls-made-up", "cb_data": b"x" * 32},
    {"cb_type": "tls-unique", "cb_data": b"x" * 12},
    {"flag": "n"}, {"flag": "y"},
])
def A11_channel_binding_that_does_not_bind(server, account, bend):
    client = server.stream("tls", openssl={})
    answer = client.authenticate(account, "SCRAM-SHA-256-PLUS", **bend)
    assert name(answer) == "failure", dump(answer)
    assert condition(answer) in ("not-authorized", "malformed-request")
    still_good(client, account)


@pytest.mark.burbled_only
def A11_binding_data_of_another_connection(server, account):
    """What a man in the middle would have."""
    one, two = (server.stream("tls", openssl={}) for _ in range(2))
    data = two.channel_binding("tls-exporter")
    assert data != one.channel_binding("tls-exporter")
    answer = one.authenticate(account, "SCRAM-SHA-1-PLUS", cb_type="tls-exporter", cb_data=data)
    assert condition(answer) == "not-authorized"


@pytest.mark.burbled_only
def A11_channel_binding_without_the_plus(server, account):
    client = server.stream("tls", openssl={})
    answer = client.authenticate(account, "SCRAM-SHA-1", cb_type="tls-exporter",
                                 cb_data=client.channel_binding("tls-exporter"))
    assert name(answer) == "failure"


@pytest.mark.parametrize("behind", ["<message to='a@localhost'/>", "x", " ",
                                    f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AGEAYg==</auth>"])
def A14_plaintext_behind_starttls(server, behind):
    client = server.open("tls")
    client.open()
    mark = server.mark()
    client.send(f"<starttls xmlns='{ns.TLS}'/>{behind}")
    client.expect_closed()
    assert not client.take(("success", "failure"), space=ns.SASL)
    server.saw("tls.injection", mark)


@pytest.mark.burbled_only
def A15_a_handshake_that_stalls(start_server):
    server = start_server(limits={"tls_handshake_seconds": 1, "login_seconds": 5})
    mark = server.mark()
    silent = server.open("direct")
    one_byte = server.open("direct")
    one_byte.send(b"\x16")
    starttls = server.open("tls")
    starttls.open()
    starttls.send(f"<starttls xmlns='{ns.TLS}'/>")
    starttls.expect("proceed", space=ns.TLS)
    talker = server.stream()  # L7: one deadline from accept to bind
    for client in (silent, one_byte, starttls):
        client.expect_closed(timeout=5)
    server.saw("tls.timeout", mark)
    deadline = time.monotonic() + 8
    while not talker.closed and time.monotonic() < deadline:
        talker.send_quietly(" ")
        try:
            talker.pump(time.monotonic() + 0.3)
        except Timeout:
            pass
    assert talker.closed
    server.saw("conn.deadline", mark)


@pytest.mark.burbled_only
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
@pytest.mark.parametrize("listener", ["tls", "direct"])
def A16_old_versions_of_tls(server, listener, version):
    mark = server.mark()
    client = server.open(listener)
    with pytest.raises((openssl.TlsError, OSError)):
        if listener == "tls":
            client.open()
            client.starttls(openssl_options={"version": version})
        else:
            client.wrap({"version": version})
    server.saw("tls.reject", mark)


@pytest.mark.burbled_only
def A16_no_early_data(server, account):
    client = server.stream("direct", openssl={"version": "TLSv1.3"})
    client.login(account)
    client.bind()
    assert client.sock.max_early_data() == 0


@pytest.mark.parametrize("record", [
    b"\x17\x03\x03\x00\x40" + b"x" * 64, b"\x17\x03\x03\xff\xff" + b"x" * 65535, b"GET / HTTP/1.1\r\n",
    b"\x00" * 64, b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00",
])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def A17_records_that_are_none(server, account, version, record):
    watcher = server.user("watcher")
    client = server.login(account, "tls", listener="tls", openssl={"version": version})
    client.presence(to=watcher.jid)
    watcher.expect("presence", frm=client.jid, type=None)
    mark = server.mark()
    client.raw.sendall(record)
    client.expect_closed()
    watcher.expect("presence", frm=client.jid, type="unavailable")
    server.saw("tls.error", mark)


@pytest.mark.burbled_only
def A18_the_wrong_protocol_in_alpn(server):
    mark = server.mark()
    with pytest.raises(openssl.TlsError, match="no application protocol"):
        openssl.connect(server.address("direct"), server.host, alpn=["http/1.1", "h2"])
    server.saw("tls.reject", mark)
    openssl.connect(server.address("direct"), server.host, alpn=["h2", "xmpp-client"]).close()


@pytest.mark.burbled_only
def A18_an_unknown_name(server):
    mark = server.mark()
    with pytest.raises(openssl.TlsError, match="unrecognized name"):
        openssl.connect(server.address("direct"), "other.example")
    server.saw("tls.reject", mark)
    # No name at all: the only host, which the stream header names later.
    openssl.connect(server.address("direct"), None).close()


@pytest.mark.burbled_only
def A20_more_logins_than_can_be_checked(start_server):
    server = start_server(extra={"sasl": {"iterations": 300_000}},
                          limits={"pbkdf2_queue": 2, "pbkdf2_workers": 1})
    member = server.user("member")
    mark = server.mark()
    clients = [server.stream() for _ in range(12)]
    for client in clients:
        client.auth("PLAIN", sasl.plain(member.account.user, "guess"))
    # The event loop goes on while keys are derived: this answer overtakes the last of them.
    member.sync()
    conditions = [condition(client.sasl_answer()) for client in clients]
    assert set(conditions) == {"not-authorized", "temporary-auth-failure"}
    server.saw("auth.busy", mark)
    assert name(clients[-1].authenticate(member.account)) == "success"


@pytest.mark.parametrize("password", ["\u0378", "\u05d0a", "a\u202eb", "\x7f",
                                      "x" * 4096, "\ue000", "tab\tin"])
def A21_passwords_that_cannot_be(server, account, password):
    client = server.stream()
    client.auth("PLAIN", sasl.plain(account.user, password))
    refused(server, client, ("not-authorized", "malformed-request"))
    still_good(client, account)


CORRUPTIONS = {
    "no iterations": lambda row: re.sub(rb":4096:", b":0:", row),
    "too many iterations": lambda row: re.sub(rb":4096:", b":99999999999:", row),
    "short salt": lambda row: re.sub(rb":4096:[^:]*:", b":4096:AA==:", row),
    "keys not base64": lambda row: re.sub(rb"=( |$)", b"!\\1", row),
    "cut off": lambda row: row[: len(row) // 3],
    "nonsense": lambda row: b"\0\xff nonsense",
    "empty": lambda row: b"",
}


@pytest.mark.burbled_only
def A22_a_stored_credential_that_is_corrupt(start_server):
    server = start_server()
    accounts = {what: server.account("broken") for what in CORRUPTIONS}
    sound = server.account("sound")
    server.stop()
    with sqlite3.connect(server.data / "burble.db") as db:
        rows = "FROM item WHERE owner = (SELECT id FROM owner WHERE owner = ?) AND name = " \
               "(SELECT id FROM name WHERE name = ?)"
        for what, account in accounts.items():
            key = (account.jid.encode(), b"account")
            (value,) = db.execute(f"SELECT value {rows}", key).fetchone()
            bent = CORRUPTIONS[what](value)
            assert bent != value
            db.execute("UPDATE item SET value = ? WHERE (owner, name) IN "
                       f"(SELECT owner, name {rows})", (bent, *key))
    server.start()
    for what, account in accounts.items():
        for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-512"):
            client = server.stream()
            mark = server.mark()
            answer = client.authenticate(account, mechanism)
            assert name(answer) == "failure", what
            assert condition(answer) == "temporary-auth-failure", (what, dump(answer))
            assert server.saw("store.corrupt", mark)["level"] == "error"
            still_good(client, sound)


@pytest.mark.parametrize("stanza", [
    "<message to='a@localhost'><body>x</body></message>", "<presence/>",
    "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "<iq type='result' id='1'/>",
])
@pytest.mark.parametrize("listener", ["plain", "direct"])
def A23_a_stanza_before_the_login(server, listener, stanza):
    client = server.stream(listener)
    mark = server.mark()
    client.send(stanza)
    client.expect_stream_error("not-authorized")
    server.saw("stream.unauth", mark)


@pytest.mark.parametrize("stanza", [
    "<message to='a@localhost'><body>x</body></message>", "<presence/>",
    "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
])
def A24_a_stanza_before_the_bind(server, account, stanza):
    client = server.stream()
    client.login(account)
    mark = server.mark()
    client.send(stanza)
    client.expect_stream_error("not-authorized")
    server.saw("stream.unauth", mark)


def A25_an_empty_resource_is_generated(server, account):
    client = server.stream()
    client.login(account)
    assert client.bind("").partition("/")[2]


BAD_RESOURCES = ["x" * 1024, "é" * 512, "a&#x7f;b", "&#x378;", "a&#9;b", "&#x202e;"]


@pytest.mark.parametrize("resource", BAD_RESOURCES, ids=range(len(BAD_RESOURCES)))
def A25_a_resource_that_cannot_be(server, account, resource):
    client = server.stream()
    client.login(account)
    client.refused("set", f"<bind xmlns='{ns.BIND}'><resource>{resource}</resource></bind>",
                   ("bad-request", "jid-malformed"))
    assert client.bind("fine") == f"{account.jid}/fine"


def A25_the_resource_of_an_active_session(server, account):
    first = server.login(account, "same")
    mark = server.mark()
    server.login(account, "same")
    first.expect_stream_error("conflict")
    server.saw("bind", mark)


@pytest.mark.burbled_only
def A26_the_eleventh_resource(server):
    account = server.account("many")
    sessions = [server.login(account, f"r{index}") for index in range(10)]
    client = server.stream()
    client.login(account)
    mark = server.mark()
    answer = client.refused("set", f"<bind xmlns='{ns.BIND}'/>", "resource-constraint")
    assert has_app_condition(answer, "resource-limit-exceeded")
    server.saw("bind.limit", mark)
    sessions[0].close()
    client.bind("r10")


@pytest.mark.burbled_only
def A28_registration_that_is_closed(start_server):
    server = start_server(registration="closed")
    client = server.stream()
    client.refused("set", f"<query xmlns='{ns.IBR}'><username>x</username>"
                   "<password>y</password></query>", "not-allowed")
    client.refused("get", f"<query xmlns='{ns.IBR}'/>", ("not-allowed", "service-unavailable"))
    still_good(client, server.account("member"))


def A14_random_bytes_in_front_of_the_handshake(server):
    """The other side of A14: what is not TLS where TLS must be."""
    client = server.open("tls")
    client.open()
    client.send(f"<starttls xmlns='{ns.TLS}'/>")
    client.expect("proceed", space=ns.TLS)
    client.send(os.urandom(200))
    client.expect_closed()
    client = server.open("direct")
    client.send("<stream:stream>")
    client.expect_closed()
