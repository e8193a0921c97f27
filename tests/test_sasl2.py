"""Modern logins: XEP-0388 with binds (0386), tokens (0484), upgrades (0480), signed offers (0474)."""

import hashlib
import hmac
import sqlite3
import uuid

import pytest

from harness import ns, sasl
from harness.xmpp import body, child, condition, decoded, dump, name

pytestmark = [pytest.mark.burbled_only, pytest.mark.shards(1, 3)]

SCRAMS = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]
BINDINGS = {"tls-exporter": "HT-SHA-256-EXPR", "tls-server-end-point": "HT-SHA-256-ENDP"}
NONE = "HT-SHA-256-NONE"


@pytest.fixture(scope="module")
def account(server):
    return server.account("alice")


def bind(tag="app", inside=""):
    return f"<bind xmlns='{ns.BIND2}'><tag>{tag}</tag>{inside}</bind>"


def agent(ident):
    return f"<user-agent id='{ident}'><software>tests</software><device>here</device></user-agent>"


def request(mechanism):
    return f"<request-token xmlns='{ns.FAST}' mechanism='{mechanism}'/>"


def entered(client, answer, features=True):
    """The address that a <success/> gives, behind which the features have come."""
    assert name(answer) == "success", dump(answer)
    if features:
        client.expect_features()
    client.jid = child(answer, "authorization-identifier").text
    return client.jid


def by_token(client, user, token, mechanism, ident, fast="", more="", cb=b""):
    """A login by a token; the server proves that it has it too."""
    shown = hmac.digest(token.encode(), b"Initiator" + cb, "sha256")
    client.send(f"<authenticate xmlns='{ns.SASL2}' mechanism='{mechanism}'><initial-response>"
                f"{sasl.b64(user.encode() + bytes(1) + shown)}</initial-response>{agent(ident)}"
                f"<fast xmlns='{ns.FAST}'{fast}/>{more}</authenticate>")
    answer = client.sasl2_answer()
    if name(answer) == "success":
        proof = hmac.digest(token.encode(), b"Responder" + cb, "sha256")
        assert child(answer, "additional-data").text == sasl.b64(proof)
    return answer


def token_of(answer):
    found = child(answer, "token", ns.FAST)
    return None if found is None else found.get("token")


def test_the_offer(server):
    over_tls = server.stream("tls").feature("authentication", ns.SASL2)
    assert [m.text for m in over_tls.iterfind(f"{{{ns.SASL2}}}mechanism")] == [
        *(f"{m}-PLUS" for m in reversed(SCRAMS)), *reversed(SCRAMS), "PLAIN"]
    inline = child(over_tls, "inline")
    assert child(inline, "bind", ns.BIND2) is not None
    assert [m.text for m in child(inline, "fast", ns.FAST)] == [*BINDINGS.values(), NONE]
    before = server.open("tls")
    before.open()
    assert before.feature("authentication", ns.SASL2) is None


@pytest.mark.parametrize("listener", ["plain", "tls", "direct"])
@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAMS])
def test_every_mechanism(server, account, listener, mechanism):
    client = server.stream(listener)
    assert entered(client, client.authenticate2(account, mechanism)) == account.jid
    assert client.feature("bind", ns.BIND) is not None  # in the same stream
    client.bind("r")
    client.close()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("mechanism", SCRAMS)
def test_channel_binding(server, account, mechanism, binding, version):
    client = server.stream("tls", openssl={"version": version})
    data = client.channel_binding(binding)
    answer = client.authenticate2(account, f"{mechanism}-PLUS", bind(), cb_type=binding,
                                  cb_data=data)
    assert entered(client, answer).startswith(f"{account.jid}/app/")
    client.close()


