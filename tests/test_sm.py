"""Sessions that outlive connections and the server's process (XEP-0198): kills, restarts, other
binaries, the end of the machine; clients off the shelf that come back."""

import asyncio
import re
import signal
import time

import pytest
import slixmpp

from harness.managed import Device, failed_with
from harness.server import wait_until
from harness.terminal import Terminal
from harness.xmpp import PATIENCE, name

pytestmark = pytest.mark.burbled_only

DEADLINE_S = 15 * PATIENCE
BOOT_ID, LAYOUT = 16, 32  # in the head of a file of sessions


@pytest.fixture(params=[1, 3], ids=["shards1", "shards3"])
def start(request, start_server):
    return lambda **options: start_server(shards=request.param, **options)


def device(server, user, **options):
    return Device(server, server.account(user), **options)


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.drop_clients()


def lose(server, one):
    """Its connection breaks, and the server knows."""
    mark = server.log.mark()
    one.client.reset()
    server.saw("sm.hibernate", mark)


def bend(server, offset):
    """Another byte in the head of every file of sessions."""
    for path in sorted((server.data / "sessions").iterdir()):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x55]))


def two(server):
    """Two who talk; what they had to say so far has been acknowledged."""
    alice, bob = device(server, "alice"), device(server, "bob")
    alice.write(bob.account.jid, "first")
    bob.read("first")
    alice.settled()
    bob.sync()
    return alice, bob


def resumed(one):
    return name(one.resume()) == "resumed"


# --- the process ends ----------------------------------------------------------------------------


def D05_a_kill_loses_and_doubles_nothing(start):
    server = start()
    alice, bob = two(server)
    bob.answers = False
    alice.write(bob.account.jid, "1", "2")
    bob.client.expect("message")
    kill(server)
    server.start()
    assert resumed(alice) and resumed(bob)
    bob.answers = True
    alice.settled()
    bob.read("1", "2")
    bob.sync()
    assert bob.got == []  # nothing comes twice


def D05_kills_while_there_is_traffic(start):
    server = start()
    alice, bob = two(server)
    wanted = []
    for round_ in range(6):
        texts = [f"{round_}.{i}" for i in range(40)]
        wanted += texts
        alice.write(bob.account.jid, *texts)
        time.sleep(0.002 * round_)
        kill(server)
        server.start()
        # In either order.
        first, second = (alice, bob) if round_ % 2 else (bob, alice)
        assert resumed(first) and resumed(second)
        alice.settled()
        bob.sync()
    alice.sync()
    wait_until(lambda: (bob.sync(), len(bob.got) >= len(wanted))[1], DEADLINE_S, "all messages")
    assert bob.got == wanted


def D05_who_was_away_comes_back_after_a_kill(start):
    server = start()
    alice, bob = two(server)
    lose(server, bob)
    alice.write(bob.account.jid, "1", "2", "3")
    alice.settled()
    kill(server)
    server.start()
    assert resumed(bob)
    bob.read("1", "2", "3")


@pytest.mark.parametrize("shards", [1, 2, 4])
def D05_the_number_of_shards_may_change(start_server, shards):
    server = start_server(shards=3)
    alice, bob = two(server)
    kill(server)
    server.settings["shards"] = shards
    server.start()
    assert resumed(alice) and resumed(bob)
    alice.write(bob.account.jid, "1")
    bob.read("1")


def O15_a_restart_keeps_sessions(start):
    server = start()
    alice, bob = two(server)
    server.stop()
    server.drop_clients()
    server.start()
    assert resumed(alice) and resumed(bob)
    alice.write(bob.account.jid, "1")
    bob.read("1")


@pytest.mark.parametrize("offset", [LAYOUT, BOOT_ID], ids=["binary", "machine"])
def O15_another_binary_takes_them_from_the_store(start, offset):
    server = start()
    alice, bob = two(server)
    server.stop()
    server.drop_clients()
    bend(server, offset)
    server.start()
    assert resumed(alice) and resumed(bob)
    alice.write(bob.account.jid, "1")
    bob.read("1")
    # And what was in the store is not believed again.
    alice.settled()
    kill(server)
    bend(server, offset)
    server.start()
    assert failed_with(alice.resume()) == "item-not-found"


@pytest.mark.parametrize("offset", [LAYOUT, BOOT_ID], ids=["binary", "machine"])
def D06_without_its_memory_no_session_and_no_loss(start, offset):
    server = start()
    alice, bob = two(server)
    lose(server, bob)
    alice.write(bob.account.jid, "1", "2")
    alice.settled()
    kill(server)
    bend(server, offset)
    server.start()
    assert failed_with(bob.resume()) == "item-not-found"
    bob.client.bind("again")
    bob.client.presence()
    texts = []
    while "2" not in texts:
        texts.append(bob.client.expect("message").findtext("{jabber:client}body"))
    # What the store knows of what was taken is a second old at most.
    assert texts in (["1", "2"], ["first", "1", "2"])


