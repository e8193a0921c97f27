"""XEP-0357: a slixmpp component as the push service of a client's maker."""

import asyncio
import logging
import xml.etree.ElementTree as ET

import pytest
import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from harness import ns
from harness.xmpp import DEADLINE_S, condition

pytestmark = [pytest.mark.shards(1, 3), pytest.mark.burbled_only]

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

PUSH = "urn:xmpp:push:0"
OPTIONS = (f"<x xmlns='{ns.DATA_FORM}' type='submit'><field var='FORM_TYPE'>"
           "<value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
           "<field var='secret'><value>eruio</value></field></x>")
SERVER = {
    "listen": {"component": {"service": "component", "tls": "none"}},
    "extra": {"components": [{"name": "push.localhost", "secret": "open sesame"}]},
}


class PushService(slixmpp.ComponentXMPP):
    """Takes what is published for the nodes that it knows."""

    def __init__(self, server, nodes):
        super().__init__("push.localhost", "open sesame", *server.address("component"))
        self.nodes, self.published = nodes, asyncio.Queue()
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda e: self.ready.set_result(None))
        path = f"{{{self.default_ns}}}iq/{{{ns.PUBSUB}}}pubsub"
        self.register_handler(Callback("publish", MatchXPath(path), self.publish))

    def publish(self, iq):
        publish = iq.xml.find(f".//{{{ns.PUBSUB}}}publish")
        if publish.get("node") in self.nodes:
            iq.reply().send()
        else:
            error = iq.reply()
            error["type"] = "error"
            error["error"]["type"] = "cancel"
            error["error"]["condition"] = "item-not-found"
            error.send()
        self.published.put_nowait(iq)

    async def next(self):
        return await asyncio.wait_for(self.published.get(), DEADLINE_S)


def with_service(scenario, server, nodes):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    service = PushService(server, nodes)

    async def run():
        service.connect()
        await asyncio.wait_for(service.ready, DEADLINE_S)
        await scenario(service)

    try:
        loop.run_until_complete(asyncio.wait_for(run(), 6 * DEADLINE_S))
    finally:
        service.abort()
        loop.run_until_complete(asyncio.sleep(0))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


def enable(client, node, form=""):
    answer = client.iq("set", f"<enable xmlns='{PUSH}' jid='push.localhost' node='{node}'>{form}"
                              "</enable>")
    assert answer.get("type") == "result", condition(answer)


def test_a_phone_that_is_away_is_woken(server):
    alice, bob = server.user("alice", "phone"), server.user("bob")
    features = alice.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=alice.account.jid)
    assert any(f.get("var") == PUSH for f in features.iter(f"{{{ns.DISCO_INFO}}}feature"))
    enable(alice, "n1", OPTIONS)

    async def scenario(service):
        bob.message(alice.account.jid, "I see you")
        alice.expect_message("I see you")
        alice.send("</stream:stream>")
        alice.expect_end()
        bob.message(alice.account.jid, "are you there?")
        iq = await service.next()
        assert iq["from"].full == server.host and iq["to"].full == "push.localhost"
        text = ET.tostring(iq.xml, encoding="unicode")
        assert "are you there" not in text and "bob" not in text and "alice" not in text
        values = [v.text for v in iq.xml.iter(f"{{{ns.DATA_FORM}}}value")]
        assert "urn:xmpp:push:summary" in values and "eruio" in values
        assert iq.xml.find(f".//{{{ns.PUBSUB}}}publish-options") is not None
        assert service.published.empty()

    with_service(scenario, server, {"n1"})
    again = server.login(alice.account, "phone", presence=0)
    again.expect_message("are you there?")


def test_a_node_that_is_gone_is_forgotten(server):
    alice, bob = server.user("alice", "phone"), server.user("bob")
    enable(alice, "gone")
    alice.send("</stream:stream>")
    alice.expect_end()
    mark = server.mark()

    async def scenario(service):
        bob.message(alice.account.jid, "one")
        await service.next()
        server.saw("push.refused", mark, jid=alice.account.jid, service="push.localhost")

    with_service(scenario, server, set())


def test_what_was_enabled_survives_the_server(start_server):
    server = start_server(shards=3, **SERVER)
    alice, bob = server.account("alice"), server.account("bob")
    phone = server.login(alice, "phone", presence=0)
    enable(phone, "n2")
    server.stop()
    server.start()
    sender = server.login(bob, presence=0)

    async def scenario(service):
        sender.message(alice.jid, "after the restart")
        iq = await service.next()
        assert iq.xml.find(f".//{{{ns.PUBSUB}}}publish").get("node") == "n2"

    with_service(scenario, server, {"n2"})
