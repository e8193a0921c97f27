"""A server that says what a script tells it to, to try clients on: a good one, and hostile ones.

A script is a function of a Conn, run in a thread per connection:

    def script(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(mechanisms=["PLAIN"])         # and no STARTTLS
        conn.expect_closed()
        assert not conn.mentions("secret")

    with Hostile(script) as server:
        run("burble", "--port", server.port, ...)

`good_session` is the script of a good server; `cuts()` are the places at which it can be cut off.
What a script asserts is asserted again by the end of the `with`.
"""

import base64
import contextlib
import dataclasses
import itertools
import re
import secrets
import socket
import threading
import time
from xml.sax.saxutils import escape, quoteattr

from . import certs, hostile_sasl, ns, openssl
from .answers import GOOD, REFUSE
from .managed import SM, STANZAS
from .xmpp import DEADLINE_S, Client, Closed, Reader, StreamError, bare, child, name, namespace

DOMAIN = "example.test"
CSI = "urn:xmpp:csi:0"
PLACES = ("before", "middle", "after")
# What good_session says, in this order; "answer" and "stanza" depend on what the client asks for.
STEPS = ("header", "features", "proceed", "tls", "header#2", "features#2", "challenge", "success",
         "header#3", "features#3", "bind", "enabled", "answer", "answer#2", "stanza", "end")


class CutOff(Exception):
    """The script's connection was cut, as it was told."""


