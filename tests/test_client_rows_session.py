"""Sessions that break, and what was said meanwhile: row C06 with real programs, whoever has lost
what. C07 (queues and their limits) is in src/client/life_test.c, C05 in test_find.py."""

import time

import pytest

from harness import ns
from harness.rows import FRIEND, Visit
from harness.xmpp import DEADLINE_S, body, child, name

ROOM = "room@muc.example.test"
ECHO = ("--", "sh", "-c", "while read -r line; do echo answer; done")


def available(conn):
    return any(name(e) == "presence" and e.get("to") is None for e in conn.heard)


def answers_heard(conn):
    return [e for e in conn.heard if name(e) == "message" and body(e) == "answer"]


def wait(conn, until):
    """Reads without a word, so that nothing is acknowledged."""
    deadline = time.monotonic() + DEADLINE_S
    while not until():
        conn.pump(deadline)


def ask(conn, sender=f"{FRIEND}/x", kind="chat", text="question"):
    conn.deliver(f"<message type='{kind}' from='{sender}' to='{{jid}}' id='q{conn.number}'>"
                 f"<body>{text}</body></message>")


@pytest.mark.parametrize("has, resumption, again", [
    (True, "fail", True),     # it has forgotten everything
    (True, "fail-h", False),  # the session is gone, but it knows what it had
    (True, "good", False),
    (False, "good", True),    # the answer was lost on the way
    (False, "fail-h", True),
], ids=["forgotten", "gone-but-counted", "resumed", "resumed-and-lost", "gone-and-lost"])
def test_C06_what_was_said_is_said_once_again(has, resumption, again):
    """A bot answers, and the connection breaks before the answer is acknowledged."""

    def script(conn):
        conn.log_in()
        if conn.number == 0:
            conn.serve(until=lambda: available(conn))
            conn.ping()
            ask(conn)
            wait(conn, lambda: answers_heard(conn))
            conn.handled -= 0 if has else 1
            conn.reset()
        elif conn.number == 1:
            if resumption != "good":
                conn.serve(until=lambda: available(conn))
            conn.ping()
            conn.ping()
            conn.reset()
        else:
            conn.ping()
            conn.leave()

    with Visit(script, resumption=resumption) as visit:
        bot = visit.spawn("bot", *ECHO)
        visit.server.wait(2)
        first, second = (answers_heard(conn) for conn in visit.server.connections[:2])
        bot.stop(code=6)
        assert len(first) == 1 and len(second) == (1 if again else 0), (first, second)
        assert all(m.get("id") == first[0].get("id") and m.get("to") == first[0].get("to")
                   for m in second)
        bound = [sum(name(e) == "iq" and child(e, "bind", ns.BIND) is not None for e in conn.heard)
                 for conn in visit.server.connections[:2]]
        assert bound == [1, 0 if resumption == "good" else 1]
        resumed = [e for e in visit.server.connections[1].heard if name(e) == "resume"]
        assert len(resumed) == 1 and int(resumed[0].get("h")) > 0


def test_C06_rooms_are_entered_again_before_what_waits():
    """The answer to the room was not acknowledged; it goes again, behind what enters the room."""

    def enter(conn):
        joined = next(e for e in conn.heard if name(e) == "presence" and e.get("to"))
        conn.deliver(f"<presence from='{joined.get('to')}' to='{{jid}}'><x"
                     " xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member'"
                     " role='participant'/><status code='110'/></x></presence>",
                     f"<message type='groupchat' from='{ROOM}' to='{{jid}}'><subject/></message>")

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: any(e.get("to", "").startswith(ROOM) for e in conn.heard))
        enter(conn)
        conn.ping()
        if conn.number == 0:
            ask(conn, f"{ROOM}/Friend", "groupchat", "bot: hello")
            wait(conn, lambda: answers_heard(conn))
            conn.reset()
            return
        conn.serve(until=lambda: answers_heard(conn))
        conn.ping()
        conn.serve()

    with Visit(script, resumption="fail") as visit:
        bot = visit.spawn("bot", "--room", ROOM, "--nick", "bot", *ECHO)
        visit.server.wait(1)
        first = answers_heard(visit.server.connections[0])
        visit.wait_for(lambda: len(visit.server.connections) > 1
                       and answers_heard(visit.server.connections[1]))
        bot.stop(code=6)
        visit.server.wait(2)
        second = answers_heard(visit.server.connections[1])
        to_room = [name(e) for e in visit.server.connections[1].heard
                   if e.get("to", "").startswith(ROOM)]
        assert to_room[:2] == ["presence", "message"], to_room
        assert [m.get("id") for m in first] == [m.get("id") for m in second]
        assert all(m.get("to") == ROOM and m.get("type") == "groupchat" for m in first + second)


def test_C06_C07_what_is_typed_meanwhile_goes_with_the_next_session():
    """Answers that a bot's program gives while there is no connection wait for one."""

    def script(conn):
        if conn.number == 1:
            (visit.home.dir / "go").touch()
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        conn.ping()
        if conn.number == 0:
            ask(conn)
            conn.ping()
            conn.reset()
        else:
            conn.serve(until=lambda: len(answers_heard(conn)) == 3)
            conn.serve()

    with Visit(script, resumption="fail") as visit:
        bot = visit.spawn("bot", "--", "sh", "-c", (
            "read -r line; until [ -e go ]; do sleep 0.05; done;"
            " for i in 1 2 3; do echo answer; done; cat"))
        visit.wait_for(lambda: len(visit.server.connections) > 1
                       and len(answers_heard(visit.server.connections[1])) == 3)
        bot.stop(code=6)
        heard = answers_heard(visit.server.connections[1])
        assert len({m.get("id") for m in heard}) == 3
        assert all(m.get("to") == f"{FRIEND}/x" for m in heard)
