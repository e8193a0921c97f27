"""burble file: sent in-band from one to the other, through real servers; and what is saved of
strangers' files (V70)."""

import os
import signal
import stat

import pytest

from harness.hostile import Hostile, good_session
from harness.jingle import FILE5, IBBT, ICE, JINGLE, FilePeer, reason, sha256


@pytest.fixture
def people(home, server):
    """alice and bob, who see each other's presence."""
    for name in ("alice", "bob"):
        home.account(f"{name}@localhost", server.accounts[f"{name}@localhost"], server=server,
                     name=name)
    for name, other in (("alice", "bob"), ("bob", "alice")) * 2:
        home.run("burble", "--account", name, "roster", "subscribe", f"{other}@localhost", code=0)
        home.run("burble", "--account", name, "roster", "approve", f"{other}@localhost", code=0)


def receiver(home, *arguments):
    """burble file receive of bob, which is there; and its folder."""
    folder = home.dir / "got"
    folder.mkdir(exist_ok=True)
    process = home.spawn("burble", "-v", "--account", "bob", "--json", "file", "receive", "--dir",
                         folder, *arguments)
    process.expect_error("logged in|resumed")
    return process, folder


@pytest.mark.servers()
def test_files_go_in_band_to_a_contact(people, home):
    one = home.file("some where/pic ture.jpg", os.urandom(100_000))
    two = home.file("empty", "")
    three = home.file("block", os.urandom(4096))
    process, folder = receiver(home, "--count", "3")
    sent = home.run("burble", "--account", "alice", "--json", "file", "send", "--inband",
                    "bob@localhost", one, two, three, code=0)
    assert [row["name"] for row in sent.json] == ["pic ture.jpg", "empty", "block"]
    assert all(row["to"].startswith("bob@localhost/") for row in sent.json)
    for path in (one, two, three):
        row = process.expect_json(name=path.name)
        assert row["from"].startswith("alice@localhost/") and row["size"] == path.stat().st_size
        assert (folder / path.name).read_bytes() == path.read_bytes()
    process.wait(code=0)
    assert sorted(p.name for p in folder.iterdir()) == ["block", "empty", "pic ture.jpg"]


@pytest.mark.servers("burbled")
def test_nothing_is_replaced(people, home):
    process, folder = receiver(home, "--count", "3")
    (folder / "x.tar.gz").write_text("mine")
    (folder / "link").symlink_to(home.dir / "elsewhere")
    names = [home.file("a/x.tar.gz", "new"), home.file("b/x.tar.gz", "newer"),
             home.file("c/link", "no")]
    home.run("burble", "--account", "alice", "file", "send", "--inband", "bob@localhost", *names,
             code=0)
    process.wait(code=0)
    assert (folder / "x.tar.gz").read_text() == "mine"
    assert (folder / "x (1).tar.gz").read_text() == "new"
    assert (folder / "x (2).tar.gz").read_text() == "newer"
    assert (folder / "link (1)").read_text() == "no"
    assert not (home.dir / "elsewhere").exists()


@pytest.mark.servers("burbled")
def test_who_is_not_meant_sees_nobody(people, home, server):
    home.account("carol@localhost", server.accounts["carol@localhost"], server=server,
                 name="carol")
    file = home.file("x", "x")
    process, folder = receiver(home)
    jid = f"bob@localhost/{process_resource(process)}"
    refused = home.run("burble", "--account", "carol", "file", "send", "--inband", jid, file,
                       code=1)
    assert "service-unavailable" in refused.err
    home.run("burble", "--account", "alice", "file", "send", "--inband", jid, file, code=0)
    process.expect_json(name="x")
    process.send_signal(signal.SIGINT)
    process.wait(code=6)
    # Named, carol may, and alice may not.
    process, _ = receiver(home, "--from", "Carol@localhost", "--count", "1")
    jid = f"bob@localhost/{process_resource(process)}"
    home.run("burble", "--account", "alice", "file", "send", "--inband", jid, file, code=1)
    home.run("burble", "--account", "carol", "file", "send", "--inband", jid, file, code=0)
    process.expect_json(name="x", path=str(folder / "x (1)"))
    process.wait(code=0)


def process_resource(process):
    line = next(line for line in process.err if "logged in as" in line or "resumed as" in line)
    return line.split("bob@localhost/")[1].split(",")[0]