class LoginFailed(Exception):
    """The client is not who it says it is, or gave up; the script ends there, without an error."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """At which step, before it, in its middle or after it, and how: close, rst or stall."""

    step: str
    place: str
    how: str

    def __str__(self):
        return f"{self.how}-{self.place}-{self.step}"


def cuts(hows=("close", "rst"), steps=STEPS):
    """Every place at which a session can break (row C01)."""
    return [Cut(*it) for it in itertools.product(steps, PLACES, hows)]


class Tap:
    """A socket that remembers what it read."""

    def __init__(self, sock):
        self.sock, self.heard = sock, bytearray()

    def recv(self, size):
        data = self.sock.recv(size)
        self.heard += data
        return data

    def __getattr__(self, attribute):
        return getattr(self.sock, attribute)


class Conn(Client):
    """The server's end of one connection. What came is in `inbox`, what came and was taken in
    `heard`; see Client for expect, take, nothing, expect_closed, reset.

    number: how many connections came before it. jid: the client's full JID, once bound.
    tls: the TLS socket or None. handled: stanzas counted for stream management. over: the script
    has ended; why: with this exception.
    """

    SM = SM

    def __init__(self, server, sock, number):
        self.server, self.number, self.host = server, number, server.domain
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(DEADLINE_S)
        self.wire = Tap(sock)
        self.sock = self.raw = self.wire
        self.jid = self.header = self.error = self.user = self.mechanism = self.why = None
        self.inbox, self.heard, self.fresh = [], [], []
        self.received, self.decrypted = b"", b""
        self.ended = self.closed = self.counting = self.over = self.by_sasl2 = False
        self.reader, self.counter = Reader(), 0
        self.tls = self.cleartext = None
        self.offered = {}
        self.handled, self.unacknowledged, self.acknowledged = 0, [], 0
        self.sm_id = None
        self._counts = {}

    # --- steps -------------------------------------------------------------------------------

    def say(self, step, text, more=b""):
        """Sends one thing of the protocol, unless the connection is to be cut here."""
        data = (text.encode() if isinstance(text, str) else text) + more
        key = self._step(step)
        self._cut(key, "before")
        if self._is_cut(key, "middle"):
            self.send_quietly(data[:len(data) // 2])
            self._cut(key, "middle")
        self.send(data)
        self._cut(key, "after")

    def _step(self, step):
        count = self._counts[step] = self._counts.get(step, 0) + 1
        key = step if count == 1 else f"{step}#{count}"
        self.server.steps.append(key)
        return key

    def _is_cut(self, key, place):
        cut = self.server.cut
        return (cut is not None and (cut.step, cut.place) == (key, place)
                and self.server.cutting(self))

    def _cut(self, key, place):
        if not self._is_cut(key, place):
            return
        self.server.was_cut = True
        how = self.server.cut.how
        if how == "rst":
            self.reset()
        elif how == "close":
            self.leave()
        else:
            self.stall()
        raise CutOff(str(self.server.cut))

    def stall(self):
        """Says nothing more and reads nothing more until the client leaves or the test ends."""
        while not self.server.stopping.wait(0.05):
            try:
                self.wire.sock.settimeout(0)
                if self.wire.sock.recv(65536) == b"":
                    break
            except BlockingIOError:
                continue
            except OSError:
                break
        self.abandon()

    def leave(self, timeout=3):
        """Closes so that the client reads all that was sent, and no reset."""
        self._finish()
        with contextlib.suppress(OSError):
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline and not self.server.stopping.is_set():
                self.wire.sock.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    if not self.wire.recv(65536):
                        break
        self.abandon()

    # --- what the client said ------------------------------------------------------------------

    def arrived(self, element):
        self.heard.append(element)
        self.fresh.append(element)
        if name(element) == "enable" and namespace(element) == SM:
            self.handled, self.counting = 0, True  # what came behind it in one piece counts, too
        elif self.counting and name(element) in STANZAS:
            self.handled += 1
        return True

    def pump(self, deadline):
        before = len(self.received)
        try:
            super().pump(deadline)
        except (AssertionError, KeyError):
            if self.header is not None or len(self.received) == before:
                raise
            self._old_stream(self.received[before:])
        finally:
            if self.tls is not None:
                self.decrypted += self.received[before:]

    def _old_stream(self, data):
        """What came where a new stream header was due: the client ends the stream before it."""
        start = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}'>"
        for kind, element in Reader().feed(start.encode() + data):
            if kind == "end":
                self.ended = True
            elif kind == "element" and namespace(element) == ns.STREAM:
                self.error = element
        if self.error is not None:
            raise StreamError(self.error)
        raise Closed(f"the stream was ended: {data!r}")

    def expect_closed(self, timeout=None):
        """Waits until the client has closed; if it ends its stream first, so do we."""
        deadline = self._deadline(timeout)
        answered = False
        while not self.closed:
            if self.ended and not answered:
                answered = True
                self.send_quietly("</stream:stream>")
                self._finish()
            self.pump(deadline)

    def _finish(self):
        """Nothing more will be sent."""
        with contextlib.suppress(OSError):
            if self.tls is not None and self.sock is self.tls:
                self.tls.close_notify()
            self.wire.sock.shutdown(socket.SHUT_WR)

    def everything_sent(self):
        """All bytes that the client sent: those on the wire, then those out of TLS."""
        return bytes(self.wire.heard) + self.decrypted

    def sent_in_clear(self):
        """What could be read on the wire: all before TLS."""
        return bytes(self.wire.heard if self.cleartext is None else self.cleartext)

    def mentions(self, *words, where=None):
        """Those of the words in what the client sent (or in `where`), also inside base64."""
        data = self.everything_sent() if where is None else where
        texts = [data]
        for token in re.findall(rb"[A-Za-z0-9+/]{4,}={0,2}", data):
            with contextlib.suppress(ValueError):
                texts.append(base64.b64decode(token + b"=" * (-len(token) % 4)))
        return [w for w in words if any(w.encode() in text for text in texts)]

    # --- streams -------------------------------------------------------------------------------

    def expect_open(self, timeout=None):
        """The client's stream header, as an element."""
        return self.expect_header(timeout)

    def reply_open(self, **attributes):
        """Our stream header. Attributes replace ours (xml__lang, from_); None leaves one out."""
        ours = {"xmlns": ns.CLIENT, "xmlns:stream": ns.STREAM, "id": secrets.token_hex(8),
                "from": self.host, "version": "1.0", "xml:lang": "en"}
        ours.update({k.rstrip("_").replace("__", ":"): v for k, v in attributes.items()})
        text = "".join(f" {k}={quoteattr(v)}" for k, v in ours.items() if v is not None)
        self.say("header", f"<?xml version='1.0'?><stream:stream{text}>")

    def features(self, *args, **options):
        """Stream features; see features_text(), whose arguments it takes."""
        text = features_text(*args, **options)
        self.offered = {"mechanisms": list(options.get("mechanisms", ())),
                        "sasl2": list(options.get("sasl2", ())),
                        "cb_types": list(options.get("cb_types", ()))}
        self.say("features", text)

    def starttls(self, certificate=None, inject=b"", **options):
        """Waits for <starttls/>, answers and does the handshake.

        certificate: in place of the server's. inject: bytes in clear right behind <proceed/>
        (row V32). Other options are openssl.TlsServerSocket's.
        """
        self.expect("starttls", space=ns.TLS)
        self.say("proceed", f"<proceed xmlns='{ns.TLS}'/>", inject)
        self.wrap_tls(certificate, **options)

    def refuse_tls(self):
        """Waits for <starttls/> and refuses; gives the client a moment to say something foolish."""
        self.expect("starttls", space=ns.TLS)
        self.say("proceed", f"<failure xmlns='{ns.TLS}'/></stream:stream>")

    def wrap_tls(self, certificate=None, **options):
        """TLS as its server; TlsError when the client does not like it."""
        self.cleartext = bytes(self.wire.heard)
        key = self._step("tls")
        self._cut(key, "before")
        options.setdefault("cut", lambda data: self._cut_hello(key, data))
        self.tls = openssl.TlsServerSocket(self.wire, certificate or self.server.certificate,
                                           **options)
        self.sock = self.tls
        self.restart()
        self.tls.handshake()
        self._cut(key, "after")

    def _cut_hello(self, key, data):
        if self._is_cut(key, "middle"):
            self.wire.sock.sendall(data[:len(data) // 2])
            self._cut(key, "middle")

    def stream_error(self, condition, text=None, inner="", end=True):
        """A stream error and, unless it is left open, the stream's end and the connection's."""
        said = "" if text is None else f"<text xmlns='{ns.STREAM_ERROR}'>{escape(text)}</text>"
        self.say("error", f"<stream:error><{condition} xmlns='{ns.STREAM_ERROR}'>{inner}"
                          f"</{condition}>{said}</stream:error></stream:stream>")
        if end:
            self.leave()

    def see_other_host(self, where):
        """Row C05. where: host, or host:port."""
        self.stream_error("see-other-host", inner=escape(where))

    def end(self):
        """Ends the stream, waits for the client to do the same, closes."""
        self.say("end", "</stream:stream>")
        self.leave()

    # --- logging in ----------------------------------------------------------------------------

    def sasl(self, accounts=None, **tamper):
        """One whole login by what the client chose, SASL or SASL2; see hostile_sasl.login.

        True if the client is in; the stream is ready for what comes next.
        """
        return hostile_sasl.login(self, accounts or self.server.accounts, **tamper)

    def sasl_scram(self, mechanism=None, **tamper):
        """As sasl, for a client that must choose SCRAM, or this very mechanism."""
        return hostile_sasl.login(self, self.server.accounts, must_be=mechanism or "SCRAM-",
                                  **tamper)

    def bind(self, resource=None, answer=None):
        """Waits for bind and answers it. answer: the whole result, {id} for its id."""
        request = self.expect("iq", type="set", has=f"{{{ns.BIND}}}bind")
        wanted = child(child(request, "bind", ns.BIND), "resource", ns.BIND)
        resource = resource or (wanted.text if wanted is not None else secrets.token_hex(4))
        self.jid = f"{self.user}@{self.host}/{resource}"
        text = answer or (f"<iq type='result' id='{{id}}'><bind xmlns='{ns.BIND}'>"
                          f"<jid>{escape(self.jid)}</jid></bind></iq>")
        self.say("bind", text.replace("{id}", escape(request.get("id", ""), {"'": "&apos;"})))
        return self.jid

    def log_in(self, tls="starttls", mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"),
               sasl2=(), cb_types=(), sm=True, features=None, bind=True, inline=(), **tamper):
        """Everything up to the bound resource, rightly.

        tls: starttls, direct or None. features: more of them, as XML. sasl2: mechanisms for SASL2;
        inline: namespaces that are offered in it. tamper: for the SASL exchange.
        """
        if tls == "direct":
            self.wrap_tls(alpn=["xmpp-client"])
        self.expect_open()
        self.reply_open()
        if tls == "starttls":
            self.features(starttls="required")
            self.starttls()
            self.expect_open()
            self.reply_open()
        self.features(mechanisms=mechanisms, sasl2=sasl2, cb_types=cb_types, inline=inline)
        if not self.sasl(**tamper):
            self.expect_closed()
            raise LoginFailed
        if not self.by_sasl2:
            self.expect_open()
            self.reply_open()
        self.features(bind=True, sm=sm, csi=True, rosterver=True, extra=features or "")
        if bind and self.jid is None:  # with SASL2 it may be bound already
            self._bind_or_resume()

    def _bind_or_resume(self):
        deadline = time.monotonic() + DEADLINE_S
        while not self.inbox:
            self.pump(deadline)
        if name(self.inbox[0]) == "resume":
            if self.resume(self.inbox.pop(0)):
                return
        self.bind()

    # --- stream management (XEP-0198) ------------------------------------------------------------

    def sm_enable(self, request=None, resume=True, **attributes):
        """Answers <enable/>, or waits for it first."""
        if request is None:
            self.expect("enable", space=SM)
        self.say("enabled", self.enabled(resume, **attributes))

    def enabled(self, resume=True, **attributes):
        """Begins to count; gives <enabled/>."""
        self.sm_id = secrets.token_hex(6)
        if not self.counting:
            self.handled, self.counting = 0, True
        self.unacknowledged, self.acknowledged = [], 0
        self.server.sessions[self.sm_id] = self
        more = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items())
        resumable = f" id='{self.sm_id}' resume='true'" if resume else ""
        return f"<enabled xmlns='{SM}'{resumable}{more}/>"

    def resume(self, request):
        """Answers <resume/> as the server's `resumption` says: good, fail or unknown-h."""
        old = self.server.sessions.get(request.get("previd"))
        if old is None or self.server.resumption != "good":
            known = old is not None and self.server.resumption == "fail-h"
            h = f" h='{old.handled}'" if known else ""
            self.say("enabled", f"<failed xmlns='{SM}'{h}><item-not-found"
                                f" xmlns='{ns.STANZA_ERROR}'/></failed>")
            return False
        self.jid, self.sm_id, self.handled = old.jid, old.sm_id, old.handled
        self.unacknowledged, self.acknowledged = old.unacknowledged, old.acknowledged
        self.counting = True
        self.server.sessions[self.sm_id] = self
        self._acknowledged(int(request.get("h", "0")))
        self.say("enabled", f"<resumed xmlns='{SM}' h='{self.handled}' previd='{self.sm_id}'/>")
        for stanza in list(self.unacknowledged):
            self.say("stanza", stanza)
        return True

    def _acknowledged(self, h):
        settled = max(0, min(h - self.acknowledged, len(self.unacknowledged)))
        del self.unacknowledged[:settled]
        self.acknowledged += settled

    def _management(self, element):
        kind = name(element)
        if kind == "enable":
            self.sm_enable(element)
        elif kind == "r":
            self.say("ack", f"<a xmlns='{SM}' h='{self.handled}'/>")
        elif kind == "a":
            self._acknowledged(int(element.get("h")))

    # --- stanzas -------------------------------------------------------------------------------

    def filled(self, text):
        """{jid}, {bare}, {domain} of the client's session."""
        for key, value in (("{jid}", self.jid or ""), ("{bare}", bare(self.jid or "")),
                           ("{domain}", self.host)):
            text = text.replace(key, escape(value, {"'": "&apos;"}))
        return text

    def deliver(self, *stanzas):
        """Sends stanzas that count; see filled()."""
        for stanza in stanzas:
            stanza = self.filled(stanza)
            if self.counting:
                self.unacknowledged.append(stanza)
            self.say("stanza", stanza)

    def ping(self, timeout=None):
        """The client answers: whatever came before has been dealt with. Gives its answer."""
        ident = self.next_id("ping")
        self.deliver(f"<iq type='get' id='{ident}' from='{{domain}}' to='{{jid}}'>"
                     f"<ping xmlns='{ns.PING}'/></iq>")
        self.serve(until=lambda: any(e.get("id") == ident for e in self.inbox), timeout=timeout)
        return self.expect("iq", id=ident)

    def serve(self, until=None, answers=None, timeout=None):
        """Answers what clients ask, until `until()` is true or the client leaves.

        answers: {"{namespace}name" of the payload: payload of the result, None for no answer,
        REFUSE, or a function of (conn, iq) that gives one of them}; they go before the server's.
        Everything else that comes stays in the inbox.
        """
        deadline = self._deadline(60 if timeout is None else timeout)
        table = {**self.server.answers, **(answers or {})}
        while True:
            fresh, self.fresh = self.fresh, []
            for element in fresh:
                if any(e is element for e in self.inbox) and self._serve_one(element, table):
                    self.inbox = [e for e in self.inbox if e is not element]
            if until is not None and until():
                return
            if self.ended:
                self.end()
                return
            if self.closed or self.server.stopping.is_set():
                return
            self.pump(deadline)

    def _serve_one(self, element, table):
        if namespace(element) in (SM, CSI):
            self._management(element)
            return True
        if name(element) == "presence" and element.get("to") is None:
            if element.get("type") is None:
                self.deliver(f"<presence from='{{jid}}' to='{{jid}}'/>")
            return False
        if name(element) != "iq" or element.get("type") not in ("get", "set"):
            return False
        answer = table.get(element[0].tag if len(element) else None, REFUSE)
        if callable(answer):
            answer = answer(self, element)
        if answer is not None:
            self.answer(element, answer)
        return True

    def answer(self, request, payload="", kind="result", step="answer"):
        """The result of a request; or kind="error" with an <error/> as the payload."""
        if payload is REFUSE:
            kind, payload = "error", (f"<error type='cancel'><service-unavailable"
                                      f" xmlns='{ns.STANZA_ERROR}'/></error>")
        to, ident = request.get("to"), request.get("id", "")
        sender = f" from={quoteattr(to)}" if to else ""
        text = self.filled(f"<iq type='{kind}' id={quoteattr(ident)}{sender} to='{{jid}}'>"
                           f"{payload}</iq>")
        if self.counting:
            self.unacknowledged.append(text)
        self.say(step, text)


def features_text(starttls=None, mechanisms=(), sasl2=(), cb_types=(), bind=False, sm=False,
                  csi=False, rosterver=False, register=False, inline=(), extra=""):
    """<stream:features/>. starttls: None, optional or required; extra: XML behind the others."""
    parts = []
    if starttls:
        inner = "<required/>" if starttls == "required" else ""
        parts.append(f"<starttls xmlns='{ns.TLS}'>{inner}</starttls>")
    if mechanisms:
        inner = "".join(f"<mechanism>{m}</mechanism>" for m in mechanisms)
        parts.append(f"<mechanisms xmlns='{ns.SASL}'>{inner}</mechanisms>")
    if sasl2:
        inner = "".join(f"<mechanism>{m}</mechanism>" for m in sasl2)
        within = "".join(f"<{INLINE[n]} xmlns='{n}'/>" for n in inline)
        parts.append(f"<authentication xmlns='{ns.SASL2}'>{inner}<inline>{within}</inline>"
                     "</authentication>")
    if cb_types:
        inner = "".join(f"<channel-binding type='{t}'/>" for t in cb_types)
        parts.append(f"<sasl-channel-binding xmlns='{ns.SASL_CB}'>{inner}</sasl-channel-binding>")
    for wanted, text in (
        (register, f"<register xmlns='{ns.IBR_FEATURE}'/>"),
        (bind, f"<bind xmlns='{ns.BIND}'/>"), (sm, f"<sm xmlns='{SM}'/>"),
        (csi, f"<csi xmlns='{CSI}'/>"), (rosterver, f"<ver xmlns='{ns.ROSTERVER}'/>"),
    ):
        if wanted:
            parts.append(text)
    return f"<stream:features>{''.join(parts)}{extra}</stream:features>"


INLINE = {ns.BIND2: "bind", SM: "sm", ns.FAST: "fast"}


def good_session(conn, stanzas=(), answers=None, **options):
    """A good server: login, then answers until the client leaves. stanzas: what it delivers once
    the client is available; see Conn.filled. Other options are log_in's."""
    conn.log_in(**options)
    available = lambda: any(  # noqa: E731
        name(e) == "presence" and e.get("type") is None and e.get("to") is None
        for e in conn.heard)
    conn.serve(until=available, answers=answers)
    if conn.closed or conn.ended:
        return
    conn.deliver(*(stanzas or (HELLO,)))
    conn.serve(answers=answers)


HELLO = ("<message type='chat' id='hello' from='friend@{domain}/phone' to='{jid}'>"
         "<body>hello</body></message>")


class Hostile:
    """Listens on loopback and runs a script per connection; a context manager.

    script: for all connections, or a list: the n-th for the n-th connection, the last for all
    that follow. accounts: {user: password}. certificate: shown by TLS, see certs.py.
    cut: break the first connection there, or the first `cut_connections`, or every one (None).
    answers: see Conn.serve. resumption: good, fail, or fail-h.
    """

    def __init__(self, script=good_session, domain=DOMAIN, certificate=None, accounts=None,
                 cut=None, cut_connections=1, answers=None, resumption="good", port=0,
                 ip="127.0.0.1"):
        self.scripts = list(script) if isinstance(script, (list, tuple)) else [script]
        self.domain = domain
        self.authority = certs.authority()
        self.ca_file = str(self.authority.ca_file)
        self.certificate = certificate or self.authority.good(domain)
        self.accounts = accounts or {"alice": "alice's secret"}
        self.answers = {**GOOD, **(answers or {})}
        self.resumption = resumption
        self.cut, self.cut_connections, self.was_cut = cut, cut_connections, False
        self.steps, self.sessions = [], {}
        self.connections, self.errors = [], []
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.listener = socket.create_server((ip, port))
        self.ip, self.port = self.listener.getsockname()
        self.address = (self.ip, self.port)
        self.threads = []
        self.changed = threading.Condition()
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.check()

    def cutting(self, conn):
        return self.cut_connections is None or conn.number < self.cut_connections

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                conn = Conn(self, sock, len(self.connections))
                self.connections.append(conn)
                self.changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(conn,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, conn):
        script = self.scripts[min(conn.number, len(self.scripts) - 1)]
        try:
            script(conn)
        except (CutOff, LoginFailed) as why:
            conn.why = why
        except Exception as error:  # handed to the test by check()
            if not self.stopping.is_set():
                conn.why = error
                self.errors.append(error)
        finally:
            if not conn.closed:
                conn.send_quietly("</stream:stream>" if conn.ended else "")
                conn.leave()
            conn.abandon()
            conn.over = True
            with self.changed:
                self.changed.notify_all()

    def wait(self, count=1, timeout=None):
        """Waits until so many connections have come and their scripts have ended."""
        limit = DEADLINE_S if timeout is None else timeout

        def over():
            return sum(c.over for c in self.connections) >= count

        with self.changed:
            assert self.changed.wait_for(over, limit), (
                f"{len(self.connections)} connections, wanted {count} that are over;"
                f" said: {self.steps[-8:]}")
        self.check()

    def check(self):
        """Raises what a script raised. A client that leaves in the middle, in whatever way, is no
        fault of the script's; see Conn.why."""
        for error in self.errors:
            if not isinstance(error, (Closed, StreamError, ConnectionError, openssl.TlsError)):
                raise error

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join(5)
        for conn in self.connections:
            with contextlib.suppress(OSError):
                conn.wire.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)

    def everything_sent(self):
        return b"".join(conn.everything_sent() for conn in self.connections)
