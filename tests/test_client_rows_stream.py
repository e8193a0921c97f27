"""C01, C02 and the X rows against burble: connections that break at every step, streams that are
none. Bad DNS, portals and redirections are in test_find.py and test_burble_command.py."""

import pytest

from harness import attacks, ns
from harness.hostile import STEPS, cuts, good_session
from harness.rows import FRIEND, Visit, harmless
from harness.xmpp import condition, name

# ------------------------------------------------------------------------ C01: cut at every step

SENDING = cuts(steps=[s for s in STEPS if s != "stanza"] + ["ack"])
SHOWING = [cut for cut in SENDING if cut.step in ("features#3", "bind", "enabled", "answer",
                                                  "answer#2", "end")]  # as sending before that
LISTENING = cuts(steps=[s for s in STEPS if s not in ("end", "answer#2")] + ["stanza#2"])
STALLS = cuts(hows=("stall",), steps=[s for s in STEPS if s not in ("stanza", "end")] + ["ack"])
CONFIRMS_NOTHING = "confirms-nothing"
STALLS = [cut for cut in STALLS if cut.place == ("middle" if cut.step == "tls" else "before")]
STALLS.append(CONFIRMS_NOTHING)


@pytest.fixture(scope="module", autouse=True)
def stalls(sweep):
    """They take long, and nothing but time: they run beside the other tests."""
    sweep.begin(stalled, STALLS, workers=len(STALLS))


def was_settled(visit, cut):
    """The server has said all that the program waits for; None: a reset may have overtaken it."""
    if "answer#2" not in visit.server.steps:
        return False
    if cut.step != "answer#2":
        return True
    return cut.place == "after" and (True if cut.how == "close" else None)


def sent(cut):
    with Visit(cut=cut) as visit:
        done = visit.send()
        well = was_settled(visit, cut)
        well = done.code == 0 if well is None else well
        assert visit.server.was_cut and done.code == (0 if well else 3), (done, visit.server.steps)
        assert len(done.err.splitlines()) == (0 if well else 1) and done.out == ""


@pytest.mark.parametrize("cut", SENDING, ids=str)
def test_C01_send(sweep, cut):
    sweep(sent, SENDING, cut)


def status_shown(cut):
    with Visit(cut=cut) as visit:
        done = visit.run("status", "here")
        well = was_settled(visit, cut)
        assert well is None or done.code == (0 if well else 3), (done, visit.server.steps)
        assert "recipient" not in done.err


@pytest.mark.parametrize("cut", SHOWING, ids=str)
def test_C01_status(sweep, cut):
    sweep(status_shown, SHOWING, cut)


def heard(cut):
    """The first connection breaks; listen comes back and hears what is said in the second."""
    with Visit(cut=cut, resumption="fail") as visit:
        done = visit.listen(code=0)
        assert visit.bodies(done) == ["hello"]
        assert visit.server.was_cut


@pytest.mark.parametrize("cut", LISTENING, ids=str)
def test_C01_listen(sweep, cut):
    sweep(heard, LISTENING, cut)


# --------------------------------------------------------------------- C02: XML that is not right


def play(attack, heard):
    """The script of an attack; `heard` is what the client said of it, and how it went on."""

    def script(conn):
        heard.append(attacks.play(conn, attack))
        if attack.bodies:
            conn.serve()

    return script


HEADERS = [a for a in attacks.BAD_XML if a.stage == "header"]
ENDING = [a for a in attacks.BAD_XML if a.stage == "online" and not a.bodies]
GOING_ON = [a for a in attacks.BAD_XML if a.bodies]


def answered(attack):
    said = []
    with Visit(play(attack, said)) as visit:
        done = visit.send(code=5)
        visit.server.wait()
        assert said[0] in attack.errors, said
        assert len(harmless(done.err).splitlines()) == 1 and "FORGED" not in done.err
        assert not visit.secret_seen()


@pytest.mark.parametrize("attack", HEADERS, ids=str)
def test_C02_in_place_of_a_server(sweep, attack):
    sweep(answered, HEADERS, attack)


