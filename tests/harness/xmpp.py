"""A small synchronous XMPP client over a plain socket, for tests.

It sends exactly the bytes it is told, in exactly the segments it is told, and parses what comes
back with Expat. Whatever arrives lands in `inbox` in order of arrival; `expect` takes the first
stanza that fits and leaves the others. Nothing here sleeps: to show that something did *not* come,
read up to a fence (`sync`, `fence`), a stanza that takes the same way and arrives behind it.
"""

import hashlib
import os
import secrets
import socket
import ssl
import struct
import time
import xml.etree.ElementTree as ET
import xml.parsers.expat
from xml.sax.saxutils import escape, quoteattr

from . import ns, openssl, sasl

# Deadlines stretch on slow machines and under sanitizers.
PATIENCE = float(os.environ.get("BURBLE_TEST_PATIENCE", "1"))
DEADLINE_S = 8.0 * PATIENCE
ANY = object()


class Timeout(AssertionError):
    """What was waited for did not come before the deadline."""


class Closed(AssertionError):
    """The peer closed the connection while something was waited for."""


class StreamError(AssertionError):
    """The stream ended with an error that the test did not wait for."""

    def __init__(self, element):
        super().__init__(ET.tostring(element, encoding="unicode"))
        self.element = element


# --- looking at elements ---------------------------------------------------------------------


def name(element):
    return element.tag.rpartition("}")[2]


def namespace(element):
    return element.tag.rpartition("}")[0].removeprefix("{")


def child(element, local, space=ANY):
    """The first child of that name; in the parent's namespace unless one is given."""
    space = namespace(element) if space is ANY else space
    return element.find(f"{{{space}}}{local}")


def payload(element):
    """The children, but for the id that the archive gave a message (XEP-0359)."""
    return [x for x in element if x.tag != f"{{{ns.STANZA_ID}}}stanza-id"]


def body(element):
    found = child(element, "body")
    return None if found is None else found.text


def condition(element, space=ns.STANZA_ERROR):
    """The defined condition in a stanza error, stream error or SASL failure."""
    holder = child(element, "error") if name(element) in ("iq", "message", "presence") else element
    assert holder is not None, "no error in " + dump(element)
    if name(holder) == "failure":
        space = ns.SASL
    elif namespace(holder) == ns.STREAM:
        space = ns.STREAM_ERROR
    for inner in holder:
        if namespace(inner) == space and name(inner) != "text":
            return name(inner)
    raise AssertionError("no condition in " + dump(element))


def error_type(stanza):
    return child(stanza, "error").get("type")


def has_app_condition(element, local, space=ns.APP_ERRORS):
    """True if the error carries this application-specific condition."""
    return element.find(f".//{{{space}}}{local}") is not None


def dump(element):
    return ET.tostring(element, encoding="unicode")


def bare(jid):
    return jid.partition("/")[0]


def same(a, b):
    """Same infoset: names, attributes, text, order of children; prefixes do not count."""
    return (
        a.tag == b.tag
        and a.attrib == b.attrib
        and (a.text or "") == (b.text or "")
        and len(a) == len(b)
        and all(same(x, y) and (x.tail or "") == (y.tail or "") for x, y in zip(a, b))
    )


def parse(text, default=ns.CLIENT):
    """An element from text, as a child of a stream of the given default namespace."""
    events = Reader().feed(f"<w xmlns='{default}'>{text}</w>".encode())
    return next(element for kind, element in events if kind == "element")


