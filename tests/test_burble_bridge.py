"""burble bridge (S7): a microblog over HTTP and XMPP, both ways, in both styles of its API."""

import json
import re
import signal

import pytest

from harness.answers import REFUSE
from harness.hostile import Hostile
from harness.http import Http, Microblog
from harness.people import subscribe
from harness.server import wait_until
from harness.xmpp import bare, body

ATOM = "{http://www.w3.org/2005/Atom}"
PUBSUB = "{http://jabber.org/protocol/pubsub}pubsub"


class Bridge:
    """An account for the bridge, a microblog, and how to get from one to the other."""

    def __init__(self, home, server, style="mastodon", jid=None, **blog):
        self.home, self.style = home, style
        if jid is None:
            self.account = server.account("bridge")
            self.jid = self.account.jid
            home.account(self.jid, self.account.password, server)
        else:  # of a scripted server
            self.jid = jid
            home.account(jid, "alice's secret", server)
        self.blog = Microblog(**blog)
        self.secret = "token-of-me" if style == "mastodon" else "my password"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.blog.stop()

    def arguments(self, command):
        user = [] if self.style == "mastodon" else ["--style", "twitter", "--user", "me"]
        return ["burble", "-a", self.jid, "bridge", command, "--url", self.blog.url, *user]

    def post(self, text, *more, code=0, **options):
        options.setdefault("env", {"BURBLE_BRIDGE_SECRET": self.secret})
        return self.home.run(*self.arguments("post"), *more, "--", text, code=code, **options)

    def run(self, *more):
        self.process = self.home.spawn(*self.arguments("run"), "--poll", "1", "--verbose", *more,
                                       env={"BURBLE_BRIDGE_SECRET": self.secret})
        self.process.expect_error("logged in as|resumed as")
        return self.process

    def texts(self):
        return [p["text"] for p in self.blog.posted]

    def posted(self, text):
        """Waits until the microblog has it, once."""
        wait_until(lambda: text in self.texts(), 20, f"{text!r} in {self.texts()}")
        assert self.texts().count(text) == 1


@pytest.fixture(params=["mastodon", "twitter"])
def style(request):
    return request.param


@pytest.fixture
def bridge(home, server, style):
    with Bridge(home, server, style) as made:
        yield made


def friend(server, bridge):
    """Somebody who sees the presence of the bridge's account."""
    alice = server.user("alice")
    own = server.login(bridge.account, "setup", presence=0)
    subscribe(alice, own)
    own.close()
    alice.sync()
    alice.inbox.clear()
    return alice


def has_status(presence):
    return presence.find("{jabber:client}status") is not None


# ---------------------------------------------------------------------------------------- at once


@pytest.mark.burbled_only
def test_S7_a_text_goes_both_ways_at_once(server, bridge):
    alice = friend(server, bridge)
    text = "Hello & <wörld> + 100%;\nзавтра"
    done = bridge.post(text)
    assert bridge.texts() == [text]
    seen = alice.expect("presence", where=has_status)
    assert seen.findtext("{jabber:client}status") == text
    assert "microblog: " in done.out and "xmpp: the status was shown" in done.out
    request = bridge.blog.requests[0]
    assert request.fields == {"status": text}
    if bridge.style == "mastodon":
        assert request.bearer == "token-of-me" and len(request.headers["idempotency-key"]) == 32
    else:
        assert request.basic == ("me", "my password")


def test_S7_json_and_messages(server, bridge):
    alice = server.user("alice")
    done = bridge.post("to her", "--to", alice.jid, "--no-status", "--json")
    alice.expect_message("to her")
    by_side = {row["side"]: row for row in done.json}
    assert by_side["microblog"]["done"] and by_side["microblog"]["id"] == "100"
    assert by_side["xmpp"] == {"side": "xmpp", "done": True}


