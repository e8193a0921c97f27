"""XEP-0077: registration, password change, removal; and the watchers who are told."""

import itertools

import pytest

from harness import ns
from harness.people import befriend
from harness.server import Account
from harness.xmpp import body, child, condition, dump, name

SERVER = {"watchers": ["watcher@localhost"], "registration": "open"}

pytestmark = pytest.mark.shards(1, 3)

_numbers = itertools.count(1)


def fields(user=None, password=None, extra=""):
    inner = "" if user is None else f"<username>{user}</username>"
    inner += "" if password is None else f"<password>{password}</password>"
    return f"<query xmlns='{ns.IBR}'>{inner}{extra}</query>"


def somebody(server):
    return Account(f"new{next(_numbers)}", server.host, "s3cret & <safe>")


def register(client, account):
    password = account.password.replace("&", "&amp;").replace("<", "&lt;")
    return client.iq("set", fields(account.user, password))


def can_login(server, account, mechanism="SCRAM-SHA-1"):
    return name(server.stream().authenticate(account, mechanism)) == "success"


def test_a_new_account_on_the_stream_that_made_it(server):
    client = server.stream()
    assert client.feature("register", ns.IBR_FEATURE) is not None
    form = client.get(f"<query xmlns='{ns.IBR}'/>")
    assert child(form, "username") is not None and child(form, "password") is not None
    assert child(form, "registered") is None
    account = somebody(server)
    answer = register(client, account)
    assert answer.get("type") == "result", dump(answer)
    client.login(account, "SCRAM-SHA-1")
    assert client.bind("r") == f"{account.jid}/r"
    assert can_login(server, account, "PLAIN")


def test_over_tls(server):
    for listener in ("tls", "direct"):
        client = server.stream(listener)
        account = somebody(server)
        assert register(client, account).get("type") == "result"
        client.login(account)


def test_a_name_that_is_taken(server):
    account = server.account("taken")
    client = server.stream()
    answer = register(client, Account(account.user, account.host, "other"))
    assert answer.get("type") == "error" and condition(answer) == "conflict"
    answer = register(client, Account(account.user.upper(), account.host, "other"))
    assert answer.get("type") == "error" and condition(answer) == "conflict"
    assert can_login(server, account)


@pytest.mark.parametrize("user, password", [
    (None, None), ("x", None), (None, "x"), ("", "x"), ("emptypw", ""), ("a b", "x"), ("a@b", "x"),
    ("a/b", "x"), ("x" * 1024, "x"), ("\u200b", "x"), ("ab&#x7f;", "x"),
])
def test_a_registration_that_cannot_be(server, user, password):
    client = server.stream()
    client.refused("set", fields(user, password), ("not-acceptable", "bad-request",
                                                    "jid-malformed"))
    # The stream is still good.
    assert register(client, somebody(server)).get("type") == "result"


def test_names_are_prepared(server):
    account = somebody(server)
    client = server.stream()
    answer = register(client, Account(account.user.upper(), account.host, account.password))
    assert answer.get("type") == "result"
    assert can_login(server, account)


def test_watchers_are_told(server):
    watcher = Account("watcher", server.host, "watching")
    if not can_login(server, watcher):
        server.add_account(watcher)
    eye = server.login(watcher, presence=0)
    account = somebody(server)
    register(server.stream(), account)
    message = eye.expect("message", frm=server.host,
                         where=lambda m: account.user in (body(m) or ""))
    assert account.password not in body(message)
    # And when nobody watches, the message waits.
    eye.close()
    later = somebody(server)
    register(server.stream(), later)
    eye = server.login(watcher, presence=0)
    eye.expect("message", where=lambda m: later.user in (body(m) or ""))


def test_what_is_registered_is_told_to_who_is(server):
    client = server.user("told")
    form = client.get(f"<query xmlns='{ns.IBR}'/>", to=server.host)
    assert child(form, "registered") is not None
    assert child(form, "username").text == client.account.user
    password = child(form, "password")
    assert password is None or not password.text


def test_a_change_of_password(server):
    client = server.user("changer")
    old = client.account
    other = server.login(old, "other")
    client.set(fields(old.user, "n&amp;w"), to=server.host)
    new = Account(old.user, old.host, "n&w")
    assert can_login(server, new) and not can_login(server, old)
    assert can_login(server, new, "PLAIN")
    client.sync()  # the session that did it goes on
    other.abandon()