class Reader:
    """Expat, cut at the children of the root: one event per stream header, child and end.

    Namespaces are resolved here: Expat would refuse those that hold its separator.
    """

    def __init__(self):
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.stack, self.depth, self.events, self.last = [], 0, [], None
        self.scopes = [{"": "", "xml": ns.XML}]

    def _name(self, raw, default):
        prefix, _, local = raw.rpartition(":")
        space = self.scopes[-1][prefix] if prefix or default else ""
        return f"{{{space}}}{local}" if space else local

    def _start(self, raw, attributes):
        declared = {k[6:]: v for k, v in attributes.items() if k == "xmlns" or k[:6] == "xmlns:"}
        self.scopes.append({**self.scopes[-1], **declared})
        others = {k: v for k, v in attributes.items() if k != "xmlns" and k[:6] != "xmlns:"}
        element = ET.Element(self._name(raw, True),
                             {self._name(k, False): v for k, v in others.items()})
        if self.depth == 0:
            self.events.append(("header", element))
        elif self.depth > 1:
            self.stack[-1].append(element)
        if self.depth > 0:
            self.stack.append(element)
        self.depth += 1
        self.last = None

    def _end(self, _raw):
        self.depth -= 1
        self.scopes.pop()
        if self.depth == 0:
            self.events.append(("end", None))
            return
        self.last = self.stack.pop()
        if self.depth == 1:
            self.events.append(("element", self.last))
            self.last = None

    def _text(self, text):
        if not self.stack:
            return
        if self.last is not None:
            self.last.tail = (self.last.tail or "") + text
        else:
            self.stack[-1].text = (self.stack[-1].text or "") + text

    def feed(self, data):
        self.parser.Parse(data, False)
        events, self.events = self.events, []
        return events


