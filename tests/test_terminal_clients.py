"""S20: profanity and finch, driven in terminals as a person would."""

import re
import shutil

import pytest

from harness import ns
from harness.people import befriend
from harness.terminal import Terminal
from harness.xmpp import body, child, namespace

# One number of shards will do: what shards change shows elsewhere.
pytestmark = pytest.mark.shards(3)


@pytest.fixture
def home(tmp_path):
    """An empty home folder; sockets in it must have short paths."""
    return tmp_path


class Profanity(Terminal):
    """profanity logged in over STARTTLS with a certificate that its user trusts."""

    def __init__(self, server, account, folder, reconnect=0):
        folder.mkdir()
        self.account = account
        config = folder / "config" / "profanity"
        config.mkdir(parents=True)
        (config / "profrc").write_text(
            "[ui]\nsplash=false\nbeep=false\nflash=false\n[notifications]\nmessage=false\n"
            f"[connection]\nreconnect={reconnect}\nautoping=0\n[logging]\nchlog=false\nhistory=false\n"
        )
        super().__init__(["profanity", "-l", "DEBUG"], {
            "HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_DATA_HOME": folder / "data"})
        self.wait_for("Profanity|profanity")
        host, port = server.address("tls")
        self.type(f"/connect {account.jid} server {host} port {port} tls trust")
        self.wait_for("(?i)enter password")
        self.type(account.password)
        self.wait_for(re.escape(account.jid) + r"\S* logged in successfully")

    def quit(self):
        self.type("/quit")
        self.wait_until_gone()


def test_profanity_logs_in_and_its_stream_is_encrypted(server, home):
    account = server.account("alice")
    with Profanity(server, account, home / "a") as alice:
        alice.type("/tls cert")
        alice.wait_for("(?i)fingerprint|issuer|subject")
        alice.quit()


def test_two_people_with_profanity(server, home):
    """Login, contact, presence, chat both ways, a message that waits."""
    alice_account, bob_account = server.account("alice"), server.account("bob")
    with Profanity(server, alice_account, home / "a") as alice:
        with Profanity(server, bob_account, home / "b") as bob:
            alice.type(f"/roster add {bob_account.jid} Bob")
            alice.wait_for("Roster item added|Bob")
            alice.type(f"/sub request {bob_account.jid}")
            bob.wait_for(f"(?i)received authori[sz]ation request from {alice_account.jid}|"
                         f"{alice_account.jid}.*subscri|subscription request")
            bob.type(f"/sub allow {alice_account.jid}")
            bob.type(f"/sub request {alice_account.jid}")
            alice.wait_for("(?i)request from|subscription request")
            alice.type(f"/sub allow {bob_account.jid}")
            alice.type("/who online")
            alice.wait_for("(?i)bob.*online|online.*bob|Bob.*chat|Bob \\(")

            alice.type(f"/msg {bob_account.jid} Hello, Боб!")
            bob.wait_for(f"(?i)<< chat message: {alice_account.jid}|{alice_account.user}")
            bob.type(f"/msg {alice_account.jid}")
            bob.wait_for("Hello, Боб!")
            bob.type("Hello back")
            alice.wait_for("Hello back")
            bob.quit()

        alice.type("Are you still there?")
        alice.wait_for("Are you still there?")
        with Profanity(server, bob_account, home / "c") as bob:
            bob.wait_for(alice_account.user)
            bob.type(f"/msg {alice_account.jid}")
            bob.wait_for("Are you still there\\?")
            bob.quit()
        alice.quit()


def test_profanity_and_a_bare_stream(server, home):
    """What profanity sends, seen on the wire at the other end."""
    bob = server.user("bob")
    with Profanity(server, server.account("alice"), home / "a") as alice:
        alice.type(f"/msg {bob.account.jid} plain words")
        message = bob.expect_message("plain words", timeout=20)
        assert message.get("type") == "chat"
        bob.message(message.get("from"), "an answer & <more>")
        alice.wait_for("an answer & <more>")
        alice.quit()


ACCOUNTS = """<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account><protocol>prpl-jabber</protocol><name>{jid}/finch</name>
<password>{password}</password><alias/>
<statuses><status type='available' name='Available' active='true'><attributes/></status></statuses>
<settings>
<setting name='connect_server' type='string'>{host}</setting>
<setting name='port' type='int'>{port}</setting>
<setting name='connection_security' type='string'>{security}</setting>
<setting name='use-global-buddyicon' type='bool'>0</setting>
<setting name='check-mail' type='bool'>0</setting>
</settings>
<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"""


class Finch(Terminal):
    """finch (libpurple) with an account and the server's certificate in its folder."""

    def __init__(self, server, account, folder, listener="tls"):
        peers = folder / "purple" / "certificates" / "x509" / "tls_peers"
        peers.mkdir(parents=True)
        (peers / server.host).write_text(server.certificate())
        port = server.address(listener)[1]
        security = "old_ssl" if listener == "direct" else "require_tls"
        (folder / "purple" / "accounts.xml").write_text(ACCOUNTS.format(
            jid=account.jid, password=account.password, host=server.host, port=port, security=security))
        super().__init__(["finch", "-c", str(folder / "purple")], {"HOME": folder})


@pytest.mark.parametrize("listener", ["tls", "direct"])
def test_finch(server, home, listener):
    """Login over TLS, one message each way, presence to a contact."""
    account, bob = server.account("alice"), server.user("bob")
    helper = server.login(account, "helper", presence=-1)
    befriend(bob, helper)
    with Finch(server, account, home, listener) as finch:
        presence = bob.expect("presence", type=None, timeout=30,
                              where=lambda p: p.get("from").startswith(account.jid + "/finch"))
        assert child(presence, "c", ns.CAPS) is not None
        full = presence.get("from")
        bob.message(full, "Hello, finch!")
        finch.wait_for("Hello, finch!")
        finch.keys("M-n")  # from the list of contacts to the conversation
        finch.type("Hello from finch")

        def said(message):
            # libpurple sends XHTML beside the text.
            return namespace(message) == ns.CLIENT and body(message) == "Hello from finch"

        answer = bob.expect("message", where=said, timeout=20)
        assert answer.get("from") == full
    bob.expect("presence", type="unavailable", frm=full, timeout=15)


@pytest.mark.parametrize("program", ["tmux", "profanity", "finch"])
def test_the_programs_are_here(program):
    assert shutil.which(program), f"{program} is not installed: the tests above would be a pretence"
