"""S8: a service was renamed, and clients of the old name still get in."""

import ssl

import pytest

from harness import ns
from harness.server import Account
from harness.xmpp import condition, name, unverified

SERVER = {"aliases": ["talk.localhost", "old.example"]}

pytestmark = pytest.mark.burbled_only


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("alias", ["talk.localhost", "old.example", "TALK.localhost"])
def test_a_login_under_the_old_name(server, alias, mechanism):
    account = server.account("alice")
    client = server.stream("plain", host=alias)
    assert client.header.get("from").lower() in (alias.lower(), server.host)
    answer = client.authenticate(account, mechanism)
    assert name(answer) == "success"
    client.open()
    assert client.bind("old") == f"{account.jid}/old"
    client.host = server.host
    client.presence()
    bob = server.user("bob")
    client.message(bob.jid, "I still get in")
    assert bob.expect_message("I still get in").get("from") == f"{account.jid}/old"


def test_an_authzid_under_the_old_name(server):
    account = server.account("alice")
    client = server.stream("plain", host="talk.localhost")
    answer = client.authenticate(account, authzid=f"{account.user}@talk.localhost")
    assert name(answer) == "success"
    client.open()
    assert client.bind("x") == f"{account.jid}/x"


def test_a_session_may_not_change_its_name(server):
    """V40: what was authenticated for one host is not for another."""
    account = server.account("alice")
    client = server.stream("plain", host="talk.localhost")
    client.authenticate(account)
    client.open(to="no-such-host.example", features=False)
    client.expect_stream_error(("not-authorized", "host-unknown"))


def test_other_names_are_not_welcome(server):
    client = server.open()
    client.open(to="talk.example", features=False)
    client.expect_stream_error("host-unknown")


def test_tls_under_the_old_name(server):
    account = server.account("alice")
    for listener in ("tls", "direct"):
        client = server.stream(listener, host="talk.localhost")
        client.login(account)
        assert client.bind().startswith(account.jid)


def test_the_certificate_made_at_the_first_start_names_all_of_them(server):
    """A client checks the name that its user typed."""
    pem = server.certificate()
    for host in (server.host, "talk.localhost", "old.example"):
        context = ssl.create_default_context(cadata=pem)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        client = server.open("direct", host=host)
        client.wrap(context=context)


def test_messages_to_the_old_address_are_not_lost_in_silence(server):
    alice, bob = server.user("alice"), server.user("bob")
    old = Account(bob.account.user, "talk.localhost", "")
    ident = alice.message(old.jid, "are you still there?")
    alice.sync()
    alice.fence(bob)
    answers = alice.take("message", id=ident, type="error") + bob.take("message", id=ident)
    assert len(answers) == 1


class TestSeeOtherHost:
    """RFC 6120, 4.9.3.19."""

    def test_clients_are_told_the_new_name(self, start_server):
        server = start_server(aliases=["talk.localhost"],
                              host_extra={"alias_mode": "see-other-host"})
        client = server.open(host="talk.localhost")
        client.open(features=False)
        error = client.expect_stream_error("see-other-host")
        other = error.find(f"{{{ns.STREAM_ERROR}}}see-other-host")
        assert other.text == server.host
        assert condition(error) == "see-other-host"
        server.stream("plain", host=server.host).login(server.account("alice"))
        # In direct TLS the stream itself is protected, and the same is said.
        client = server.open("direct", host="talk.localhost")
        client.wrap(context=unverified())
        client.open(features=False)
        client.expect_stream_error("see-other-host")