class Client:
    """One connection. Attributes: jid (full, after bind), features, header, inbox."""

    def __init__(self, address, host="localhost", source=None, window=None):
        self.address, self.host = address, host
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(DEADLINE_S)
        if window:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.raw = self.sock  # below TLS
        self.jid = self.header = self.features = self.error = None
        self.inbox, self.received = [], b""
        self.ended = self.closed = False
        self.reader = Reader()
        self.counter = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abandon()

    # --- bytes -------------------------------------------------------------------------------

    def send(self, *segments):
        """Each segment is one write; TCP_NODELAY makes it a segment of its own on loopback."""
        for segment in segments:
            self.sock.sendall(segment.encode() if isinstance(segment, str) else segment)

    def send_quietly(self, *segments):
        """As send; a peer that has closed meanwhile is no error."""
        try:
            self.send(*segments)
        except (OSError, ssl.SSLError):
            pass

    def pump(self, deadline):
        """One read. Raises Timeout at the deadline and Closed at the end of the connection."""
        if self.closed:
            raise Closed(f"connection closed; inbox: {[dump(e) for e in self.inbox]}")
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout(f"deadline passed; inbox: {[dump(e) for e in self.inbox]}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            raise Timeout(f"deadline passed; inbox: {[dump(e) for e in self.inbox]}") from None
        except (ConnectionError, ssl.SSLError, openssl.TlsError):
            data = b""
        finally:
            self.sock.settimeout(DEADLINE_S)
        if not data:
            self.closed = True
            return
        self.received = (self.received + data)[-200000:]
        try:
            events = self.reader.feed(data)
        except xml.parsers.expat.ExpatError as error:
            raise AssertionError(f"what came is not XML: {error}: {self.received!r}") from None
        for kind, element in events:
            if kind == "header":
                self.header = element
            elif kind == "end":
                self.ended = True
            elif element.tag == f"{{{ns.STREAM}}}error":
                self.error = element
            elif self.arrived(element):
                self.inbox.append(element)

    def arrived(self, _element):
        """Sees what comes; False: it is not for the inbox. See managed.py."""
        return True

    def _deadline(self, timeout):
        return time.monotonic() + (DEADLINE_S if timeout is None else timeout * PATIENCE)

    # --- waiting -----------------------------------------------------------------------------

    def expect(self, local, timeout=None, **fits):
        """Takes the first element of that name that fits; see matches()."""
        deadline = self._deadline(timeout)
        seen = 0
        while True:
            for index in range(seen, len(self.inbox)):
                if matches(self.inbox[index], local, **fits):
                    return self.inbox.pop(index)
            seen = len(self.inbox)
            if self.error is not None:
                raise StreamError(self.error)
            try:
                self.pump(deadline)
            except AssertionError as error:
                raise type(error)(f"waiting for <{local}> {fits}: {error}") from None

    def take(self, local=None, **fits):
        """Takes what has already come and fits, without reading."""
        found = [e for e in self.inbox if matches(e, local, **fits)]
        self.inbox = [e for e in self.inbox if not any(e is f for f in found)]
        return found

    def expect_stream_error(self, wanted=None, timeout=None):
        """Waits for a stream error, the stream's end and the socket's end; gives the error."""
        deadline = self._deadline(timeout)
        while not self.closed:
            if self.error is not None and self.ended:
                self.send_quietly("</stream:stream>")
            self.pump(deadline)
        assert self.error is not None, f"closed without a stream error: {self.received!r}"
        assert self.ended, "the stream was not closed after its error"
        if wanted is not None:
            allowed = (wanted,) if isinstance(wanted, str) else wanted
            assert condition(self.error) in allowed, f"wanted {wanted}: {dump(self.error)}"
        return self.error

    def expect_end(self, timeout=None):
        """Waits until the peer has ended its stream without an error."""
        deadline = self._deadline(timeout)
        while not self.ended:
            self.pump(deadline)
        assert self.error is None, dump(self.error)

    def expect_closed(self, timeout=None):
        """Waits until the peer has closed the connection, with or without words."""
        deadline = self._deadline(timeout)
        while not self.closed:
            self.pump(deadline)

    def expect_header(self, timeout=None):
        deadline = self._deadline(timeout)
        while self.header is None:
            self.pump(deadline)
        return self.header

    # --- fences ------------------------------------------------------------------------------

    def sync(self, timeout=None):
        """Everything the server had to say to this stream is in the inbox afterwards."""
        ident = self.next_id("sync")
        self.send(f"<iq type='get' id='{ident}' to='{self.host}'><ping xmlns='{ns.PING}'/></iq>")
        self.expect("iq", id=ident, type=("result", "error"), timeout=timeout)
        return self.inbox

    def fence(self, receiver, timeout=None):
        """Everything this client had caused for the receiver is in the receiver's inbox."""
        ident = self.next_id("fence")
        self.send(f"<message type='headline' id='{ident}' to={quoteattr(receiver.jid)}/>")
        receiver.expect("message", id=ident, type="headline", timeout=timeout)
        return receiver.inbox

    def round_trip(self, other):
        """As fence, to the other and back: also what the other's account answered."""
        self.fence(other)
        return other.fence(self)

    def nothing(self, local=None, **fits):
        """Nothing in the inbox fits. Read up to a fence first."""
        found = [dump(e) for e in self.inbox if matches(e, local, **fits)]
        assert not found, f"unwanted: {found}"

    # --- streams -----------------------------------------------------------------------------

    def next_id(self, prefix="i"):
        self.counter += 1
        return f"{prefix}{self.counter}-{secrets.token_hex(4)}"

    def open(self, to=None, features=True, **attributes):
        """A new stream header with a new parser; waits for header and features."""
        self.restart()
        to = self.host if to is None else to
        extra = "".join(f" {k.replace('_', ':')}={quoteattr(v)}" for k, v in attributes.items())
        self.send(
            f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' to={quoteattr(to)}"
            f" version='1.0' xmlns:stream='{ns.STREAM}'{extra}>"
        )
        return self.expect_features() if features else None

    def restart(self):
        self.reader, self.header, self.ended = Reader(), None, False

    def expect_features(self):
        self.features = self.expect("features", space=ns.STREAM)
        return self.features

    def feature(self, local, space):
        return child(self.features, local, space)

    def mechanisms(self):
        holder = self.feature("mechanisms", ns.SASL)
        return [] if holder is None else [m.text for m in holder]

    def starttls(self, **options):
        """RFC 6120, section 5; leaves the new stream to the caller."""
        self.send(f"<starttls xmlns='{ns.TLS}'/>")
        self.expect("proceed", space=ns.TLS)
        self.wrap(**options)

    def wrap(self, openssl_options=None, context=None):
        """TLS on this connection; by OpenSSL itself when its options are given."""
        if openssl_options is not None:
            self.sock = openssl.TlsSocket(self.raw, self.host, **openssl_options)
            self.sock.handshake()
            return
        context = context or unverified()
        self.sock = context.wrap_socket(self.raw, server_hostname=self.host)
        self.raw = self.sock

    # --- SASL --------------------------------------------------------------------------------

    def auth(self, mechanism, initial=None):
        text = "" if initial is None else initial or "="
        self.send(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{text}</auth>")

    def sasl_answer(self, timeout=None):
        """The next challenge, success or failure."""
        return self.expect(("challenge", "success", "failure"), space=ns.SASL, timeout=timeout)

    def expect_failure(self, wanted, timeout=None):
        answer = self.sasl_answer(timeout)
        assert name(answer) == "failure", dump(answer)
        allowed = (wanted,) if isinstance(wanted, str) else wanted
        assert condition(answer) in allowed, f"wanted {wanted}: {dump(answer)}"
        return answer

    def login(self, account, mechanism="PLAIN", authzid=""):
        """Authenticates and opens the stream anew."""
        answer = self.authenticate(account, mechanism, authzid)
        assert name(answer) == "success", dump(answer)
        self.open()

    def authenticate(self, account, mechanism="PLAIN", authzid="", **scram):
        """One whole exchange; gives <success/> or <failure/>."""
        if mechanism == "PLAIN":
            self.auth("PLAIN", sasl.plain(account.user, account.password, authzid))
            return self.sasl_answer()
        exchange = sasl.Scram(mechanism, account.user, account.password, authzid, **scram)
        self.auth(mechanism, exchange.first())
        answer = self.sasl_answer()
        if name(answer) != "challenge":
            return answer
        self.respond(exchange.final(decoded(answer)))
        answer = self.sasl_answer()
        if name(answer) == "success":
            exchange.verify(decoded(answer))
        return answer

    def respond(self, data):
        self.send(f"<response xmlns='{ns.SASL}'>{data}</response>")

    def authenticate2(self, account, mechanism="PLAIN", more="", **scram):
        """One whole exchange of XEP-0388, with what else is asked for; gives what it ended in:
        <success/>, <continue/> or <failure/>. The server has proved itself, where it can."""
        exchange = None
        if mechanism == "PLAIN":
            initial = sasl.plain(account.user, account.password)
        else:
            exchange = sasl.Scram(mechanism, account.user, account.password, **scram)
            initial = exchange.first()
        self.send(f"<authenticate xmlns='{ns.SASL2}' mechanism='{mechanism}'>"
                  f"<initial-response>{initial}</initial-response>{more}</authenticate>")
        answer = self.sasl2_answer()
        if name(answer) == "challenge":
            exchange.check_offer(decoded(answer), self.features)
            self.send(f"<response xmlns='{ns.SASL2}'>{exchange.final(decoded(answer))}</response>")
            answer = self.sasl2_answer()
        if exchange is not None and name(answer) in ("success", "continue"):
            exchange.verify(decoded(child(answer, "additional-data")))
        return answer

    def sasl2_answer(self):
        return self.expect(("challenge", "success", "failure", "continue"), space=ns.SASL2)

    def channel_binding(self, kind):
        """The channel's binding data as SCRAM wants them."""
        if kind == "tls-exporter":
            return self.sock.exporter()
        if kind == "tls-unique":
            return self.sock.finished()
        certificate = (
            self.sock.certificate()
            if isinstance(self.sock, openssl.TlsSocket)
            else self.sock.getpeercert(binary_form=True)
        )
        return hashlib.sha256(certificate).digest()

    def bind(self, resource=None):
        inner = "" if resource is None else f"<resource>{escape(resource)}</resource>"
        answer = self.iq("set", f"<bind xmlns='{ns.BIND}'>{inner}</bind>")
        assert answer.get("type") == "result", dump(answer)
        self.jid = child(child(answer, "bind", ns.BIND), "jid", ns.BIND).text
        return self.jid

    # --- stanzas -----------------------------------------------------------------------------

    def iq(self, kind, payload="", to=None, ident=None, timeout=None):
        """Sends a request and waits for its result or error."""
        ident = ident or self.next_id()
        target = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{ident}'{target}>{payload}</iq>")
        return self.expect("iq", id=ident, type=("result", "error"), timeout=timeout)

    def get(self, payload, to=None):
        """A get that must succeed; gives the payload of the result."""
        answer = self.iq("get", payload, to)
        assert answer.get("type") == "result", dump(answer)
        return answer[0] if len(answer) else None

    def set(self, payload, to=None):
        answer = self.iq("set", payload, to)
        assert answer.get("type") == "result", dump(answer)
        return answer

    def refused(self, kind, payload, wanted, to=None):
        """A request that must be answered by this error."""
        answer = self.iq(kind, payload, to)
        assert answer.get("type") == "error", dump(answer)
        allowed = (wanted,) if isinstance(wanted, str) else wanted
        assert condition(answer) in allowed, f"wanted {wanted}: {dump(answer)}"
        return answer

    def message(self, to, text=None, kind="chat", ident=None, extra=""):
        """Sends a message; gives its id."""
        ident = ident or self.next_id("m")
        type_ = f" type='{kind}'" if kind else ""
        inner = "" if text is None else f"<body>{escape(text)}</body>"
        self.send(f"<message to={quoteattr(to)} id='{ident}'{type_}>{inner}{extra}</message>")
        return ident

    def expect_message(self, text=None, timeout=None, **fits):
        where = (lambda e: body(e) == text) if text is not None else None
        return self.expect("message", timeout=timeout, where=where, **fits)

    def presence(self, kind=None, to=None, inner="", wait=True):
        """Sends presence. Initial and later broadcasts come back to the sender: waits for that."""
        type_ = f" type='{kind}'" if kind else ""
        target = f" to={quoteattr(to)}" if to else ""
        ident = self.next_id("p")
        self.send(f"<presence id='{ident}'{type_}{target}>{inner}</presence>")
        if wait and kind is None and to is None:
            self.expect("presence", frm=self.jid, type=None)
        return ident

    def roster(self, ver=None):
        """The roster as {jid: item}; makes the resource an interested one."""
        attribute = "" if ver is None else f" ver={quoteattr(ver)}"
        answer = self.iq("get", f"<query xmlns='{ns.ROSTER}'{attribute}/>")
        assert answer.get("type") == "result", dump(answer)
        query = child(answer, "query", ns.ROSTER)
        self.roster_ver = None if query is None else query.get("ver")
        return {} if query is None else {item.get("jid"): item for item in query}

    def roster_set(self, jid, **attributes):
        groups = "".join(f"<group>{escape(g)}</group>" for g in attributes.pop("groups", ()))
        extra = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items())
        item = f"<item jid={quoteattr(jid)}{extra}>{groups}</item>"
        return self.set(f"<query xmlns='{ns.ROSTER}'>{item}</query>")

    def expect_push(self, jid, timeout=None, answer=True, **wanted):
        """A roster push for this contact whose item has these attributes (None: absent)."""

        def fits(stanza):
            item = push_item(stanza)
            return item is not None and item.get("jid") == jid and all(
                item.get(k) == v for k, v in wanted.items()
            )

        push = self.expect("iq", type="set", where=fits, timeout=timeout)
        if answer:
            self.send(f"<iq type='result' id={quoteattr(push.get('id'))}/>")
        return push_item(push)

    # --- the end -----------------------------------------------------------------------------

    def close(self, timeout=None):
        """Ends the stream politely and sees the server do the same."""
        self.send("</stream:stream>")
        self.expect_end(timeout)
        self.expect_closed(timeout)
        self.abandon()

    def abandon(self):
        """Closes the socket without a word."""
        try:
            self.sock.close()
        except OSError:
            pass
        self.closed = True

    def reset(self):
        """Closes the socket so that the peer sees a reset."""
        linger = struct.pack("ii", 1, 0)
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.abandon()


def matches(element, local=None, space=ANY, type=ANY, id=ANY, frm=ANY, to=ANY, has=None, where=None):
    """local and type may be tuples of choices; has: {namespace} or {namespace}name of a child."""
    if local is not None:
        names = (local,) if isinstance(local, str) else local
        if name(element) not in names:
            return False
    if space is not ANY and namespace(element) != space:
        return False
    if type is not ANY:
        kinds = type if isinstance(type, tuple) else (type,)
        if element.get("type") not in kinds:
            return False
    for key, wanted in (("id", id), ("from", frm), ("to", to)):
        if wanted is not ANY and element.get(key) != wanted:
            return False
    if has is not None and not any(c.tag == has or namespace(c) == has[1:-1] for c in element):
        return False
    return where is None or bool(where(element))


def push_item(stanza):
    query = child(stanza, "query", ns.ROSTER)
    return None if query is None or len(query) != 1 else query[0]


def decoded(element):
    """The text of a SASL element, out of base64."""
    import base64

    return base64.b64decode(element.text or "").decode()


def unverified():
    """A TLS context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
