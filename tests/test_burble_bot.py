"""burble bot: programs that answer messages (S11, S12), and what they must never do."""

import hashlib
import json
import shlex
import signal
import time

import pytest

from harness.managed import Device
from harness.server import wait_until
from harness.xmpp import Client, bare, body

SERVER = {
    "listen": {"component": {"service": "component", "tls": "none"}},
    "extra": {"components": [{"name": "many.localhost", "secret": "open sesame"}]},
}

# Programs for filters. Each notes what it was told.
ECHO = r"""#!/usr/bin/python3 -S
import json, sys
log = open(sys.argv[1], "a", buffering=1)
for line in sys.stdin:
    m = json.loads(line)
    log.write(m["text"].replace("\n", "\\n") + "\n")
    print(json.dumps({"to": m["from"], "body": "echo: " + m["text"]}), flush=True)
"""
TEXT = r"""#!/usr/bin/python3 -S
import json, sys
for line in sys.stdin:
    print("you said", json.loads(line)["body"], flush=True)
"""
WORDS = r"""#!/bin/sh
for word in "$@"; do printf '<%s>' "$word"; done
printf ' %s %s' "$BURBLE_FROM" "$BURBLE_BODY"
"""


class Bot:
    """A bot of an account of its own, and what runs it."""

    def __init__(self, home, server, *arguments, name="bot", **env):
        self.account = server.account(name)
        self.jid = self.account.jid
        home.account(self.jid, self.account.password, server)
        self.home, self.arguments, self.env = home, arguments, env
        self.start()

    def start(self):
        self.process = self.home.spawn("burble", "-a", self.jid, "bot", *self.arguments,
                                       env=self.env)

    def stop(self, code=6):
        return self.process.stop(signal.SIGTERM, code=code)


def program(home, name, text):
    return home.file(name, text, 0o755)


def echo(home, server, *options, name="echo"):
    log = home.dir / f"{name}.log"
    return Bot(home, server, *options, "--", program(home, "echo.py", ECHO), log), log


def execute(home, server, allowed, *arguments):
    return Bot(home, server, "--exec", "--allow", bare(allowed.jid), *arguments)


def ask(client, bot, text, answer=None, kind="chat"):
    client.message(bot.jid, text, kind)
    return body(client.expect_message(answer))


# --------------------------------------------------------------------------------------- filters


def test_S11_a_filter_gets_json_and_answers_in_text(home, server):
    alice = server.user("alice")
    bot = Bot(home, server, "--", program(home, "text.py", TEXT))
    assert ask(alice, bot, "hello \u0416") == "you said hello \u0416"
    answer = ask(alice, bot, "<&\"'>\x09")
    assert answer == "you said <&\"'>"
    done = bot.stop()
    assert "hello" not in done.err


def test_S11_a_filter_answers_in_json(home, server):
    alice, carol = server.user("alice"), server.user("carol")
    bot = Bot(home, server, "--", program(home, "to.py", f"""#!/usr/bin/python3 -S
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    assert m["kind"] == "message" and m["origin"] in ("live", "delayed")
    print(json.dumps({{"to": "{carol.jid}", "body": m["from"], "type": "normal",
                      "thread": "t", "subject": "s", "url": "http://x/",
                      "payload": "<x xmlns='urn:x' a='1'/>"}}))
    print(json.dumps({{"body": "to whoever wrote"}}))
    print(json.dumps({{"body": "wrong", "type": "nonsense"}}))
    print(json.dumps({{"to": "@", "body": "wrong"}}))
    print(json.dumps({{"payload": "<x", "body": "wrong"}}))
    print("{{not json", flush=True)
"""))
    alice.message(bot.jid, "x")
    told = carol.expect_message(alice.jid)
    assert told.get("type") in (None, "normal", "chat")
    texts = [e.text for e in told.iter() if e.text]
    assert "t" in texts and "s" in texts and "http://x/" in texts
    assert any(e.tag == "{urn:x}x" for e in told)
    alice.expect_message("to whoever wrote")
    for why in ("its type is none", "not sent: no address|not sent: malformed", "no JSON"):
        bot.process.expect_error(why)
    alice.nothing("message")


