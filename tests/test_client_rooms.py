"""Rooms of Prosody and ejabberd, with burble's library: drivers/rooms.c is told what to do, line by
line, and says what happens."""

import itertools
import os
import pathlib

import pytest

from harness.server import program_path

pytestmark = pytest.mark.servers("prosody", "ejabberd")

numbers = itertools.count()


class Person:
    """A driver that is online."""

    def __init__(self, home, server, account, *words):
        path = pathlib.Path(program_path("burbled")).parent.parent / "tests/drivers/driver_rooms"
        if not path.exists():
            pytest.skip("the build has no drivers")
        self.jid = account.jid
        self.process = home.spawn(str(path), account.jid, server.ip, server.ports["tls"],
                                  server.ca_file, *words)
        self.do(account.password)
        self.full = self.expect(r"^online (\S+)")[1]
        self.expect("^available$")

    def do(self, line):
        self.process.write(line)

    def expect(self, pattern):
        return self.process.expect(pattern)

    def next(self):
        return self.process.line()

    def quit(self):
        self.do("quit")
        return self.process.wait(code=0)


@pytest.fixture
def person(home, server):
    """person("name", *words): somebody new."""
    return lambda name, *words: Person(home, server, server.account(name), *words)


@pytest.fixture
def room(server):
    return f"talk{os.getpid()}-{next(numbers)}@{server.muc_domain}"


@pytest.fixture
def alice(person, room):
    """The owner of the room, in it."""
    alice = person("alice")
    alice.do(f"make {room} alice")
    alice.expect("^joined alice created$")
    alice.expect("^subject - by .* first$")
    return alice


@pytest.fixture
def bob(person, room, alice):
    bob = person("bob")
    bob.do(f"join {room} bob")
    bob.expect("^joined bob$")
    alice.expect("^bob came$")
    return bob


def test_people_meet_talk_and_part(alice, bob):
    bob.expect("^subject - by .* first$")
    alice.do("say a < b & c")
    assert alice.next() == "alice: a < b & c own"
    assert bob.next() == "alice: a < b & c"
    bob.do("to alice psst")
    alice.expect("^bob: psst private$")
    alice.do("subject tea")
    bob.expect("^subject tea by alice$")
    alice.expect("^subject tea by alice$")
    alice.do("who")
    found = alice.expect("^who 2:(.*)")[1]
    assert "alice(moderator owner self" in found and "bob(participant none" in found
    bob.do("leave good night")
    bob.expect("^left: left the room")
    alice.expect("^bob went: left the room")
    bob.do("say anybody here?")
    bob.expect("^say: ")
    alice.quit()
    bob.quit()


def test_nicknames_are_one_persons_at_a_time(person, room, alice, bob):
    bob.do("nick alice")
    bob.expect("^done that is taken already")
    bob.do("nick robert")
    bob.expect("^robert was bob$")
    bob.expect("^done well$")
    alice.expect("^robert was bob$")
    carol = person("carol")
    carol.do(f"join {room} alice")
    carol.expect("^joined alice_$")
    carol.do("say me")
    carol.expect("^alice_: me own$")
    alice.expect("^alice_: me$")


def test_moderators_kick_and_ban(person, room, alice, bob):
    alice.do("role bob none noise")
    alice.expect("^bob went: kicked out of the room reason=noise$")
    bob.expect("^left: kicked out of the room reason=noise")
    bob.do(f"join {room} bob")
    bob.expect("^joined bob$")
    bob.do("role alice none")
    bob.expect("^done (the room does not permit|we may not do)")
    alice.do(f"affiliation {bob.jid} outcast enough")
    alice.expect("^bob went: banned from the room")
    bob.expect("^left: banned from the room reason=enough")
    alice.do("list outcast")
    assert alice.expect("^item (.*)")[1] == f"{bob.jid} outcast"
    alice.expect("^done well$")
    bob.do(f"join {room} bob")
    bob.expect("^left: banned from the room")
    carol = person("carol")
    alice.do(f"affiliation {carol.jid} member")
    alice.expect("^done well$")
    carol.do(f"join {room} carol")
    carol.expect("^joined carol$")
    carol.do("who")
    carol.expect(r"carol\(participant member self")
    alice.do("role carol visitor")
    alice.expect("^done well$")
    carol.expect("^carol is visitor member$")


