"""A device with stream management (XEP-0198): it counts, acknowledges, remembers what it sent, and
comes back. What it was handed is in `got`, over all its connections."""

import time

from .xmpp import DEADLINE_S, body, dump, name, namespace

SM = "urn:xmpp:sm:3"
STANZAS = ("iq", "message", "presence")


class Device:
    """answers: <r/> is answered. lost: nobody reads or answers any more."""

    def __init__(self, server, account, resource="device", presence=0, **options):
        self.server, self.account, self.options = server, account, options
        self.handled, self.told, self.got = 0, None, []
        self.answers, self.sent, self.confirmed, self.asked_by_server = True, [], 0, 0
        self.counts = False
        self.connect(**options)
        self.client.bind(resource)
        self.jid = self.client.jid
        if presence is not None:
            self.client.presence(inner=f"<priority>{presence}</priority>")
        self.client.send(f"<enable xmlns='{SM}' resume='true'/>")
        self.id = self.client.expect("enabled", space=SM).get("id")

    def connect(self, listener="plain", **options):
        self.client = self.server.stream(listener, host=self.account.host, **options)
        self.client.login(self.account)
        self.client.arrived = self._arrived

    def _arrived(self, element):
        if namespace(element) == SM:
            return self._management(element)
        if self.counts and name(element) in STANZAS:
            self.handled += 1
            if name(element) == "message" and body(element) is not None:
                self.got.append(body(element))
        return True

    def _management(self, element):
        if name(element) in ("enabled", "resumed"):
            self.counts = True
        elif name(element) == "r":
            self.asked_by_server += 1
            if self.answers:
                self.acknowledge()
        elif name(element) == "a":
            self._confirmed(element)
        return name(element) != "r"

    def acknowledge(self):
        self.client.send_quietly(f"<a xmlns='{SM}' h='{self.handled}'/>")

    def _confirmed(self, element):
        h = int(element.get("h"))
        assert self.confirmed <= h <= len(self.sent), f"{h} of {len(self.sent)}: {dump(element)}"
        self.confirmed = h

    def say(self, *stanzas):
        """Sends stanzas that count."""
        self.sent += stanzas
        self.client.send_quietly("".join(stanzas))

    def write(self, to, *texts):
        self.say(*(f"<message to='{to}' type='chat' id='{t}'><body>{t}</body></message>"
                   for t in texts))

    def asked(self):
        """What the server has settled of what was sent, by its own word."""
        self.client.take("a")
        self.client.send(f"<r xmlns='{SM}'/>")
        return int(self.client.expect("a", space=SM).get("h"))

    def settled(self):
        """Waits until all that was sent is settled."""
        self.client.send(f"<r xmlns='{SM}'/>")
        while self.confirmed < len(self.sent):
            self.client.expect("a", space=SM)

    def be_asked(self):
        """Waits for a question of the server's."""
        deadline = time.monotonic() + DEADLINE_S
        while self.asked_by_server == 0:
            self.client.pump(deadline)

    def read_out(self):
        """Takes what its socket has taken, up to the end of the connection."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.client.closed:
            self.client.pump(deadline)

    def read(self, *texts, timeout=None):
        """Waits until the last of these texts has come; all came once and in order."""
        while texts[-1] not in self.got:
            self.client.expect("message", timeout=timeout)
        assert self.got == list(texts), self.got
        self.got.clear()

    def sync(self):
        """Everything that the server had to say has come."""
        ident = self.client.next_id("sync")
        self.say(f"<iq type='get' id='{ident}'><ping xmlns='urn:xmpp:ping'/></iq>")
        self.client.expect("iq", id=ident)

    def resume(self, previd=None, **options):
        """On a new connection; sends again what was not settled. Gives <resumed/> or <failed/>."""
        self.client.arrived = lambda _: False
        self.counts = False
        self.connect(**{**self.options, **options})
        self.client.send(f"<resume xmlns='{SM}' previd='{previd or self.id}' h='{self.handled}'/>")
        answer = self.client.expect(("resumed", "failed"), space=SM)
        if name(answer) == "resumed":
            self._confirmed(answer)
            self.client.send_quietly("".join(self.sent[self.confirmed:]))
        return answer


def failed_with(answer):
    """The condition in <failed/>."""
    assert name(answer) == "failed", dump(answer)
    return name(answer[0]) if len(answer) else None