def L15_time_goes_on_while_the_server_is_down(start_server):
    server = start_server(limits={"sm_hibernation_seconds": 2})
    alice, _ = two(server)
    kill(server)
    server.start()
    assert resumed(alice)
    lose(server, alice)
    kill(server)
    time.sleep(2.5)
    server.start()
    assert failed_with(alice.resume()) == "item-not-found"


def G4_many_sessions_survive_a_kill(start_server):
    server = start_server(shards=3)
    account = [server.account(f"u{i}") for i in range(60)]
    devices = [Device(server, one) for one in account]
    kill(server)
    server.start()
    assert all(resumed(one) for one in devices)


# --- clients off the shelf -----------------------------------------------------------------------


class Person(slixmpp.ClientXMPP):
    """With XEP-0198; its connection can be cut."""

    def __init__(self, server, account):
        super().__init__(f"{account.jid}/slixmpp", account.password)
        self.ca_certs = server.dir / "trusted.pem"
        self.ca_certs.write_text(server.certificate())
        self.register_plugin("xep_0198")
        self.bodies, self.resumptions, self.starts = [], 0, 0
        self.ready, self.back = asyncio.Event(), asyncio.Event()
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("session_resumed", self.taken_up)
        self.add_event_handler("message", lambda m: self.bodies.append(m["body"]))

    async def started(self, _event):
        self.starts += 1
        self.send_presence()
        self.ready.set()

    def taken_up(self, _event):
        self.resumptions += 1
        self.back.set()

    async def until(self, condition, what):
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not condition():
            assert asyncio.get_running_loop().time() < end, f"{what}: {self.bodies}"
            await asyncio.sleep(0.02)

    def dial(self, server):
        self.connect(server.address("tls"), force_starttls=True)


def run(scenario):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(asyncio.wait_for(scenario, 4 * DEADLINE_S))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


@pytest.mark.parametrize("how", ["cut", "kill", "restart"])
def test_slixmpp_takes_its_session_up(start, how):
    server = start()
    account = server.account("bob")
    alice = device(server, "alice")

    async def scenario():
        bob = Person(server, account)
        bob.dial(server)
        await asyncio.wait_for(bob.ready.wait(), DEADLINE_S)
        await bob.until(lambda: bob["xep_0198"].sm_id, "enabled")
        alice.write(account.jid, "1")
        await bob.until(lambda: bob.bodies == ["1"], "a message")
        await asyncio.sleep(0.2)  # it acknowledges in its own time
        bob.abort()
        await asyncio.sleep(0.1)
        if how == "cut":
            alice.write(account.jid, "2")
            alice.settled()
        elif how == "kill":
            kill(server)
            server.start()
        else:
            server.stop()
            server.drop_clients()
            server.start()
        bob.dial(server)
        await asyncio.wait_for(bob.back.wait(), DEADLINE_S)
        if how != "cut":
            assert resumed(alice)
            alice.write(account.jid, "2")
        await bob.until(lambda: bob.bodies == ["1", "2"], "what it missed, once")
        assert (bob.resumptions, bob.starts) == (1, 1)
        bob.disconnect(wait=1)

    run(scenario())


class Profanity(Terminal):
    """It connects again by itself, and has stream management of its library."""

    def __init__(self, server, account, folder):
        folder.mkdir()
        config = folder / "config" / "profanity"
        config.mkdir(parents=True)
        (config / "profrc").write_text(
            "[ui]\nsplash=false\nbeep=false\nflash=false\n[notifications]\nmessage=false\n"
            "[connection]\nreconnect=2\nautoping=0\n[logging]\nchlog=false\nhistory=false\n")
        super().__init__(["profanity", "-l", "DEBUG"], {
            "HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_DATA_HOME": folder / "data"})
        self.wait_for("Profanity|profanity")
        host, port = server.address("tls")
        self.type(f"/connect {account.jid} server {host} port {port} tls trust")
        self.wait_for("(?i)enter password")
        self.type(account.password)
        self.wait_for(re.escape(account.jid) + r"\S* logged in successfully")


def test_profanity_takes_its_session_up(start_server, tmp_path):
    server = start_server(shards=3)
    account = server.account("bob")
    alice = device(server, "alice")
    with Profanity(server, account, tmp_path / "p") as bob:
        alice.write(account.jid, "before the kill")
        bob.wait_for("before the kill|alice")
        bob.type("/win 2")
        bob.wait_for("before the kill")
        mark = server.log.mark()
        kill(server)
        server.start()
        server.log.wait("sm.resume", mark, timeout=DEADLINE_S)
        assert resumed(alice)
        alice.write(account.jid, "after the kill")
        bob.wait_for("after the kill")
        assert bob.screen().count("after the kill") == 1
        assert bob.screen().count("before the kill") == 1