def test_a_program_that_dies_is_started_again(home, server):
    alice = server.user("alice")
    bot = Bot(home, server, "--", program(home, "mortal.py", """#!/usr/bin/python3 -S
import json, os, signal, sys
for line in sys.stdin:
    text = json.loads(line)["text"]
    if text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("alive:", text, flush=True)
"""))
    ask(alice, bot, "one", "alive: one")
    alice.message(bot.jid, "die")
    bot.process.expect_error(r"ended with signal 9; starting it again in 1 s")
    ask(alice, bot, "meanwhile", "alive: meanwhile")  # it waited for the program
    alice.message(bot.jid, "die")
    bot.process.expect_error(r"ended with signal 9; starting it again in 2 s")


def test_the_bot_ends_with_its_program(home, server):
    alice = server.user("alice")
    bot = Bot(home, server, "--", "sh", "-c", "read line; echo bye")
    ask(alice, bot, "x", "bye")
    bot.process.wait(code=0)


def test_a_program_gets_the_end_of_its_input(home, server):
    alice = server.user("alice")
    bot = Bot(home, server, "--", "sh", "-c",
              "trap 'echo >&2 asked' TERM; read x; echo got; read x; echo >&2 ended")
    ask(alice, bot, "x", "got")
    assert "ended" in bot.stop().err


@pytest.mark.parametrize("arguments, why", [
    ([], "which program"),
    (["--", "/nonexistent/program"], "cannot be started"),
    (["--exec", "--", "true"], "say for whom"),
    (["--exec", "--allow", "a@b"], "takes a program"),
    (["--exec", "--allow", "a@b", "--shell", "--", "true"], "takes a program"),
    (["--exec", "--allow", "a@b/c", "--shell"], "without a resource"),
    (["--exec", "--allow", "a@b", "--command", "x"], "NAME=PROGRAM"),
    (["--exec", "--allow", "a@b", "--command", "x='y"], "open quote"),
    (["--shell", "--", "true"], "--shell goes with --exec"),
    (["--rate", "0", "--", "true"], "--rate is a whole number"),
])
def test_mistakes_are_told(home, server, arguments, why):
    account = server.account("bot")
    home.account(account.jid, account.password, server)
    assert why in home.run("burble", "bot", *arguments, code=2).err


# ------------------------------------------------------------------------------------ restarts


def test_S11_it_survives_a_restart_of_the_server(home, start_server):
    server = start_server()
    alice = Device(server, server.account("alice"))
    bot, log = echo(home, server)
    for how in ("restart", "kill"):
        texts = [f"{how}-{i}" for i in range(20)]
        alice.write(bot.jid, *texts[:10])
        alice.read(*(f"echo: {t}" for t in texts[:10]))
        alice.write(bot.jid, *texts[10:15])
        if how == "restart":
            server.restart()
        else:
            server.kill()
            server.start()
        alice.resume()
        alice.write(bot.jid, *texts[15:])
        alice.settled()
        alice.read(*(f"echo: {t}" for t in texts[10:]))
    assert log.read_text().split() == [f"{how}-{i}" for how in ("restart", "kill")
                                       for i in range(20)]


def test_S11_its_session_outlives_the_bot(home, server):
    """What comes while it is restarted waits in its session, and is answered once."""
    alice = server.user("alice")
    bot, log = echo(home, server, "--verbose")
    ask(alice, bot, "one", "echo: one")
    bot.stop()
    alice.message(bot.jid, "two")
    alice.message(bot.jid, "three")
    bot.start()
    alice.expect_message("echo: two")
    alice.expect_message("echo: three")
    bot.process.expect_error("resumed as")
    ask(alice, bot, "four", "echo: four")
    alice.nothing("message")
    assert log.read_text().split() == ["one", "two", "three", "four"]


