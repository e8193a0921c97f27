"""The benches themselves: each server does for a client what its `features` say.

What is asked here is asked by slixmpp or by the raw client, so that a failure of ours elsewhere is
not the bench's.
"""

import asyncio
import ssl
import urllib.request

import pytest
import slixmpp

from harness import ns
from harness.certs import authority
from harness.ejabberd import Ejabberd
from harness.managed import Device
from harness.people import befriend
from harness.prosody import Prosody
from harness.server import Account
from harness.xmpp import PATIENCE, child, dump, name

pytestmark = pytest.mark.servers()

DEADLINE_S = 15 * PATIENCE
MAM, UPLOAD = "urn:xmpp:mam:2", "urn:xmpp:http:upload:0"
COMMANDS = "http://jabber.org/protocol/commands"
CARBONS, FORWARD = "urn:xmpp:carbons:2", "urn:xmpp:forward:0"
MUC, MUC_USER = "http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user"
AVATAR = "urn:xmpp:avatar:data"


def join(client, room, nick):
    client.send(f"<presence to='{room}/{nick}'><x xmlns='{MUC}'><history maxstanzas='0'/></x>"
                "</presence>")
    mine = client.expect("presence", where=lambda p: p.find(
        f"{{{MUC_USER}}}x/{{{MUC_USER}}}status[@code='110']") is not None)
    client.expect("message", type="groupchat", where=lambda m: child(m, "subject") is not None)
    return mine


def open_room(client, room, nick):
    """Joins a new room and takes its default configuration, which unlocks it."""
    client.send(f"<presence to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")
    client.expect("presence", where=lambda p: p.find(
        f"{{{MUC_USER}}}x/{{{MUC_USER}}}status[@code='110']") is not None)
    client.set(f"<query xmlns='{MUC}#owner'><x xmlns='{ns.DATA_FORM}' type='submit'/></query>",
               to=room)


class Slix(slixmpp.ClientXMPP):
    """As strict about certificates as slixmpp is."""

    def __init__(self, server, account, plugins=()):
        super().__init__(f"{account.jid}/slixmpp", account.password)
        self.ca_certs = server.ca_file
        for plugin in plugins:
            self.register_plugin(plugin)
        loop = asyncio.get_event_loop()
        self.ready, self.gone = loop.create_future(), loop.create_future()
        self.add_event_handler("session_start", lambda _: self._done(self.ready))
        self.add_event_handler("disconnected", lambda _: self._done(self.gone))
        for event in ("failed_auth", "connection_failed", "stream_error"):
            self.add_event_handler(event, lambda e, n=event: self._fail(f"{n}: {e}"))

    @staticmethod
    def _done(future):
        if not future.done():
            future.set_result(None)

    def _fail(self, why):
        if not self.ready.done():
            self.ready.set_exception(AssertionError(why))

    async def login(self, port, direct):
        self.connect(("127.0.0.1", port), use_ssl=direct, force_starttls=not direct)
        await asyncio.wait_for(self.ready, DEADLINE_S)

    async def logout(self):
        self.disconnect(wait=1)
        await asyncio.wait_for(self.gone, DEADLINE_S)


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


@pytest.mark.parametrize("direct", [False, True], ids=["starttls", "direct"])
def test_slixmpp_logs_in_over_verified_tls(server, direct):
    account = server.account("slix")

    async def scenario():
        person = Slix(server, account, ["xep_0199"])
        await person.login(server.tls_port if direct else server.port, direct)
        assert await person["xep_0199"].ping(server.domain) >= 0
        await person.logout()

    run(scenario())


def test_the_people_that_were_asked_for_can_log_in(server):
    for jid, password in list(server.accounts.items()):
        if not jid.startswith(("alice@", "bob@", "carol@")):
            continue
        client = server.login(Account(*jid.split("@"), password), listener="tls")
        assert client.jid.startswith(jid)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_mechanisms(server, mechanism):
    if mechanism != "PLAIN":
        server.needs(mechanism.lower())
    server.login(server.account("sasl"), listener="tls", mechanism=mechanism)


def test_channel_binding(server):
    """Those from Debian know tls-unique alone: Prosody below TLS 1.3, ejabberd on any version."""
    server.needs("scram-plus")
    account = server.account("bound")
    kind, version = {"burbled": ("tls-exporter", "TLSv1.3"), "prosody": ("tls-unique", "TLSv1.2"),
                     "ejabberd": ("tls-unique", "TLSv1.3")}[server.kind]
    client = server.stream("tls", openssl={"version": version})
    answer = client.authenticate(account, "SCRAM-SHA-256-PLUS", cb_type=kind,
                                 cb_data=client.channel_binding(kind))
    assert name(answer) == "success", dump(answer)


def test_roster_presence_and_messages(server):
    alice, bob = server.user("alice"), server.user("bob")
    assert alice.roster() == {} and bob.roster() == {}
    befriend(alice, bob)
    alice.message(bob.account.jid, "hello")
    assert bob.expect_message("hello").get("from") == alice.jid


