"""Faults of the network with stream management (XEP-0198): nothing that was acknowledged is lost, and
nothing comes twice. N, R and V rows."""

import contextlib
import random

import pytest

from harness import ns
from harness.faults import Faults
from harness.managed import Device, failed_with
from harness.proxy import Proxy
from harness.server import wait_until
from harness.xmpp import condition, name

pytestmark = pytest.mark.burbled_only


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture(params=[1, 3], ids=["shards1", "shards3"])
def start(request, start_server, faults):
    """start(**options) with one shard and with three."""
    return lambda **options: start_server(shards=request.param, env=faults.env, **options)


@pytest.fixture
def start3(start_server, faults):
    """start3(**options) with three: where nothing depends on it."""
    return lambda **options: start_server(shards=3, env=faults.env, **options)


@pytest.fixture
def start1(start_server, faults):
    """start1(**options) with one, so that who speaks wakes it: for clocks that are turned."""
    return lambda **options: start_server(shards=1, env=faults.env, **options)


@pytest.fixture
def through():
    """through(server): a listener of the name "proxy" goes through a proxy."""
    with contextlib.ExitStack() as stack:
        def make(server):
            proxy = Proxy(server.address())
            stack.callback(proxy.close)
            server.detours["proxy"] = proxy.address
            return proxy
        yield make


def device(server, user, **options):
    return Device(server, server.account(user), **options)


def pass_time(faults, witness, seconds, *others):
    """The server's clocks go fast, and somebody is there."""
    for second in range(seconds):
        faults.mono_ms += 1000
        faults.wall_ms += 1000
        witness.sync()
        for other in others if second % 20 == 0 else ():
            other.sync()


def texts(count, first=0):
    return [str(i) for i in range(first, first + count)]


# --- the way breaks ------------------------------------------------------------------------------


def N01_a_peer_that_has_vanished_is_found(start1, faults, through):
    server = start1()
    proxy = through(server)
    bob, alice = device(server, "bob", listener="proxy"), device(server, "alice")
    proxy.silent = True  # its connection stands and stands
    mark = server.mark()
    alice.write(bob.jid, *texts(5))
    alice.settled()  # bob has them, and is asked, from now on
    alice.sync()
    pass_time(faults, alice, 55)
    assert not [e for e in server.log.events(mark) if e["event"] == "conn.timeout"]
    pass_time(faults, alice, 10)
    server.saw("conn.timeout", mark, jid=bob.account.jid)
    server.saw("sm.hibernate", mark)
    assert name(bob.resume(listener="plain")) == "resumed"
    bob.read(*texts(5))
    alice.settled()
    alice.client.nothing("message", type="error")


def N01_a_vanished_peer_that_is_told_nothing_is_asked(start1, faults, through):
    server = start1()
    proxy = through(server)
    alice = server.user("alice")
    managed = device(server, "managed", listener="proxy")
    plain = server.user("plain", listener="proxy")
    proxy.silent = True
    mark = server.mark()
    pass_time(faults, alice, 180 + 60 + 3)
    for gone in (managed, plain):
        server.saw("conn.timeout", mark, jid=gone.account.jid)
    assert name(managed.resume(listener="plain")) == "resumed"


def N02_a_reset_in_the_middle_of_a_stanza(start):
    server = start()
    alice, bob = device(server, "alice"), device(server, "bob")
    for round_ in range(5):
        sent = texts(7, 7 * round_)
        alice.write(bob.jid, *sent[:5])
        alice.write(bob.jid, *sent[5:6])
        half = f"<message to='{bob.jid}' type='chat' id='{sent[6]}'><body>{sent[6]}"
        alice.client.send(half)
        alice.client.reset()
        alice.sent.append(half + "</body></message>")
        assert name(alice.resume()) == "resumed"
        alice.settled()
        bob.read(*sent)


def N02_a_reset_in_the_middle_of_what_is_written(start, faults, through):
    server = start()
    faults.send_bytes = 8192
    proxy = through(server)
    alice, bob = device(server, "alice"), device(server, "bob", listener="proxy")
    filler = "x" * 3000
    sent = [f"{i} {filler}" for i in range(60)]
    proxy.delay_s = (0, 0.05)
    alice.say(*(f"<message to='{bob.jid}' type='chat'><body>{t}</body></message>" for t in sent))
    resumptions = 0
    while len(bob.got) < len(sent):
        wanted = min(len(bob.got) + 12, len(sent))
        while len(bob.got) < wanted:
            bob.client.expect("message")
        proxy.reset()
        assert name(bob.resume()) == "resumed"
        resumptions += 1
    assert resumptions >= 2
    bob.sync()
    assert bob.got == sent
    alice.settled()


