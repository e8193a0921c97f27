"""A small HTTP server that remembers what it was asked and answers as it is told.

Http is for any program that speaks HTTP; Microblog is one of both styles, with accounts and a
timeline; Uploads takes files at the URLs of slots (XEP-0363).
"""

import base64
import dataclasses
import http.server
import itertools
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse

from . import certs
from .proxy import RESET
from .xmpp import DEADLINE_S

BODY_MAX = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict
    headers: dict  # names in lower case
    body: bytes

    @property
    def form(self):
        """The body as application/x-www-form-urlencoded."""
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def fields(self):
        """Form or JSON, by its Content-Type."""
        return self.json if "json" in self.headers.get("content-type", "") else self.form

    @property
    def basic(self):
        """(user, password) of Basic authentication, or None."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, password

    @property
    def bearer(self):
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value if kind.lower() == "bearer" else None


@dataclasses.dataclass
class Rule:
    """times: for so many requests; None: for all. delay_s: before the answer. how: "answer",
    "drop" (no answer, the connection ends), "reset", or "half" (half of the body)."""

    method: str
    pattern: str
    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    times: int = None
    delay_s: float = 0
    how: str = "answer"

    def fits(self, request):
        return (self.times != 0 and self.method in (request.method, "*")
                and re.fullmatch(self.pattern, request.path) is not None)


class Http:
    """Listens on loopback; a context manager. url: of its root. requests: what it was asked.

    tls: with the certificate of `host` of the tests' authority, whose file is ca_file.
    """

    def __init__(self, tls=False, host="localhost", certificate=None):
        self.requests, self.rules = [], []
        self.changed = threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.ca_file = str(certs.authority().ca_file)
        if tls:
            shown = certificate or certs.authority().good(host)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(shown.chain, shown.key)
            # The handshake is the handler's, so that a bad client holds up nobody.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def answer(self, method, pattern, status=200, body=b"", headers=None, **rule):
        """How to answer requests for paths that the pattern fits, before all that was said earlier.
        body: bytes, text, or what becomes JSON. See Rule for the rest."""
        headers = dict(headers or {})
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        body = body.encode() if isinstance(body, str) else body
        self.rules.insert(0, Rule(method, pattern, status, body, headers, **rule))

    def wait(self, count=1, timeout=None, **fits):
        """Waits until so many requests have come whose attributes are these; gives them."""

        def found():
            return [r for r in self.requests if all(getattr(r, k) == v for k, v in fits.items())]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, timeout or DEADLINE_S), (
                f"{len(found())} of {count} requests came: {self.requests}")
        return found()

    def respond(self, _request):
        """What no rule says: (status, headers, body). For subclasses."""
        return 404, {}, b""

    def _take(self, request):
        with self.changed:
            self.requests.append(request)
            rule = next((r for r in self.rules if r.fits(request)), None)
            if rule is not None and rule.times is not None:
                rule.times -= 1
            answer = None if rule is not None else self.respond(request)
            self.changed.notify_all()
        return rule, answer

    def _handler(outer):  # noqa: N805 - self is the handler's
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:  # clients that go, or do not trust us
                    pass

            def _any(self):
                size = int(self.headers.get("Content-Length", "0"))
                body = self._chunks() if self.headers.get("Transfer-Encoding") else (
                    self.rfile.read(min(size, BODY_MAX)))
                parts = urllib.parse.urlsplit(self.path)
                request = Request(
                    self.command, urllib.parse.unquote(parts.path),
                    dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)),
                    {k.lower(): v for k, v in self.headers.items()}, body)
                rule, answer = outer._take(request)
                if rule is not None:
                    time.sleep(rule.delay_s)
                    if rule.how in ("drop", "reset"):
                        return self._go(rule.how)
                    answer = rule.status, rule.headers, rule.body
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    half = rule is not None and rule.how == "half"
                    self.wfile.write(body[:len(body) // 2] if half else body)
                    if half:
                        self._go("drop")

            def _chunks(self):
                body = b""
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _go(self, how):
                self.close_connection = True
                if how == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = _any

        return Handler


class Microblog(Http):
    """Statuses in the two styles that bridges know. users: {user: password} for Basic
    authentication; tokens: {token: user} for bearers.

    posted: what was posted, as {"user", "text", "id"}; write() is somebody else's status.
    """

    def __init__(self, users=None, tokens=None, **options):
        self.users = {"me": "my password"} if users is None else users
        self.tokens = {"token-of-me": "me"} if tokens is None else tokens
        self.timeline, self.posted, self.keys = [], [], {}
        self.ids = itertools.count(100)
        super().__init__(**options)

    def write(self, user, text):
        """A new status in the timeline; gives its id."""
        status = {"id": next(self.ids), "user": user, "text": text, "when": time.time()}
        with self.changed:
            self.timeline.insert(0, status)
        return status["id"]

    def fail(self, status=503, times=1, pattern=".*", **rule):
        """The next requests fail with this status; see Rule for other ways."""
        self.answer("*", pattern, status, {"error": "as told"}, times=times, **rule)

    def respond(self, request):
        route = (request.method, request.path)
        if request.path.startswith("/api/v1/"):
            user = self.tokens.get(request.bearer)
            style = self._mastodon
        else:
            user = request.basic[0] if request.basic and (
                self.users.get(request.basic[0]) == request.basic[1]) else None
            style = self._twitter
        if user is None:
            return _json(401, {"error": "who are you?"})
        return style(route, request, user)

    def _twitter(self, route, request, user):
        if route == ("POST", "/statuses/update.json"):
            if not request.form.get("status"):
                return _json(403, {"error": "no status"})
            return _json(200, self._tweet(self._post(user, request.form["status"])))
        if request.method == "GET" and re.fullmatch(
                r"/statuses/(home|friends|user|public)_timeline\.json", request.path):
            return _json(200, [self._tweet(s) for s in self._since(request, "count")])
        return _json(404, {"error": "not here"})

    def _mastodon(self, route, request, user):
        if route == ("POST", "/api/v1/statuses"):
            key = request.headers.get("idempotency-key")
            if not request.fields.get("status"):
                return _json(422, {"error": "Validation failed: Text can't be blank"})
            if key is None or key not in self.keys:
                self.keys[key] = self._post(user, request.fields["status"])
            return _json(200, self._toot(self.keys[key]))
        if request.method == "GET" and re.fullmatch(r"/api/v1/timelines/(home|public)",
                                                    request.path):
            return _json(200, [self._toot(s) for s in self._since(request, "limit")])
        if route == ("GET", "/api/v1/accounts/verify_credentials"):
            return _json(200, self._person(user))
        return _json(404, {"error": "Record not found"})

    def _post(self, user, text):
        status = {"id": next(self.ids), "user": user, "text": text, "when": time.time()}
        self.posted.append(status)
        self.timeline.insert(0, status)
        return status

    def _since(self, request, count):
        least = int(request.query.get("since_id", request.query.get("min_id", "0")))
        newer = [s for s in self.timeline if s["id"] > least]
        most = int(request.query.get(count, "20"))
        return newer[-most:] if "min_id" in request.query else newer[:most]

    def _tweet(self, status):
        when = time.strftime("%a %b %d %H:%M:%S +0000 %Y", time.gmtime(status["when"]))
        return {"id": status["id"], "id_str": str(status["id"]), "text": status["text"],
                "created_at": when,
                "user": {"screen_name": status["user"], "name": status["user"].title()}}

    def _toot(self, status):
        text = (status["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\n", "<br />"))
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status["when"]))
        return {"id": str(status["id"]), "content": f"<p>{text}</p>", "created_at": when,
                "url": f"{self.url}/@{status['user']}/{status['id']}", "visibility": "public",
                "reblog": None, "spoiler_text": "", "account": self._person(status["user"])}

    def _person(self, user):
        return {"id": user, "username": user, "acct": user, "display_name": user.title()}


class Uploads(Http):
    """Files by PUT, back by GET, with https as XEP-0363 demands; tls=False for http.

    As an answer of a scripted server: Hostile(answers={"{urn:xmpp:http:upload:0}request": u.slot}).
    slot_headers: what the PUT must carry. files: {path: bytes}.
    """

    def __init__(self, tls=True, slot_headers=None, **options):
        self.slots, self.files = {}, {}
        self.slot_headers = {"Authorization": "Bearer of-the-slot"} if slot_headers is None \
            else slot_headers
        self.numbers = itertools.count(1)
        super().__init__(tls=tls, **options)

    def slot(self, _conn, iq):
        """A slot as the payload of the result of this request."""
        asked = iq[0]
        path = f"/{next(self.numbers)}/{asked.get('filename')}"
        with self.changed:
            self.slots[path] = int(asked.get("size"))
        url = self.url + urllib.parse.quote(path)
        headers = "".join(f"<header name='{k}'>{v}</header>" for k, v in self.slot_headers.items())
        return (f"<slot xmlns='urn:xmpp:http:upload:0'><put url='{url}'>{headers}</put>"
                f"<get url='{url}'/></slot>")

    def respond(self, request):
        if request.method == "GET" and request.path in self.files:
            return 200, {"Content-Type": "application/octet-stream"}, self.files[request.path]
        if request.method != "PUT" or request.path not in self.slots:
            return 404, {}, b""
        if any(request.headers.get(k.lower()) != v for k, v in self.slot_headers.items()):
            return 403, {}, b""
        if self.slots.pop(request.path) != len(request.body):
            return 413, {}, b""
        self.files[request.path] = request.body
        return 201, {}, b""


def _json(status, value):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