@pytest.mark.servers("burbled", "prosody")
def test_S11_a_filter_is_killed_and_nothing_is_lost_or_answered_twice(home, server):
    """SIGKILL as soon as an answer has come; the next bot goes on in the same session."""
    alice = server.user("alice")
    bot, log = echo(home, server, "--verbose")
    texts = []
    for turn in range(3):
        ask(alice, bot, f"{turn}-there", f"echo: {turn}-there")
        bot.process.kill()
        alice.message(bot.jid, f"{turn}-gone")
        bot.start()
        alice.expect_message(f"echo: {turn}-gone")
        bot.process.expect_error("resumed as")
        texts += [f"{turn}-there", f"{turn}-gone"]
    ask(alice, bot, "end", "echo: end")
    alice.nothing("message")
    assert log.read_text().split() == [*texts, "end"]


# ------------------------------------------------------------------------------------ commands


@pytest.mark.servers("burbled", "prosody")
def test_S12_a_command_is_cut_short_and_answered_once(home, server):
    """SIGKILL while it runs: the next bot runs it again, and what came meanwhile."""
    alice = server.user("alice")
    log, go = home.dir / "log", home.dir / "go"
    bot = execute(home, server, alice, "--verbose", "--", program(home, "work", f"""#!/bin/sh
echo "$1" >> {log}
until [ "$1" != slow ] || [ -e {go} ]; do sleep 0.05; done
echo "did $1"
"""))
    ask(alice, bot, "one", "did one")
    alice.message(bot.jid, "slow")
    wait_until(lambda: "slow" in log.read_text())
    bot.process.kill()
    go.touch()
    alice.message(bot.jid, "two")
    bot.start()
    assert {body(alice.expect_message()) for _ in range(2)} == {"did slow", "did two"}
    bot.process.expect_error("resumed as")
    bot.process.kill()
    bot.start()
    ask(alice, bot, "three", "did three")
    alice.nothing("message")
    assert sorted(log.read_text().split()) == sorted(["one", "slow", "slow", "two", "three"])


def test_S12_only_those_who_are_named(home, server):
    alice, eve = server.user("alice"), server.user("eve")
    bot = execute(home, server, alice, "--", program(home, "words.sh", WORDS), "own")
    assert ask(alice, bot, "a  'b c' \"d\\\"e\" f\\ g") == (
        f"<own><a><b c><d\"e><f g> {bare(alice.jid)} a  'b c' \"d\\\"e\" f\\ g")
    for kind in ("chat", "normal"):
        assert ask(eve, bot, "a", kind=kind) == "Access denied"
    assert ask(alice, bot, "'open") == "A quote is not closed, or there are too many words."


def test_S12_a_table_of_commands(home, server):
    alice = server.user("alice")
    bot = execute(home, server, alice, "--command", "say=printf '%s;' 'x y'",
                  "--command", "where=pwd", "--command", "none=/nonexistent/program")
    assert ask(alice, bot, "say a b") == "x y;a;b;"
    assert ask(alice, bot, "where") == str(home.dir)
    assert ask(alice, bot, "rm -r /") == "Unknown command. There are: say where none"
    assert ask(alice, bot, "none") == "There is no such program."


def test_S12_standard_error_where_there_is_no_output(home, server):
    alice = server.user("alice")
    bot = execute(home, server, alice, "--shell")
    bot.process.expect_error("unsafe|warning")
    assert ask(alice, bot, "echo out; echo err >&2") == "out"
    assert ask(alice, bot, "echo err >&2") == "err"
    assert ask(alice, bot, "true") == "(no output)"
    assert ask(alice, bot, "exit 3") == "(failed with status 3)"
    assert ask(alice, bot, "kill -9 $$") == "(ended by signal 9)"
    assert ask(alice, bot, "printf 'a\\033[1m\\000\\001b\\n\\n'") == "a[1m\ufffd\ufffdb"
    assert ask(alice, bot, "cat") == "(no output)"  # its input is /dev/null