@pytest.mark.servers("prosody", "ejabberd")
def test_S7_a_text_goes_to_PEP(home, server):
    server.needs("pep")
    with Bridge(home, server) as bridge:
        alice = server.login(bridge.account, "reader", presence=0)
        bridge.post("into <PEP>", "--pep")
        items = alice.get("<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                          "<items node='urn:xmpp:microblog:0'/></pubsub>")
        titles = [e.text for e in items.iter(f"{ATOM}title")]
        assert titles == ["into <PEP>"]


def test_S7_PEP_that_is_refused_is_told(home):
    with Hostile(answers={PUBSUB: REFUSE}) as server, \
            Bridge(home, server, jid=f"alice@{server.domain}") as bridge:
        done = bridge.post("one", "--pep", "--json", code=1)
        by_side = {row["side"]: row for row in done.json}
        assert by_side["microblog"]["done"] and not by_side["xmpp"]["done"]
        assert by_side["xmpp"]["why"] == "PEP: service-unavailable"
        bridge.post("two")  # it is not tried again for ever


def test_S7_what_comes_while_PEP_is_busy_goes_there_too(home):
    told, held = [], []

    def publish(conn, iq):
        told.extend(e.text for e in iq.iter(f"{ATOM}title"))
        held.append(iq)
        if len(told) > 1:
            return ""
        conn.deliver(*(f"<message type='chat' from='friend@{{domain}}/phone' to='{{jid}}'>"
                       f"<body>{text}</body></message>" for text in ("two", "three")))
        conn.ping()  # it has read them
        return ""

    with Hostile(answers={PUBSUB: publish}) as server, \
            Bridge(home, server, jid=f"alice@{server.domain}") as bridge:
        # The first text is what a good server delivers when somebody comes.
        bridge.run("--pep", "--allow", f"friend@{server.domain}")
        wait_until(lambda: len(told) == 3, 20, f"three entries in {told}")
        assert told == ["hello", "two", "three"]
        bridge.posted("three")


# --------------------------------------------------------------------------------- one side fails


@pytest.mark.parametrize("how, code, why", [
    (dict(status=503), 3, r"fails \(503\): as told"),
    (dict(status=429, headers={"Retry-After": "1"}), 3, "fewer requests"),
    (dict(status=200, how="drop"), 3, "microblog: "),
    (dict(status=200, how="half"), 3, "microblog: "),
    (dict(status=200), 5, "no microblog of this style"),
    (dict(status=302, headers={"Location": "http://localhost:1/"}), 5, "has moved"),
    (dict(status=404), 5, "no such API"),
    (dict(status=401), 4, "does not take the login"),
])
def test_S7_what_the_microblog_did_not_take_is_kept(server, bridge, how, code, why):
    alice = server.user("alice")
    bridge.blog.fail(**how)
    done = bridge.post("one", "--to", alice.jid, code=code)
    alice.expect_message("one")  # XMPP has it all the same
    assert bridge.texts() == []
    assert re.search(why, done.err) and "kept" in done.err, done.err
    bridge.post("two")
    assert bridge.texts() == ["one", "two"]
    bridge.post("three")
    assert bridge.texts() == ["one", "two", "three"]


def test_S7_a_refusal_is_for_good(server, bridge):
    bridge.blog.fail(422)
    done = bridge.post("one", code=1)
    assert "it refuses (422): as told" in done.err and "kept" not in done.err
    bridge.post("two")
    assert bridge.texts() == ["two"]


@pytest.mark.burbled_only
def test_S7_without_xmpp_the_microblog_has_it(home, start_server):
    server = start_server()
    alice = server.user("alice")
    with Bridge(home, server) as bridge:
        server.stop()
        done = bridge.post("one", "--to", bare(alice.jid), code=3)
        assert bridge.texts() == ["one"] and "microblog: " in done.out
        server.start()
        bridge.post("two")
        assert bridge.texts() == ["one", "two"]
        again = server.login(alice.account, presence=0)
        again.expect_message("one")  # it has waited in the session's queue


def test_S7_what_comes_back_is_told(server, bridge):
    done = bridge.post("one", "--to", f"nobody@{server.host}", code=1)
    assert bridge.texts() == ["one"] and f"xmpp: nobody@{server.host}: " in done.err


def test_S7_a_post_after_the_bridge_has_a_session_of_its_own(server, bridge):
    alice = server.user("alice")
    bridge.run("--allow", bare(alice.jid))
    bridge.process.stop(signal.SIGTERM, code=6)
    alice.message(bridge.jid, "for the bridge")  # its session waits for it
    alice.round_trip(alice)
    bridge.post("one")
    assert bridge.texts() == ["one"]
    bridge.run("--allow", bare(alice.jid))
    bridge.posted("for the bridge")


def test_S7_what_waits_for_one_microblog_is_not_for_another(home, server):
    with Bridge(home, server) as bridge, Microblog() as other:
        bridge.blog.fail(503)
        bridge.post("one", code=3)
        mine, bridge.blog = bridge.blog, other
        bridge.post("two")
        assert bridge.texts() == ["two"]
        bridge.blog = mine
        bridge.post("three")
        assert bridge.texts() == ["one", "three"]


def test_S7_one_try_is_one_post(home, server):
    """Mastodon's key makes a repeated request harmless: the answer was lost, not the request."""
    with Bridge(home, server) as bridge:
        seen = []

        def respond(request, plain=bridge.blog.respond):
            answer = plain(request)
            if request.method == "POST" and not seen:
                seen.append(request)
                return 500, {}, b"{}"
            return answer

        bridge.blog.respond = respond
        bridge.post("once", code=3)
        bridge.post("twice")
        assert bridge.texts() == ["once", "twice"]


# ----------------------------------------------------------------------------------------- secrets


def test_C13_the_secret_is_seen_by_nobody(home, server, bridge):
    path = home.file("token", bridge.secret + "\nmore\n")
    bridge.post("by file", "--secret-file", path, env={})
    bridge.post("by command", "--secret-command", f"head -n 1 {path}", env={})
    done = bridge.post("debug", "--debug", "--verbose")
    assert bridge.secret not in done.out + done.err
    assert bridge.texts() == ["by file", "by command", "debug"]
    path.chmod(0o644)
    assert "chmod 600" in bridge.post("x", "--secret-file", path, env={}, code=2).err
    bridge.secret = "wrong"
    done = bridge.post("x", code=4)
    assert "wrong" not in done.err


@pytest.mark.parametrize("arguments, why", [
    (["--url", "https://me:secret@h"], "without a user and a password"),
    (["--url", "ftp://h"], "--url is https"),
    (["--url", "http://example.org"], "over http everybody"),
    (["--url", "https://h/?x=1"], "without a query"),
    ([], "which microblog"),
    (["--url", "https://h", "--style", "x"], "--style is"),
    (["--url", "https://h", "--style", "twitter"], "wants --user"),
    (["--url", "https://h", "--style", "twitter", "--user", "a:b"], "without a colon"),
    (["--url", "https://h", "--visibility", "x"], "--visibility is"),
    (["--url", "https://h", "--to", "@"], "--to is an address"),
])
def test_mistakes_are_told(home, server, arguments, why):
    account = server.account("bridge")
    home.account(account.jid, account.password, server)
    done = home.run("burble", "bridge", "post", *arguments, "x", code=2,
                    env={"BURBLE_BRIDGE_SECRET": "s"})
    assert why in done.err and "secret@" not in done.err


def test_texts_that_are_none(home, server, bridge):
    assert "no text" in bridge.post(" \n", code=2).err
    assert "not UTF-8" in bridge.post("-", stdin=b"\xff", code=2).err
    assert "longer than" in bridge.post("-", stdin="x" * 70000, code=2).err
    assert "no text" in bridge.post("\x1b", code=2).err
    bridge.post("-", stdin="from a pipe\n")
    bridge.post("a \x1b[1mbold\x01 one\r\ntwo")
    assert bridge.texts() == ["from a pipe", "a [1mbold\ufffd one\ntwo"]


def test_a_secret_is_one_of_a_header(home, server, bridge):
    assert "control character" in bridge.post("x", code=2, env={
        "BURBLE_BRIDGE_SECRET": "a\rX-Other: b"}).err
    assert "where is the" in bridge.post("x", code=2, env={}, start_new_session=True).err
    assert bridge.blog.requests == []


def test_C13_no_proxy_gets_what_is_for_this_machine(server, bridge):
    with Http() as proxy:
        bridge.post("one", env={"BURBLE_BRIDGE_SECRET": bridge.secret, "http_proxy": proxy.url,
                                "all_proxy": proxy.url})
        assert proxy.requests == [] and bridge.texts() == ["one"]


def test_S7_certificates_are_verified(home, server):
    with Bridge(home, server, tls=True) as bridge:
        done = bridge.post("x", code=3)
        assert "certificate" in done.err.lower() and bridge.blog.requests == []
        bridge.post("y", "--http-ca-file", bridge.blog.ca_file)
        assert bridge.texts() == ["x", "y"]


def test_an_answer_without_end_is_cut(home, server):
    with Bridge(home, server) as bridge:
        bridge.blog.answer("POST", ".*", 200, b"x" * (2 << 20), times=1)
        assert "too long" in bridge.post("x", code=3).err


# ----------------------------------------------------------------------------------------- running


def test_S7_messages_are_posted_and_told(server, bridge):
    alice, eve = server.user("alice"), server.user("eve")
    bridge.run("--allow", bare(alice.jid))
    alice.message(bridge.jid, "one\ntwo")
    assert body(alice.expect_message()).startswith("Posted: ")
    eve.message(bridge.jid, "me too")
    eve.expect_message("Access denied")
    bridge.blog.fail(422)
    alice.message(bridge.jid, "refused")
    assert body(alice.expect_message()).startswith("Not posted: it refuses (422)")
    assert bridge.texts() == ["one\ntwo"]
    alice.message(bridge.jid, "'; $(id) `id`")  # V71
    alice.expect_message()
    bridge.posted("'; $(id) `id`")


@pytest.mark.burbled_only
def test_S7_what_is_posted_is_shown_as_status(server, bridge):
    alice = friend(server, bridge)
    bridge.run("--allow", bare(alice.jid))
    alice.message(bridge.jid, "busy")
    shown = alice.expect("presence", where=has_status)
    assert shown.findtext("{jabber:client}status") == "busy"
    bridge.process.stop(signal.SIGTERM, code=6)


def test_S7_news_comes_as_messages(server, bridge):
    alice, carol = server.user("alice"), server.user("carol")
    bridge.blog.write("old", "before the first start")
    bridge.run("--to", bare(alice.jid), "--to", bare(carol.jid), "--allow", bare(alice.jid))
    bridge.blog.wait(method="GET")
    for text in ("first <b>&amp;</b>", "second\nline \x1b[1m"):
        bridge.blog.write("somebody", text)
    for client in (alice, carol):
        first, second = client.expect_message(), client.expect_message()
        assert body(first).startswith("Somebody (somebody): first <b>&amp;</b>")
        assert "second\nline [1m" in body(second)
    # Its own posts do not come back.
    alice.message(bridge.jid, "mine")
    alice.expect("message", where=lambda m: (body(m) or "").startswith("Posted: "))
    bridge.blog.write("somebody", "third")
    assert "third" in body(alice.expect_message())
    # What was seen is not seen again after a restart, and what came meanwhile is.
    bridge.process.stop(signal.SIGTERM, code=6)
    bridge.blog.write("somebody", "fourth")
    bridge.run("--to", bare(alice.jid))
    assert "fourth" in body(alice.expect_message())
    bridge.blog.write("somebody", "fifth")
    assert "fifth" in body(alice.expect_message())
    alice.nothing("message")


def test_S7_many_news_are_read_in_lots(server, bridge):
    """More than one look can hold; the older style gives but the newest."""
    alice = server.user("alice")
    bridge.run("--to", bare(alice.jid))
    bridge.blog.wait(method="GET")
    first = 1 if bridge.style == "mastodon" else 61
    with bridge.blog.changed:
        for i in range(1, 101):
            bridge.blog.write("somebody", f"post {i}.")
    for i in range(first, 101):
        assert f"post {i}." in body(alice.expect_message())


def test_S7_what_is_being_posted_is_no_news(home, server):
    """A look that began before the post, and whose answer has it, comes back before the post's."""
    alice = server.user("alice")
    with Bridge(home, server) as bridge:
        blog, plain, looked = bridge.blog, bridge.blog.respond, []

        def respond(request):
            if request.method == "POST":
                answer = plain(request)
                blog.changed.notify_all()
                assert blog.changed.wait_for(lambda: len(looked) > 1, 20)
                return answer
            if "min_id" in request.query and not looked:
                looked.append("began")
                alice.message(bridge.jid, "mine")
                assert blog.changed.wait_for(lambda: blog.posted, 20)
                looked.append("answered")
                blog.changed.notify_all()
            return plain(request)

        blog.respond = respond
        bridge.blog.write("somebody", "old")
        bridge.run("--to", bare(alice.jid), "--allow", bare(alice.jid))
        assert body(alice.expect_message()).startswith("Posted: ")
        blog.write("somebody", "news")
        assert "news" in body(alice.expect_message())


def test_S7_more_than_the_session_takes_is_sent_later(home, server):
    alice = server.user("alice")
    with Bridge(home, server) as bridge:
        to = [f"{bare(alice.jid)}/{n}" for n in range(8)]
        bridge.run(*(word for jid in to for word in ("--to", jid)))
        bridge.blog.wait(method="GET")
        with bridge.blog.changed:
            for n in range(12):
                bridge.blog.write("somebody", f"post {n}." + "x" * 60000)
        bridge.process.expect_error("the queue of the session is full")
        seen = [re.search(r"post \d+\.", body(alice.expect_message()))[0] for _ in range(96)]
        assert seen == [f"post {n}." for n in range(12) for _ in to]


def test_S7_failures_wait_and_outlive_a_restart(server, bridge):
    alice = server.user("alice")
    bridge.blog.fail(503, times=None, pattern=".*statuses(/update.json)?")
    bridge.run("--allow", bare(alice.jid))
    alice.message(bridge.jid, "one")
    told = body(alice.expect_message())
    assert told.startswith("Not posted yet, it is tried again later: it fails (503)")
    alice.message(bridge.jid, "two")
    bridge.process.expect_error("trying again later")
    queue, = (f for f in bridge.home.dir.rglob("bridge-queue-*")
              if f.suffix not in (".lock", ".tmp"))
    wait_until(lambda: "two" in queue.read_text(), 20, "the queue")
    bridge.process.kill()
    bridge.blog.rules.clear()
    bridge.run("--allow", bare(alice.jid))
    for text in ("one", "two"):
        bridge.posted(text)
    assert bridge.texts() == ["one", "two"]
    for _ in range(2):
        assert body(alice.expect_message()).startswith("Posted: ")


@pytest.mark.burbled_only
def test_S7_own_statuses_are_posted(server, bridge):
    own = server.login(bridge.account, "phone", presence=-1)
    own.presence(inner="<status>here before</status><priority>-1</priority>", wait=False)
    bridge.run("--own-status")
    own.expect("presence", where=lambda p: p.get("from") != own.jid)
    own.round_trip(own)
    for status in ("lunch", "lunch", "back"):
        own.presence(inner=f"<status>{status}</status><priority>-1</priority>", wait=False)
    bridge.posted("back")
    assert bridge.texts() == ["lunch", "back"]
    bridge.process.stop(signal.SIGTERM, code=6)
    bridge.run("--own-status")  # what is shown already is no news
    own.presence(inner="<status>away</status><priority>-1</priority>", wait=False)
    bridge.posted("away")
    assert bridge.texts() == ["lunch", "back", "away"]


def test_S7_a_server_that_restarts_loses_nothing(home, start_server):
    server = start_server()
    alice = server.account("alice")
    client = server.login(alice, presence=0)
    with Bridge(home, server) as bridge:
        bridge.run("--to", alice.jid)
        bridge.blog.wait(method="GET")
        bridge.blog.write("somebody", "one")
        assert "one" in body(client.expect_message())
        server.kill()
        bridge.blog.write("somebody", "two")
        server.start()
        client = server.login(alice, presence=0)
        assert "two" in body(client.expect_message())
        bridge.blog.write("somebody", "three")
        assert "three" in body(client.expect_message())
        client.nothing("message")


def test_S7_strange_timelines_are_survived(home, server):
    with Bridge(home, server) as bridge:
        alice = server.user("alice")
        bridge.run("--to", bare(alice.jid))
        bridge.blog.wait(method="GET")
        for strange in (b"<html>", b"[1]", b"{}", b'[{"id":"../../x"}]', b"[" * 100000,
                        json.dumps([{"id": "1" * 100}]).encode()):
            bridge.blog.answer("GET", ".*", 200, strange, times=1)
        bridge.process.expect_error("no microblog of this style; trying again later")
        bridge.process.stop(signal.SIGTERM, code=6)


def test_another_http_server_is_told(home, server):
    account = server.account("bridge")
    home.account(account.jid, account.password, server)
    with Http() as web:
        web.answer("*", ".*", 200, "<html>Welcome to this hotel</html>",
                   headers={"Content-Type": "text/html"})
        done = home.run("burble", "bridge", "post", "--url", web.url, "x", code=5,
                        env={"BURBLE_BRIDGE_SECRET": "s"})
    assert "what answers there is no microblog" in done.err
