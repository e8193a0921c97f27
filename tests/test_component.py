"""XEP-0114: services outside of the server, by slixmpp's ComponentXMPP and by bare hands."""

import asyncio
import hashlib
import logging
import socket

import pytest
import slixmpp

from harness import ns
from harness.server import UNPRIVILEGED
from harness.xmpp import DEADLINE_S, Client, body, condition, error_type

pytestmark = [pytest.mark.shards(1, 3), pytest.mark.burbled_only]

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

COMPONENTS = [
    {"name": "echo.localhost", "secret": "open sesame"},
    {"name": "other.localhost", "secret": "two"},
    {"name": "alone.example", "secret": "three"},
]
SERVER = {
    "listen": {"component": {"service": "component", "tls": "none"}},
    "extra": {"components": COMPONENTS},
}


class Echo(slixmpp.ComponentXMPP):
    """Says again what it is told, and approves whoever asks."""

    def __init__(self, server, domain="echo.localhost", secret="open sesame"):
        super().__init__(domain, secret, *server.address("component"))
        for plugin in ("xep_0030", "xep_0199"):
            self.register_plugin(plugin)
        self["xep_0030"].add_identity(category="automation", itype="echo", name="Echo")
        self.presences = asyncio.Queue()
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda e: self.settle(None))
        self.add_event_handler("stream_error", self.settle)
        self.add_event_handler("disconnected", lambda e: self.settle(ConnectionError()))
        self.add_event_handler("message", self.answer)
        self.add_event_handler("presence_subscribe", self.approve)
        for kind in ("subscribe", "available", "away", "unavailable"):
            self.add_event_handler(f"presence_{kind}", self.presences.put_nowait)

    def settle(self, error):
        if not self.ready.done():
            self.ready.set_result(error)

    def answer(self, message):
        if message["type"] in ("chat", "normal"):
            message.reply(message["body"]).send()

    def approve(self, request):
        for kind in ("subscribed", "subscribe"):
            self.send_presence(pto=request["from"], pfrom=request["to"], ptype=kind)

    async def start(self):
        self.connect()
        return await asyncio.wait_for(self.ready, DEADLINE_S)

    async def presence(self):
        return await asyncio.wait_for(self.presences.get(), DEADLINE_S)


