"""burble as a program: its accounts, passwords, output, exit codes, and the documents about it."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.server import ROOT, free_ports, program_path
from harness.xmpp import PATIENCE

ESCAPE = "\x1b]0;owned\x07"


def accounts_conf(home):
    return home.config / "accounts.conf"


# ------------------------------------------------------------------------------------- accounts


def test_accounts_are_added_listed_and_forgotten(home):
    home.run("burble", "account", "add", "Me@Example.org", "--password-stdin", stdin="pw 1\nrest",
             code=0)
    home.run("burble", "account", "add", "w@example.com", "--name", "work", "--host", "::1",
             "--port", "5223", "--tls", "direct", "--password-command", "pass show 'x y'",
             "--default", code=0)
    listed = home.run("burble", "account", "list", "--json", code=0).json
    assert [(a["account"], a["jid"], a["password"], a["default"]) for a in listed] == [
        ("me@example.org", "me@example.org", "stored", False),
        ("work", "w@example.com", "command", True)]
    shown = home.run("burble", "account", "show", "--json", code=0).json[0]
    assert shown["password_command"] == ["pass", "show", "x y"]
    assert (shown["host"], shown["port"], shown["tls"]) == ("::1", 5223, "direct")
    assert home.run("burble", "account", "default", "me@example.org", code=0).out == (
        "Account me@example.org is the default.\n")
    assert home.run("burble", "account", "default", code=0).out == "me@example.org\n"
    home.run("burble", "account", "remove", "me@example.org", code=0)
    assert [a["account"] for a in home.run("burble", "account", "list", "--json").json] == ["work"]
    assert "default" not in accounts_conf(home).read_text()
    home.run("burble", "account", "add", "w@example.com", "--name", "work", "--ask", code=1)


def test_a_path_is_one_of_the_folder_in_which_it_was_typed(home):
    home.run("burble", "account", "add", "a@b", "--ask", "--ca-file", "tls/ca.pem", code=0)
    shown = home.run("burble", "account", "show", "--json", code=0).json[0]
    assert shown["ca_file"] == str(home.dir / "tls/ca.pem")


def test_what_people_wrote_stays(home):
    text = ("# mine\naccounts = (\n    # home\n    { jid = \"a@b\"; password = \"x\"; } # end\n);\n")
    home.file(".config/burble/accounts.conf", text)
    home.run("burble", "account", "add", "c@d", "--ask", code=0)
    home.run("burble", "account", "remove", "c@d", code=0)
    for line in ("# mine", "    # home", "# end"):
        assert line in accounts_conf(home).read_text()
    assert home.run("burble", "account", "show", "a@b", "--json", code=0).json


def test_C12_nobody_else_reads_the_accounts(home):
    home.config.rmdir()
    old = os.umask(0)
    try:
        home.run("burble", "account", "add", "a@b", "--password-stdin", stdin="secret", code=0)
    finally:
        os.umask(old)
    conf = accounts_conf(home)
    assert home.config.stat().st_mode & 0o777 == 0o700 and conf.stat().st_mode & 0o777 == 0o600
    for path, mode, remedy in ((conf, 0o640, "chmod 600"), (conf, 0o604, "chmod 600"),
                               (home.config, 0o750, "chmod 700")):
        path.chmod(mode)
        # root:root with group bits is what systemd hands out, and fine
        if path == conf and mode == 0o640 and os.geteuid() == 0:
            os.chown(conf, 0, 65534)
        done = home.run("burble", "account", "list", code=2)
        assert remedy in done.err and "secret" not in done.err
        path.chmod(0o700 if path == home.config else 0o600)
    home.run("burble", "account", "list", code=0)


@pytest.mark.parametrize("text, why", [
    ("accounts = ({ jid = \"a@b\";\n pasword = \"secret\" })",
     r"accounts\.conf:2: accounts\.pasword: unknown key; did you mean \"password\"\?"),
    ("accounts = ({ jid = \"a@b\";\n password = \"secret\" x })", r"accounts\.conf:2: syntax error"),
    ("accounts = ({ jid = \"a@b\" }, { jid = \"a@b\" })", "has it too"),
    ("default = \"x\"", "expected the name or address"),
])
def test_mistakes_in_the_file_are_told(home, text, why):
    home.file(".config/burble/accounts.conf", text)
    done = home.run("burble", "account", "list", code=2)
    assert re.search(why, done.err), done.err
    assert "secret" not in done.err


def test_which_account_is_meant(home):
    done = home.run("burble", "status", "x", code=2)
    assert "burble account add" in done.err
    home.account("a@b", "x", name="one")
    home.account("c@d", "x", name="two")
    done = home.run("burble", "status", "x", code=2)
    assert "which account?" in done.err and "one, two" in done.err
    assert "there is no account \"three\"; there are: one, two" in home.run(
        "burble", "status", "x", "--account", "three", code=2).err
    assert "exclude each other" in home.run(
        "burble", "status", "x", "-a", "one", "--jid", "a@b", code=2).err
    assert "--jid: expected an address" in home.run("burble", "status", "--jid", "b", code=2).err


# ------------------------------------------------------------------------------------ passwords


@pytest.mark.parametrize("words", [
    ["--password", "hunter2"], ["--password=hunter2"], ["-p", "hunter2"], ["--pass=hunter2"],
    ["hunter2"]])
def test_C13_a_password_in_argv_is_refused(home, words):
    done = home.run("burble", "account", "add", "a@b", *words, code=2)
    assert "never taken from the command line" in done.err and "--password-fd" in done.err
    assert "hunter2" not in done.out + done.err
    assert not accounts_conf(home).exists()


def test_C13_a_password_in_a_proxy_is_refused(home):
    done = home.run("burble", "account", "add", "a@b", "--ask", "--proxy",
                    "socks5://u:hunter2@localhost:1", code=2)
    assert "accounts.conf" in done.err and "hunter2" not in done.err


def test_C13_no_child_inherits_the_password(home):
    """Neither the environment of a child nor our own shows BURBLE_PASSWORD."""
    home.run("burble", "account", "add", "a@b", "--password-command",
             "sh -c 'env | grep -c BURBLE_PASSWORD >&2; exit 1'", code=0)
    done = home.run("burble", "status", env={"BURBLE_PASSWORD": "hunter2", "BURBLE_JID": None},
                    code=2)
    assert done.err.splitlines()[0] == "0" and "hunter2" not in done.err


class Tty:
    """A program on a terminal of its own, which is read as bytes."""

    def __init__(self, home, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(home.dir)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in a job in the background
            os.execve(program_path("burble"), ["burble", *words], home.environment())
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def expect(self, text):
        deadline = time.monotonic() + 20 * PATIENCE
        while text.encode() not in self.seen:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], (
                f"{text!r} did not come: {self.seen!r}")
            self.seen += os.read(self.fd, 4096)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        """Reads to the end; the exit code."""
        deadline = time.monotonic() + 20 * PATIENCE
        while True:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], (
                f"it does not end: {self.seen!r}")
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                break
            self.seen += piece
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def test_C13_a_terminal_is_asked_without_an_echo(home):
    with Tty(home, "account", "add", "a@b") as tty:
        tty.expect("Password for a@b")
        tty.type("hunter2\n")
        assert tty.wait() == 0
        assert b"hunter2" not in tty.seen and b"was added" in tty.seen
    assert 'password = "hunter2"' in accounts_conf(home).read_text()
    with Tty(home, "account", "add", "c@d") as tty:
        tty.expect("empty: ask each time")
        tty.type("\n")
        assert tty.wait() == 0
    assert home.run("burble", "account", "show", "c@d", "--json").json[0]["password"] == "asked"


def test_an_interrupted_question_leaves_the_terminal_as_it_was(home):
    with Tty(home, "account", "add", "a@b") as tty:
        tty.expect("Password for a@b")
        tty.type("hunt\x03")
        assert tty.wait() == 6
        tty.seen = b""
    assert not accounts_conf(home).exists()


# --------------------------------------------------------------------------------------- output


def test_C09_nobody_reads(home):
    for words in (["help"], ["account", "list"]):
        home.account(f"{words[0]}@b", "x")
        read, write = os.pipe()
        os.close(read)
        done = home.run("burble", *words, stdout=write, code=6)
        os.close(write)
        assert done.err == ""


def test_a_full_disk_is_no_success(home):
    with open("/dev/full", "wb") as full:
        done = home.run("burble", "help", stdout=full, code=1)
    assert "standard output: No space left" in done.err


def test_V72_what_is_typed_is_harmless_in_errors(home):
    for words in ([ESCAPE], ["account", "remove", ESCAPE], ["account", "list", "--" + ESCAPE],
                  ["account", "list", "--config", "/" + ESCAPE + "\u202e"],
                  ["status", "--jid", "a@b", "--host", ESCAPE]):
        done = home.run("burble", *words)
        assert "\x1b" not in done.err and "\u202e" not in done.err


# ----------------------------------------------------------------------------------- exit codes


def test_0_1_and_4_logins(home, server):
    account = server.account("exit")
    home.account(account.jid, account.password, server, name="good")
    home.account(account.jid, "wrong", server, name="bad")
    home.run("burble", "-a", "good", "status", "x", code=0)
    assert "password" in home.run("burble", "-a", "bad", "status", "x", code=4).err
    # the authority is missing
    other = [*("--host", server.ip), *("--port", server.port), *("--tls", "starttls")]
    done = home.run("burble", "--jid", account.jid, *other, "--password-stdin", "status", "x",
                    stdin=account.password, code=4)
    assert "certificate" in done.err
    nobody = f"nobody-at-all@{server.domain}"
    assert home.run("burble", "-a", "good", "send", nobody, "x").code in (0, 1)


def test_1_a_message_that_comes_back(home, server):
    account = server.account("exit")
    home.account(account.jid, account.password, server)
    done = home.run("burble", "send", f"a@no-such-domain.{server.domain}", "x", code=1)
    assert done.err


@pytest.mark.servers("burbled")
def test_authorities_that_cannot_be_used_are_named(home, server):
    account = server.account("exit")
    home.account(account.jid, account.password, server)
    for path, said in (("/nowhere/ca.pem", "cannot be read: No such file"),
                       (home.file("none.pem", "nothing\n"), "holds no certificates")):
        done = home.run("burble", "--ca-file", path, "status", "x", code=2)
        assert f"{path} {said}" in done.err


def test_one_shot_without_any_file(home, server):
    account = server.account("exit")
    options = ["--host", server.ip, "--port", server.port, "--tls", "starttls", "--ca-file",
               server.ca_file]
    secret = {"BURBLE_PASSWORD": account.password}
    home.run("burble", *options, "status", "x", env={**secret, "BURBLE_JID": account.jid}, code=0)
    home.run("burble", *options, "--jid", account.jid, "status", "x", env=secret, code=0)
    path = home.file("pw", account.password + "\n")
    home.run("burble", *options, "status", "x", code=0,
             env={"BURBLE_JID": account.jid + "/here", "BURBLE_PASSWORD_FILE": str(path)})
    read, write = os.pipe()
    os.write(write, account.password.encode())
    os.close(write)
    home.run("burble", *options, "--jid", account.jid, "--password-fd", read, "status", "x",
             pass_fds=[read], code=0)
    os.close(read)
    # the first line of standard input is the password, the rest is the text
    home.run("burble", *options, "--jid", account.jid, "--password-stdin", "send", account.jid, "-",
             stdin=f"{account.password}\nthe text", code=0)
    assert not accounts_conf(home).exists()
    # the password of BURBLE_JID is not sent to the server of another account
    done = home.run("burble", *options, "--jid", f"x@{server.domain}", "status", "x",
                    env={**secret, "BURBLE_JID": account.jid}, code=2, start_new_session=True)
    assert "password" in done.err


def test_3_nobody_listens(home):
    home.account("a@localhost", "x", host="127.0.0.1", port=free_ports(1)[0], tls="starttls")
    assert home.run("burble", "status", "x", code=3).err


def test_5_C04_a_portal_that_speaks_http(home):
    listener = socket.create_server(("127.0.0.1", 0))

    def portal():
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            with conn:
                conn.recv(1024)
                conn.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n<html>")

    thread = threading.Thread(target=portal, daemon=True)
    thread.start()
    home.account("a@localhost", "hunter2", host="127.0.0.1", port=listener.getsockname()[1],
                 tls="starttls")
    try:
        home.run("burble", "status", "x", code=5)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_6_signals_and_readers_that_go(home, server):
    account = server.account("exit")
    home.account(account.jid, account.password, server)
    for number in (signal.SIGINT, signal.SIGTERM):
        listening = home.spawn("burble", "listen", "--verbose")
        listening.expect_error("as " + re.escape(account.jid))
        listening.stop(number, code=6)
    # C09: the reader goes while there is nothing to say
    read, write = os.pipe()
    process = subprocess.Popen([program_path("burble"), "listen", "--verbose"], stdout=write,
                               stderr=subprocess.PIPE, env=home.environment(), text=True)
    try:
        os.close(write)
        while "as " + account.jid not in process.stderr.readline():
            assert process.poll() is None
        os.close(read)
        assert process.wait(20 * PATIENCE) == 6
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_plain_tcp_is_asked_for_and_warned_about(home, server):
    account = server.account("exit")
    home.account(account.jid, account.password, host=server.ip, port=server.ports["plain"],
                 tls="none")
    assert "warning: without TLS" in home.run("burble", "status", "x", code=0).err


# ------------------------------------------------------------------------------------ documents


def complete(home, line, words=None):
    """What the shell offers behind a line."""
    words = words or line.split(" ")
    script = f"""
        PATH={pathlib.Path(program_path('burble')).parent}:$PATH
        . {ROOT}/packaging/completion/burble.bash
        compopt() {{ :; }}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _burble
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = home.run("/bin/bash", "-c", script, "bash", *words, code=0)
    assert done.err == ""
    return {line for line in done.lines if line}