def test_S12_time_and_size_are_limited(home, server):
    alice = server.user("alice")
    bot = execute(home, server, alice, "--time", "1", "--size", "100", "--shell")
    assert ask(alice, bot, "echo begun; sleep 600 & sleep 600") == (
        "begun\n(stopped: it took longer than 1 s)")
    assert ask(alice, bot, "head -c 1000000 /dev/zero | tr '\\0' x") == (
        "x" * 100 + "\n(cut after 100 bytes)")


def test_an_answer_fits_into_a_stanza(home, server):
    """What XML makes of it counts, not what was printed."""
    alice = server.user("alice")
    bot = execute(home, server, alice, "--size", "1000000", "--shell")
    answer = ask(alice, bot, "head -c 500000 /dev/zero | tr '\\0' '<'")
    assert set(answer[:-4]) == {"<"} and answer.endswith(" ...") and 30000 < len(answer) < 35000
    assert ask(alice, bot, "echo next") == "next"


def test_C11_programs_at_a_time_are_limited(home, server):
    """As many as --parallel run, the next wait, and one that ends makes room."""
    alice = server.user("alice")
    bot = execute(home, server, alice, "--parallel", "2", "--shell")
    gate = home.dir / "gate"
    count = "ls $HOME | grep -c run-"
    for i in range(5):
        alice.message(bot.jid, f"touch $HOME/run-{i}; {count}; "
                               f"while [ ! -e {gate} ]; do sleep 0.02; done; rm $HOME/run-{i}")
    wait_until(lambda: len(list(home.dir.glob("run-*"))) == 2, 20, "two that run")
    gate.touch()
    answers = [int(body(alice.expect_message())) for _ in range(5)]
    assert max(answers) <= 2 and min(answers) >= 1, answers


def test_C11_a_thousand_messages_at_once(home, server):
    alice, carol = server.user("alice"), server.user("carol")
    bot = Bot(home, server, "--exec", "--allow", bare(alice.jid), "--allow", bare(carol.jid),
              "--", "echo")
    alice.send("".join(f"<message to='{bot.jid}' type='chat'><body>{i}</body></message>"
                       for i in range(1000)))
    answers = [body(alice.expect_message()) for _ in range(61)]
    refusal = "That is too much; wait a minute."
    assert sorted(a for a in answers if a != refusal) == sorted(str(i) for i in range(60))
    assert answers.count(refusal) == 1
    assert ask(carol, bot, "alive") == "alive"  # everything of alice was before it
    alice.sync()
    alice.nothing("message")


def test_C11_a_queue_of_commands_is_bounded(home, server):
    alice = server.user("alice")
    gate = home.dir / "gate"
    bot = execute(home, server, alice, "--rate", "1000", "--parallel", "1", "--", "sh", "-c",
                  f"while [ ! -e {gate} ]; do sleep 0.02; done; echo $0")
    alice.send("".join(f"<message to='{bot.jid}' type='chat'><body>{i}</body></message>"
                       for i in range(150)))
    for _ in range(49):
        alice.expect_message("Too much is waiting; try again later.")
    gate.touch()
    assert [body(alice.expect_message()) for _ in range(101)] == [str(i) for i in range(101)]


@pytest.mark.parametrize("text", [
    "$(id)", "`id`", "; id", "x; id", "| id", "&& id", "x\nid", "* ? ~ $HOME", "../../etc/passwd",
    "' OR 1=1--'", '"$(id)"', "\\$(id)", "${IFS}id", "> /tmp/x", "#!/bin/sh", "() { :;}; id",
    "%s%n", "a=b",
])
def test_V71_text_is_data(home, server, text):
    alice = server.user("alice")
    bot = execute(home, server, alice, "--", program(home, "words.sh", WORDS))
    words = "".join(f"<{w}>" for w in shlex.split(text))
    assert ask(alice, bot, text) == f"{words} {bare(alice.jid)} {text}"


