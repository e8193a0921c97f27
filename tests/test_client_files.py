"""Uploads (XEP-0363) by `burble file send` and `burble send --file`: to Prosody and ejabberd, and
to servers that lie."""

import os
import ssl
import urllib.request

import pytest

from harness import certs, ns
from harness.hostile import Hostile
from harness.http import Http, Uploads

UPLOAD = "urn:xmpp:http:upload:0"
INFO = f"{{{ns.DISCO_INFO}}}query"
SLOT = f"{{{UPLOAD}}}request"
HERE = f"<query xmlns='{ns.DISCO_INFO}'><feature var='{UPLOAD}'/>"


def get(url, ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(url, context=context, timeout=20) as answer:
        return answer.read()


@pytest.fixture
def people(home, server):
    for name in ("alice", "bob", "carol"):
        home.account(f"{name}@localhost", server.accounts[f"{name}@localhost"], server=server,
                     name=name)


@pytest.mark.servers("prosody", "ejabberd")
def test_a_file_is_uploaded_and_its_link_sent(people, home, server):
    content = os.urandom(150_000)
    path = home.file("some where/très cool.jpg", content)
    bob = home.spawn("burble", "-v", "--account", "bob", "--json", "listen", "--count", "2")
    bob.expect_error("logged in|resumed")
    done = home.run("burble", "--account", "alice", "--json", "file", "send", "bob@localhost", path,
                    home.file("empty.txt", "x"), code=0)
    assert [row["file"] for row in done.json] == [str(path), str(home.dir / "empty.txt")]
    for row, wanted in zip(done.json, (content, b"x")):
        message = bob.expect_json(body=row["url"])
        assert message.get("oob_url", row["url"]) == row["url"]
        assert get(row["url"], server.ca_file) == wanted
    assert bob.wait(code=0)
    assert str(home.dir) not in done.json[0]["url"]


@pytest.mark.servers("prosody", "ejabberd")
def test_links_go_to_several_addresses(people, home):
    listening = [home.spawn("burble", "--account", who, "-v", "--json", "listen", "--count", "2")
                 for who in ("bob", "carol")]
    for each in listening:
        each.expect_error("logged in|resumed")
    home.run("burble", "--account", "alice", "send", "bob@localhost", "carol@localhost", "--file",
             home.file("a.txt", "a"), "-f", home.file("b.txt", "b"), code=0)
    for each in listening:
        bodies = [each.expect_json()["body"] for _ in range(2)]
        assert [body.rsplit("/", 1)[1] for body in bodies] == ["a.txt", "b.txt"]


@pytest.mark.servers("prosody", "ejabberd")
def test_a_link_goes_to_a_room(people, home, server):
    room = f"files@{server.muc_domain}"
    home.run("burble", "--account", "alice", "send", "--room", room, "--file",
             home.file("r.txt", "r"), code=0)
    home.run("burble", "--account", "alice", "send", "--room", room, "--file",
             home.file("r.txt", "r"), "--file", home.file("r.txt", "r"), code=2)


@pytest.mark.servers("prosody", "ejabberd")
def test_a_file_that_is_too_big_is_refused_before(people, home):
    path = home.dir / "huge"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
    done = home.run("burble", "--account", "alice", "file", "send", "bob@localhost", path, code=1)
    assert "too big" in done.err


@pytest.mark.servers("burbled")
def test_a_server_without_uploads_says_so(people, home):
    done = home.run("burble", "--account", "alice", "file", "send", "bob@localhost",
                    home.file("x", "x"), code=1)
    assert "no such service" in done.err


# --------------------------------------------------------------------------- hostile servers


class Bench:
    """A scripted server with an upload service of ours."""

    def __init__(self, home, uploads, slot=None):
        self.home, self.uploads = home, uploads
        self.server = Hostile(answers={
            INFO: f"{HERE}</query>", SLOT: uploads.slot if slot is None else slot})
        home.accounts.clear()
        home.account(f"alice@{self.server.domain}", "alice's secret", server=self.server)

    def send(self, code, content=b"abc", name="x.txt", timeout=20):
        path = self.home.file(name, content)
        return self.home.run("burble", "file", "send", f"friend@{self.server.domain}", path,
                             code=code, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.uploads.stop()


def test_the_put_carries_what_the_slot_says(home):
    with Bench(home, Uploads(slot_headers={"Authorization": "Basic eDp5", "Cookie": "a=b; c",
                                           "Expires": "never"})) as bench:
        content = os.urandom(300_000)
        done = bench.send(0, content)
        request = bench.uploads.wait(1, method="PUT")[0]
        assert request.body == content and request.headers["content-length"] == "300000"
        assert request.headers["content-type"] == "text/plain"
        assert request.headers["authorization"] == "Basic eDp5"
        assert "expect" not in request.headers
        assert done.lines[-1].startswith(bench.uploads.url)


def slot(put, get_url="https://localhost/x", headers=""):
    return (f"<slot xmlns='{UPLOAD}'><put url='{put}'>{headers}</put><get url='{get_url}'/></slot>")


@pytest.mark.parametrize("kind", ["expired", "not_yet_valid", "wrong_name", "self_signed",
                                  "unknown_authority"])
def test_only_to_who_proves_to_be_it(home, kind):
    certificate = getattr(certs.authority(), kind)("localhost")
    with Bench(home, Uploads(certificate=certificate)) as bench:
        done = bench.send(3)
        assert bench.uploads.requests == [] and done.out == ""


def test_never_without_tls(home):
    with Bench(home, Uploads(tls=False)) as bench:
        assert "https" in bench.send(1).err
        assert bench.uploads.requests == []


def test_bad_slots_are_refused(home):
    for text in (slot("http://localhost:1/x"), slot("file:///etc/passwd"), slot("https:///x"),
                 slot("https://localhost/x", "javascript:alert(1)"), "<slot/>", "",
                 slot("https://localhost:1/x",
                      headers="<header name='Cookie'>a&#xd;&#xa;b</header>")):
        with Bench(home, Uploads(), slot=text) as bench:
            done = bench.send(1)
            assert "cannot be uploaded" in done.err and done.out == ""


def test_what_the_server_for_files_says_no_to_is_no_link(home):
    for status, code in ((403, 1), (413, 1), (500, 1), (302, 1)):
        with Bench(home, Uploads()) as bench:
            bench.uploads.answer("PUT", ".*", status, headers={"Location": "https://localhost:1/"})
            done = bench.send(code)
            assert str(status) in done.err and done.out == ""
            assert len(bench.uploads.requests) == 1
    for how in ("drop", "reset"):
        with Bench(home, Uploads()) as bench:
            bench.uploads.answer("PUT", ".*", how=how)
            assert "not uploaded" in bench.send(3).err


def test_a_file_that_changes_is_not_sent(home):
    path = home.file("shrinks", b"x" * 1000)

    def shrink(_conn, iq):
        os.truncate(path, 10)
        return bench.uploads.slot(_conn, iq)

    with Bench(home, Uploads(), slot=shrink) as bench:
        done = home.run("burble", "file", "send", f"friend@{bench.server.domain}", path, code=3)
        assert "shorter" in done.err and done.out == ""


def test_other_sites_are_not_asked(home):
    """A slot may lie where it likes, but nothing of the account goes there with it."""
    with Http(tls=True) as other:
        other.answer("PUT", ".*", 201)
        with Bench(home, Uploads(), slot=slot(f"{other.url}/y")) as bench:
            bench.send(0)
            request = other.wait(1, method="PUT")[0]
            assert "authorization" not in request.headers and "cookie" not in request.headers