def test_the_completion_follows_the_program(home):
    home.account("me@example.org", "x", name="work")
    home.account("you@example.org", "x")
    everything = home.run("burble", "help", "--words", code=0).lines
    names = {line.split()[1] for line in everything if line.startswith("command ")}
    assert complete(home, "burble ") == names
    assert complete(home, "burble acc") == {"account"}
    assert complete(home, "burble account ") == {"add", "default", "list", "remove", "show"}
    assert complete(home, "burble --json account s") == {"show"}
    assert complete(home, "burble help acc") == {"account"}
    assert complete(home, "burble account show ") == {"work", "you@example.org"}
    assert complete(home, "burble --account y") == {"you@example.org"}
    assert complete(home, "burble account add --na") == {"--name"}
    assert "--name" not in complete(home, "burble account list --")
    assert "--json" in complete(home, "burble account list --")
    assert complete(home, "burble --tls ") == {"auto", "starttls", "direct", "none"}
    assert complete(home, "burble --host ") == set()
    assert complete(home, "burble roster un") == {"unsubscribe"}
    assert complete(home, "burble -a work account li") == {"list"}
    (home.dir / "some-file").touch()
    assert complete(home, "burble --password-file some") == {"some-file"}


def test_the_manual_page_is_well_formed():
    page = ROOT / "docs/man/burble.1"
    checkers = [["mandoc", "-T", "lint", "-W", "warning", str(page)],
                ["groff", "-mdoc", "-ww", "-z", "-T", "utf8", str(page)]]
    found = [c for c in checkers if shutil.which(c[0])]
    if not found:
        pytest.skip("neither mandoc nor groff is here")
    done = subprocess.run(found[0], capture_output=True, text=True)
    assert done.stdout + done.stderr == "" and done.returncode == 0


def test_help_is_json_free_and_complete(home):
    overview = home.run("burble", "help", code=0).out
    for line in home.run("burble", "help", "--words", code=0).lines:
        kind, name, *_ = line.split()
        if kind == "command":
            assert f"  {name}" in overview
            shown = home.run("burble", "help", *line.split()[1:], code=0).out
            assert shown.startswith("Usage: burble [OPTION...] " + " ".join(line.split()[1:]))
    assert overview == home.run("burble", "--help", code=0).out == home.run("burble").out
    for code in range(7):
        assert re.search(rf"\b{code} ", overview.split("Exit status:")[1])
    assert json.dumps(home.run("burble", "--version", code=0).out).startswith('"burble ')
