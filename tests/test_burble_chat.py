"""`burble chat` as people see it: two of them side by side, in terminals of 80x24."""

import os
import re
import signal
import time

import pytest

from harness.chat import chat, people  # noqa: F401
from harness.server import wait_until

pytestmark = pytest.mark.servers("burbled")

BIDI = "\u202e"
ASKS, HERE, AWAY, GONE, TICK = "!", "●", "◐", "○", "✓"


@pytest.fixture
def two(people, chat):
    """alice and bob, who see each other's presence, with the conversation open at both."""
    alice, bob = people("alice", "bob")
    a, b = chat("alice"), chat("bob")
    befriend(a, b, alice, bob)
    return a, b, alice, bob


def unread(account, count, sign=r"\?"):
    """How the list shows somebody: a long address is cut."""
    return rf"(?m)^{sign} {account.user}@\S+ +{count}│"


def asks(account):
    return unread(account, 1, ASKS)


def befriend(a, b, alice, bob):
    a.type(f"/add {bob.jid} Bob")
    b.wait_for(asks(alice))
    b.keys("Tab")
    b.wait_for("asks to see when you are here")
    b.type("/accept")
    a.wait_for(f"(?m)^{HERE} Bob ")
    b.wait_for(f"(?m)^{HERE} {alice.user}@")


# ------------------------------------------------------------------------------- two people


def test_a_contact_is_added_accepted_and_seen(people, chat):
    alice, bob = people("alice", "bob")
    a, b = chat("alice"), chat("bob")
    assert "Nothing is open." in a.screen()
    a.type(f"/add {bob.jid.upper()} Bob")
    a.wait_for(f"(?m)^{GONE} Bob .*│ Bob  {bob.jid}  offline")
    befriend(a, b, alice, bob)
    b.type("/status away At lunch")
    a.wait_for(f"(?m)^{AWAY} Bob .*│ Bob  {bob.jid}  away: At lunch")
    assert b.quit() == "ended 0"
    a.wait_for(f"(?m)^{GONE} Bob .*│ Bob  {bob.jid}  offline")


def test_a_request_can_be_denied(people, chat):
    alice, bob = people("alice", "bob")
    a, b = chat("alice"), chat("bob")
    a.type(f"/add {bob.jid}")
    b.wait_for(asks(alice))
    b.type(f"/deny {alice.jid}")
    b.wait_for(re.escape(f"? {alice.user}@"))
    assert f"{GONE} {bob.user}@" in a.screen()


def test_messages_both_ways_with_typing_and_ticks(two):
    a, b, alice, _ = two
    a.type("Hello Bob, how are you? This line is longer than the screen has room for.")
    b.wait_for(rf"\d\d:\d\d {alice.user}  Hello Bob, how are you\? This")
    a.wait_for(rf"(?m)me  +Hello Bob, how(.|\n)* {TICK}{TICK}$")
    # Bob looks at it, so it was read: that is told by the colour.
    wait_until(lambda: re.search(rf"\x1b\[[0-9;]*32m{TICK}{TICK}",
                                 a._run("capture-pane", "-p", "-e")), what="a green mark")
    b.text("Fine ☺ 你好")
    a.wait_for("Bob is typing…")
    b.keys("Enter")
    a.wait_for(r"\d\d:\d\d Bob  Fine ☺ 你好")
    assert "is typing" not in a.screen()
    b.wait_for(f"me +Fine ☺ 你好 {TICK}{TICK}")
    b.text("never mind")
    a.wait_for("Bob is typing…")
    b.keys("C-u")
    a.wait_gone("Bob is typing…")
    b.type("/me waves")
    a.wait_for(r"Bob waves|/me waves")


def test_V69_one_tick_where_nobody_is(people, chat, server):
    alice, bob, carol = people("alice", "bob", "carol")
    a = chat("alice", bob.jid)
    a.type("Are you there?")
    a.wait_for(rf"(?m)Are you there\? {TICK}$")
    b = chat("bob")
    b.wait_for(unread(alice, 1))
    b.keys("Tab")
    b.wait_for(r"Are you there\?")
    # alice is no contact of bob's: she does not learn that he is there (V69).
    witness = server.login(carol, presence=0)
    b.type(f"/msg {carol.jid} now")
    witness.expect_message("now")
    witness.message(alice.jid, "then")
    a.wait_for(unread(carol, 1))
    assert re.search(rf"(?m)Are you there\? {TICK}$", a.screen())


