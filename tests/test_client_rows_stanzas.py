"""What strangers, contacts and servers send to burble: rows V20, V22, V57 to V62, V65, V68, V69,
V72, C14. The same rows against the library are in src/client (docs/reliability.md lists them); bots
(C10, C11, V71) are in test_burble_bot.py, files (V70) in test_client_rows_files.py."""

import itertools
import json

import pytest

from harness import attacks, ns
from harness.attacks import MAM, MUC_USER
from harness.hostile import good_session
from harness.managed import SM
from harness.mutations import NEGOTIATION, PUSHES, RESULTS, mutations
from harness.rows import FRIEND, JID, Visit, harmless
from harness.xmpp import condition, dump, name, namespace

ROOM = "room@muc.example.test"
PROGRAMS = {
    "listen": ("listen", "--json", "--all", "--presence"),
    "roster": ("roster", "--watch", "--json"),
    "bot": ("bot", "--raw", "--", "sh", "-c", "cat >heard"),
    "everything": (ROOM,),  # all that the library has: drivers/everything.c
}


def available(conn):
    return any(name(e) == "presence" and e.get("to") is None for e in conn.heard)


def enter(conn):
    """The room lets the client in."""
    conn.serve(until=lambda: any(e.get("to") == f"{ROOM}/me" for e in conn.heard))
    for nick, codes in (("Bob", ()), ("Mallory", ()), ("me", (110,))):
        conn.deliver(f"<presence from='{ROOM}/{nick}' to='{{jid}}'><x xmlns='{MUC_USER}'><item"
                     " affiliation='owner' role='moderator'/>"
                     + "".join(f"<status code='{c}'/>" for c in codes) + "</x></presence>")
    conn.deliver(f"<message type='groupchat' from='{ROOM}' to='{{jid}}'><subject/></message>")


class Listener:
    """One of PROGRAMS, available at a scripted server, while the script does its work."""

    def __init__(self, program, **options):
        self.visit = Visit(self._script, **options)
        self.program, self.work = program, None

    def run(self, work):
        """work(conn) runs in the script; gives what the program printed, when it was over."""
        self.work = work
        with self.visit:
            if self.program == "everything":
                process = self.visit.everything(*PROGRAMS[self.program])
                done = process.wait(timeout=50, code=0)
            else:
                process = self.visit.spawn(*PROGRAMS[self.program])
                self.visit.server.wait(timeout=50)
                done = process.stop(code=6)
            self.visit.server.wait()
            assert len(self.visit.server.connections) == 1, done.err
            return done

    def _script(self, conn):
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        if self.program == "everything":
            enter(conn)
        conn.ping()
        self.work(conn)
        if self.program == "everything":
            ask(conn, "quit")
            conn.serve()


def ask(conn, word):
    conn.deliver(f"<message from='{{domain}}' to='{{jid}}'><body>ask {word}</body></message>")


def reaction(conn, *stanzas):
    """What the program says because of these, and that it lives."""
    before = len(conn.heard)
    conn.deliver(*stanzas)
    answer = conn.ping()
    return [e for e in conn.heard[before:]
            if e is not answer and namespace(e) != SM and not is_own_question(e)]


def is_own_question(element):
    return name(element) == "iq" and element.get("type") in ("get", "set")


# ------------------------------------------------------------- those who may not say what they say

SPOOFED = sorted({spoof.row for spoof in attacks.SPOOFS})
CASES = list(itertools.product(PROGRAMS, SPOOFED))


def spoofed(case):
    program, row = case
    spoofs = [s for s in attacks.SPOOFS if s.row == row]
    wrong = []

    def work(conn):
        for spoof in spoofs:
            for said in reaction(conn, *spoof.stanzas):
                fine = not spoof.silent and name(said) == "iq" and said.get(
                    "type") == "error" and condition(said) == "service-unavailable"
                if not fine:
                    wrong.append(f"{spoof}: {dump(said)}")

    done = Listener(program).run(work)
    assert not wrong, wrong
    if program == "everything":
        lies = [line for line in done.lines if "FORGED" in line]
        assert all(line.startswith("message ") and FRIEND not in line for line in lies), lies
        assert not lies or row in ("V61", "V62"), lies
        assert not any(line.startswith("retraction in") for line in done.lines) or row != "V62"
    elif row in ("V61", "V62"):  # a message of whoever sent it, beside the one that it is about
        assert all(it["from"] != f"{FRIEND}/phone" for it in done.json if it.get("body") == "FORGED")
        if program == "listen":
            assert sum(it.get("body") == "kept" for it in done.json) == 3
    else:
        assert "FORGED" not in done.out or row == "V69", done.out
    if row == "V69" and program == "roster":
        assert "FORGED" not in done.out


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_nobody_speaks_for_others(sweep, case):
    sweep(spoofed, CASES, case)


