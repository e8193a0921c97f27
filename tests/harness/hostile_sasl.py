"""The server's side of SASL (RFC 6120, section 6) and SASL2 (XEP-0388): right, and wrong on demand.

PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677) with and without channel binding (RFC 9266), EXTERNAL.
"""

import base64
import hashlib
import hmac
import os
from xml.sax.saxutils import escape

from . import ns
from .sasl import HASHES, b64, fields
from .xmpp import child, dump, name, namespace


class Exchange:
    """One login in the words of SASL or of SASL2, whichever the client speaks."""

    def __init__(self, conn):
        self.conn = conn
        self.start = conn.expect(("auth", "authenticate"),
                                 where=lambda e: namespace(e) in (ns.SASL, ns.SASL2))
        self.space = namespace(self.start)
        self.two = self.space == ns.SASL2
        self.mechanism = self.start.get("mechanism")
        holder = child(self.start, "initial-response") if self.two else self.start
        text = None if holder is None else holder.text
        self.initial = None if text is None else unbase64(text)

    def challenge(self, data):
        """Sends it, gives the client's response; None when the client gave up."""
        self.conn.say("challenge", f"<challenge xmlns='{self.space}'>{b64(data)}</challenge>")
        answer = self.conn.expect(("response", "abort"), space=self.space)
        return unbase64(answer.text) if name(answer) == "response" else None

    def failure(self, condition="not-authorized", text=""):
        said = f"<text>{escape(text)}</text>" if text else ""
        self.conn.say("failure", f"<failure xmlns='{self.space}'><{condition} xmlns='{ns.SASL}'/>"
                                 f"{said}</failure>")
        return False

    def success(self, user, data=None):
        """data: additional data; None for none."""
        conn = self.conn
        conn.user = user
        if not self.two:
            conn.restart()
            conn.say("success", f"<success xmlns='{ns.SASL}'>{b64(data) if data else ''}</success>")
            return True
        more = f"<additional-data>{b64(data)}</additional-data>" if data else ""
        identity = f"{user}@{conn.host}"
        bind = child(self.start, "bind", ns.BIND2)
        bound = ""
        if bind is not None:
            tag = child(bind, "tag", ns.BIND2)
            conn.jid = f"{identity}/{tag.text if tag is not None else 'it'}.{os.urandom(4).hex()}"
            enable = child(bind, "enable", conn.SM)
            enabled = conn.enabled(resume=enable.get("resume")) if enable is not None else ""
            identity, bound = conn.jid, f"<bound xmlns='{ns.BIND2}'>{enabled}</bound>"
        conn.by_sasl2 = True  # the stream goes on, without a new header
        conn.say("success", f"<success xmlns='{ns.SASL2}'>{more}<authorization-identifier>"
                            f"{escape(identity)}</authorization-identifier>{bound}</success>")
        return True


def unbase64(text):
    return b"" if text in (None, "", "=") else base64.b64decode(text, validate=True)


def login(conn, accounts, must_be=None, **tamper):
    """One whole exchange. True if the client is logged in; conn.user is who it is.

    must_be: what the chosen mechanism must begin with. tamper: see scram().
    """
    exchange = Exchange(conn)
    mechanism = exchange.mechanism or ""
    offered = conn.offered.get("sasl2" if exchange.two else "mechanisms", ())
    assert mechanism in offered, f"{mechanism} was not offered: {dump(exchange.start)}"
    assert must_be is None or mechanism.startswith(must_be), f"chose {mechanism}, not {must_be}"
    conn.mechanism = mechanism
    if mechanism == "PLAIN":
        return plain(exchange, accounts)
    if mechanism == "EXTERNAL":
        return exchange.success(tamper.get("user", next(iter(accounts))))
    return scram(exchange, accounts, **tamper)


def plain(exchange, accounts):
    initial = exchange.initial if exchange.initial is not None else exchange.challenge(b"")
    _, user, password = (initial or b"\0\0").split(b"\0")
    if accounts.get(user.decode()) != password.decode():
        return exchange.failure()
    return exchange.success(user.decode())


