"""Stream management (XEP-0198) over the end of the process: a raw client, slixmpp and profanity go
on where they were. D05, O15, L15, G1. And S24 to S26 over sockets."""

import asyncio
import signal
import shutil

import pytest

import test_slixmpp
from harness import ns
from harness.faults import Faults
from harness.managed import SM, Device, failed_with
from harness.people import befriend
from harness.server import wait_until
from harness.xmpp import PATIENCE, StreamError, body, condition, dump, name
from test_sessions import LAYOUT, bend
from test_terminal_clients import Profanity

pytestmark = pytest.mark.burbled_only


# --- the end of a process ------------------------------------------------------------------------


def terminate(server, *devices):
    """An orderly stop; who is connected is told why, and says goodbye."""
    server.process.send_signal(signal.SIGTERM)
    for device in devices:
        device.client.expect_stream_error("system-shutdown")
    assert server.process.wait(10 * PATIENCE) == 0


def end(server, way, *devices):
    """kill: nobody is told. orderly: as above; no files, other files: and then the store's copy of
    the sessions is all that can be believed."""
    if way == "kill":
        server.kill()
        return
    terminate(server, *devices)
    if way == "no files":
        shutil.rmtree(server.data / "sessions")
    if way == "other files":
        for path in (server.data / "sessions").iterdir():
            bend(path, LAYOUT)


def start_again(server, way, shards=None):
    """The mark before the start. The sessions came from where they should."""
    if shards is not None:
        server.settings["shards"] = shards
    mark = server.mark()
    server.start()
    recovered = [e for e in server.log.events(mark) if e["event"] == "sessions.recovered"]
    assert bool(recovered) == (way in ("kill", "orderly")), server.log.text(mark)
    return mark


# --- a raw client --------------------------------------------------------------------------------


def device(server, user, **options):
    return Device(server, server.account(user), **options)


def friends(server, **options):
    """Devices of alice and bob, who see each other's presence."""
    accounts = [server.account(user) for user in ("alice", "bob")]
    first = [server.login(account, "first", presence=0) for account in accounts]
    befriend(*first)
    for client in first:
        client.close()
    alice, bob = (Device(server, account, **options) for account in accounts)
    for one in (alice, bob, alice):
        one.sync()
    for one in (alice, bob):
        one.client.inbox.clear()
    return alice, bob


def resumes(one, **options):
    answer = one.resume(**options)
    assert name(answer) == "resumed", dump(answer)


def forget(one, handled):
    """It has noticed nothing since then."""
    one.handled = handled
    one.got.clear()


def order(one):
    """What has come but for answers to sync, and for presence that the server asked for again."""
    ids = [e.get("id") for e in one.client.inbox if name(e) in ("iq", "presence", "message")]
    return [i for i in ids if i is not None and not i.startswith("sync")]