def test_carbons(server):
    server.needs("carbons")
    account = server.account("two")
    one = server.login(account, "one", presence=0)
    two = server.login(account, "two", presence=0)
    two.set(f"<enable xmlns='{CARBONS}'/>")
    other = server.user("other")
    one.message(other.account.jid, "copied")
    carbon = two.expect("message", has=f"{{{CARBONS}}}sent")
    assert carbon.find(f".//{{{ns.CLIENT}}}body").text == "copied"


def test_archive(server):
    server.needs("mam")
    alice, bob = server.user("alice"), server.user("bob")
    alice.message(bob.account.jid, "kept")
    bob.expect_message("kept")
    bob.send(f"<iq type='set' id='q'><query xmlns='{MAM}' queryid='q'/></iq>")
    result = bob.expect("message", has=f"{{{MAM}}}result")
    assert result.find(f".//{{{ns.CLIENT}}}body").text == "kept"
    assert bob.expect("iq", id="q").get("type") == "result"


def test_resumption(server):
    server.needs("sm")
    device = Device(server, server.account("device"))
    other = server.user("other")
    device.client.abandon()
    other.message(device.account.jid, "while away")
    answer = device.resume()
    assert name(answer) == "resumed", dump(answer)
    device.read("while away")


def test_client_state(server):
    server.needs("csi")
    client = server.user("idle")
    assert client.feature("csi", "urn:xmpp:csi:0") is not None
    client.send("<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>")
    client.sync()


def test_rooms_with_an_archive(server):
    server.needs("muc", "muc-mam")
    room = f"room{id(server) % 10000}@{server.muc_domain}"
    alice, bob = server.user("alice"), server.user("bob")
    open_room(alice, room, "Alice")
    join(bob, room, "Bob")
    alice.send(f"<message to='{room}' type='groupchat' id='g1'><body>hi all</body></message>")
    bob.expect_message("hi all", type="groupchat", frm=f"{room}/Alice")
    bob.send(f"<iq type='set' id='q' to='{room}'><query xmlns='{MAM}' queryid='q'/></iq>")
    result = bob.expect("message", has=f"{{{MAM}}}result", where=lambda m: "hi all" in dump(m))
    assert result.get("from") == room
    assert bob.expect("iq", id="q").get("type") == "result"


def test_slixmpp_joins_a_room(server):
    server.needs("muc")
    account, room = server.account("slix"), f"slix{id(server) % 10000}@{server.muc_domain}"

    async def scenario():
        person = Slix(server, account, ["xep_0045"])
        await person.login(server.port, False)
        said = asyncio.get_event_loop().create_future()
        person.add_event_handler("groupchat_message", lambda m: m["body"] and said.set_result(m))
        await person["xep_0045"].join_muc_wait(room, "Slix", timeout=DEADLINE_S)
        await person["xep_0045"].set_room_config(
            room, await person["xep_0045"].get_room_config(room))
        person.send_message(mto=room, mbody="echo", mtype="groupchat")
        message = await asyncio.wait_for(said, DEADLINE_S)
        assert (message["body"], message["from"]) == ("echo", f"{room}/Slix")
        await person.logout()

    run(scenario())


def test_uploads(server):
    server.needs("upload")
    client, data = server.user("uploader"), b"some bytes\0\xff"
    slot = client.get(f"<request xmlns='{UPLOAD}' filename='a b.bin' size='{len(data)}'"
                      " content-type='application/octet-stream'/>", to=server.upload)
    put, get = child(slot, "put"), child(slot, "get")
    assert put.get("url").startswith("https://")
    headers = {h.get("name"): h.text for h in put}
    context = ssl.create_default_context(cafile=server.ca_file)
    request = urllib.request.Request(put.get("url"), data, method="PUT", headers={
        **headers, "Content-Type": "application/octet-stream"})
    with urllib.request.urlopen(request, context=context, timeout=DEADLINE_S) as answer:
        assert answer.status == 201
    with urllib.request.urlopen(get.get("url"), context=context, timeout=DEADLINE_S) as answer:
        assert answer.read() == data


def test_uploads_that_are_too_large_are_refused(server):
    server.needs("upload")
    client = server.user("uploader")
    client.refused("get", f"<request xmlns='{UPLOAD}' filename='big' size='{2**40}'/>",
                   "not-acceptable", to=server.upload)


def test_personal_eventing(server):
    server.needs("pep", "avatar")
    client = server.user("face")
    client.set(f"<pubsub xmlns='{ns.PUBSUB}'><publish node='{AVATAR}'><item id='a'>"
               f"<data xmlns='{AVATAR}'>AAAA</data></item></publish></pubsub>")
    items = client.get(f"<pubsub xmlns='{ns.PUBSUB}'><items node='{AVATAR}'/></pubsub>")
    assert items.find(f".//{{{AVATAR}}}data").text == "AAAA"


