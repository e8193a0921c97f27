"""S18: accounts from the shell, and the rest of burblectl."""

import json
import os
import pathlib
import pty
import re
import select
import subprocess
import time

import pytest

from harness import ns, sasl
from harness.server import Account, UNPRIVILEGED, environment
from harness.xmpp import PATIENCE, name

pytestmark = pytest.mark.burbled_only

SERVER = {"shards": 3}


def can_login(server, jid, password):
    user, _, host = jid.partition("@")
    client = server.stream()
    return name(client.authenticate(Account(user, host, password))) == "success"


def fresh(server, prefix="billy"):
    fresh.number += 1
    return f"{prefix}{fresh.number}@{server.host}"


fresh.number = 0


class Dialogue:
    """A program on a terminal of its own."""

    def __init__(self, command):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env=environment(), start_new_session=True,
                                        **UNPRIVILEGED.popen_options())
        os.close(slave)
        self.output = ""

    def wait_for(self, pattern, since=0):
        deadline = time.monotonic() + 10 * PATIENCE
        while not re.search(pattern, self.output[since:], re.IGNORECASE):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.output!r}"
            if not self._read(0.2) and self.process.poll() is not None:
                raise AssertionError(f"ended before {pattern!r}: {self.output!r}")
        return len(self.output)

    def _read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 4096)
        except OSError:
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def type(self, text):
        os.write(self.master, text.encode() + b"\n")

    def finish(self):
        code = self.process.wait(10 * PATIENCE)
        while self._read(0):
            pass
        os.close(self.master)
        return code


class TestAdd:
    def test_a_password_from_standard_input(self, server):
        jid = fresh(server)
        done = server.ctl("account", "add", jid, input="from stdin\n")
        assert "from stdin" not in done.stdout + done.stderr
        assert can_login(server, jid, "from stdin")
        assert not can_login(server, jid, "something else")

    def test_a_line_without_its_end(self, server):
        jid = fresh(server)
        server.ctl("account", "add", jid, input="no newline")
        assert can_login(server, jid, "no newline")

    def test_a_password_from_a_prompt(self, server):
        jid = fresh(server)
        dialogue = Dialogue(server.ctl_command("account", "add", jid))
        seen = dialogue.wait_for("password")
        dialogue.type("from the prompt")
        dialogue.wait_for("password|again|repeat", seen)
        dialogue.type("from the prompt")
        assert dialogue.finish() == 0, dialogue.output
        assert "from the prompt" not in dialogue.output  # no echo
        assert can_login(server, jid, "from the prompt")

    def test_two_different_passwords_at_the_prompt(self, server):
        jid = fresh(server)
        dialogue = Dialogue(server.ctl_command("account", "add", jid))
        seen = dialogue.wait_for("password")
        dialogue.type("one")
        dialogue.wait_for("password|again|repeat", seen)
        dialogue.type("two")
        assert dialogue.finish() != 0, dialogue.output
        assert not can_login(server, jid, "one") and not can_login(server, jid, "two")

    def test_a_generated_password(self, server):
        passwords = set()
        for _ in range(3):
            jid = fresh(server)
            done = server.ctl("account", "add", jid, "--generate")
            password = done.stdout.split()[-1]
            assert len(password) >= 12
            assert can_login(server, jid, password)
            passwords.add(password)
        assert len(passwords) == 3

    def test_never_a_password_in_argv(self, server):
        jid = fresh(server)
        for arguments in ([jid, "secret"], [jid, "--password", "secret"],
                          [jid, "--password=secret"], ["-p", "secret", jid]):
            done = server.ctl("account", "add", *arguments, input="from stdin\n", ok=False)
            assert done.stderr.strip()
        assert not can_login(server, jid, "secret")
        assert not can_login(server, jid, "from stdin")

    @pytest.mark.parametrize("jid", ["", "nobody", "@localhost", "a b@localhost", "a@", "a@b@c",
                                     "alice@not-served.example", "alice@localhost/resource",
                                     "\udcff@localhost", "x" * 1100 + "@localhost"])
    def test_an_address_that_cannot_be(self, server, jid):
        done = server.ctl("account", "add", jid, input="secret\n", ok=False)
        assert done.stderr.strip() and not done.stdout.strip()

    def test_an_account_that_exists(self, server):
        jid = fresh(server)
        server.ctl("account", "add", jid, input="first\n")
        done = server.ctl("account", "add", jid, input="second\n", ok=False)
        assert "exist" in done.stderr
        assert can_login(server, jid, "first")

    def test_an_empty_password(self, server):
        jid = fresh(server)
        server.ctl("account", "add", jid, input="\n", ok=False)
        server.ctl("account", "add", jid, input="", ok=False)
        assert jid not in server.ctl("account", "list").stdout

    def test_names_are_prepared(self, server):
        """RFC 7622: the same account, however it is written."""
        server.ctl("account", "add", f"Ünï-Case@{server.host.upper()}", input="pässwörd\n")
        assert can_login(server, f"ünï-case@{server.host}", "pässwörd")
        assert "ünï-case@localhost" in server.ctl("account", "list").stdout