class _Message(dict):
    """A SCRAM message by attributes; order is kept."""

    def __str__(self):
        return ",".join(f"{k}={v}" for k, v in self.items())


def scram(exchange, accounts, salt=b"salt of the bench", iterations=4096, nonce=None, first=None,
          final=None, in_success=True, success_at_once=False, skip=False, accept=False,
          cb_data=None, stored=None, offer_hash=False):
    """SCRAM. By default right in everything. To be wrong:

    salt: bytes, or a string as it is to stand behind s=. iterations: anything.
    nonce: a function of the right nonce (client's and ours). first, final: functions of the
    server-first-message and server-final-message (strings); a final of None sends no data.
    in_success=False: the final message as a challenge of its own, which is also right.
    success_at_once: success in place of the first challenge. skip: success without a final
    message, whatever the proof. accept: whatever the proof. cb_data: in place of the channel's.
    stored: the password that is expected of every user. offer_hash: h= of XEP-0474, True or text.
    """
    conn = exchange.conn
    plus = exchange.mechanism.endswith("-PLUS")
    digest = HASHES[exchange.mechanism.removesuffix("-PLUS")]
    client_first = (exchange.initial or b"").decode()
    flag, authzid, client_bare = client_first.split(",", 2)
    conn.gs2_flag = flag
    asked = fields(client_bare)
    user = asked["n"].replace("=2C", ",").replace("=3D", "=")
    if success_at_once:
        return exchange.success(user)
    whole = asked["r"] + b64(os.urandom(12))
    server_first = _Message(
        r=nonce(whole) if nonce else whole,
        s=salt if isinstance(salt, str) else b64(salt), i=iterations)
    if offer_hash:
        server_first["h"] = offered_hash(conn, digest) if offer_hash is True else offer_hash
    said = first(str(server_first)) if first else str(server_first)
    response = exchange.challenge(said)
    if response is None:
        return exchange.failure("aborted")
    if skip:
        return exchange.success(user)
    response = response.decode()
    without_proof, _, proof = response.rpartition(",p=")
    keys = _Keys(digest, stored or accounts.get(user, os.urandom(8).hex()), salt, iterations,
                 ",".join((client_bare, said, without_proof)))
    wanted = f"{flag},{authzid},".encode()
    if plus or flag.startswith("p="):
        wanted += channel_binding(conn, flag.removeprefix("p=")) if cb_data is None else cb_data
    right = (fields(without_proof).get("c") == b64(wanted) and
             fields(without_proof).get("r") == whole and keys.proves(proof))
    if not right and not accept:
        return exchange.failure()
    message = f"v={b64(keys.signature)}"
    message = final(message) if final else message
    if in_success:
        return exchange.success(user, message)
    exchange.challenge(message or "")
    return exchange.success(user)


class _Keys:
    def __init__(self, digest, password, salt, iterations, message):
        salt = base64.b64decode(salt + "==") if isinstance(salt, str) else salt
        rounds = iterations if isinstance(iterations, int) and 0 < iterations < 2**24 else 1
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
        self.digest, self.message = digest, message.encode()
        self.client = self._hmac(salted, b"Client Key")
        self.signature = self._hmac(self._hmac(salted, b"Server Key"), self.message)

    def _hmac(self, key, data):
        return hmac.new(key, data, self.digest).digest()

    def proves(self, proof):
        mask = self._hmac(hashlib.new(self.digest, self.client).digest(), self.message)
        return b64(bytes(a ^ b for a, b in zip(self.client, mask))) == proof


def channel_binding(conn, kind):
    if conn.tls is None:
        return b""
    if kind == "tls-exporter":
        return conn.tls.exporter()
    if kind == "tls-server-end-point":
        return conn.tls.end_point()
    return conn.tls.finished()


def offered_hash(conn, digest):
    """XEP-0474: over what was offered in this stream."""
    text = "\x1e".join(sorted(conn.offered["sasl2"] or conn.offered["mechanisms"]))
    if conn.offered["cb_types"]:
        text += "\x1f" + "\x1e".join(sorted(conn.offered["cb_types"]))
    return b64(hashlib.new(digest, text.encode()).digest())