def wrong_answers(conn, iq):
    """For the account there speak its server and its addresses, of which nobody else has one."""
    attacks.wrong_answers(conn, iq, but=() if iq.get("to") else ("{jid}", "{domain}"))


@pytest.mark.parametrize("command, payload, right", [
    (("status", "x"), f"{{{ns.PING}}}ping", ""),
    (("roster", "--json"), f"{{{ns.ROSTER}}}query",
     f"<query xmlns='{ns.ROSTER}'><item jid='{FRIEND}' name='Right' subscription='both'/></query>"),
])
def test_V60_answers_of_others_are_none(command, payload, right):
    """Those with the right id from all who were not asked come before the right one."""
    ids = []

    def answer(conn, iq):
        ids.append(iq.get("id"))
        wrong_answers(conn, iq)
        assert conn.ping() is not None  # they have been seen, and it still waits
        return right

    with Visit(answers={payload: answer}) as visit:
        done = visit.run(*command, code=0)
        assert "FORGED" not in done.out and ("Right" in done.out) == bool(right)
        visit.run(*command, code=0)
    # 96 bits of chance or more: 16 characters of base64, of which no two are the same.
    assert len(set(ids)) == 2 and all(len(i) >= 16 for i in ids), ids


def test_V68_nobody_commands_it():
    """Not even its own server: there is no command, and nothing is said of any."""

    def work(conn):
        for sender in ("{domain}", "{bare}", attacks.STRANGER):
            for node in ("http://jabber.org/protocol/rc#set-status", "forward", "x"):
                (said,) = reaction(conn, (
                    f"<iq type='set' id='c' from='{sender}' to='{{jid}}'><command action='execute'"
                    f" node='{node}' xmlns='http://jabber.org/protocol/commands'/></iq>"))
                assert said.get("type") == "error" and condition(said) in (
                    "service-unavailable", "item-not-found"), dump(said)
            for said in reaction(conn, (
                    f"<iq type='get' id='d' from='{sender}' to='{{jid}}'><query"
                    f" xmlns='{ns.DISCO_ITEMS}' node='http://jabber.org/protocol/commands'/></iq>")):
                assert said.get("type") == "error" or len(said[0]) == 0, dump(said)

    for program in PROGRAMS:
        Listener(program).run(work)


# ----------------------------------------------------------------------- bad and bent stanzas (V20)