@pytest.mark.servers("burbled")
def test_what_cannot_be_sent_is_said_before(people, home):
    os.mkfifo(home.dir / "pipe")
    for path, why in (("nowhere", "No such file"), ("pipe", "no regular file"),
                      (".", "no regular")):
        done = home.run("burble", "--account", "alice", "file", "send", "--inband",
                        "bob@localhost", home.dir / path, code=2)
        assert why in done.err
    file = home.file("x", "x")
    gone = home.run("burble", "--account", "alice", "file", "send", "--inband", "bob@localhost",
                    file, code=1)
    assert "no connected device" in gone.err
    gone = home.run("burble", "--account", "alice", "file", "send", "--inband",
                    "bob@localhost/nobody", file, code=1)
    assert "service-unavailable" in gone.err


@pytest.mark.servers("burbled")
def test_a_big_file_is_declined_and_a_death_leaves_nothing(people, home):
    process, folder = receiver(home, "--max-size", "1")
    big = home.file("big", bytes(1_100_000))
    done = home.run("burble", "--account", "alice", "file", "send", "--inband", "bob@localhost",
                    big, code=1)
    assert "does not want" in done.err
    assert list(folder.iterdir()) == []


# -------------------------------------------------------------------------- a foreign client


@pytest.mark.servers("burbled", "prosody")
def test_a_foreign_client_sends_files(people, home, server):
    """slixmpp's bytestreams: in-band at once, then as a fallback from SOCKS5, with the hash in
    the offer and behind the last byte; and one whose hash is another one."""
    one, two = os.urandom(50_000), os.urandom(4_097)
    with FilePeer(server, "alice@localhost") as alice:
        process, folder = receiver(home, "--count", "3")
        bob = alice.run(alice.sees(f"bob@localhost/{process_resource(process)}")).result()
        for name, data, options in (
                ("in-band", one, {"block": 8192}), ("fallback", one, {"fall_back": True}),
                ("damaged", two, {"told": b"else"}),
                ("late", two, {"told": two, "fall_back": True})):
            ended = alice.run(alice.send_file(bob, name, data, **options)).result()
            if name == "damaged":
                assert ended == "media-error"
                process.expect_error("damaged of alice@localhost/slixmpp: its hash")
            else:
                assert ended == "success"
                row = process.expect_json(name=name, size=len(data))
                assert row["from"] == "alice@localhost/slixmpp"
                assert (folder / name).read_bytes() == data
        process.wait(code=0)
    assert sorted(p.name for p in folder.iterdir()) == ["fallback", "in-band", "late"]


@pytest.mark.servers("burbled", "prosody")
def test_a_foreign_client_receives_files(people, home, server):
    one, empty = home.file("one.bin", os.urandom(50_000)), home.file("empty", "")
    with FilePeer(server, "alice@localhost") as alice:
        for path, replace in ((one, None), (empty, None), (one, ("our-own", 1000))):
            came = alice.run(alice.receive_file(replace))
            home.run("burble", "--account", "bob", "file", "send", "--inband", "alice@localhost",
                     path, code=0)
            assert came.result() == (path.name, path.read_bytes(), sha256(path.read_bytes()))


@pytest.mark.servers("burbled")
def test_ways_that_we_do_not_have(people, home, server):
    async def only_ice(alice, bob):
        await alice.offer(bob, "x", b"abc", f"<transport xmlns='{ICE}'/>")
        return reason(await alice.hear("session-terminate"))

    async def refuse(alice):
        await alice.hear("session-initiate")
        await alice.say("session-terminate", "<reason><unsupported-transports/></reason>")

    with FilePeer(server, "alice@localhost", transports=(IBBT,)) as alice:
        process, folder = receiver(home)
        bob = alice.run(alice.sees(f"bob@localhost/{process_resource(process)}")).result()
        assert alice.run(only_ice(alice, bob)).result() == "unsupported-transports"
        # Nothing was offered to the program, and it takes the next one.
        assert alice.run(alice.send_file(bob, "y", b"abc")).result() == "success"
        process.expect_json(name="y")
        process.stop(code=6)
        assert [p.name for p in folder.iterdir()] == ["y"]
        done = alice.run(refuse(alice))
        failed = home.run("burble", "--account", "bob", "file", "send", "--inband",
                          "alice@localhost", home.file("z", "z"), code=1)
        done.result()
        assert "unsupported-transports" in failed.err
    with FilePeer(server, "alice@localhost", transports=(ICE,)):
        failed = home.run("burble", "--account", "bob", "file", "send", "--inband",
                          "alice@localhost", home.dir / "z", code=1)
        assert "no connected device" in failed.err


# ---------------------------------------------------------------------------- hostile senders


def offer(name, size="3", sid="j1", stream="s1"):
    return (f"<iq type='set' id='o{sid}' to='{{jid}}' from='friend@{{domain}}/phone'>"
            f"<jingle xmlns='{JINGLE}' action='session-initiate' sid='{sid}'>"
            f"<content creator='initiator' name='f' senders='initiator'>"
            f"<description xmlns='{FILE5}'><file><name>{name}</name><size>{size}</size></file>"
            f"</description><transport xmlns='{IBBT}' block-size='4096' sid='{stream}'/></content>"
            "</jingle></iq>")