def hand_all_kinds(alice, bob):
    """bob has a message, presence, a request, another message and the answer to a request of his
    own, and acknowledges nothing of it. Gives their order."""
    bob.answers, handled = False, bob.handled
    bob.say("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
    alice.write(bob.jid, "0")
    alice.say("<presence id='news'><status>news</status></presence>",
              f"<iq type='get' id='question' to='{bob.jid}'><query xmlns='urn:x'/></iq>")
    alice.write(bob.jid, "1")
    alice.settled()
    bob.client.expect("message", id="1")
    bob.sync()
    forget(bob, handled)
    handed = order(bob)
    assert sorted(handed) == ["0", "news", "question", "roster"]
    return handed + ["1"]


def take_all_kinds(alice, bob, handed):
    """After both have resumed: all of it is there once more, in order, and what came since."""
    alice.write(bob.jid, "2")
    alice.settled()
    bob.client.expect("message", id="2")
    bob.sync()
    assert bob.got == ["0", "1", "2"]
    assert order(bob) == handed
    bob.answers = True
    bob.say(f"<iq type='result' id='question' to='{alice.jid}'/>")
    bob.settled()
    alice.client.expect("iq", id="question", type="result", frm=bob.jid)
    alice.sync()
    alice.client.nothing(("iq", "message"), frm=bob.jid)
    alice.client.nothing("presence", type="unavailable")  # for her he was never away


@pytest.mark.parametrize("way, before, after, listener", [
    ("kill", 1, 1, "plain"), ("kill", 1, 3, "tls"), ("kill", 3, 2, "plain"),
    ("orderly", 3, 3, "tls"), ("orderly", 3, 1, "plain"),
    ("no files", 1, 1, "tls"), ("no files", 1, 3, "plain"), ("other files", 3, 2, "tls"),
])
def D05_O15_what_was_not_acknowledged_comes_again(start_server, way, before, after, listener):
    server = start_server(shards=before)
    alice, bob = friends(server, listener=listener)
    handed = hand_all_kinds(alice, bob)
    end(server, way, alice, bob)
    mark = start_again(server, way, after)
    for one in (alice, bob):
        resumes(one)
        server.saw("sm.resume", mark, jid=one.jid)
    take_all_kinds(alice, bob, handed)


@pytest.mark.parametrize("way", ["kill", "no files"])
def D05_O15_what_comes_before_the_client_does_is_kept_for_it(start_server, way):
    """And for who had gone away before the end. Twice."""
    server = start_server(shards=3)
    alice, bob = friends(server)
    for round_ in range(2):
        bob.client.reset()
        wait_until(lambda: server.log.text().count("event=sm.hibernate") > round_)
        alice.write(bob.jid, "0", "1")
        alice.settled()
        end(server, way, alice)
        start_again(server, way)
        resumes(alice)
        alice.write(bob.account.jid, "2")
        alice.write(bob.jid, "3")
        alice.say("<presence><status>news</status></presence>")
        alice.settled()
        alice.sync()
        alice.client.nothing("message", type="error")
        resumes(bob)
        bob.read("0", "1", "2", "3")
        bob.client.expect("presence", frm=alice.jid,
                          where=lambda p: p.findtext("{*}status") == "news")
        bob.sync()
        assert bob.got == []
        bob.client.nothing("presence", type="unavailable")


@pytest.mark.parametrize("shards", [1, 3])
def D05_G1_what_a_kill_left_unsettled_is_sent_again_and_counts_once(start_server, shards):
    faults = Faults()
    server = start_server(shards=shards, env=faults.env)
    alice, bob = friends(server)
    faults.sync_held = 1
    alice.write(bob.jid, *"01234")
    alice.say("<iq type='set' id='add'><query xmlns='jabber:iq:roster'>"
              "<item jid='carol@example.net' name='Carol'/></query></iq>",
              "<presence><status>news</status></presence>")
    wait_until(lambda: faults.syncs > 0, what="a sync")
    assert alice.asked() <= len(alice.sent) - 7
    server.kill()
    faults.sync_held = 0
    start_again(server, "kill")
    resumes(alice)
    alice.settled()
    alice.client.expect("iq", id="add", type="result")
    resumes(bob)
    bob.read(*"01234")
    bob.client.expect("presence", frm=alice.jid)
    bob.sync()
    assert bob.got == []
    roster = server.login(alice.account, "other").roster()
    assert roster["carol@example.net"].get("name") == "Carol"


@pytest.mark.parametrize("way", ["kill", "no files"])
@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
def L15_time_goes_on_over_a_restart(start_server, way, late):
    faults = Faults()
    server = start_server(env=faults.env, limits={"sm_hibernation_seconds": 60})
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.answers, handled = False, bob.handled
    alice.write(bob.jid, *"012")
    alice.settled()
    bob.client.expect("message", id="2")
    forget(bob, handled)
    mark = server.mark()
    bob.client.reset()
    server.saw("sm.hibernate", mark, jid=bob.jid)
    end(server, way, alice)
    passed_ms = 62000 if late else 40000
    faults.wall_ms += passed_ms
    faults.mono_ms += passed_ms
    mark = start_again(server, way)
    if not late:
        resumes(bob)
        bob.read(*"012")
        return
    witness = server.user("witness")
    witness.sync()
    server.saw("sm.expired", mark, jid=bob.jid)
    assert failed_with(bob.resume()) == "item-not-found"
    bob.client.bind("device")
    bob.client.presence()
    assert [bob.client.expect("message").get("id") for _ in range(3)] == list("012")
    bob.client.sync()
    bob.client.nothing("message")


@pytest.mark.parametrize("way", [None, "kill", "no files"])
def S24_who_has_closed_his_stream_cannot_resume(start_server, way):
    """And what he did not acknowledge is the next session's."""
    server = start_server(shards=3)
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.answers = False
    alice.write(bob.jid, *"012")
    alice.settled()
    bob.client.expect("message", id="2")
    bob.client.close()
    if way is not None:
        end(server, way, alice)
        start_again(server, way)
    assert failed_with(bob.resume()) == "item-not-found"
    bob.client.bind("device")
    bob.client.presence()
    assert [bob.client.expect("message").get("id") for _ in range(3)] == list("012")
    bob.client.sync()
    bob.client.nothing("message")


# --- S24 to S26 ----------------------------------------------------------------------------------


def S24_what_comes_at_the_wrong_time_fails(start_server):
    server = start_server(shards=3)
    stream = server.stream()
    account = server.account("bob")
    stream.login(account)
    mark = server.mark()
    enable = f"<enable xmlns='{SM}' resume='true'/>"
    for early in (enable, f"<r xmlns='{SM}'/>", f"<a xmlns='{SM}' h='0'/>"):
        stream.send(early)
        assert failed_with(stream.expect("failed", space=SM)) == "unexpected-request"
    server.saw("sm.fail", mark, cond="unexpected-request")
    stream.bind("other")
    bob = Device(server, account)
    for late in (enable, f"<resume xmlns='{SM}' previd='{bob.id}' h='0'/>"):
        bob.client.send(late)
        assert failed_with(bob.client.expect("failed", space=SM)) == "unexpected-request"
    bob.sync()
    resumes(bob)


def S24_sessions_that_are_not_there_or_of_somebody_else_are_not_found(start_server):
    server = start_server(shards=3)
    bob, mallory = device(server, "bob"), server.account("mallory")
    mark = server.mark()
    stream = server.stream()
    stream.login(mallory)
    changed = bob.id[:-1] + ("0" if bob.id[-1] != "0" else "1")
    for previd in (bob.id, changed, bob.id.upper() + "x", "0" * len(bob.id), "", "x", "x" * 4000):
        stream.send(f"<resume xmlns='{SM}' previd='{previd}' h='0'/>")
        failed = stream.expect("failed", space=SM)
        assert failed_with(failed) == "item-not-found"
        assert failed.get("h") is None  # that would say too much
    server.saw("sm.fail", mark, cond="item-not-found")
    stream.bind("mallory")
    bob.sync()
    bob.client.reset()
    resumes(bob)


def S25_a_count_that_is_none(start_server):
    server = start_server()
    for h in (None, "", "-1", "x", "1.5", "4294967296", "18446744073709551616"):
        bob = device(server, "bob")
        mark = server.mark()
        bob.client.send(f"<a xmlns='{SM}'" + (f" h='{h}'/>" if h is not None else "/>"))
        bob.client.expect_stream_error("invalid-xml")
        server.saw("sm.bad_h", mark)


def S25_a_count_that_is_too_high(start_server):
    server = start_server()
    bob = device(server, "bob")
    bob.sync()
    mark = server.mark()
    bob.client.send(f"<a xmlns='{SM}' h='{bob.handled + 1}'/>")
    error = bob.client.expect_stream_error("undefined-condition")
    detail = error.find(f"{{{SM}}}handled-count-too-high")
    assert detail is not None, dump(error)
    assert int(detail.get("h")) == bob.handled + 1
    assert int(detail.get("send-count")) == bob.handled
    server.saw("sm.bad_h", mark)


@pytest.mark.parametrize("restarts", [False, True], ids=["same process", "after a kill"])
def S26_of_resumptions_at_the_same_time_one_wins(start_server, restarts):
    server = start_server(shards=3)
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.answers, handled = False, bob.handled
    for round_ in range(5):
        texts = [f"{round_} {i}" for i in range(5)]
        alice.write(bob.jid, *texts)
        alice.settled()
        bob.client.expect("message", id=texts[-1])
        if restarts:
            server.kill()
            start_again(server, "kill")
            resumes(alice)
        streams = [server.stream() for _ in range(3)]
        for stream in streams:
            stream.login(bob.account)
        for stream in streams:
            stream.send(f"<resume xmlns='{SM}' previd='{bob.id}' h='{handled}'/>")
        alive = []
        for stream in streams:
            try:
                stream.expect("resumed", space=SM)
            except StreamError as error:
                assert condition(error.element) == "conflict"
        for stream in streams:
            try:
                stream.sync()
                alive.append(stream)
            except StreamError as error:
                assert condition(error.element) == "conflict"
        assert len(alive) == 1
        came = [body(m) for m in alive[0].take("message")]
        assert came == texts
        handled += len(texts) + 1  # and the answer of sync
        alive[0].send(f"<a xmlns='{SM}' h='{handled}'/>")
        bob.client = alive[0]


# --- slixmpp -------------------------------------------------------------------------------------


class Person(test_slixmpp.Person):
    """slixmpp with its stream management; comes back when it is told to."""

    def __init__(self, server, account, resource):
        super().__init__(server, account, resource)
        self.register_plugin("xep_0198")
        self.burbled = server
        self.enabled, self.resumed, self.gone = (asyncio.Queue() for _ in range(3))
        for event, queue in (("sm_enabled", self.enabled), ("session_resumed", self.resumed),
                             ("disconnected", self.gone)):
            self.add_event_handler(event, queue.put_nowait)

    async def enter(self):
        self.connect(self.burbled.address("tls"), force_starttls=True)
        for event in (self.ready, self.enabled.get()):
            await asyncio.wait_for(event, test_slixmpp.DEADLINE_S)

    async def come_back(self):
        await asyncio.wait_for(self.gone.get(), test_slixmpp.DEADLINE_S)
        self.connect(self.burbled.address("tls"), force_starttls=True)
        await asyncio.wait_for(self.resumed.get(), test_slixmpp.DEADLINE_S)

    async def texts(self, sender, count):
        return [(await self.message(sender))["body"] for _ in range(count)]


async def over_a_restart(server, alice, bob, way, shards):
    full, numbers = bob.boundjid.full, [f"{way} {number}" for number in range(9)]
    alice.write(full, *numbers[:3])
    assert await bob.texts(alice.account.jid, 3) == numbers[:3]
    # These are on their way to it when the server ends: it has not looked since.
    alice.write(full, *numbers[3:6])
    alice.settled()
    end(server, way, alice)
    mark = start_again(server, way, shards)
    resumes(alice)
    alice.write(full, *numbers[6:8])
    alice.settled()
    await bob.come_back()
    server.saw("sm.resume", mark, jid=full)
    assert bob.boundjid.full == full
    alice.write(full, numbers[8])
    assert await bob.texts(alice.account.jid, 6) == numbers[3:]
    for number in numbers:
        bob.send_message(mto=alice.jid, mbody=number, mtype="chat")
    await bob["xep_0199"].ping(server.host)
    alice.read(*numbers)


def D05_O15_slixmpp_resumes(start_server):
    server = start_server(shards=3)
    alice, account = device(server, "alice"), server.account("bob")

    async def scenario():
        bob = Person(server, account, "slixmpp")
        await bob.enter()
        for way, shards in (("kill", 3), ("kill", 2), ("orderly", 3), ("no files", 1)):
            await over_a_restart(server, alice, bob, way, shards)
        await test_slixmpp.logout(bob)
        assert bob.messages.empty() and bob.enabled.empty()

    test_slixmpp.run(scenario())


# --- profanity -----------------------------------------------------------------------------------


def D05_O15_profanity_comes_back(start_server, tmp_path):
    server = start_server(shards=3)
    alice, account = device(server, "alice"), server.account("bob")
    with Profanity(server, account, tmp_path / "b", reconnect=1) as bob:
        alice.write(account.jid, "before")
        bob.wait_for(alice.account.user)
        bob.type(f"/msg {alice.account.jid}")
        bob.wait_for("before")
        bob.type("hello")
        alice.read("hello")
        for way in ("kill", "orderly"):
            end(server, way, alice)
            mark = start_again(server, way)
            resumes(alice)
            alice.write(account.jid, f"{way}: meanwhile")
            bob.wait_for(f"{way}: meanwhile")
            came = {e["event"] for e in server.log.events(mark)
                    if e.get("jid", "").startswith(account.jid + "/")}
            # libstrophe (0.12.2) drops its state when a stream ends in an error: it asks for no
            # resumption then, and takes the place of its session.
            assert came & {"sm.resume", "session.open"} == {
                "sm.resume" if way == "kill" else "session.open"}
            alice.write(account.jid, f"{way}: later")
            bob.wait_for(f"{way}: later")
            bob.type(f"{way}: answer")
            alice.read(f"{way}: answer")
        screen = bob.screen()
        for text in ("kill: meanwhile", "kill: later", "orderly: meanwhile", "orderly: later"):
            assert screen.count(text) == 1, screen
        bob.quit()
