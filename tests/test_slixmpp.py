"""S20: slixmpp, a client library that nobody here wrote, at both ends."""

import asyncio
import logging

import pytest
import slixmpp

from harness.xmpp import PATIENCE

pytestmark = pytest.mark.shards(1, 3)

DEADLINE_S = 15 * PATIENCE
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


class Person(slixmpp.ClientXMPP):
    """Logs in, fetches the roster, sends presence; what comes lands in queues."""

    def __init__(self, server, account, resource):
        super().__init__(f"{account.jid}/{resource}", account.password)
        # slixmpp checks the certificate; the server's own is what it may trust.
        self.ca_certs = server.dir / "trusted.pem"
        self.ca_certs.write_text(server.certificate())
        for plugin in ("xep_0030", "xep_0054", "xep_0092", "xep_0191", "xep_0199", "xep_0203"):
            self.register_plugin(plugin)
        self.messages, self.online, self.offline = (asyncio.Queue() for _ in range(3))
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.messages.put_nowait)
        self.add_event_handler("got_online", self.online.put_nowait)
        self.add_event_handler("got_offline", self.offline.put_nowait)
        for event in ("failed_auth", "connection_failed", "stream_error"):
            self.add_event_handler(event, lambda e, n=event: self.fail(n, e))

    def fail(self, event, detail):
        if not self.ready.done():
            self.ready.set_exception(AssertionError(f"{event}: {detail}"))

    async def start(self, _event):
        await self.get_roster()
        self.send_presence()
        if not self.ready.done():
            self.ready.set_result(None)

    async def message(self, sender):
        while True:
            message = await asyncio.wait_for(self.messages.get(), DEADLINE_S)
            if message["body"] and message["from"].bare == sender:
                return message

    async def presence(self, queue, sender):
        while True:
            presence = await asyncio.wait_for(queue.get(), DEADLINE_S)
            if presence["from"].bare == sender:
                return presence


async def login(server, account, resource="slixmpp", listener="tls"):
    person = Person(server, account, resource)
    person.connect(server.address(listener), use_ssl=listener == "direct",
                   force_starttls=listener == "tls")
    await asyncio.wait_for(person.ready, DEADLINE_S)
    return person


async def logout(*people):
    for person in people:
        gone = asyncio.get_event_loop().create_future()
        person.add_event_handler("disconnected", lambda e, f=gone: f.done() or f.set_result(None))
        person.disconnect(wait=1)
        await asyncio.wait_for(gone, DEADLINE_S)


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


@pytest.mark.parametrize("listener", ["tls", "direct"])
def test_login_contacts_presence_chat_and_offline_messages(server, listener):
    alice_account, bob_account = server.account("alice"), server.account("bob")

    async def scenario():
        alice = await login(server, alice_account, listener=listener)
        bob = await login(server, bob_account, listener=listener)
        assert bob_account.jid not in alice.client_roster

        # slixmpp approves requests and asks back by itself.
        alice.send_presence_subscription(pto=bob_account.jid)
        presence = await alice.presence(alice.online, bob_account.jid)
        assert presence["from"].full == bob.boundjid.full
        await bob.presence(bob.online, alice_account.jid)
        await alice.get_roster()
        assert alice.client_roster[bob_account.jid]["subscription"] == "both"

        alice.send_message(mto=bob_account.jid, mbody="Hello, Боб!", mtype="chat")
        message = await bob.message(alice_account.jid)
        assert message["body"] == "Hello, Боб!" and message["type"] == "chat"
        message.reply("Hello back").send()
        assert (await alice.message(bob_account.jid))["body"] == "Hello back"

        bob.send_presence(pshow="away", pstatus="tea")
        await logout(bob)
        await alice.presence(alice.offline, bob_account.jid)
        for index in range(3):
            alice.send_message(mto=bob_account.jid, mbody=f"later {index}", mtype="chat")
        await alice["xep_0199"].ping(alice_account.jid)
        await alice["xep_0030"].get_info(bob_account.jid)

        bob = await login(server, bob_account, listener=listener)
        for index in range(3):
            message = await bob.message(alice_account.jid)
            assert message["body"] == f"later {index}"
            assert message["delay"]["stamp"] is not None
        await logout(alice, bob)

    run(scenario())


def test_the_questions_that_a_library_asks(server):
    account = server.account("curious")

    async def scenario():
        me = await login(server, account)
        info = await me["xep_0030"].get_info(server.host)
        assert "urn:xmpp:ping" in info["disco_info"]["features"]
        assert await me["xep_0199"].ping(server.host) >= 0
        version = await me["xep_0092"].get_version(server.host)
        assert version["software_version"]["name"]
        card = me["xep_0054"].make_vcard()
        card["FN"] = "Curious"
        await me["xep_0054"].publish_vcard(card)
        assert (await me["xep_0054"].get_vcard(account.jid))["vcard_temp"]["FN"] == "Curious"
        await me["xep_0191"].block("spam@example.net")
        blocked = await me["xep_0191"].get_blocked()
        assert [str(j) for j in blocked["blocklist"]["items"]] == ["spam@example.net"]
        me.update_roster("friend@example.net", name="Friend", groups=["G"])
        await me["xep_0199"].ping(server.host)
        await me.get_roster()
        assert me.client_roster["friend@example.net"]["groups"] == ["G"]
        await logout(me)

    run(scenario())


def test_a_wrong_password_is_told(server):
    account = server.account("forgetful")
    wrong = type(account)(account.user, account.host, "wrong")

    async def scenario():
        person = Person(server, wrong, "x")
        person.connect(server.address("tls"), force_starttls=True)
        with pytest.raises(AssertionError, match="failed_auth"):
            await asyncio.wait_for(person.ready, DEADLINE_S)
        person.abort()

    run(scenario())