def test_V71_words_are_no_options(home, server):
    alice = server.user("alice")
    words = program(home, "words.sh", WORDS)
    careful = execute(home, server, alice, "--", words, "own")
    for text in ("-o x", "x --help", "'-x'"):
        assert ask(alice, careful, text) == 'Words that begin with "-" are not taken here.'
    guarded = execute(home, server, alice, "--", words, "--")
    assert ask(alice, guarded, "-o x").startswith("<--><-o><x> ")
    open_ = execute(home, server, alice, "--dashes", "--", words)
    assert ask(alice, open_, "-o x").startswith("<-o><x> ")


def test_V71_addresses_are_data(home, server):
    account = server.account("$(id)`id`;id")
    alice = server.login(account, "$(id)", presence=0)
    bot = execute(home, server, alice, "--", program(home, "words.sh", WORDS))
    assert ask(alice, bot, "x") == f"<x> {account.jid} x"


# ------------------------------------------------------------------------------- what is never done


def test_C10_no_answer_to_errors_copies_and_history(home, server):
    alice = server.user("alice")
    bot, log = echo(home, server)
    own = server.login(bot.account, "mine", presence=-1)
    own.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    ask(alice, bot, "first", "echo: first")
    full = own.expect("presence", where=lambda p: p.get("from") != own.jid).get("from")
    alice.send(f"<message to='{full}' type='error'><body>error</body>"
               "<error type='cancel'><service-unavailable"
               " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    alice.send(f"<message to='{full}' type='headline'><body>news</body></message>")
    for more in ("<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>", ""):
        alice.send(f"<message to='{full}' type='groupchat'><body>room</body>{more}</message>")
    alice.send(f"<message to='{full}' type='chat'><body>old</body>"
               "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>")
    alice.send(f"<message to='{full}' type='chat'><composing"
               " xmlns='http://jabber.org/protocol/chatstates'/></message>")
    # A carbon that somebody makes up (V58), and true ones.
    alice.send(f"<message to='{full}' type='chat'><sent xmlns='urn:xmpp:carbons:2'><forwarded"
               f" xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat'"
               f" to='{bot.jid}' from='{alice.jid}'><body>false</body></message></forwarded></sent>"
               "</message>")
    own.message(alice.jid, "by another device of its own")
    alice.expect_message("by another device of its own")
    alice.message(own.jid, "to another device of its own")
    own.expect_message("to another device of its own")
    ask(alice, bot, "last", "echo: last")
    alice.nothing("message")
    assert log.read_text().split() == ["first", "last"]


def test_C10_two_bots_do_not_talk_for_ever(home, server):
    alice = server.user("alice")
    one, log_one = echo(home, server, "--rate", "10", name="one")
    ask(alice, one, "here", "echo: here")
    log_two = home.dir / "two.log"
    two = Bot(home, server, "--rate", "10", "--", program(home, "begin.py", ECHO.replace(
        "for line", f"print(json.dumps({{'to': '{one.jid}', 'body': 'hi'}}), flush=True)\nfor line")
        ), log_two)
    told = lambda log: log.read_text().splitlines() if log.exists() else []  # noqa: E731
    wait_until(lambda: len(told(log_one)) > 10 and len(told(log_two)) >= 10, 20, "the limit")
    for bot in (one, two):  # all that they say to each other was said before
        ask(alice, bot, "done", "echo: done")
    assert len(told(log_one)) == 12 and len(told(log_two)) == 11


def test_a_flood_of_answers_waits(home, server):
    """A program that says more than the connection takes is not read meanwhile."""
    alice = server.user("alice")
    bot = Bot(home, server, "--", "sh", "-c", "read x; seq 5000; echo end; cat")
    alice.message(bot.jid, "go")
    for i in range(1, 5001):
        assert body(alice.expect_message()) == str(i)
    alice.expect_message("end")
    assert "not sent" not in "".join(bot.process.err)


# ------------------------------------------------------------------------------------------- figures


def component(server, domain="many.localhost", secret="open sesame"):
    client = Client(server.address("component"), domain)
    client.send(f"<stream:stream xmlns='jabber:component:accept' to='{domain}'"
                " xmlns:stream='http://etherx.jabber.org/streams'>")
    ident = client.expect_header().get("id")
    digest = hashlib.sha1((ident + secret).encode()).hexdigest()
    client.send(f"<handshake>{digest}</handshake>")
    client.expect("handshake")
    server.clients.append(client)
    return client


def test_ten_thousand_conversations_in_64_MiB(home, server):
    many = component(server)
    bot, _ = echo(home, server)
    people, lot = 10000, 200
    heard = set()
    for start in range(0, people, lot):
        many.send("".join(
            f"<message from='person{i}@many.localhost/phone' to='{bot.jid}' type='chat'>"
            f"<body>hello from {i}</body></message>" for i in range(start, start + lot)))
        for _ in range(lot):
            answer = many.expect("message")
            heard.add(answer.get("to"))
            assert body(answer) == "echo: hello from " + answer.get("to")[6:].partition("@")[0]
    assert len(heard) == people
    rss = bot.process.rss_kib()
    print(f"a bot after {people} conversations: {rss / 1024:.1f} MiB")
    if not server.instrumented():
        assert rss < 64 * 1024


# --------------------------------------------------------------------------------------------- rooms


class Occupant:
    """Somebody in a room, by the raw client."""

    def __init__(self, server, room, nick, create=False):
        self.client, self.room = server.user(nick), room
        self.client.presence(to=f"{room}/{nick}", wait=False,
                             inner="<x xmlns='http://jabber.org/protocol/muc'>"
                                   "<history maxstanzas='0'/></x>")
        self.client.expect("presence", frm=f"{room}/{nick}")
        if create:  # its owner says that it is ready
            self.client.set("<query xmlns='http://jabber.org/protocol/muc#owner'>"
                            "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)

    def say(self, text):
        self.client.message(self.room, text, "groupchat")

    def hear(self, nick, text=None):
        return body(self.client.expect_message(text, frm=f"{self.room}/{nick}"))


@pytest.fixture
def room(server):
    server.needs("muc")
    return f"bots{time.monotonic_ns()}@{server.muc_domain}"


@pytest.mark.servers("prosody", "ejabberd")
def test_C10_in_a_room_it_answers_to_its_name(home, server, room):
    alice = Occupant(server, room, "alice", create=True)
    alice.say("Bot: before it came")
    alice.hear("alice")
    bot = Bot(home, server, "--room", room, "--nick", "Bot", "--", program(home, "room.py", r"""#!/usr/bin/python3 -S
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    print("Bot:", m["nick"], m["text"], flush=True)
"""))
    alice.client.expect("presence", frm=f"{room}/Bot")
    alice.say("not for it")
    alice.say("Bot: hello")
    assert alice.hear("Bot") == "Bot: alice hello"  # which begins with its name: its own echo
    alice.say("@bot again")
    assert alice.hear("Bot") == "Bot: alice again"
    alice.client.message(f"{room}/Bot", "in private", extra="<x xmlns='http://jabber.org/protocol/"
                                                            "muc#user'/>")
    answer = alice.client.expect_message("Bot: alice in private", frm=f"{room}/Bot")
    assert answer.get("type") == "chat"
    bot.stop()


@pytest.mark.servers("prosody", "ejabberd")
def test_S12_in_a_room_only_those_who_are_named(home, server, room):
    alice = Occupant(server, room, "alice", create=True)
    eve = Occupant(server, room, "eve")
    Bot(home, server, "--exec", "--allow", bare(alice.client.jid), "--room", room, "--nick", "bot",
        "--all", "--", "echo", "->")
    alice.client.expect("presence", frm=f"{room}/bot")
    eve.say("bot: x")  # nobody's address is shown to the bot
    assert alice.hear("bot") == "Access denied"
    eve.say("x")
    alice.client.message(alice.room, "bot: y", "groupchat")
    assert alice.hear("bot") == "Access denied"
    everybody = Bot(home, server, "--exec", "--allow", room, "--room", room, "--nick", "all",
                    "--all", "--", "echo", "->")
    eve.client.expect("presence", frm=f"{room}/all")
    eve.say("x y")
    assert eve.hear("all") == "-> x y"
    everybody.stop()