def test_cards(server):
    server.needs("vcard-temp")
    client = server.user("card")
    client.set(f"<vCard xmlns='{ns.VCARD}'><FN>Card</FN></vCard>")
    assert child(client.get(f"<vCard xmlns='{ns.VCARD}'/>"), "FN").text == "Card"
    if "vcard4" in server.features:
        vcard4 = "urn:ietf:params:xml:ns:vcard-4.0"
        client.set(f"<vcard xmlns='{vcard4}'><fn><text>Four</text></fn></vcard>")
        assert "Four" in dump(client.get(f"<vcard xmlns='{vcard4}'/>"))


def test_bookmarks(server):
    server.needs("bookmarks")
    client = server.user("reader")
    node = "urn:xmpp:bookmarks:1"
    room = f"r@{server.muc_domain}"
    client.set(f"<pubsub xmlns='{ns.PUBSUB}'><publish node='{node}'><item id='{room}'>"
               f"<conference xmlns='{node}' name='R' autojoin='true'/></item></publish></pubsub>")
    items = client.get(f"<pubsub xmlns='{ns.PUBSUB}'><items node='{node}'/></pubsub>")
    assert "autojoin" in dump(items)


def test_registration_in_band(server):
    server.needs("register")
    client = server.stream("tls")
    user = f"new{id(client) % 100000}"
    client.get(f"<query xmlns='{ns.IBR}'/>")
    client.set(f"<query xmlns='{ns.IBR}'><username>{user}</username><password>pw</password>"
               "</query>")
    server.login(Account(user, server.domain, "pw"), listener="tls")


def test_commands(server):
    server.needs("adhoc")
    client = server.user("commander")
    node = {"prosody": "uptime", "ejabberd": "ping"}[server.kind]
    items = client.get(f"<query xmlns='{ns.DISCO_ITEMS}' node='{COMMANDS}'/>", to=server.domain)
    assert node in [item.get("node") for item in items]
    done = client.set(f"<command xmlns='{COMMANDS}' node='{node}' action='execute'/>",
                      to=server.domain)
    assert child(done, "command", COMMANDS).get("status") == "completed"


def test_small_questions(server):
    server.needs("version", "time", "ping", "blocking")
    client = server.user("curious")
    client.get(f"<query xmlns='{ns.VERSION}'/>", to=server.domain)
    client.get(f"<time xmlns='{ns.TIME}'/>", to=server.domain)
    client.sync()
    client.set(f"<block xmlns='{ns.BLOCKING}'><item jid='spam@example.net'/></block>")
    assert "spam@example.net" in dump(client.get(f"<blocklist xmlns='{ns.BLOCKING}'/>"))


def test_it_comes_back_with_what_it_knew(server):
    account, other = server.account("stays"), server.account("waits")
    client = server.login(account)
    client.roster_set("friend@example.net", name="Friend")
    client.message(other.jid, "for later")
    client.sync()
    server.restart()
    assert "friend@example.net" in server.login(account, listener="tls").roster()
    server.login(other, presence=0).expect_message("for later")


def test_it_comes_back_from_a_crash_with_its_accounts(server):
    account = server.account("stays")
    server.kill()
    server.start()
    server.login(account, listener="tls")


@pytest.mark.servers("prosody", "ejabberd")
def test_a_second_domain_with_a_certificate_of_its_own(server):
    client = server.stream("plain", host="example.test")
    client.send(f"<starttls xmlns='{ns.TLS}'/>")
    client.expect("proceed", space=ns.TLS)
    client.wrap(context=ssl.create_default_context(cafile=server.ca_file))
    client.open()
    account = server.account("elsewhere", host="example.test")
    client.login(account)
    assert client.bind().startswith(account.jid)


@pytest.mark.servers("ejabberd")
def test_login_by_certificate(server):
    """Of the three only ejabberd knows EXTERNAL for accounts, when it is told to."""
    one = Ejabberd(external=True, accounts={"certified@localhost": "pw"})
    try:
        one.start()
        show = authority().issue("localhost", common_name="certified", extensions=(
            "extendedKeyUsage = clientAuth",), xmpp_addresses=("certified@localhost",))
        context = ssl.create_default_context(cafile=one.ca_file)
        context.load_cert_chain(show.chain, show.key)
        client = one.open("direct")
        client.wrap(context=context)
        client.open()
        assert "EXTERNAL" in client.mechanisms()
        client.auth("EXTERNAL", "")
        answer = client.sasl_answer()
        assert name(answer) == "success", dump(answer)
        client.open()
        assert client.bind().startswith("certified@localhost/")
        one.stop()
    finally:
        if one.process:
            one.kill()
        one.remove()


def test_two_at_a_time_do_not_meet(server):
    """Another of the same kind starts beside it and knows nothing of its accounts."""
    if server.kind == "burbled":
        pytest.skip("shown by every other test")
    second = {"prosody": Prosody, "ejabberd": Ejabberd}[server.kind](full=True)
    try:
        second.start()
        account = server.account("onlyhere")
        client = second.stream("tls")
        assert name(client.authenticate(account, "PLAIN")) == "failure"
        second.stop()
    finally:
        if second.process:
            second.kill()
        second.remove()