def N06_a_bad_way_on_both_sides_loses_and_doubles_nothing(start, through):
    """Late, in pieces, and cut again and again."""
    server = start()
    proxy = through(server)
    devices = [device(server, user, listener="proxy") for user in ("alice", "bob")]
    rng = random.Random(5)
    sent = {d.jid: [] for d in devices}
    proxy.delay_s = (0, 0.03)
    for round_ in range(12):
        for one, other in (devices, devices[::-1]):
            more = texts(4, 4 * round_)
            one.write(other.jid, *more)
            sent[other.jid] += more
        if rng.random() < 0.5:
            proxy.reset()
            for one in devices:
                assert name(one.resume()) == "resumed"
        else:
            rng.choice(devices).sync()
    for one in devices:
        one.settled()
    for one in devices:
        one.read(*sent[one.jid])


def N06_half_a_minute_without_a_byte_is_no_end(start1, faults, through):
    server = start1()
    proxy = through(server)
    bob, alice = device(server, "bob", listener="proxy"), device(server, "alice")
    mark = server.mark()
    for round_ in range(3):
        proxy.stopped = True
        alice.write(bob.jid, *texts(3, 3 * round_))
        bob.write(alice.jid, *texts(3, 3 * round_))
        alice.settled()
        pass_time(faults, alice, 31)
        proxy.stopped = False
        bob.read(*texts(3, 3 * round_))
        alice.read(*texts(3, 3 * round_))
    bob.settled()
    assert not [e for e in server.log.events(mark) if e["event"].startswith(("conn.", "sm."))]


def N07_a_client_that_changes_its_address(start):
    server = start()
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.answers = False
    alice.write(bob.jid, *texts(5))
    bob.client.expect("message", id="4")
    bob.handled -= 2  # these it has not noticed yet
    del bob.got[3:]
    old = bob.client
    mark = server.mark()
    assert name(bob.resume(source="127.0.0.2")) == "resumed"
    old.expect_stream_error("conflict")
    bob.read(*texts(5))
    alice.write(bob.jid, "5")
    bob.read("5")
    server.saw("auth.ok", mark, peer="127.0.0.2")


def N11_who_is_silent_is_asked_and_stays(start1, faults):
    server = start1()
    witness = server.user("witness")
    managed, plain = device(server, "managed"), server.user("plain")
    for _ in range(2):
        managed.asked_by_server = 0
        pass_time(faults, witness, 182)  # NAT forgets after 5 minutes
        ping = plain.expect("iq", type="get", has=f"{{{ns.PING}}}ping")
        plain.send(f"<iq type='result' id='{ping.get('id')}' to='{ping.get('from')}'/>")
        managed.be_asked()
    pass_time(faults, witness, 100)
    plain.sync()
    managed.sync()


@pytest.mark.parametrize("sleeps", [False, True], ids=["stopped", "slept"])
def N12_after_a_gap_everybody_is_still_there(start, faults, sleeps):
    """The process was stopped for an hour, or the machine slept; its monotonic clock sleeps too."""
    server = start()
    devices = [device(server, "managed") for _ in range(5)]
    plain = [server.user("plain") for _ in range(5)]
    away = device(server, "away")
    away.client.reset()
    server.saw("sm.hibernate", 0)
    mark = server.mark()
    hour_ms = 3600 * 1000
    faults.mono_ms += 0 if sleeps else hour_ms
    faults.wall_ms += hour_ms
    for client in plain:
        client.send(" ")  # wakes its shard
        client.expect("iq", type="get", has=f"{{{ns.PING}}}ping")
    for one in devices:
        one.sync()
    server.saw("time.jump", mark)
    assert name(away.resume()) == "resumed"
    assert not [e for e in server.log.events(mark) if e["event"] in ("conn.timeout", "sm.expired")]


# --- too slow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [4096, None], ids=["nothing", "bytes"])
def R06_N04_who_reads_too_slowly_gets_everything_in_the_end(start, faults, through, window):
    """Nothing at all, until L13 ends it; or a byte now and then, until the way breaks."""
    server = start(limits={"output_queue_bytes": 65536, "output_drain_seconds": 1})
    faults.send_bytes = 4096
    proxy = through(server)
    way = "plain" if window else "proxy"
    alice, bob = device(server, "alice"), device(server, "bob", listener=way, window=window)
    filler = "x" * 6000
    sent = [f"{i} {filler}" for i in range(100)]
    proxy.piece = 1
    mark = server.mark()
    alice.say(*(f"<message to='{bob.jid}' type='chat'><body>{t}</body></message>" for t in sent))
    alice.settled()
    alice.client.nothing("message", type="error")
    if not window:
        proxy.reset()
    server.saw("sm.hibernate", mark, timeout=20)
    bob.read_out()
    assert name(bob.resume(listener="plain", window=None)) == "resumed"
    bob.read(*sent, timeout=20)


# --- too much ------------------------------------------------------------------------------------


