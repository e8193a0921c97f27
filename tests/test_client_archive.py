"""Archives of burbled, Prosody and ejabberd, with `burble history`."""

import pytest

from harness import ns

pytestmark = pytest.mark.servers()

OWNER = "http://jabber.org/protocol/muc#owner"


def history(home, server, client, *options, code=0):
    home.accounts.clear()
    home.account(client.account.jid, client.account.password, server)
    return home.run("burble", "history", *options, code=code)


def bodies(done):
    return [row["body"] for row in done.json]


@pytest.fixture
def alice(server):
    """Somebody whose archive has a01 to a60, to and from bob, and one to carol."""
    alice, bob, carol = server.user("alice"), server.user("bob"), server.user("carol")
    for n in range(1, 61, 2):
        alice.message(bob.account.jid, f"a{n:02d}", extra="<origin-id xmlns='urn:xmpp:sid:0' id='x'/>")
        bob.expect_message(f"a{n:02d}")
        bob.message(alice.jid, f"a{n + 1:02d}")
        alice.expect_message(f"a{n + 1:02d}")
    alice.message(carol.account.jid, "for carol")
    carol.expect_message("for carol")
    alice.bob, alice.carol = bob, carol
    return alice


def test_the_last_messages_come_in_order(home, server, alice):
    assert bodies(history(home, server, alice, "--json")) == (
        [f"a{n:02d}" for n in range(42, 61)] + ["for carol"])
    with_bob = history(home, server, alice, "--json", "--with", alice.bob.account.jid)
    assert bodies(with_bob) == [f"a{n:02d}" for n in range(41, 61)]
    # More than a page of Prosody's or of ours.
    assert bodies(history(home, server, alice, "--json", "--max", "58")) == (
        [f"a{n:02d}" for n in range(4, 61)] + ["for carol"])
    everything = history(home, server, alice, "--json", "--max", "100").json
    assert len(everything) == 61
    assert {row["origin"] for row in everything} == {"archived"}
    assert len({row["stanza_id"] for row in everything}) == 61
    assert everything[0]["with"] == alice.bob.account.jid


def test_from_a_time_on_everything_comes_page_by_page(home, server, alice):
    assert bodies(history(home, server, alice, "--json", "--since", "1h")) == (
        [f"a{n:02d}" for n in range(1, 61)] + ["for carol"])
    done = history(home, server, alice, "--json", "--since", "2020-01-01", "--max", "3")
    assert bodies(done) == ["a01", "a02", "a03"] and "there is more" in done.err
    assert bodies(history(home, server, alice, "--json", "--until", "2020-01-01T00:00:00Z")) == []
    assert bodies(history(home, server, alice, "--json", "--since", "1h", "--until", "0s",
                          "--with", alice.carol.account.jid)) == ["for carol"]


def test_people_read_lines(home, server, alice):
    done = history(home, server, alice, "--max", "2")
    head, a60, last_head, last = done.lines
    assert head.endswith(f" {alice.bob.jid}") and a60 == "a60"
    assert last_head.endswith(f" {alice.jid} to {alice.carol.account.jid}")
    assert last == "for carol"


def test_words_are_searched_where_the_server_can(home, server, alice):
    if server.kind == "prosody":
        done = history(home, server, alice, "--search", "carol", code=1)
        assert "the archive cannot do that" in done.err
        return
    if server.kind == "ejabberd":
        pytest.skip("Debian's ejabberd searches only with an SQL database")
    assert bodies(history(home, server, alice, "--json", "--search", "carol")) == ["for carol"]


def test_what_cannot_be_is_said(home, server, alice):
    for words in (["--since", "yesterday"], ["--max", "0"], ["--with", "@"], ["--since", "12q"]):
        history(home, server, alice, *words, code=2)
    done = history(home, server, alice, "--room", "nobody@nowhere.invalid", code=1)
    assert "archive" in done.err or "reached" in done.err


@pytest.mark.servers("prosody", "ejabberd")
def test_the_archive_of_a_room(home, server, alice):
    server.needs("muc-mam")
    room = f"history@{server.muc_domain}"
    alice.send(f"<presence to='{room}/al'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    alice.expect("presence", frm=f"{room}/al")
    alice.set(f"<query xmlns='{OWNER}'><x xmlns='{ns.DATA_FORM}' type='submit'/></query>", to=room)
    for text in ("one", "two"):
        alice.message(room, text, kind="groupchat")
        alice.expect_message(text, frm=f"{room}/al")
    rows = history(home, server, alice, "--json", "--room", room).json
    assert [(row["from"], row["body"]) for row in rows] == [
        (f"{room}/al", "one"), (f"{room}/al", "two")]
