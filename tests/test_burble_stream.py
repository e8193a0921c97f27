"""burble console, status, listen and bench: what goes over the stream, and how it is shown."""

import json
import signal

import pytest
from harness.server import Account, wait_until

ALICE, BOB = "alice@localhost", "bob@localhost"


@pytest.fixture
def people(home, server):
    """people("alice", ...): accounts that the home knows by these names."""

    def add(*names):
        for name in names:
            jid = f"{name}@localhost"
            home.account(jid, server.accounts[jid], server=server, name=name)

    return add


@pytest.mark.servers()
def test_S9_the_console_shows_payloads_as_they_are(people, home):
    people("alice")
    vendor = "<x xmlns='urn:vendor:1'><deep a='1'>é &lt;</deep></x>"
    done = home.run("burble", "console", "--plain", "--presence", stdin=(
        f"<message to='{ALICE}'><body/>{vendor}</message>\n"
        "nonsense\n"
        "<iq type='get' id='r1'><query xmlns='jabber:iq:roster'/></iq>\n"), code=0)
    came = [line for line in done.lines if line.startswith("<< ")]
    sent = [line for line in done.lines if line.startswith(">> ")]
    assert any("<body/>" in x and vendor in x for x in came)
    assert any(f"<body/>{vendor}" in x for x in sent)
    assert any("id='r1'" in x and "jabber:iq:roster" in x for x in came)
    assert "a line is one whole message, presence or iq" in done.err


@pytest.mark.servers("burbled")
def test_the_console_hides_what_is_secret(people, home, server):
    people("alice")
    done = home.run("burble", "console", "--json", stdin="", code=0)
    assert server.accounts[ALICE] not in done.out
    assert {row["direction"] for row in done.json} == {"in", "out"}
    login = [row["xml"] for row in done.json if "auth" in row["xml"] and row["direction"] == "out"]
    assert login and all("[hidden]" in x or "stream" in x or "iq" in x for x in login)


@pytest.mark.servers()
def test_S6_a_status_is_seen_and_the_command_ends(people, home):
    people("alice", "bob")
    for who, other, kind in (("bob", ALICE, "subscribe"), ("alice", BOB, "subscribed")):
        home.run("burble", "--account", who, "console", code=0,
                 stdin=f"<presence to='{other}' type='{kind}'/>\n")
    bob = home.spawn("burble", "--account", "bob", "--json", "-v", "listen", "--presence")
    bob.expect_error("logged in|resumed")
    home.run("burble", "--account", "alice", "status", "Out for lunch", "--show", "away", code=0)
    seen = bob.expect_json(kind="presence", show="away")
    assert seen["status"] == "Out for lunch" and seen["from"].startswith(ALICE)
    bob.expect_json(kind="presence", show="unavailable")


@pytest.mark.servers("burbled")
def test_wrong_words_for_a_status(people, home):
    people("alice")
    assert "--show" in home.run("burble", "status", "x", "--show", "lunch", code=2).err
    assert "--priority" in home.run("burble", "status", "x", "--priority", "200", code=2).err


@pytest.mark.servers("burbled")
def test_S11_listening_survives_a_restart_and_resumes_in_the_next_run(people, home, server):
    people("alice", "bob")
    bob = home.spawn("burble", "--account", "bob", "--json", "-v", "listen")
    bob.expect_error("logged in")
    home.run("burble", "--account", "alice", "send", BOB, "one", code=0)
    bob.expect_json(body="one")
    server.restart()
    bob.expect_error("resumed as")
    home.run("burble", "--account", "alice", "send", BOB, "two", code=0)
    bob.expect_json(body="two")
    bob.send_signal(signal.SIGTERM)
    bob.wait(code=6)
    home.run("burble", "--account", "alice", "send", BOB, "three", code=0)
    again = home.spawn("burble", "--account", "bob", "--json", "-v", "listen", "--count", "1")
    assert again.expect_json()["body"] == "three"
    again.expect_error("resumed as")
    again.wait(code=0)