def ibb(what, sid, text="", more=""):
    return (f"<iq type='set' id='{what}{sid}' to='{{jid}}' from='friend@{{domain}}/phone'>"
            f"<{what} xmlns='http://jabber.org/protocol/ibb' sid='{sid}' {more}>{text}</{what}>"
            "</iq>")


def transfer(number, name, size="3"):
    sid = f"s{number}"
    return [offer(name, size, f"j{number}", sid), ibb("open", sid, more="block-size='4096'"),
            ibb("data", sid, "YWJj", "seq='0'"), ibb("close", sid)]


NAMES = [
    ("../x", "x"), ("../../../../tmp/y", "y"), ("%2e%2e%2fz", "%2e%2e%2fz"),
    ("/etc/passwd", "passwd"),
    ("..", "_"), (".profile", "_profile"), ("-rf", "_rf"), ("a/b/", "file"),
    ("nul&#xa;.txt", "nul_.txt"), ("CON.txt", "_CON.txt"), ("c:\\d", "d"), ("e:f", "e_f"),
    ("\u202egpj.exe", "_gpj.exe"), ("l" * 300 + ".png", "l" * 196 + ".png"), ("", "file (1)"),
]


def test_V70_names_stay_in_the_folder(home):
    stanzas = [s for n, (name, _) in enumerate(NAMES) for s in transfer(n, name)]
    folder = home.dir / "in" / "got"
    folder.mkdir(parents=True)
    before = sorted(p for p in home.dir.rglob("*") if "got" not in str(p))
    with Hostile() as server:
        server.scripts = [lambda conn: good(conn, stanzas)]
        home.account(f"alice@{server.domain}", "alice's secret", server=server)
        process = home.spawn("burble", "--json", "file", "receive", "--dir", folder, "--from",
                             f"friend@{server.domain}", "--count", len(NAMES))
        rows = [process.expect_json(path=str(folder / saved)) for _, saved in NAMES]
        process.wait(code=0)
    assert len(rows) == len(NAMES)
    assert sorted(p.name for p in folder.iterdir()) == sorted(saved for _, saved in NAMES)
    assert all(stat.S_ISREG(p.lstat().st_mode) and p.read_text() == "abc" for p in folder.iterdir())
    after = sorted(p for p in home.dir.rglob("*") if "got" not in str(p))
    assert [p for p in after if p not in before and ".local" not in str(p)
            and ".config" not in str(p)] == []


def good(conn, stanzas):
    good_session(conn, stanzas=stanzas)


def test_V70_lengths_that_are_lies_leave_nothing(home):
    stanzas = []
    sizes = ("-1", "9223372036854775808", "18446744073709551619", "2", "4", "")
    for number, size in enumerate(sizes):
        stanzas += transfer(number, f"bad{number}", size)
    stanzas += transfer(99, "good")
    folder = home.dir / "got"
    folder.mkdir()
    with Hostile() as server:
        server.scripts = [lambda conn: good(conn, stanzas)]
        home.account(f"alice@{server.domain}", "alice's secret", server=server)
        process = home.spawn("burble", "--json", "file", "receive", "--dir", folder, "--from",
                             f"friend@{server.domain}", "--count", "1")
        process.expect_json(name="good")
        process.wait(code=0)
    assert [p.name for p in folder.iterdir()] == ["good"]


def test_V72_names_are_shown_harmless(home):
    folder = home.dir / "got"
    folder.mkdir()
    with Hostile() as server:
        stanzas = transfer(1, "a&#x9b;31mb") + transfer(2, "x", "5")
        server.scripts = [lambda conn: good(conn, stanzas)]
        home.account(f"alice@{server.domain}", "alice's secret", server=server)
        process = home.spawn("burble", "-v", "file", "receive", "--dir", folder, "--from",
                             f"friend@{server.domain}")
        process.expect("a_31mb")
        process.expect_error("x of friend")
        process.send_signal(signal.SIGTERM)
        process.wait(code=6)
        assert not any("\x9b" in line for line in process.out + process.err)


def test_usage(home):
    home.account("a@b", "x")
    assert "--dir" in home.run("burble", "file", "receive", code=2).err
    home.run("burble", "file", "receive", "--from", "@", "--dir", ".", code=2)
    home.run("burble", "file", "receive", "--count", "0", "--dir", ".", code=2)
    home.run("burble", "file", "send", "a@b", code=2)
