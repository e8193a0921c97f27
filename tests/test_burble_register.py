"""burble register and burble passwd: accounts are made, passwords changed, and kept where they were
kept. Nothing of a password is ever on standard error."""

import re

import pytest

TLS = "starttls"


def connection(server):
    return ["--host", server.ip, "--port", server.port, "--tls", TLS, "--ca-file", server.ca_file]


def conf(home):
    return (home.config / "accounts.conf").read_text()


def unused(server, user):
    """An address that nobody has yet, whatever ran before on this server."""
    number = getattr(server, "registered", 0) + 1
    server.registered = number
    return f"{user}{number}@{server.domain}"


@pytest.mark.servers()
def test_an_account_is_made_kept_and_used(home, server):
    jid = unused(server, "new")
    done = home.run("burble", "register", jid, *connection(server), "--password-stdin", "--save",
                    "--name", "fresh", stdin="first secret\n", code=0)
    assert "first secret" not in done.out + done.err
    assert "first secret" in conf(home)
    home.run("burble", "--account", "fresh", "send", jid, "to myself", code=0)
    # The second one comes too late, and the first one's password stays.
    home.run("burble", "register", jid, *connection(server), "--password-stdin",
             stdin="other secret\n", code=1)
    home.run("burble", "--account", "fresh", "send", jid, "to myself", code=0)
    # What is in the file already is not registered again.
    again = home.run("burble", "register", jid, *connection(server), "--password-stdin", "--save",
                     "--name", "fresh", stdin="x\n", code=2)
    assert "already" in again.err


@pytest.mark.servers()
def test_a_password_is_made_up(home, server):
    jid = unused(server, "made")
    done = home.run("burble", "register", jid, *connection(server), "--generate", code=0)
    password = done.out.strip()
    assert re.fullmatch("[a-z2-7]{26}", password) and password not in done.err
    home.account(jid, password, server=server)
    # And another one, which is kept where this one is.
    done = home.run("burble", "passwd", "--generate", code=0)
    assert done.out == "" and password not in conf(home)
    home.run("burble", "send", jid, "to myself", code=0)
    wrong = home.run("burble", "--jid", jid, *connection(server), "--password-stdin", "send", jid,
                     "x", stdin=password, code=4)
    assert password not in wrong.err


@pytest.mark.servers()
def test_a_password_is_changed_where_it_is_kept(home, server):
    jid = server.account("changer").jid
    old = server.accounts[jid]
    kept = home.file("secret", f"{old}\nlogin: me\n")
    home.account(jid, server=server, password_file=str(kept), name="file")
    new = home.file("new", "the new one\n")
    home.run("burble", "passwd", "--new-password-file", new, code=0)
    assert kept.read_text() == "the new one\nlogin: me\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    home.run("burble", "send", jid, "to myself", code=0)
    # With --debug nothing of it is to be seen.
    shown = home.run("burble", "--debug", "--json", "passwd", "--generate", code=0)
    password = kept.read_text().splitlines()[0]
    assert re.fullmatch("[a-z2-7]{26}", password)
    assert password not in shown.err and "the new one" not in shown.err
    assert shown.json == [{"jid": jid, "kept": True}]
    # The old one is wrong: nothing changes, and nothing is kept.
    kept.write_text("wrong\n")
    home.run("burble", "passwd", "--new-password-file", new, code=4)
    assert kept.read_text() == "wrong\n"


@pytest.mark.servers("burbled")
def test_a_password_that_is_kept_nowhere_is_printed(home, server):
    account = server.account("nowhere")
    done = home.run("burble", "--jid", account.jid, *connection(server), "--password-stdin",
                    "passwd", "--generate", stdin=account.password, code=0)
    password = done.out.strip()
    assert re.fullmatch("[a-z2-7]{26}", password)
    home.run("burble", "--jid", account.jid, *connection(server), "--password-stdin", "send",
             account.jid, "x", stdin=password, code=0)


@pytest.mark.servers("burbled")
def test_without_tls_no_password_leaves(home, server):
    jid = unused(server, "plain")
    port = server.address("plain")[1]
    done = home.run("burble", "register", jid, "--host", server.ip, "--port", port, "--tls", "none",
                    "--generate", code=1)
    assert done.out == "" and "encrypted" in done.err


def test_usage(home):
    assert "--save" in home.run("burble", "register", "a@b", "--name", "x", "--generate",
                                code=2).err
    home.run("burble", "register", "nonsense", "--generate", code=2)
    home.run("burble", "register", code=2)
    home.account("a@b", "x")
    home.run("burble", "passwd", "--new-password-fd", "99", code=2)
    done = home.run("burble", "passwd", code=2, start_new_session=True)
    assert "Use --new-password-file, " in done.err
    home.run("burble", "passwd", "--generate", "--new-password-file", home.file("n", "x"), code=2)