def R07_messages_to_who_does_not_come_back_are_kept(start3):
    """L14: beyond what the session itself remembers they wait in the log."""
    server = start3(limits={"sm_queue_stanzas": 10})
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.client.reset()
    for first in range(0, 100, 20):
        alice.write(bob.jid, *texts(20, first))
        alice.settled()
    alice.sync()
    alice.client.nothing("message", type="error")
    assert name(bob.resume()) == "resumed"
    bob.read(*texts(100))
    alice.write(bob.jid, "later")
    bob.read("later")


def R07_where_nothing_is_archived_the_mailbox_has_an_end(start3):
    """L16: who is refused is told so; what was accepted arrives."""
    server = start3(host_extra={"archive": False}, limits={"offline_messages": 50})
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.client.reset()
    for first in range(0, 100, 20):
        alice.write(bob.jid, *texts(20, first))
        alice.settled()
    alice.sync()
    for _ in range(50):
        alice.client.expect("message", type="error")
    alice.client.nothing("message", type="error")
    assert name(bob.resume()) == "resumed"
    bob.read(*texts(50))


def R08_sessions_that_hibernate_count(start3):
    server = start3(limits={"resources_per_account": 3})
    account = server.account("bob")
    devices = []
    for index in range(3):
        devices.append(Device(server, account, f"device{index}"))
        devices[-1].client.reset()
        # The server has seen it, or it would be replaced alive.
        wait_until(lambda: server.log.text().count("event=sm.hibernate") > index)
    client = server.stream()
    client.login(account)
    answer = client.iq("set", f"<bind xmlns='{ns.BIND}'><resource>more</resource></bind>")
    assert condition(answer) == "resource-constraint"
    client.bind("device1")  # in the place of the one that has it
    assert failed_with(devices[1].resume()) == "item-not-found"
    for index in (0, 2):
        assert name(devices[index].resume()) == "resumed"


@pytest.mark.parametrize("end", ["acknowledge", "resume", "expire"])
def V79_what_is_not_acknowledged_overflows_and_nothing_is_lost(start1, faults, end):
    server = start1(limits={"sm_queue_stanzas": 10})
    alice, bob = device(server, "alice"), device(server, "bob")
    bob.answers = False
    asked = [f"<iq type='get' to='{bob.jid}' id='q{i}'><query xmlns='urn:x'/></iq>" for i in range(30)]
    for index in range(30):
        alice.write(bob.jid, str(index))
        alice.say(asked[index])
    alice.settled()
    bob.client.expect("message", id="0")
    # Beyond the limit requests are refused at once, and messages wait.
    mark = server.mark()
    if end == "acknowledge":
        bob.answers = True
        bob.acknowledge()
    else:
        bob.client.reset()
        server.saw("sm.hibernate", mark)
    if end == "resume":
        bob.answers = True
        bob.resume()
    if end == "expire":
        bob.got.clear()
        pass_time(faults, alice, 303)
        server.saw("sm.expired", mark)
        again = Device(server, bob.account, "again", presence=None)
        again.client.send("<presence/>")
        while "29" not in again.got:
            again.client.expect("message")
        assert sorted(again.got, key=int) == texts(30)
    else:
        bob.read(*texts(30))
        bob.sync()
        for request in bob.client.take("iq", type="get"):
            bob.say(f"<iq type='result' id='{request.get('id')}' to='{alice.jid}'/>")
        bob.settled()
    answered = []
    alice.sync()
    while len(answered) < 30:
        answered.append(alice.client.expect("iq", frm=bob.jid, type=("result", "error")).get("id"))
    alice.sync()
    alice.client.nothing("iq", frm=bob.jid)
    assert sorted(answered) == sorted(f"q{i}" for i in range(30))


@pytest.mark.parametrize("way", ["same", "other"])
def V80_what_was_accepted_for_a_dead_connection_comes_to_the_next_session(start1, faults, through, way):
    server = start1()
    proxy = through(server)
    alice, bob = device(server, "alice"), device(server, "bob", listener="proxy")
    proxy.silent = True
    mark = server.mark()
    alice.write(bob.account.jid, *texts(10))
    alice.settled()
    pass_time(faults, alice, 65)
    server.saw("conn.timeout", mark, jid=bob.account.jid)
    again = Device(server, bob.account, "device" if way == "same" else "other", presence=None)
    again.client.send("<presence/>")
    if way == "other":
        pass_time(faults, alice, 303, again)
        server.saw("sm.expired", mark, jid=bob.jid)
    again.read(*texts(10))
    again.sync()
    assert again.got == []
    alice.sync()
    alice.client.nothing("message", type="error")


def V81_what_is_not_on_disk_is_neither_acknowledged_nor_seen(start, faults):
    server = start()
    alice, bob = device(server, "alice"), device(server, "bob")
    faults.sync_held = 1
    alice.write(bob.jid, *texts(3))
    wait_until(lambda: faults.syncs > 0, what="a sync")
    assert alice.asked() == 0
    bob.sync()
    assert bob.got == []
    faults.sync_held = 0
    alice.settled()
    bob.read(*texts(3))
