"""A client with Jingle file transfer that is not ours: slixmpp, and its in-band bytestreams.

slixmpp has no Jingle, so what is negotiated (XEP-0166, XEP-0234, XEP-0260, XEP-0261) is written
here; the bytes go by its plugin xep_0047. It lives in a thread of its own, so that tests can wait
for programs meanwhile: `peer.run(peer.send_file(...))` is a future.
"""

import asyncio
import base64
import hashlib
import logging
import secrets
import threading
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from .xmpp import PATIENCE

JINGLE = "urn:xmpp:jingle:1"
FILE5 = "urn:xmpp:jingle:apps:file-transfer:5"
IBBT = "urn:xmpp:jingle:transports:ibb:1"
SOCKS5 = "urn:xmpp:jingle:transports:s5b:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
HASHES = "urn:xmpp:hashes:2"
DEADLINE_S = 20 * PATIENCE
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def hash_of(element):
    """The SHA-256 that is told somewhere in there, or None."""
    found = element.find(f".//{{{HASHES}}}hash[@algo='sha-256']")
    return None if found is None else found.text


def reason(jingle):
    """Why a session was ended."""
    return jingle.find(f"{{{JINGLE}}}reason")[0].tag.removeprefix(f"{{{JINGLE}}}")


class FilePeer:
    """As a context: online as the account, which has to exist. transports: what it says it has."""

    def __init__(self, server, jid, transports=(IBBT, SOCKS5)):
        self.server, self.jid, self.transports = server, jid, transports
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._live, daemon=True)

    def _live(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def __enter__(self):
        self.thread.start()
        self.run(self._login()).result(DEADLINE_S)
        return self

    def __exit__(self, *_):
        self.run(self._logout()).result(DEADLINE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE_S)

    def run(self, coroutine):
        """Begins it; a future, whose result() waits."""
        return asyncio.run_coroutine_threadsafe(
            asyncio.wait_for(coroutine, DEADLINE_S), self.loop)

    # --- the session --------------------------------------------------------------------------

    async def _login(self):
        self.actions, self.contacts = asyncio.Queue(), asyncio.Queue()
        self.ready, self.gone = self.loop.create_future(), self.loop.create_future()
        self.xmpp = slixmpp.ClientXMPP(f"{self.jid}/slixmpp", self.server.accounts[self.jid])
        self.xmpp.ca_certs = self.server.ca_file
        for plugin in ("xep_0030", "xep_0047"):
            self.xmpp.register_plugin(plugin)
        for feature in (JINGLE, FILE5, HASHES, *self.transports):
            self.xmpp["xep_0030"].add_feature(feature)
        self.xmpp.register_handler(Callback(
            "Jingle", MatchXPath(f"{{jabber:client}}iq/{{{JINGLE}}}jingle"), self._asked))
        self.xmpp.add_event_handler("session_start", lambda _: self.xmpp.send_presence())
        self.xmpp.add_event_handler("presence_available", self._online)
        self.xmpp.add_event_handler("disconnected", lambda _: self._done(self.gone))
        for event in ("failed_auth", "connection_failed", "stream_error"):
            self.xmpp.add_event_handler(event, lambda e, n=event: self._fail(f"{n}: {e}"))
        self.xmpp.connect(self.server.address("tls"), force_starttls=True)
        await self.ready

    async def _logout(self):
        self.xmpp.disconnect(wait=1)
        await self.gone

    def _done(self, future):
        if not future.done():
            future.set_result(None)

    def _fail(self, why):
        if not self.ready.done():
            self.ready.set_exception(AssertionError(why))

    def _online(self, presence):
        if presence["from"] == self.xmpp.boundjid:
            self._done(self.ready)  # the server has our presence
        else:
            self.contacts.put_nowait(presence["from"])

    async def sees(self, jid):
        """Waits until this device is online: before that it may not answer us."""
        while (await self.contacts.get()).full != jid:
            pass
        return jid

    # --- Jingle -------------------------------------------------------------------------------

    def _asked(self, iq):
        if iq["type"] == "set":
            iq.reply(clear=True).send()
            self.actions.put_nowait((iq["from"].full, iq.xml.find(f"{{{JINGLE}}}jingle")))

    async def hear(self, action):
        """The next thing that the other side says, which has to be this; the element."""
        self.to, jingle = await self.actions.get()
        assert jingle.get("action") == action, ET.tostring(jingle, encoding="unicode")
        self.sid = jingle.get("sid")
        return jingle

    async def say(self, action, inside):
        iq = self.xmpp.make_iq_set(ito=self.to)
        iq.append(ET.fromstring(
            f"<jingle xmlns='{JINGLE}' action='{action}' sid='{self.sid}'>{inside}</jingle>"))
        return await iq.send()

    def content(self, way, description="", name="f"):
        return (f"<content creator='initiator' name='{name}' senders='initiator'>{description}"
                f"{way}</content>")

    def checksum(self, data, name="f"):
        return (f"<checksum xmlns='{FILE5}' creator='initiator' name='{name}'><file>"
                f"<hash xmlns='{HASHES}' algo='sha-256'>{sha256(data)}</hash></file></checksum>")

    @staticmethod
    def in_band(sid, block=4096):
        return f"<transport xmlns='{IBBT}' block-size='{block}' sid='{sid}'/>"

    @staticmethod
    def socks5(sid, inside=""):
        return f"<transport xmlns='{SOCKS5}' sid='{sid}'>{inside}</transport>"

    async def offer(self, to, name, data, way, hashed=True):
        """hashed: the hash is told at once, or else promised."""
        self.to, self.sid = to, secrets.token_hex(8)
        told = (f"<hash xmlns='{HASHES}' algo='sha-256'>{sha256(data)}</hash>" if hashed
                else f"<hash-used xmlns='{HASHES}' algo='sha-256'/>")
        await self.say("session-initiate", self.content(
            way, f"<description xmlns='{FILE5}'><file><name>{escape(name)}</name>"
                 f"<size>{len(data)}</size>{told}</file></description>"))

    async def send_file(self, to, name, data, told=None, fall_back=False, block=4096):
        """Offers and sends it. told: the bytes whose hash is told behind them; None: that of the
        data, in the offer. fall_back: SOCKS5 is offered, fails, and is replaced. Gives the reason
        of the other side's session-terminate."""
        stream, first = secrets.token_hex(8), secrets.token_hex(8)
        way = self.in_band(stream, block)
        candidate = (f"<candidate cid='a' host='192.0.2.1' jid='{self.jid}' port='5086' "
                     "priority='8257636' type='direct'/>")
        await self.offer(to, name, data, self.socks5(first, candidate) if fall_back else way,
                         told is None)
        agreed = await self.hear("session-accept")
        if fall_back:
            theirs = agreed.find(f".//{{{SOCKS5}}}transport")
            assert theirs.get("sid") == first and len(theirs) == 0
            failed = await self.hear("transport-info")
            assert failed.find(f".//{{{SOCKS5}}}candidate-error") is not None
            await self.say("transport-info",
                           self.content(self.socks5(first, "<candidate-error/>")))
            await self.say("transport-replace", self.content(way))
            agreed = await self.hear("transport-accept")
        theirs = agreed.find(f".//{{{IBBT}}}transport")
        assert theirs.get("sid") == stream
        bytestream = await self.xmpp["xep_0047"].open_stream(
            slixmpp.JID(to), sid=stream, block_size=int(theirs.get("block-size")))
        await bytestream.sendall(data)
        await bytestream.close()
        if told is not None:
            await self.say("session-info", self.checksum(told))
        return reason(await self.hear("session-terminate"))

    async def receive_file(self, replace=None):
        """Takes the next offer. replace: (sid, block size) of an in-band way of our own. Gives the
        name, the bytes and the hash that was told."""
        offer = await self.hear("session-initiate")
        name = offer.find(f"{{{JINGLE}}}content").get("name")
        theirs = offer.find(f".//{{{IBBT}}}transport")
        sid, block = theirs.get("sid"), int(theirs.get("block-size"))
        if replace:
            sid, block = replace
            await self.say("transport-replace",
                           self.content(self.in_band(sid, block), name=name))
            agreed = (await self.hear("transport-accept")).find(f".//{{{IBBT}}}transport")
            assert (agreed.get("sid"), int(agreed.get("block-size"))) == (sid, block)
        came, sizes, ended = [], [], self.loop.create_future()

        def take(stream):
            came.append(stream.recv_queue.get_nowait())
            sizes.append(stream.block_size)

        def end(_stream):
            self._done(ended)

        handlers = {"ibb_stream_data": take, "ibb_stream_end": end}
        for event, handler in handlers.items():
            self.xmpp.add_event_handler(event, handler)
        await self.xmpp["xep_0047"].api["preauthorize_sid"](
            self.xmpp.boundjid, sid, slixmpp.JID(self.to), None)
        await self.say("session-accept", self.content(
            self.in_band(sid, block), f"<description xmlns='{FILE5}'/>", name))
        told = hash_of(await self.hear("session-info"))
        await ended
        for event, handler in handlers.items():
            self.xmpp.del_event_handler(event, handler)
        assert set(sizes) <= {block}
        await self.say("session-terminate", "<reason><success/></reason>")
        return offer.find(f".//{{{FILE5}}}name").text, b"".join(came), told