def test_rooms_are_closed_and_opened(person, room, alice):
    alice.do("config")
    alice.expect("^done well form$")
    alice.do("set muc#roomconfig_membersonly 1")
    alice.expect("^done well$")
    bob = person("bob")
    bob.do(f"join {room} bob")
    bob.expect("^left: the room is for its members only")
    # Through the room: who is invited becomes a member.
    alice.do(f"invite {bob.jid} tea")
    bob.expect(f"^invited to {room} by (\\S+): tea$")
    bob.do(f"join {room} bob")
    bob.expect("^joined bob$")
    carol = person("carol")
    alice.do(f"send {carol.jid} cake")
    carol.expect(f"^invited to {room} by {alice.full} directly: cake$")
    alice.do(f"invite {carol.jid} tea")
    invited = carol.expect(f"^invited to {room} by (\\S+): tea$")
    carol.do(f"decline {room} {invited[1]} busy")
    alice.expect(f"^declined by {carol.jid}[^ ]*: busy$")


def test_passwords(server, person, room, alice):
    if server.kind == "prosody":
        alice.do("set muc#roomconfig_roomsecret sesame")
    else:
        alice.do("set muc#roomconfig_roomsecret sesame")
        alice.expect("^done well$")
        alice.do("set muc#roomconfig_passwordprotectedroom 1")
    alice.expect("^done well$")
    bob = person("bob")
    for line, said in ((f"join {room} bob", "^left: the room wants a password"),
                       (f"join {room} bob wrong", "^left: the room wants a password"),
                       (f"join {room} bob sesame", "^joined bob$")):
        bob.do(line)
        bob.expect(said)


def test_C06_who_lost_the_session_comes_back_and_misses_nothing(person, room, alice):
    bob = person("bob", "no-resume")
    bob.do(f"join {room} bob")
    bob.expect("^joined bob$")
    alice.expect("^bob came$")
    alice.do("say before")
    bob.expect("^alice: before$")
    bob.do("lose")
    bob.do("say while away")
    bob.expect("^left: the connection was lost .* again$")
    alice.do("say missed")
    bob.expect("^online ")
    bob.expect("^joined bob_? again$")
    heard = []
    while not any("while away" in line for line in heard):
        heard.append(bob.next())
    alice.expect("^bob_?: while away$")
    assert sum("missed" in line for line in heard) <= 1
    assert not any("before" in line for line in heard)
    alice.do("say after")
    while "alice: after" not in heard:
        heard.append(bob.next())
    assert [line.replace(" history", "") for line in heard if line.startswith("alice: ")] == [
        "alice: missed", "alice: after"]


def test_a_resumed_session_is_still_in(alice, bob):
    bob.do("lose")
    alice.do("say missed")
    bob.expect("^online .* resumed$")
    bob.expect("^alice: missed$")
    bob.do("say here")
    assert alice.expect("^bob.*")[0] == "bob: here"
    bob.do("who")
    assert bob.expect("^(who|left).*")[0].startswith("who 2:")


def test_after_a_restart_of_the_server_it_is_in_again(server, room, alice, bob):
    alice.do("set muc#roomconfig_persistentroom 1")
    alice.expect("^done well$")
    server.restart()
    for somebody in (alice, bob):
        somebody.expect("^left: .* again$")
        somebody.expect("^joined .* again$")
    bob.do("say still here")
    alice.expect("^bob: still here$")


def test_a_room_is_destroyed(person, room, alice, bob):
    alice.do("destroy enough")
    bob.expect("^left: the room was destroyed reason=enough")
    alice.expect("^(left: the room was destroyed|done well)")
    alice.expect("^(left: the room was destroyed|done well)")
    bob.do(f"join nobody{room} bob")
    bob.expect("^joined bob created$")


def test_rooms_that_are_not_there(server, person):
    bob = person("bob")
    bob.do("join talk@nowhere.invalid bob")
    # This Prosody does not talk to other servers.
    bob.expect("^left: (the room's service cannot be reached|.* remote domains is not enabled)")
    bob.do("join nonsense bob")
    bob.expect("^join: ")


def test_the_archive_of_a_room_has_what_was_said(server, alice, bob):
    server.needs("muc-mam")
    for text in ("one", "two"):
        alice.do(f"say {text}")
        bob.expect(f"^alice: {text}$")
    bob.do("catch-up")
    heard = []
    while not heard or not heard[-1].startswith("caught up"):
        heard.append(bob.next())
    assert heard[-1].startswith("caught up") and "complete" in heard[-1]
    said = [line.split(": ", 1)[1] for line in heard if line.startswith("archived ")]
    assert [line for line in said if line != "-"] == ["one", "two"]
