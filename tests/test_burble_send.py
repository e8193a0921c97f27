"""burble send: to addresses, and to a room. test_client_people.py sends to one kind of device."""

import pytest


@pytest.fixture
def people(home, server):
    """people("alice", ...): accounts that the home knows by these names."""

    def add(*names):
        for name in names:
            jid = f"{name}@localhost"
            home.account(jid, server.accounts[jid], server=server, name=name)

    return add


@pytest.mark.servers()
def test_to_several_addresses(people, home):
    people("alice", "bob", "carol")
    listening = [home.spawn("burble", "--account", who, "--json", "-v", "listen", "--count", "1")
                 for who in ("bob", "carol")]
    for each in listening:
        each.expect_error("logged in|resumed")
    home.run("burble", "--account", "alice", "send", "bob@localhost", "carol@localhost", "-",
             stdin="two lines\nof text\n", code=0)
    for each in listening:
        each.expect_json(body="two lines\nof text")


@pytest.mark.servers()
def test_what_comes_back_is_a_failure(people, home):
    people("alice")
    done = home.run("burble", "--account", "alice", "send", "nobody-at-all@localhost", "x", code=1)
    assert "nobody-at-all@localhost" in done.err


@pytest.mark.servers("prosody", "ejabberd")
def test_to_a_room(people, home, server):
    people("alice", "bob")
    room = f"send@{server.muc_domain}"
    console = home.spawn("burble", "--account", "bob", "console", "--plain")
    console.write(f"<presence to='{room}/bob'><x xmlns='http://jabber.org/protocol/muc'/>"
                  "</presence>")
    console.expect("status code='110'|code='110'")
    console.write(f"<iq type='set' to='{room}' id='u'><query "
                  "xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' "
                  "type='submit'/></query></iq>")
    console.expect("id='u'")
    home.run("burble", "--account", "alice", "send", "--room", room, "Hello all", code=0)
    console.expect("<body>Hello all</body>")


@pytest.mark.servers("burbled")
def test_a_room_that_is_not_there(people, home):
    people("alice")
    home.run("burble", "--account", "alice", "send", "--room", "x@rooms.nowhere.invalid", "x",
             code=1)


@pytest.mark.servers("burbled")
@pytest.mark.parametrize("words, stdin, said", [
    (["bob@localhost", "hello", "world"], "", '"hello" is no address'),  # and bob gets no "world"
    (["bob", "hello"], "", '"bob" is no address'),
    (["bob@localhost", ""], "", "there is no text"),
    (["bob@localhost", "-"], "", "there is no text"),
    (["bob@localhost", "-"], "cut\0here", "characters that XML cannot carry"),
    (["bob@localhost", "a\1b"], "", "characters that XML cannot carry"),
    (["--payload", "<x", "bob@localhost", "a"], "", "the payload is no XML"),
])
def test_what_cannot_be_sent_is_not_sent_in_part(people, home, words, stdin, said):
    people("alice", "bob")
    done = home.run("burble", "--account", "alice", "send", *words, stdin=stdin, code=2)
    assert said in done.err
    home.run("burble", "--account", "alice", "send", "--payload", "<x xmlns='urn:x'/>",
             "bob@localhost", "")
    got = home.run("burble", "--account", "bob", "--json", "history", "--max", "1")
    assert [row["body"] for row in got.json] == [""]