def test_a_session_in_one_round_trip(server):
    alice, bob = server.account("alice"), server.user("bob")
    ident = uuid.uuid4()
    client = server.stream("tls")
    answer = client.authenticate2(alice, "SCRAM-SHA-256", agent(ident) + bind())
    first = entered(client, answer)
    assert child(answer, "bound", ns.BIND2) is not None
    assert client.feature("bind", ns.BIND) is None
    assert str(ident) not in first
    client.presence()
    bob.message(client.jid, "hello")
    assert body(client.expect_message("hello")) == "hello"
    # It comes back, and takes the place of what is left of it.
    again = server.stream("tls")
    assert entered(again, again.authenticate2(alice, "PLAIN", agent(ident) + bind())) == first
    client.expect_stream_error("conflict")
    other = server.stream("tls")
    assert entered(other, other.authenticate2(alice, "PLAIN", agent(uuid.uuid4()) + bind())) != first
    again.close()


def test_failures_leave_the_stream_as_it_was(server, account):
    client = server.stream("tls")
    wrong = type(account)(account.user, account.host, "wrong")
    nobody = type(account)("nobody-at-all", account.host, "wrong")
    for who in (wrong, nobody):
        for mechanism in ("PLAIN", "SCRAM-SHA-512"):
            if client.closed or mechanism == "PLAIN":
                client = server.stream("tls")
            answer = client.authenticate2(who, mechanism, agent(uuid.uuid4()) + bind())
            assert name(answer) == "failure" and condition(answer) == "not-authorized"
    entered(client, client.authenticate2(account, "PLAIN", bind()))
    client.close()


@pytest.mark.parametrize("sent", [
    f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'/>", f"<abort xmlns='{ns.SASL}'/>",
    f"<authenticate xmlns='{ns.SASL2}' mechanism='PLAIN'/>", f"<next xmlns='{ns.SASL2}'/>"])
def A08_nothing_else_within_an_exchange(server, account, sent):
    client = server.stream("tls")
    client.send(f"<authenticate xmlns='{ns.SASL2}' mechanism='SCRAM-SHA-1'/>")
    assert name(client.sasl2_answer()) == "challenge"
    client.send(sent)
    client.expect_stream_error("unsupported-stanza-type")


@pytest.mark.parametrize("binding", [*BINDINGS, None])
def test_a_token(server, binding):
    account, ident = server.account("alice"), uuid.uuid4()
    mechanism = BINDINGS.get(binding, NONE)

    def stream():
        client = server.stream("tls", openssl={"version": "TLSv1.3"})
        return client, client.channel_binding(binding) if binding else b""

    client, _ = stream()
    answer = client.authenticate2(account, "SCRAM-SHA-1", agent(ident) + request(mechanism) + bind())
    first, token = entered(client, answer), token_of(answer)
    client.close()
    client, cb = stream()
    answer = by_token(client, account.user, token, mechanism, ident, " count='1'", bind(), cb)
    assert entered(client, answer) == first and token_of(answer) is None
    client.close()
    client, cb = stream()
    answer = by_token(client, account.user, token, mechanism, uuid.uuid4(), "", bind(), cb)
    assert condition(answer) == "not-authorized"  # another client
    if binding == "tls-exporter":
        answer = by_token(client, account.user, token, mechanism, ident, "", bind(), bytes(32))
        assert condition(answer) == "not-authorized"  # another channel
    answer = by_token(client, account.user, token, mechanism, ident, " invalidate='true'", "", cb)
    assert entered(client, answer) == account.jid
    client, cb = stream()
    answer = by_token(client, account.user, token, mechanism, ident, "", "", cb)
    assert condition(answer) == "not-authorized"
    client.abandon()


def A27_a_number_that_comes_again_revokes_the_token(server):
    account, ident = server.account("alice"), uuid.uuid4()
    client = server.stream("tls")
    answer = client.authenticate2(account, "PLAIN", agent(ident) + request(NONE))
    token = token_of(answer)
    for fast, good in ((" count='2'", True), (" count='2'", False), (" count='3'", False)):
        client = server.stream("tls")
        mark = server.mark()
        answer = by_token(client, account.user, token, NONE, ident, fast)
        assert name(answer) == ("success" if good else "failure")
        if fast == " count='2'" and not good:
            server.saw("auth.replay", mark)


