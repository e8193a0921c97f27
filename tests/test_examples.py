"""The examples of libburble, as somebody would run them who reads the guide."""

import os
import pathlib
import signal

import pytest
from harness.server import ROOT

burbled = pytest.mark.servers("burbled")
BOB = "bob@localhost"


def example(name):
    """Its path: the programs are links into the build, the examples lie there beside them."""
    folder = pathlib.Path(os.environ.get("BURBLE_BIN", ROOT / "build" / "bin"))
    path = (folder / "burble").resolve().parents[2] / "examples" / f"example_{name}"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return str(path)


def environment(server, jid, password=None):
    return {"BURBLE_JID": jid, "BURBLE_PASSWORD": password or server.accounts[jid],
            "BURBLE_HOST": server.ip, "BURBLE_PORT": str(server.port),
            "BURBLE_CA_FILE": str(server.ca_file)}


@pytest.fixture
def start(home, server):
    """start(name, jid, *arguments): an example that is online."""

    def begin(name, jid, *arguments):
        running = home.spawn(example(name), *arguments, env=environment(server, jid))
        running.expect_error("^online")
        return running

    return begin


@pytest.fixture
def echo(start):
    """echo(text): what alice says to bob comes back."""

    def run(text):
        alice = start("poll_loop", "alice@localhost", BOB)
        alice.write(text)
        alice.expect(f"^{BOB}: {text}$")
        alice.close_input()
        alice.wait(code=0)

    return run


def test_S10_hello_is_a_client_in_25_lines(home):
    assert len((ROOT / "examples" / "hello.c").read_text().splitlines()) <= 25
    assert "malformed" in home.run(example("hello"), code=1).err


@burbled
def test_S11_the_echo_bot_survives_a_restart_and_a_crash(start, server, echo):
    bot = start("echo_bot", BOB)
    echo("one")
    server.restart()
    bot.expect_error("^waiting")
    echo("two")
    server.kill()
    server.start()
    echo("three")


@burbled
def test_S11_auto_reply_says_it_once(start):
    start("auto_reply", BOB, "Back on Monday.")
    alice = start("poll_loop", "alice@localhost", BOB)
    alice.write("Are you there?")
    alice.expect(f"^{BOB}: Back on Monday.$")
    alice.write("Hello?")
    alice.close_input()
    alice.wait(code=0)
    assert alice.out == [f"{BOB}: Back on Monday."]


@burbled
def test_send_message_ends_when_the_server_has_it(start, server, home):
    bob = start("poll_loop", BOB, "alice@localhost")
    account = environment(server, "alice@localhost")
    home.run(example("send_message"), BOB, "Over here", code=0, env=account)
    bob.close_input()
    bob.wait(code=0)
    wrong = environment(server, "alice@localhost", "wrong")
    assert "password" in home.run(example("send_message"), BOB, "x", code=1, env=wrong).err


@burbled
@pytest.mark.parametrize("name", ["uv_loop", "glib_loop"])
def test_S15_in_the_loop_of_another_library(start, echo, name):
    bot = start(name, BOB)
    echo(name)
    bot.send_signal(signal.SIGTERM)
    bot.wait(code=0)


@pytest.mark.servers("prosody", "ejabberd")
def test_room_logger(start, server, home):
    room = f"log@{server.muc_domain}"
    logger = start("room_logger", BOB, room)
    logger.expect_error(f"^in {room} as logger")
    home.account("alice@localhost", server.accounts["alice@localhost"], server=server)
    alice = home.spawn("burble", "console", "--wait", "5")
    alice.write(f"<presence to='{room}/al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    alice.write(f"<message to='{room}' type='groupchat'><body>Hello&#9;to&#10;all</body></message>")
    logger.expect(r"<al> Hello\\x09to\\x0aall$")