def test_V20_bad_stanzas_are_counted_and_lead_to_no_loop():
    """The session is resumed three times, and each time the server knows what was handled."""
    told = []

    def script(conn):
        conn.log_in()
        if conn.number == 0:
            conn.serve(until=lambda: available(conn))
        else:
            told.append((conn.jid, len(conn.unacknowledged)))
        if conn.number < 3:
            for stanza in attacks.BAD_STANZAS.values():
                reaction(conn, stanza)
            conn.reset()
            return
        conn.deliver(f"<message from='{FRIEND}/x' to='{{jid}}'><body>at last</body></message>")
        conn.serve()

    with Visit(script) as visit:
        listener = visit.spawn("listen", "--json")
        listener.expect_json(body="at last")
        bodies = visit.bodies(listener.stop(code=6))
        once = bodies[:len(bodies) // 3]
        assert bodies == [*once * 3, "at last"], bodies
        assert [b for b in once if b is not None] == ["FORGED", "FORGED", "one", "late"]
        assert len({jid for jid, _ in told}) == 1 and len(told) == 3, "it was resumed each time"
        assert all(left == 0 for _, left in told), told


@pytest.mark.parametrize("counter", attacks.BAD_COUNTERS)
def test_V20_counters_that_cannot_be(sweep, counter):
    sweep(miscounted, attacks.BAD_COUNTERS, counter)


def miscounted(counter):
    """The session ends, another one begins, and it is resumed no more."""

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        conn.send(counter)
        conn.expect_closed()
        said.append(conn.error)

    said = []
    with Visit(script, good_session) as visit:
        done = visit.listen(code=0)
        assert visit.bodies(done) == ["hello"]
        assert condition(said[0]) == "undefined-condition"
        assert not any(name(e) == "resume" for e in visit.server.connections[1].heard)


# ------------------------------------------------------------------------------- bent stanzas (V22)


@pytest.mark.parametrize("program", PROGRAMS)
def test_V22_thousands_of_bent_stanzas(sweep, program):
    sweep(bent, list(PROGRAMS), program)


def bent(program):
    """Everything that a client knows, with something missing or changed: it lives on."""
    pushes = [*PUSHES.values(), *(text for _, _, text in mutations(PUSHES))]
    results = [f"<iq type='result' id='r{i}' to='{{jid}}'>{text}</iq>"
               for i, (_, _, text) in enumerate(mutations(RESULTS))]
    assert len(pushes) > 2000 and len(results) > 1000

    def work(conn):
        for i in range(0, len(pushes), 50):
            reaction(conn, *pushes[i:i + 50])
        for i in range(0, len(results), 50):
            reaction(conn, *results[i:i + 50])
        conn.deliver(f"<message type='chat' from='{FRIEND}/x' to='{{jid}}'><body>the end</body>"
                     "</message>")
        conn.ping()

    done = Listener(program).run(work)
    if program == "listen":
        rows = done.json
        assert rows[-1]["body"] == "the end" and len(rows) > 500


ASKED = {
    "info": ns.DISCO_INFO, "items": ns.DISCO_ITEMS, "version": ns.VERSION, "time": ns.TIME,
    "last": ns.LAST, "vcard": ns.VCARD, "slot": "urn:xmpp:http:upload:0", "ibr": ns.IBR,
    "pubsub": ns.PUBSUB, "archive": MAM, "members": "http://jabber.org/protocol/muc#admin",
    "config": "http://jabber.org/protocol/muc#owner",
    "command": "http://jabber.org/protocol/commands",
}


def test_V22_bent_answers_to_all_that_the_library_asks():
    """Each question is answered once, whatever the answer is, and it asks no more than it must."""
    table = {word: [(key, text) for key, _, text in mutations(RESULTS) if key.startswith(f"{{{space}}}")]
             for word, space in ASKED.items()}
    asked = []

    def work(conn):
        for word, variants in table.items():
            for key, text in [(variants[0][0], RESULTS[variants[0][0]]), *variants]:
                def answer(_conn, iq, text=text):
                    asked.append(word)
                    if word == "archive":
                        query = iq[0].get("queryid")
                        conn.deliver(f"<message to='{{jid}}'><result xmlns='{MAM}' id='a{len(asked)}'"
                                     f" queryid='{query}'>{FORWARDED}</result></message>")
                    return text

                conn.server.answers[key] = answer
                ask(conn, word)
                conn.ping()
                if word == "archive":  # page by page
                    conn.ping()

    done = Listener("everything").run(work)
    for word, variants in table.items():
        ended = [line for line in done.lines if line.split()[0] == word]
        assert len(ended) == 1 + len(variants), (word, len(ended), len(variants))
        assert f"{word} 0" in ended, "the right one is taken"
        assert asked.count(word) <= 3 * len(ended), (word, asked.count(word))


FORWARDED = ("<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'"
             " stamp='2026-01-02T03:04:05Z'/><message xmlns='jabber:client' type='chat'"
             f" from='{FRIEND}/phone' to='{JID}'><body>kept</body></message></forwarded>")
ROSTERS = [f"<query xmlns='{ns.ROSTER}' ver='1'/>"] + [
    text for key, _, text in mutations({k: v for k, v in RESULTS.items() if "roster" in k})]
BOUND = [text for key, _, text in mutations({k: v for k, v in RESULTS.items() if "bind" in k})]
NEGOTIATED = [(key, text) for key, _, text in mutations(NEGOTIATION)]
ANSWERS = [*(("roster", x) for x in ROSTERS), *(("bind", x) for x in BOUND), *NEGOTIATED]


def negotiate(case):
    """A login with one thing bent, or a roster: any end that is in order."""
    key, text = case

    def script(conn):
        conn.expect_open()
        conn.reply_open()
        if key == "features":
            conn.send_quietly(conn.filled(text).replace("ns0:", "stream:"))
            conn.leave()
            return
        conn.features(starttls="required")
        conn.starttls()
        conn.expect_open()
        conn.reply_open()
        conn.features(mechanisms=("SCRAM-SHA-256",))
        if key in ("failure", "error"):
            conn.expect("auth")
            conn.send_quietly(conn.filled(text))
            conn.leave()
            return
        conn.sasl()
        conn.expect_open()
        conn.reply_open()
        conn.features(bind=True, sm=True)
        if key == "bind":
            conn.user = "alice"
            conn.jid = f"{JID}/x"
            ident = conn.expect("iq").get("id")
            conn.send_quietly(conn.filled(f"<iq type='result' id='{ident}'>{text}</iq>"))
        else:
            conn.bind()
        if key in ("enabled", "failed"):
            conn.expect("enable", space=SM)
            conn.send_quietly(conn.filled(text))
        conn.serve(timeout=20)

    answers = {f"{{{ns.ROSTER}}}query": text} if key == "roster" else None
    with Visit(script, answers=answers) as visit:
        done = visit.run("roster", "--json")
        assert done.code in (0, 1, 3, 4, 5), done
        assert b"alice" not in visit.server.connections[0].sent_in_clear()
        harmless(done.err)
        return done.code


@pytest.mark.parametrize("key", sorted({key for key, _ in ANSWERS}))
def test_V22_bent_negotiations(sweep, key):
    codes = {sweep(negotiate, ANSWERS, case) for case in ANSWERS if case[0] == key}
    assert codes <= {"roster": {0, 1}, "bind": {0, 3, 4, 5, 1}, "features": {3, 4, 5},
                     "failure": {3, 4, 5}, "error": {1, 3, 5}, "enabled": {0, 3, 5},
                     "failed": {0, 3, 5}}[key], codes


# ------------------------------------------------------------------------------- texts (V72, C14)

STEERING = "\x9b2J\u202eevil\u2066\u200b\ufeff\x85\x07".replace("\x07", "")


def test_C14_V72_texts_are_shown_harmless():
    """For people escaped and cut, for programs as it came."""
    long = "x" * 1000000

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        for body in (STEERING, long, "end"):
            conn.deliver(f"<message from='{FRIEND}/phone' to='{{jid}}'><subject>{STEERING[:20]}"
                         f"</subject><body>{body}</body></message>")
        conn.serve()

    with Visit(script) as visit:
        done = visit.run("listen", "--count", "3", code=0)
        assert "evil" in harmless(done.out) and "<U+202E>" in done.out
        assert max(map(len, done.lines)) < 5000 and done.lines[-1] == "end"
    with Visit(script) as visit:
        done = visit.run("listen", "--raw", "--count", "3", code=0)
        assert long in harmless(done.out)
    with Visit(script) as visit:
        done = visit.run("listen", "--json", "--count", "3", code=0)
        assert visit.bodies(done) == [STEERING, long, "end"]
        assert done.out.isascii() and harmless(done.out)


def test_V72_addresses_and_statuses_are_shown_harmless():
    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        conn.deliver(f"<presence from='{FRIEND}/phone' to='{{jid}}'><status>{STEERING}</status>"
                     "</presence>",
                     f"<presence type='subscribe' from='{FRIEND}' to='{{bare}}'><status>{STEERING}"
                     "</status></presence>",
                     f"<message type='error' from='{FRIEND}' to='{{jid}}'><error type='cancel'>"
                     f"<gone xmlns='{ns.STANZA_ERROR}'>{STEERING}</gone><text"
                     f" xmlns='{ns.STANZA_ERROR}'>{STEERING}</text></error></message>")
        conn.deliver(f"<message from='{FRIEND}/{STEERING}' to='{{jid}}'><body>no</body></message>")
        conn.deliver(f"<message from='{FRIEND}/phone' to='{{jid}}'><body>end</body></message>")
        conn.serve()

    for words in (("listen", "--presence", "--all", "--count", "2"), ("console", "--wait", "2"),
                  ("console", "--plain", "--presence", "--wait", "1")):
        with Visit(script) as visit:
            harmless(visit.run(*words, "--verbose", code=0).out)
    rosters = {f"{{{ns.ROSTER}}}query": (
        f"<query xmlns='{ns.ROSTER}'><item jid='{FRIEND}' name='{STEERING}' subscription='both'>"
        f"<group>{STEERING}</group></item></query>")}
    with Visit(answers=rosters) as visit:
        assert "evil" in harmless(visit.run("roster", code=0).out)


# ------------------------------------------------------------------------ encrypted messages (C16)


def test_C16_what_is_encrypted_is_handed_on():
    """The library has no end-to-end encryption of its own. What others encrypt comes whole to the
    program, and in its place nothing is made up; see docs/reliability.md."""
    encrypted = ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>"
                 "AAAA</key><iv>AAAA</iv></header><payload>AAAA</payload></encrypted>")
    hint = "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>"

    def script(conn):
        conn.log_in()
        conn.serve(until=lambda: available(conn))
        for body in ("", "<body>this is encrypted</body>"):
            conn.deliver(f"<message type='chat' from='{FRIEND}/x' to='{{jid}}'>{encrypted}{hint}"
                         f"{body}</message>")
        conn.ping()
        conn.serve()

    with Visit(script) as visit:
        done = visit.run("listen", "--json", "--raw", "--all", "--count", "2", code=0)
        first, second = done.json
        assert "body" not in first and second["body"] == "this is encrypted"
        assert all("AAAA</payload>" in row["xml"] for row in (first, second))