def O13_a_new_password_ends_tokens(server):
    account, ident = server.account("alice"), uuid.uuid4()
    client = server.stream("tls")
    token = token_of(client.authenticate2(account, "PLAIN", agent(ident) + request(NONE)))
    server.ctl("account", "passwd", account.jid, input="another password\n")
    client = server.stream("tls")
    answer = by_token(client, account.user, token, NONE, ident)
    assert condition(answer) == "not-authorized"


def test_tokens_outlive_the_server(start_server):
    server = start_server()
    account, ident = server.account("alice"), uuid.uuid4()
    client = server.stream("tls")
    answer = client.authenticate2(account, "PLAIN", agent(ident) + request(NONE) + bind())
    first, token = entered(client, answer), token_of(answer)
    server.drop_clients()
    server.stop()
    server.start()
    client = server.stream("tls")
    answer = by_token(client, account.user, token, NONE, ident, "", bind())
    assert entered(client, answer) == first  # the resource is stable too


def test_an_upgrade(start_server):
    """An account that has SHA-1 keys alone, as an old server left it."""
    server = start_server()
    account = server.account("alice")
    server.stop()
    with sqlite3.connect(server.data / "burble.db") as db:
        where = ("WHERE owner = (SELECT id FROM owner WHERE owner = ?) AND name = "
                 "(SELECT id FROM name WHERE name = ?)")
        key = (account.jid.encode(), b"account")
        (value,) = db.execute(f"SELECT value FROM item {where}", key).fetchone()
        head, _, keys = value.partition(b"\n")
        kept = b" ".join(k for k in keys.split(b" ") if not k.startswith((b"sha256", b"sha512")))
        db.execute(f"UPDATE item SET value = ? {where}", (head + b"\n" + kept, *key))
    server.start()
    client = server.stream("tls")
    offered = client.feature("authentication", ns.SASL2)
    tasks = [t.text for t in offered.iterfind(f"{{{ns.SASL_UPGRADE}}}upgrade")]
    assert tasks == ["UPGR-SCRAM-SHA-256", "UPGR-SCRAM-SHA-512"]
    wanted = "".join(f"<upgrade xmlns='{ns.SASL_UPGRADE}'>{t}</upgrade>" for t in tasks)
    answer = client.authenticate2(account, "SCRAM-SHA-1", wanted + bind())
    for task in tasks:
        assert name(answer) == "continue" and child(child(answer, "tasks"), "task").text == task
        client.send(f"<next xmlns='{ns.SASL2}' task='{task}'/>")
        salt = child(client.expect("task-data", space=ns.SASL2), "salt", ns.SCRAM_UPGRADE)
        salted = hashlib.pbkdf2_hmac(task[-7:].replace("-", "").lower(), account.password.encode(),
                                     sasl.base64.b64decode(salt.text), int(salt.get("iterations")))
        client.send(f"<task-data xmlns='{ns.SASL2}'><hash xmlns='{ns.SCRAM_UPGRADE}'>"
                    f"{sasl.b64(salted)}</hash></task-data>")
        answer = client.sasl2_answer()
    entered(client, answer)
    for mechanism in SCRAMS:
        client = server.stream("tls")
        entered(client, client.authenticate2(account, mechanism, bind()))
        client = server.stream("tls")
        client.login(account, mechanism)


def test_large_stanzas_after_the_login(server, account):
    """The limits of before the login end with it, without a new stream."""
    client = server.stream("tls")
    entered(client, client.authenticate2(account, "PLAIN", bind()))
    client.set(f"<vCard xmlns='{ns.VCARD}'><NOTE>{'x' * 100000}</NOTE></vCard>")
    client = server.stream("tls")
    client.send(f"<authenticate xmlns='{ns.SASL2}' mechanism='PLAIN'><x>{'x' * 100000}")
    client.expect_stream_error("policy-violation")


def test_the_offer_is_signed_in_the_old_words_too(server, account):
    client = server.stream("tls")
    exchange = sasl.Scram("SCRAM-SHA-256", account.user, account.password)
    client.auth("SCRAM-SHA-256", exchange.first())
    exchange.check_offer(decoded(client.sasl_answer()), client.features)