def test_a_message_that_is_not_delivered_says_so(people, chat):
    alice, = people("alice")
    a = chat("alice")
    a.type(f"/msg someone@no-such.{alice.host} Hello?")
    a.wait_for(r"Hello\? ✗")
    a.wait_for("not delivered: ")


def test_what_is_unread_is_marked_and_found_by_tab(people, chat, server):
    alice, bob, carol = people("alice", "bob", "carol")
    a = chat("alice", bob.jid)
    others = [server.login(who, presence=0) for who in (bob, carol)]
    others[0].message(alice.jid, "one")
    a.wait_for(r"\d\d:\d\d \S+  one")
    a.type(f"/msg {carol.jid}")
    a.wait_for(f"│ {carol.jid}")
    for text in ("two", "three"):
        others[0].message(alice.jid, text)
    a.wait_for(unread(bob, 2))
    a.wait_for(r"burble .* 2 unread")
    assert "three" not in a.screen()
    a.keys("Tab")
    a.wait_for("─ new ─")
    shown = a.screen()
    assert shown.index("one") < shown.index(" new ") < shown.index("two") < shown.index("three")
    assert "unread" not in shown.split("\n")[0]
    a.keys("C-n")
    a.wait_for(f"│ {carol.jid}")
    a.keys("C-p")
    a.wait_for("three")
    assert " new " not in a.screen()


def test_a_correction(two):
    a, b, alice, bob = two
    b.type("I am frist")
    a.wait_for("I am frist")
    b.type("/correct I am first")
    a.wait_for(r"I am first \(edited\)")
    b.wait_for(r"I am first \(edited\)")
    assert "frist" not in a.screen() + b.screen()


def test_drafts_stay_with_their_conversation(people, chat):
    alice, bob, carol = people("alice", "bob", "carol")
    a = chat("alice", bob.jid)
    a.text("for Bob")
    a.keys("C-n")  # there is one conversation
    a.keys("C-u")
    a.type(f"/msg {carol.jid}")
    a.wait_for(f"│ {carol.jid}")
    a.text("for Carol")
    a.wait_for("(?m)^> for Carol$")
    a.keys("C-p")
    a.wait_for("(?m)^>$")
    a.keys("C-p")
    a.wait_for("(?m)^> for Carol$")


# ---------------------------------------------------------------------------------- history


def test_history_after_a_restart_of_the_program(two, chat):
    a, b, alice, bob = two
    a.type("Remember this")
    b.wait_for("Remember this")
    b.type("I do")
    a.wait_for("I do")
    assert a.quit() == "ended 0"
    a = chat("alice", bob.jid)
    a.wait_for(rf"(?m)│ \d\d:\d\d me   Remember this {TICK}{TICK}\s*\n.*│ \d\d:\d\d Bob  I do")
    assert "─ new ─" not in a.screen()


def test_page_up_beyond_the_beginning_asks_the_archive(people, chat, server):
    alice, bob = people("alice", "bob")
    friend = server.login(bob, presence=0)
    me = server.login(alice, presence=0)
    for i in range(150):
        friend.message(alice.jid, f"number {i}.")
    friend.fence(me)
    a = chat("alice", bob.jid)
    a.wait_for(r"number 149\.")
    seen = set()
    for _ in range(60):
        seen.update(map(int, re.findall(r"number (\d+)\.", a.screen())))
        if 0 in seen:
            break
        top = min(seen)
        a.keys("PPage")
        wait_until(lambda: f"number {top - 1}." in a.screen() or "asking" not in a.screen())
        time.sleep(0.1)
    assert sorted(seen) == list(range(150))
    a.keys("PPage")
    a.keys("PPage")
    a.wait_for(r"(?m)│ ─+ \w+ \d+ \w+ \d+ ─+\n.*number 0\.")
    # Who has scrolled up goes on seeing the same.
    before = a.rows()[2:22]
    friend.message(alice.jid, "one more")
    friend.fence(me)
    a.wait_for("scrolled up")
    assert a.rows()[2:22] == before
    a.keys("End")
    a.wait_for("one more")


def test_what_was_missed_is_fetched_though_nothing_was_said_before(people, chat, server):
    alice, bob = people("alice", "bob")
    a = chat("alice")
    pid = a.program_pid()
    os.kill(pid, signal.SIGSTOP)  # it does not come back before all was said
    try:
        server.kill()
        server.start()
        me, friend = server.login(alice, presence=0), server.login(bob, presence=0)
        friend.message(alice.jid, "missed")
        friend.fence(me)
        me.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    a.wait_for(unread(bob, 1))
    a.keys("Tab")
    a.wait_for(rf"{bob.user}  missed")