@pytest.mark.servers()
def test_S11_nothing_is_lost_when_listening_is_killed(people, home, server):
    """SIGKILL, whatever it was about to do: the session goes on where it was saved last."""
    people("alice", "bob")
    said, heard = [], []

    def say(text):
        said.append(text)
        home.run("burble", "--account", "alice", "send", BOB, text, code=0)

    for turn in range(3):
        bob = home.spawn("burble", "--account", "bob", "--json", "-v", "listen")
        bob.expect_error("resumed as" if turn > 0 else "logged in as")
        say(f"{turn}: it listens")
        say(f"{turn}: it listens still")
        bob.expect_json(body=said[-1 - turn % 2])  # the last, or the one before
        bob.kill()
        heard += [json.loads(line)["body"] for line in bob.out]
        say(f"{turn}: nobody listens")
    bob = home.spawn("burble", "--account", "bob", "--json", "-v", "listen")
    bob.expect_error("resumed as")
    bob.expect_json(body=said[-1])
    bob.stop(code=6)
    heard += [json.loads(line)["body"] for line in bob.out]
    assert list(dict.fromkeys(it for it in heard if it in said)) == said


@pytest.mark.servers("burbled")
def test_what_was_printed_does_not_come_again_when_the_session_is_given_up(home, server):
    says, hears = server.account("says"), server.account("hears")
    home.account(says.jid, says.password, server, name="says")
    home.account(hears.jid, hears.password, server, name="hears")
    for text in ("one", "two"):
        home.run("burble", "--account", "says", "send", hears.jid, text, code=0)
    for text in ("one", "two"):
        done = home.run("burble", "--account", "hears", "listen", "--count", "1", code=0)
        assert done.lines[1:] == [text]
        wait_until(lambda: "hibernating" in server.ctl("session", "list", hears.jid).stdout)
        server.ctl("session", "kick", hears.jid)


@pytest.mark.servers("burbled")
def test_bench_measures(home, server):
    for number in range(4):
        server.add_account(Account(f"load{number}", "localhost", "pw"))
    done = home.run(
        "burble", "--json", "bench", "localhost", "--pattern", "load%u", "--users", "4",
        "--seconds", "1", "--host", server.ip, "--port", server.port, "--ca-file", server.ca_file,
        "--phases", "chat,idle", "--password-stdin", stdin="pw", code=0)
    rows = {row["phase"]: row for row in done.json}
    assert rows["login"]["count"] == 4 and rows["chat"]["count"] > 10 and not rows["chat"]["lost"]
    assert rows["chat"]["cpu_us"] > 0 and rows["idle"]["count"] == 4


@pytest.mark.servers("burbled")
def test_bench_says_what_failed(home, server):
    done = home.run(
        "burble", "--json", "bench", "localhost", "--pattern", "nobody%u", "--users", "2",
        "--host", server.ip, "--port", server.port, "--ca-file", server.ca_file,
        "--password-stdin", stdin="pw", code=4)
    assert "2 failed" in done.err
    assert json.loads(done.lines[0])["lost"] == 2


@pytest.mark.servers("prosody", "ejabberd")
def test_bench_makes_accounts_and_uses_rooms(home, server):
    done = home.run(
        "burble", "--json", "bench", "localhost", "--pattern", "load%u", "--users", "4",
        "--register", "--phases", "chat,presence,room", "--muc", server.muc_domain, "--seconds",
        "1", "--host", server.ip, "--port", server.port, "--ca-file", server.ca_file,
        "--password-stdin", stdin="pw", code=0)
    rows = {row["phase"]: row for row in done.json}
    assert rows["login"]["count"] == 4
    for phase in ("chat", "presence", "room"):
        assert rows[phase]["count"] > 0 and rows[phase]["lost"] == 0