def ended(attack):
    """The stream ends, nothing of it is shown, and the next one is as if nothing had been."""
    said = []
    with Visit(play(attack, said), good_session, resumption="fail") as visit:
        done = visit.listen(code=0)
        visit.server.wait()
        assert visit.bodies(done) == ["hello"], done
        assert said[0] in (attack.errors or (None,)), said
        assert "; trying again in" in harmless(done.err) and "FORGED" not in done.out + done.err


@pytest.mark.parametrize("attack", ENDING, ids=str)
def test_C02_in_a_session(sweep, attack):
    sweep(ended, ENDING, attack)


def went_on(attack):
    said = []
    with Visit(play(attack, said)) as visit:
        listener = visit.spawn("listen", "--json")
        for body in attack.bodies:
            assert listener.expect_json(kind="message")["body"] == body
        done = listener.stop(code=6)
        assert said == [None] and len(done.lines) == len(attack.bodies)
        assert len(visit.server.connections) == 1


@pytest.mark.parametrize("attack", GOING_ON, ids=str)
def test_C02_odd_but_right(sweep, attack):
    sweep(went_on, GOING_ON, attack)


def test_C02_X05_newer_versions_are_spoken_to():
    def script(conn):
        conn.reply_open = lambda **more: type(conn).reply_open(conn, version="2.10", **more)
        good_session(conn)

    with Visit(script) as visit:
        visit.send(code=0)


@pytest.mark.parametrize("text", ["\x9b2J \u202eevil\u2066", "\u200b" * 20, "line\nburble: done"],
                         ids=ascii)
def test_C02_V72_what_servers_say_is_shown_harmless(text):
    """The text of a stream error, of a refused login, of a refused message."""

    def in_the_stream(conn):
        conn.expect_open()
        conn.reply_open()
        conn.stream_error("undefined-condition", text)

    def in_the_login(conn):
        conn.expect_open()
        conn.reply_open()
        conn.features(starttls="required")
        conn.starttls()
        conn.expect_open()
        conn.reply_open()
        conn.features(mechanisms=("PLAIN", "SCRAM-SHA-256"))
        conn.expect("auth")
        conn.say("failure", f"<failure xmlns='{ns.SASL}'><not-authorized/><text>{text}</text>"
                            "</failure>")
        conn.expect_closed()

    def in_an_error(conn):
        conn.log_in()
        conn.serve(until=lambda: any(name(e) == "message" for e in conn.heard))
        ident = conn.expect("message").get("id")
        conn.deliver(f"<message type='error' id='{ident}' from='{FRIEND}' to='{{jid}}'><error"
                     f" type='cancel'><gone xmlns='{ns.STANZA_ERROR}'/><text"
                     f" xmlns='{ns.STANZA_ERROR}'>{text}</text></error></message>")
        conn.serve()

    for script, code in ((in_the_stream, 3), (in_the_login, 4), (in_an_error, 1)):
        with Visit(script) as visit:
            done = visit.send(code=code)
            harmless(done.err.removesuffix("\n"))
            assert all(line.startswith("burble: ") for line in done.err.splitlines())
            assert "burble: done" not in done.err.splitlines()


# --------------------------------------------------------------------- C01: servers that fall silent


def stalled(cut):
    script = good_session if cut != CONFIRMS_NOTHING else confirms_nothing
    with Visit(script, cut=cut if cut != CONFIRMS_NOTHING else None) as visit:
        done = visit.send(timeout=45)
        assert done.code == 3 and len(done.err.splitlines()) == 1, (done, visit.server.steps)
        assert visit.server.was_cut or "does not confirm" in done.err


def confirms_nothing(conn):
    """Answers everything, and never says that it has the message."""
    conn.log_in()
    conn.arrived = lambda element: conn.heard.append(element) or conn.fresh.append(element) or True
    conn.handled = 0
    conn.serve()


@pytest.mark.parametrize("cut", STALLS, ids=str)
def test_C01_silence(sweep, cut):
    sweep(stalled, STALLS, cut)