class TestOtherCommands:
    def test_list_and_show(self, server):
        account = server.account("lister")
        assert account.jid in server.ctl("account", "list").stdout.split()
        assert account.jid in server.ctl("account", "show", account.jid).stdout
        server.ctl("account", "show", f"nobody@{server.host}", ok=False)

    def test_json(self, server):
        account = server.account("json")
        listed = json.loads(server.ctl("account", "list", "--json").stdout)
        assert account.jid in json.dumps(listed)
        shown = json.loads(server.ctl("account", "show", account.jid, "--json").stdout)
        assert account.jid in json.dumps(shown)
        for command in (["session", "list"], ["host", "list"], ["stats"], ["limits"], ["hooks"]):
            json.loads(server.ctl(*command, "--json").stdout)

    def test_no_secret_is_shown(self, server):
        account = server.account("shown", password="very secret word")
        for command in (["account", "show", account.jid], ["account", "list", "--json"],
                        ["account", "show", account.jid, "--json"]):
            said = server.ctl(*command).stdout
            assert "very secret word" not in said and "StoredKey" not in said
        assert "very secret word" not in server.log.text()

    def test_passwd(self, server):
        account = server.account("changer")
        server.ctl("account", "passwd", account.jid, input="changed\n")
        assert can_login(server, account.jid, "changed")
        assert not can_login(server, account.jid, account.password)
        server.ctl("account", "passwd", f"nobody@{server.host}", input="x\n", ok=False)

    def test_disable(self, server):
        client = server.user("disabled")
        account = client.account
        server.ctl("account", "disable", account.jid)
        client.expect_stream_error(("not-authorized", "policy-violation", "reset"))
        login = server.stream()
        login.auth("PLAIN", sasl.plain(account.user, account.password))
        login.expect_failure("account-disabled")

    def test_remove(self, server):
        client = server.user("removed")
        account = client.account
        server.ctl("account", "remove", account.jid)
        client.expect_stream_error("not-authorized")
        assert not can_login(server, account.jid, account.password)
        server.ctl("account", "show", account.jid, ok=False)
        server.ctl("account", "remove", account.jid, ok=False)
        # The name is free again, and nothing of the old account is left.
        server.ctl("account", "add", account.jid, input="new\n")
        assert can_login(server, account.jid, "new")
        again = server.login(Account(account.user, account.host, "new"))
        assert again.roster() == {}

    def test_sessions(self, server):
        client = server.user("sitter", resource="chair")
        assert client.jid in server.ctl("session", "list").stdout
        shown = server.ctl("session", "show", client.jid).stdout
        assert client.jid in shown
        server.ctl("session", "kick", client.jid)
        client.expect_stream_error()
        assert client.jid not in server.ctl("session", "list").stdout
        server.ctl("session", "show", client.jid, ok=False)
        server.ctl("session", "kick", client.jid, ok=False)

    def test_hosts_limits_hooks_stats_check(self, server):
        assert server.host in server.ctl("host", "list").stdout
        limits = server.ctl("limits").stdout
        assert re.search(r"stanza_bytes_c2s\s.*262144", limits)
        assert server.ctl("hooks").stdout.strip()
        assert server.ctl("stats").stdout.strip()
        server.ctl("check", ok=None)

    def test_help(self, server):
        overview = server.ctl("help").stdout
        for command in ("account", "session", "host", "stats", "reload", "stop", "hooks",
                        "limits", "check"):
            assert command in overview
        assert "--generate" in server.ctl("help", "account", "add").stdout
        assert server.ctl("--help").stdout
        assert re.match(r"burblectl \d+\.\d+", server.ctl("--version").stdout)

    def test_reload(self, server):
        server.ctl("reload")

    def test_stop(self, start_server):
        server = start_server()
        client = server.user("last")
        server.ctl("stop")
        client.expect_stream_error("system-shutdown")
        assert server.process.wait(6 * PATIENCE) == 0

    def test_the_socket_is_shut_to_others(self, server):
        sockets = [p for p in pathlib.Path(server.data).rglob("*") if p.is_socket()]
        assert sockets
        for path in sockets:
            assert path.stat().st_mode & 0o777 == 0o600, path
        assert pathlib.Path(server.data).stat().st_mode & 0o077 == 0

    def test_without_a_server(self, start_server):
        server = start_server(start=False)
        done = server.ctl("account", "list", ok=False)
        assert done.stderr.strip()

    def test_an_interrupted_prompt_changes_nothing(self, server):
        jid = fresh(server)
        dialogue = Dialogue(server.ctl_command("account", "add", jid))
        dialogue.wait_for("password")
        dialogue.process.terminate()
        assert dialogue.finish() != 0
        assert jid not in server.ctl("account", "list").stdout


def test_a_password_from_the_shell_works_with_every_mechanism(server):
    account = server.account("all")
    for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        client = server.stream()
        assert name(client.authenticate(account, mechanism)) == "success", mechanism
    assert client.feature("mechanisms", ns.SASL) is not None