# ------------------------------------------------------------------------------------ rooms


@pytest.mark.servers("prosody")
def test_rooms(server, people, chat):
    alice, bob = people("alice", "bob")
    room = f"tea{os.getpid()}@{server.muc_domain}"
    a, b = chat("alice"), chat("bob")
    a.type(f"/join {room} Alice")
    a.wait_for("The room is new and yours; in it as Alice, 1 here")
    b.type(f"/join {room} Bob")
    b.wait_for("In the room as Bob, 2 here")
    a.wait_for("Bob came")
    a.wait_for(rf"│ {re.escape(room)}  2 here")
    a.type("/topic Tea or coffee?")
    b.wait_for(rf"│ {re.escape(room)}  2 here  Tea or coffee\?")
    b.wait_for("Alice set the subject: Tea or coffee")
    b.type("Tea!")
    a.wait_for(r"\d\d:\d\d Bob  Tea!")
    # A mention, while another conversation is shown.
    b.type("/msg someone@example.org")
    b.wait_for("│ someone@example.org")
    a.text("B")
    a.keys("Tab")
    a.wait_for("(?m)^> Bob: ?$")
    a.text("coffee")
    a.keys("Enter")
    b.wait_for(r"(?m)^# tea\d+ +@1│")
    b.keys("Tab")
    b.wait_for(r"\d\d:\d\d Alice  Bob: coffee")
    b.wait_for("─ new ─")
    b.type("/nick Alice")
    b.wait_for("the nickname: ")
    b.type("/nick Robert")
    a.wait_for("Bob is Robert now")
    a.type("/who")
    a.wait_for("here: @Alice, Robert")
    b.type("/leave")
    a.wait_for("Robert left")
    b.wait_gone(re.escape(room))
    assert a.quit() == "ended 0"


@pytest.mark.servers("prosody")
def test_what_is_said_in_a_room_waits_in_sight(server, people, chat):
    people("alice")
    a = chat("alice")
    a.type(f"/join slow{os.getpid()}@{server.muc_domain} Alice")
    a.wait_for("in it as Alice")
    server.process.send_signal(signal.SIGSTOP)
    try:
        a.type("at last")
        a.wait_for("(?m)at last …$")
    finally:
        server.process.send_signal(signal.SIGCONT)
    a.wait_for(f"(?m)Alice +at last {TICK}$")
    a.type("/correct at once")
    a.wait_for(r"at once \(edited\)")
    a.type("/topic Done")
    a.wait_for("Alice set the subject: Done")
    assert a.screen().count("at last") == 0 and a.screen().count("at once") == 1


@pytest.mark.servers("prosody")
def test_an_invitation_is_found_by_tab(server, people, chat):
    alice, bob = people("alice", "bob")
    room = f"party{os.getpid()}@{server.muc_domain}"
    a, b = chat("alice"), chat("bob")
    b.type(f"/join {room} Bob")
    b.wait_for("in it as Bob")
    b.type(f"/invite {alice.jid} There is cake")
    a.wait_for(unread(bob, 1))
    a.keys("Tab")
    a.wait_for(rf"{bob.jid} invites you: There is")
    a.wait_for("/join")
    a.type(f"/msg {room}")  # taken for a person, until it is known to be a room
    a.wait_for(f"│ {re.escape(room)}  no contact")
    a.type(f"/join {room}")
    a.wait_for("In the room as ")