def test_a_change_of_somebody_elses_password(server):
    client, victim = server.user("mallory"), server.account("victim")
    client.refused("set", fields(victim.user, "stolen"),
                   ("not-allowed", "forbidden", "bad-request", "not-authorized"), to=server.host)
    assert can_login(server, victim) and can_login(server, client.account)


@pytest.mark.parametrize("password", ["", None])
def test_a_change_to_nothing(server, password):
    client = server.user("keeper")
    client.refused("set", fields(client.account.user, password),
                   ("bad-request", "not-acceptable", "not-allowed"), to=server.host)
    assert can_login(server, client.account)


def test_the_account_goes_with_everything_it_had(server):
    client, friend = server.user("leaver"), server.user("friend")
    friend.roster()
    account = client.account
    befriend(client, friend)
    client.set("<vCard xmlns='vcard-temp'><FN>L</FN></vCard>")
    client.set(f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:example:x'>1</x></query>")
    client.set(f"<block xmlns='{ns.BLOCKING}'><item jid='a@example.net'/></block>")
    other = server.login(account, "other", presence=-1)
    ident = client.next_id()
    client.send(f"<iq type='set' id='{ident}'><query xmlns='{ns.IBR}'><remove/></query></iq>")
    # XEP-0077, 3.2: the result, then every session of the account ends.
    client.expect_stream_error("not-authorized")
    assert client.take("iq", id=ident, type="result")
    other.expect_stream_error("not-authorized")
    friend.expect("presence", type="unavailable", frm=client.jid)
    friend.expect_push(account.jid, subscription="none")
    assert not can_login(server, account)
    ident = friend.message(account.jid, "still there?")
    assert condition(friend.expect("message", id=ident, type="error")) == "service-unavailable"
    # The name is free, and the next one to take it inherits nothing.
    assert register(server.stream(), account).get("type") == "result"
    heir = server.login(account, presence=0)
    assert heir.roster() == {}
    assert len(heir.get(f"<blocklist xmlns='{ns.BLOCKING}'/>")) == 0
    got = heir.get(f"<query xmlns='{ns.PRIVATE}'><x xmlns='urn:example:x'/></query>")
    assert not got[0].text
    card = heir.iq("get", "<vCard xmlns='vcard-temp'/>")
    assert card.get("type") == "error" or len(card[0]) == 0
    heir.sync()
    heir.nothing("message")
    friend.nothing("presence", frm=heir.jid)


def test_messages_of_a_removed_account_go_too(server):
    account, sender = server.account("leaver"), server.user("sender")
    sender.message(account.jid, "for the old owner")
    sender.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=account.jid)
    client = server.login(account)
    client.send(f"<iq type='set' id='r'><query xmlns='{ns.IBR}'><remove/></query></iq>")
    client.expect_stream_error("not-authorized")
    assert register(server.stream(), account).get("type") == "result"
    heir = server.login(account, presence=0)
    sender.message(account.jid, "for the new one")
    heir.expect_message("for the new one")
    heir.nothing("message")


def test_a_stranger_removes_nothing(server):
    account = server.account("stays")
    client = server.stream()
    payload = f"<query xmlns='{ns.IBR}'><username>{account.user}</username><remove/></query>"
    client.send(f"<iq type='set' id='r'>{payload}</iq>")
    # XEP-0077, 3.2: an entity that has not authenticated cannot cancel.
    answer = client.expect(("iq", "error"), id="r") if client.error is None else None
    assert answer is None or answer.get("type") == "error"
    assert can_login(server, account)
    other = server.user("other")
    other.refused("set", f"<query xmlns='{ns.IBR}'><remove/></query>",
                  ("not-allowed", "forbidden", "service-unavailable"), to=account.jid)
    assert can_login(server, account)


class TestClosed:
    @pytest.mark.burbled_only
    def test_nothing_is_offered_and_nothing_taken(self, start_server):
        server = start_server(registration="closed")
        client = server.stream()
        assert client.feature("register", ns.IBR_FEATURE) is None
        account = somebody(server)
        answer = register(client, account)
        assert answer.get("type") == "error"
        assert condition(answer) in ("not-allowed", "service-unavailable")
        assert not can_login(server, account)
        # Users may still change their passwords and leave.
        member = server.user("member")
        member.set(fields(member.account.user, "changed"), to=server.host)
        assert can_login(server, Account(member.account.user, server.host, "changed"))