def with_component(scenario, server, *args):
    """Runs the coroutine with a component; slixmpp wants a loop of its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    echo = Echo(server, *args)
    try:
        return loop.run_until_complete(asyncio.wait_for(scenario(echo), 4 * DEADLINE_S))
    finally:
        echo.abort()
        loop.run_until_complete(asyncio.sleep(0))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


async def beside(function, *args, **options):
    """A step of the synchronous client while the component goes on."""
    return await asyncio.get_event_loop().run_in_executor(None, lambda: function(*args, **options))


def by_hand(server, domain="echo.localhost", secret="open sesame"):
    """A component on the raw client, its handshake sent and not answered yet."""
    client = Client(server.address("component"), domain)
    server.clients.append(client)
    client.send(f"<stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{ns.STREAM}' to='{domain}'>")
    ident = client.expect_header().get("id")
    proof = hashlib.sha1((ident + secret).encode()).hexdigest()
    client.send(f"<handshake>{proof}</handshake>")
    return client


def connected(server, *args):
    client = by_hand(server, *args)
    client.expect("handshake", space=ns.COMPONENT)
    return client


def test_a_person_talks_to_a_component(server):
    alice = server.user("alice", roster=True)

    async def scenario(echo):
        assert await echo.start() is None
        await beside(alice.message, "anybody@echo.localhost/x", "Hallo, Écho")
        said = await beside(alice.expect_message, "Hallo, Écho")
        assert said.get("from") == "anybody@echo.localhost/x"
        assert said.get("to") == alice.jid
        info = await beside(alice.iq, "get", f"<query xmlns='{ns.DISCO_INFO}'/>",
                            to="echo.localhost")
        assert info.find(f".//{{{ns.DISCO_INFO}}}identity").get("type") == "echo"
        assert await echo["xep_0199"].ping(server.host, ifrom="echo.localhost") >= 0

    with_component(scenario, server)


def test_presence_and_subscription_both_ways(server):
    alice = server.user("alice", roster=True)

    async def scenario(echo):
        assert await echo.start() is None
        alice.presence("subscribe", to="echo.localhost")
        # slixmpp approves the request and asks back by itself.
        assert (await echo.presence())["type"] == "subscribe"
        await beside(alice.expect, "presence", type="subscribed", frm="echo.localhost")
        await beside(alice.expect, "presence", type="subscribe", frm="echo.localhost")
        alice.presence("subscribed", to="echo.localhost")
        seen = await echo.presence()
        assert seen["from"].full == alice.jid and seen["type"] == "available"
        echo.send_presence(pto=alice.account.jid, pfrom="echo.localhost", pshow="chat")
        shown = await beside(alice.expect, "presence", type=None, frm="echo.localhost")
        assert shown.find(f"{{{ns.CLIENT}}}show").text == "chat"
        alice.presence(inner="<show>away</show>")
        assert (await echo.presence())["show"] == "away"
        alice.abandon()
        assert (await echo.presence())["type"] == "unavailable"

    with_component(scenario, server)


def test_the_host_lists_its_components(server):
    alice = server.user("alice")
    answer = alice.iq("get", f"<query xmlns='{ns.DISCO_ITEMS}'/>", to=server.host)
    items = [item.get("jid") for item in answer.iter(f"{{{ns.DISCO_ITEMS}}}item")]
    assert items == ["echo.localhost", "other.localhost", "alone.example"]


def test_a_wrong_secret_is_refused(server):
    mark = server.mark()

    async def scenario(echo):
        assert (await echo.start())["condition"] == "not-authorized"

    with_component(scenario, server, "echo.localhost", "close sesame")
    server.saw("auth.fail", mark, component="echo.localhost", cond="not-authorized")
    assert "sesame" not in server.log.text()


def test_names_that_nobody_configured_are_refused(server):
    client = Client(server.address("component"))
    server.clients.append(client)
    client.send(f"<stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{ns.STREAM}' to='localhost'>")
    client.expect_stream_error("host-unknown")


def test_the_second_connection_of_a_name_gets_a_conflict(server):
    first = connected(server)
    by_hand(server).expect_stream_error("conflict")
    alice = server.user("alice")
    alice.message("echo.localhost", "still there")
    first.expect("message", frm=alice.jid)


def test_forged_senders_end_the_stream(server):
    bob = server.user("bob")
    for sender in ("alice@localhost", "a@other.localhost"):
        forger = connected(server)
        forger.send(f"<message from='{sender}' to='{bob.account.jid}'><body>S14</body></message>")
        forger.expect_stream_error("invalid-from")
    bob.sync()
    bob.nothing("message")


def test_what_is_not_connected_answers_with_a_timeout(server):
    alice = server.user("alice")
    alice.message("x@alone.example", "anybody?", ident="m")
    error = alice.expect("message", id="m", type="error")
    assert condition(error) == "remote-server-timeout" and error_type(error) == "wait"
    assert error.get("from") == "x@alone.example"


def test_components_write_to_each_other_and_to_who_is_offline(server):
    one, two = connected(server), connected(server, "other.localhost", "two")
    one.send("<message from='a@echo.localhost' to='b@other.localhost'><body>hi</body></message>")
    assert body(two.expect("message", frm="a@echo.localhost")) == "hi"
    bob = server.account("bob")
    one.send(f"<message from='a@echo.localhost' to='{bob.jid}' type='chat' id='o'>"
             "<body>later</body></message>")
    one.send("<iq type='get' id='s' from='echo.localhost' to='localhost'>"
             f"<ping xmlns='{ns.PING}'/></iq>")
    one.expect("iq", id="s")
    one.nothing("message", type="error")
    client = server.login(bob, presence=0)
    assert client.expect_message("later").get("from") == "a@echo.localhost"


def test_L1_a_stanza_of_a_component_has_the_size_of_a_servers(server):
    alice = server.user("alice")
    echo = connected(server)
    head = f"<message from='echo.localhost' to='{alice.jid}'><body>"
    echo.send(head + "x" * 500000 + "</body></message>")
    assert len(body(alice.expect("message", frm="echo.localhost"))) == 500000
    mark = server.mark()
    echo.send_quietly(head + "x" * 524288)
    echo.expect_stream_error("policy-violation")
    server.saw("stream.limit", mark, component="echo.localhost")


def test_L13_a_component_that_does_not_read_hurts_nobody(server):
    echo = by_hand(server)
    echo.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    echo.expect("handshake", space=ns.COMPONENT)
    mark = server.mark()
    alice = server.user("alice")
    # What the kernels hold comes on top of the mebibyte.
    for index in range(400):
        alice.message("echo.localhost", "y" * 50000, ident=f"m{index}")
        if index % 20 == 19:
            alice.sync()
            if alice.take("message", type="error"):
                break
    else:
        pytest.fail("everything was taken")
    server.saw("conn.slow", mark, component="echo.localhost")
    alice.message(alice.account.jid, "alive")
    alice.expect_message("alive")


def test_a_reload_brings_new_components_and_ends_old_ones(start_server):
    server = start_server(**{**SERVER, "extra": {"components": list(COMPONENTS)}})
    echo, other = connected(server), connected(server, "other.localhost", "two")
    secret = server.dir / "secret"
    secret.write_text("from a file\n")
    secret.chmod(0o640)
    UNPRIVILEGED.give(secret)
    server.settings["components"] = [
        {"name": "other.localhost", "secret": "changed"},
        {"name": "new.localhost", "secret_file": "secret"},
    ]
    mark = server.reload()
    server.saw("config.applied", mark)
    echo.expect_stream_error("host-gone")
    other.expect_stream_error("reset")
    connected(server, "other.localhost", "changed")
    connected(server, "new.localhost", "from a file")
    secret.unlink()
    mark = server.reload()
    server.saw("config.reject", mark)
    server.check()


def test_a_component_named_like_a_host_is_refused(start_server):
    server = start_server(start=False, aliases=["alias.example"],
                          extra={"components": [{"name": "alias.example", "secret": "s3cr3t"}]})
    code, said = server.refuse()
    assert code == 78
    assert 'components.name: expected a name of its own; "alias.example"' in said
    assert "s3cr3t" not in said


def test_direct_tls_for_components(start_server):
    server = start_server(listen={"component": {"service": "component", "tls": "direct"}},
                          extra={"components": COMPONENTS})
    client = Client(server.address("component"), "echo.localhost")
    server.clients.append(client)
    client.wrap()
    client.send(f"<stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{ns.STREAM}' "
                "to='echo.localhost'>")
    ident = client.expect_header().get("id")
    client.send("<handshake>"
                + hashlib.sha1((ident + "open sesame").encode()).hexdigest() + "</handshake>")
    client.expect("handshake", space=ns.COMPONENT)