@pytest.mark.servers("prosody")
def test_a_private_conversation_in_a_room(server, people, chat):
    alice, bob, carol = people("alice", "bob", "carol")
    room = f"aside{os.getpid()}@{server.muc_domain}"
    a, b = chat("alice"), chat("bob")
    a.type(f"/join {room} Alice")
    a.wait_for("in it as Alice, 1 here")
    b.type(f"/join {room} Bob")
    b.wait_for("In the room as Bob")
    a.wait_for("Bob came")
    a.type("/msg Bo")
    a.wait_for("Bo is no address, and nobody in")
    a.type("/msg Bob psst")
    a.wait_for(rf"│ Bob  in private, in {re.escape(room)}")
    a.wait_for(rf"(?m)me +psst {TICK}$")
    b.wait_for(r"(?m)^\* Alice in \S+ +@1│")
    assert "psst" not in b.screen()
    b.keys("Tab")
    b.wait_for(r"Alice  psst")
    b.type("what is it?")
    a.wait_for(r"Bob  what is it\?")
    b.type("/correct what?")
    a.wait_for(r"Bob  what\? \(edited\)")
    # It goes with its nickname, and ends with it.
    b.type("/nick Robert")
    b.wait_for("is for rooms")
    b.type(f"/join {room}")
    b.wait_for("you are in it")
    b.keys("C-p")
    b.wait_for(rf"│ {re.escape(room)}  2 here")
    assert "psst" not in b.screen() and "what?" not in b.screen()
    b.type("/nick Robert")
    a.wait_for("Bob is Robert now")
    a.type("still you?")
    b.wait_for(r"(?m)^\* Alice in \S+ +@1│")
    b.keys("Tab")
    b.wait_for(r"Alice  still you\?")
    assert b.quit() == "ended 0"
    a.wait_for("Robert has left the room")
    a.wait_for("│ Robert  in private, not there")
    a.type("gone?")
    a.wait_for("not sent: Robert is not in the room")
    a.wait_for(r"(?m)^> gone\?$")
    # Somebody else takes the name: what was typed for the one is not for the other.
    c = chat("carol")
    c.type(f"/join {room} Robert")
    c.wait_for("In the room as Robert")
    a.wait_for("Robert is in the room: back, or another")
    a.keys("Enter")
    a.wait_for("not sent: Robert may be somebody else now")
    a.keys("C-u")
    a.type("/msg Robert who are you?")
    c.wait_for(r"(?m)^\* Alice in \S+ +@1│")
    c.keys("Tab")
    c.wait_for(r"Alice  who are you\?")
    assert "gone?" not in c.screen()
    a.type("/close")
    a.wait_gone("in private")
    assert a.quit() == "ended 0"


# ------------------------------------------------------------------------------- strangers


def test_V72_a_stranger_steers_no_terminal(people, chat, server):
    alice, bob = people("alice", "bob")
    a = chat("alice")
    stranger = server.login(bob, presence=0)
    stranger.message(alice.jid, f"a\x9bb {BIDI}gpj.exe \u200b\u2066c")
    a.wait_for(unread(bob, 1))
    a.keys("Tab")
    # Where the line is wrapped depends on the length of the name.
    for shown in (r"a<U\+009B>b", r"<U\+202E>gpj\.exe", r"<U\+200B><U\+2066>c"):
        a.wait_for(shown)
    raw = a._run("capture-pane", "-p", "-e")
    assert BIDI not in raw and "\x9b" not in raw and "\u200b" not in raw
    stranger.presence("subscribe", to=alice.jid)
    a.wait_for(f"{ASKS} {bob.user}")


def test_what_other_programs_say_in_their_own_ways(people, chat, server):
    alice, bob = people("alice", "bob")
    a = chat("alice", bob.jid)
    friend = server.login(bob, presence=0)
    friend.message(alice.jid, "From tomorrow", extra="<delay xmlns='urn:xmpp:delay' "
                   "stamp='2199-01-01T00:00:00Z'/>")
    friend.message(alice.jid, "> From\n> tomorrow\nNo, from today", extra=(
        "<reply xmlns='urn:xmpp:reply:0' id='1'/><fallback xmlns='urn:xmpp:fallback:0' "
        "for='urn:xmpp:reply:0'><body start='0' end='18'/></fallback>"))
    friend.message(alice.jid, extra="<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>"
                   "👋</reaction></reactions><store xmlns='urn:xmpp:hints'/>")
    friend.message(alice.jid, extra="<encryption xmlns='urn:xmpp:eme:0' "
                   "namespace='urn:xmpp:openpgp:0'/><store xmlns='urn:xmpp:hints'/>")
    friend.message(alice.jid, "The end")
    a.wait_for("The end")
    rows = [row.partition("│ ")[2] for row in a.rows()]
    said = [re.sub(r"^\d\d:\d\d", "", row).strip() for row in rows if row.strip()][2:]
    who = bob.user
    assert said == [f"{who}  From tomorrow", f"{who}  > From", "> tomorrow", "No, from today",
                    "encrypted: this program cannot read it", f"{who}  The end"]


def test_C14_a_very_long_line(people, chat, server):
    alice, bob = people("alice", "bob")
    a = chat("alice", bob.jid)
    friend = server.login(bob, presence=0)
    friend.message(alice.jid, "w" * 100000)
    a.wait_for(r"\[91808 bytes more\]")
    friend.message(alice.jid, "\n".join("lines" * 3))
    a.type("/help")
    a.wait_for("/accept")


