"""V70: what strangers say of files, to a program that takes all that is offered to it
(drivers/everything.c). The rules for names one by one are in src/client/file_test.c."""

import base64
from xml.sax.saxutils import escape

import pytest

from harness import ns
from harness.rows import FRIEND, Visit
from harness.xmpp import child, name

JINGLE, FILES = "urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:file-transfer:5"
IBB, BY_IBB = "http://jabber.org/protocol/ibb", "urn:xmpp:jingle:transports:ibb:1"
NAMES = ("../x", "../../../../tmp/x", "%2e%2e%2fx", "/etc/passwd", "..", ".", ".bashrc", "-rf",
         "C:\\x", "..\\x", "a" * 300, "x/" * 200 + "y", "con.txt", "NUL", "\u202etxt.exe", "x\u0085y",
         "", " ", "$(id)", "; id", "`id`", "x\ny", "https://x/y?z")
LENGTHS = ("-1", "9223372036854775808", "18446744073709551617", "1e3", "", "0x10", "+5")


def offer(conn, file, sid):
    """<file/> in an offer; True when it is accepted."""
    before = len(conn.heard)
    conn.deliver(
        f"<iq type='set' id='o{sid}' from='{FRIEND}/phone' to='{{jid}}'><jingle xmlns='{JINGLE}'"
        f" action='session-initiate' sid='j{sid}' initiator='{FRIEND}/phone'><content"
        f" creator='initiator' name='c' senders='initiator'><description xmlns='{FILES}'><file>"
        f"{file}</file></description><transport xmlns='{BY_IBB}' block-size='4096' sid='s{sid}'/>"
        "</content></jingle></iq>")
    conn.ping()
    said = [child(e, "jingle", JINGLE) for e in conn.heard[before:] if name(e) == "iq"]
    actions = [x.get("action") for x in said if x is not None]
    assert actions in (["session-accept"], ["session-terminate"]), actions
    return actions == ["session-accept"]


def send(conn, sid, *blocks):
    """All of them, and the end."""
    frame = f"<iq type='set' id='d' from='{FRIEND}/phone' to='{{jid}}'>"
    conn.deliver(
        f"{frame}<open xmlns='{IBB}' block-size='4096' sid='s{sid}'/></iq>",
        *(f"{frame}<data xmlns='{IBB}' seq='{i}' sid='s{sid}'>{base64.b64encode(b).decode()}"
          "</data></iq>" for i, b in enumerate(blocks)),
        f"{frame}<close xmlns='{IBB}' sid='s{sid}'/></iq>")
    conn.ping()


def taken(work):
    """Runs work(conn) with a client that takes files; its lines of output, and what it saved."""

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: any(name(e) == "presence" for e in conn.heard))
        work(conn)
        conn.deliver("<message from='{domain}' to='{jid}'><body>ask quit</body></message>")
        conn.serve()

    with Visit(script, answers={f"{{{JINGLE}}}jingle": ""}) as visit:
        outside = set(visit.home.dir.iterdir())
        done = visit.everything().wait(code=0)
        files = visit.home.dir / "files"
        assert set(visit.home.dir.iterdir()) == outside | {files}
        saved = {path.name: path.read_bytes() for path in files.iterdir()}
        assert all(path.is_file() and not path.is_symlink() for path in files.iterdir())
        return done.lines, saved


def test_V70_names_stay_in_the_folder():
    accepted = []

    def work(conn):
        for sid, wanted in enumerate(NAMES):
            file = f"<name>{escape(wanted)}</name><size>3</size>"
            if offer(conn, file, sid):
                accepted.append(wanted)
                send(conn, sid, b"abc")

    lines, saved = taken(work)
    assert len(accepted) >= 17 and len(saved) == len(accepted)  # some become the same name
    assert set(saved.values()) == {b"abc"}
    for saved_as in saved:
        assert saved_as[0] not in ".-~ " and len(saved_as.encode()) <= 200, saved_as
        assert not set(saved_as) & set("/\\:\n\u202e\u0085"), saved_as
    assert sum(line.startswith("file 0 ") for line in lines) == len(accepted)


def test_V70_a_file_that_is_there_is_not_written_over():
    def work(conn):
        for sid, content in enumerate((b"one", b"two")):
            if offer(conn, "<name>x</name><size>3</size>", sid):
                send(conn, sid, content)

    assert taken(work)[1] == {"x": b"one"}


def test_V70_lengths_that_cannot_be():
    def work(conn):
        for sid, length in enumerate(LENGTHS):
            assert not offer(conn, f"<name>x</name><size>{length}</size>", sid)

    assert taken(work)[1] == {}


@pytest.mark.parametrize("size, blocks", [
    (3, (b"abcd",)), (3, (b"ab", b"cd")), (3, (b"ab",)), (4, ()), (9223372036854775807, (b"x",)),
    (2, (b"x" * 5000,)),
])
def test_V70_lies_about_lengths(size, blocks):
    def work(conn):
        assert offer(conn, f"<name>x</name><size>{size}</size>", 1)
        send(conn, 1, *blocks)

    lines, saved = taken(work)
    assert len(saved["x"]) <= size
    assert [line.split()[:2] for line in lines if line.startswith("file ")] == [["file", "3"]]


def test_V70_who_is_not_asked_for_says_nothing():
    """Data of strangers, and for streams that were never agreed."""

    def work(conn):
        assert offer(conn, "<name>x</name><size>3</size>", 1)
        before = len(conn.heard)
        for sender, sid in (("stranger@elsewhere.example/x", "s1"), (f"{FRIEND}/phone", "s2"),
                            (f"{FRIEND}/other", "s1")):
            for inner in (f"<open xmlns='{IBB}' block-size='4096' sid='{sid}'/>",
                          f"<data xmlns='{IBB}' seq='0' sid='{sid}'>QUJD</data>",
                          f"<close xmlns='{IBB}' sid='{sid}'/>"):
                conn.deliver(f"<iq type='set' id='d' from='{sender}' to='{{jid}}'>{inner}</iq>")
        conn.ping()
        answers = [e for e in conn.heard[before:] if name(e) == "iq" and e.get("id") == "d"]
        assert len(answers) == 9 and all(e.get("type") == "error" for e in answers)
        assert all(child(e, "error").find(f"{{{ns.STANZA_ERROR}}}*") is not None for e in answers)
        send(conn, 1, b"abc")

    assert taken(work)[1] == {"x": b"abc"}
