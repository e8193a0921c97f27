"""The client's side of SASL PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), bent on demand.

Every field of a SCRAM message can be replaced, so that tests can send wrong ones.
"""

import base64
import hashlib
import hmac
import os

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.b64encode(data).decode()


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


def _escape(name):
    return name.replace("=", "=3D").replace(",", "=2C")


def fields(message):
    """'r=..,s=..,i=..' as a dict; values may hold '='."""
    return dict(part.split("=", 1) for part in message.split(","))


class Scram:
    """One exchange. first() → server's challenge → final(challenge) → verify(success)."""

    def __init__(self, mechanism, user, password, authzid="", cb_type=None, cb_data=b"", flag=None):
        self.mechanism = mechanism
        self.hash = HASHES[mechanism.removesuffix("-PLUS")]
        self.user, self.password = user, password
        self.cb_data = cb_data if cb_type else b""
        self.nonce = b64(os.urandom(18))
        gs2_flag = flag if flag is not None else (f"p={cb_type}" if cb_type else "n")
        self.gs2 = f"{gs2_flag},{'a=' + _escape(authzid) if authzid else ''},"
        self.first_bare = f"n={_escape(user)},r={self.nonce}"
        self.challenge = {}

    def first(self):
        return b64(self.gs2 + self.first_bare)

    def final(self, challenge, nonce=None, cbind=None, proof=None, extra=""):
        """challenge: the decoded server-first-message."""
        self.challenge = fields(challenge)
        cbind = b64(self.gs2.encode() + self.cb_data) if cbind is None else cbind
        without_proof = f"c={cbind},r={nonce or self.challenge['r']}{extra}"
        salt = base64.b64decode(self.challenge["s"])
        rounds = int(self.challenge["i"])
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), salt, rounds)
        message = ",".join((self.first_bare, challenge, without_proof)).encode()
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self.hash, client_key).digest(), message)
        self.server_signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        if proof is None:
            proof = b64(bytes(a ^ b for a, b in zip(client_key, signature)))
        return b64(f"{without_proof},p={proof}")

    def check_offer(self, challenge, features):
        """XEP-0474: the hash of what these features of SASL2 offered."""
        mechanisms = [m.text for m in features.find("{urn:xmpp:sasl:2}authentication")
                      if m.tag == "{urn:xmpp:sasl:2}mechanism"]
        types = [t.get("type") for t in
                 features.iterfind("{urn:xmpp:sasl-cb:0}sasl-channel-binding/*")]
        text = "\x1e".join(sorted(mechanisms))
        if types:
            text += "\x1f" + "\x1e".join(sorted(types))
        assert fields(challenge)["h"] == b64(hashlib.new(self.hash, text.encode()).digest())

    def verify(self, success):
        """success: the decoded server-final-message."""
        got = base64.b64decode(fields(success)["v"])
        assert hmac.compare_digest(got, self.server_signature), "wrong server signature"

    def _hmac(self, key, data):
        return hmac.new(key, data, self.hash).digest()