# ----------------------------------------------------------------------------- the terminal


def test_the_help_fits(people, chat):
    people("alice")
    a = chat("alice")
    a.type("/help")
    a.wait_for("Any key closes this")
    shown = a.rows()[1:22]
    assert shown[0].startswith(" /accept") and "# room" in "\n".join(shown)
    assert not [row for row in shown if row.endswith("…")]
    a.type("/msg x@example.org")
    a.wait_for("│ x@example.org")
    a.keys("F1")
    a.wait_for("Any key closes this")
    a.keys("Escape")
    a.wait_for("│ x@example.org")
    a.type("/help")
    a.wait_for("Any key closes this")
    a.resize(40, 10)
    a.wait_for(r"(?m)^ /add  \[JID\]")
    for _ in range(8):
        a.keys("PPage" if _ % 2 else "NPage")
    a.keys(*["NPage"] * 12)
    a.wait_for(r"\? no contact")
    assert "…" not in a.screen().replace("… waits", "")


def test_mistakes_are_told(people, chat):
    people("alice")
    a = chat("alice")
    for typed, said in (("hello", "to whom?"), ("/nonsense", "there is no command /nonsense"),
                        ("/msg", "/msg JID"), ("/topic x", "needs an open conversation"),
                        ("/msg @@", "@@ is no address"), ("/join x", "x is no address"),
                        ("/accept", "who?"), ("/status tired", "/status online, chat, away")):
        a.type(typed)
        a.wait_for(re.escape(said))


def test_C09_every_size_and_a_storm_of_them(two):
    a, b, alice, bob = two
    a.type("A line that is long enough to be wrapped in a narrow window, and then some.")
    b.wait_for("A line that")
    b.resize(40, 10)
    b.wait_for(rf"(?m)^{alice.jid}")
    assert "│" not in b.screen()
    b.wait_for(rf"(?m)^\d\d:\d\d {alice.user}  A line")
    b.resize(1, 1)
    b.text("typed blind")
    b.resize(12, 3)
    b.resize(80, 24)
    b.wait_for("(?m)^> typed blind$")
    pid = b.program_pid()
    for i in range(300):
        os.kill(pid, signal.SIGWINCH)
        if i % 30 == 0:
            b.resize(20 + i // 5, 5 + i // 30)
    b.resize(80, 24)
    b.keys("Enter")
    a.wait_for("Bob  typed blind")
    assert b.quit() == "ended 0"


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_C09_it_rests_when_nothing_happens(two):
    a, _, _, _ = two
    pid = a.program_pid()
    before = cpu_ticks(pid)
    time.sleep(2)
    assert cpu_ticks(pid) - before < 40  # of 200


def test_C09_a_terminal_that_is_gone_ends_it(two):
    a, b, alice, bob = two
    pid = b.program_pid()
    b._run("kill-server")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of burble")
    a.wait_for(f"(?m)^{GONE} Bob .*│ Bob  {bob.jid}  offline")
    b.check()


def test_a_wrong_password_is_told_when_the_screen_is_back(server, home, chat):
    account = server.account("alice")
    home.account(account.jid, "wrong", server, name="alice")
    a = chat("alice", online=False)
    a.wait_for("ended 4")
    assert "password" in a.check()


# ----------------------------------------------------------------------------- the connection


def test_a_restart_of_the_server_is_shown_and_survived(two, server):
    a, b, alice, bob = two
    a.type("Before")
    b.wait_for("Before")
    server.stop()
    for who in (a, b):
        who.wait_for(r"burble  \S+  (not connected|connecting|resolving)")
        who.wait_for("trying again in")
    a.type("In between")
    a.wait_for("In between …")
    server.start()
    for who in (a, b):
        who.wait_for(r"burble  \S+  online")
        who.wait_gone("trying again")
    b.wait_for("In between")
    a.wait_for(f"In between {TICK}{TICK}")
    b.type("After")
    a.wait_for("After")
    assert b.screen().count("In between") == 1


def test_a_crash_of_the_server(two, server):
    a, b, _, _ = two
    a.type("Before")
    b.wait_for("Before")
    server.kill()
    a.wait_for("trying again in")
    a.type("In between")
    server.start()
    b.wait_for("In between")
    a.wait_for(f"In between {TICK}{TICK}")
    assert b.screen().count("In between") == 1 and b.screen().count("Before") == 1
