"""burble command: ad-hoc commands of real servers, and of a scripted one that asks with forms."""

import pytest

from harness import ns
from harness.hostile import Hostile
from harness.xmpp import child

COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"


@pytest.fixture
def alice(home, server):
    home.account("alice@localhost", server.accounts["alice@localhost"], server=server)


# What every account may run there.
HARMLESS = {"prosody": "uptime", "ejabberd": "ping"}


@pytest.mark.servers("prosody", "ejabberd")
def test_commands_of_a_server(alice, home, server):
    listed = home.run("burble", "--json", "command", server.domain, code=0).json
    node = HARMLESS[server.kind]
    assert node in [row["node"] for row in listed]
    done = home.run("burble", "--json", "command", server.domain, node, code=0).json
    assert done[-1]["status"] == "completed"
    assert "no-such-command" in home.run("burble", "command", server.domain, "no-such-command",
                                         code=1).err


@pytest.mark.servers("burbled")
def test_a_server_without_commands(alice, home, server):
    home.run("burble", "command", server.domain, "x", code=1)


# ------------------------------------------------------------------------------- with forms


FIRST = (f"<actions execute='next'><next/></actions><x xmlns='{DATA}' type='form'>"
         "<title>Who \x7f is it?</title><instructions>Say it.</instructions>"
         "<field var='FORM_TYPE' type='hidden'><value>urn:test</value></field>"
         "<field var='who' label='Name'><required/></field>"
         "<field var='kind' type='list-multi'><option label='One'><value>1</value></option>"
         "<option><value>2</value></option></field>"
         "<field var='pin' type='text-private'/></x>")
LAST = f"<x xmlns='{DATA}' type='form'><field var='sure' type='boolean'/></x>"
DONE = (f"<note type='info'>Well done</note><x xmlns='{DATA}' type='result'>"
        "<reported><field var='n' label='Number'/></reported>"
        "<item><field var='n'><value>7</value></field></item></x>")


class Commands:
    """Two forms and a result; what was submitted is in .forms, how often it was cancelled in
    .cancelled."""

    def __init__(self, last=DONE):
        self.forms, self.cancelled, self.last = [], 0, last

    def __call__(self, conn, iq):
        command = iq[0]
        if command.get("action") == "cancel":
            self.cancelled += 1
            return self.answer("canceled", "")
        form = child(command, "x", DATA)
        if form is not None:
            self.forms.append({f.get("var"): [v.text for v in f] for f in form})
        step = len(self.forms)
        if step == 2:
            return self.answer("completed", self.last)
        return self.answer("executing", (FIRST, LAST)[step])

    @staticmethod
    def answer(status, content):
        return (f"<command xmlns='{COMMANDS}' node='n' sessionid='s' status='{status}'>{content}"
                "</command>")


@pytest.fixture
def commands(home):
    script = Commands()
    with Hostile(answers={f"{{{COMMANDS}}}command": script}) as server:
        home.account(f"alice@{server.domain}", "alice's secret", server=server)
        yield script


def test_a_form_is_shown_and_nothing_is_sent(commands, home):
    done = home.run("burble", "command", "bot@example.test/x", "n", code=0)
    assert "  who (text-single, required): Name" in done.lines
    assert "      | 1  One" in done.lines and "      | 2" in done.lines
    assert "\x7f" not in done.out and "FORM_TYPE" not in done.out
    assert commands.forms == [] and commands.cancelled == 1
    shown = home.run("burble", "--json", "command", "bot@example.test/x", "n", code=0).json[0]
    assert shown["status"] == "executing" and shown["form"]["asks"]
    assert [f["var"] for f in shown["form"]["fields"]] == ["who", "kind", "pin"]
    assert shown["form"]["fields"][1]["options"] == [
        {"value": "1", "label": "One"}, {"value": "2", "label": None}]


def test_forms_are_filled_in_step_by_step(commands, home):
    pin = home.file("pin", "12 34\n")
    done = home.run("burble", "command", "bot@example.test/x", "n", "who=me=you", "kind=1",
                    "kind=2", "sure=1", "--field-file", f"pin={pin}", code=0)
    assert commands.forms == [
        {"FORM_TYPE": ["urn:test"], "who": ["me=you"], "kind": ["1", "2"], "pin": ["12 34"]},
        {"sure": ["1"]}]
    assert done.lines == ["Well done", "Number: 7"]
    assert commands.cancelled == 0


def test_defaults_are_sent_when_that_is_wanted(commands, home):
    home.run("burble", "command", "bot@example.test/x", "n", "who=me", "--defaults", code=0)
    assert commands.forms[1] == {}
    commands.forms.clear()
    refused = home.run("burble", "command", "bot@example.test/x", "n", "--defaults", code=2)
    assert '"who" is required' in refused.err


def test_wrong_fields_are_found(commands, home):
    for arguments, why in (
            (["whom=me"], 'has a field "whom"'),
            (["who=a", "who=b"], "too many"),
            (["who"], "FIELD=VALUE"),
            (["=x"], "FIELD=VALUE"),
            (["kind=1"], '"who" is required'),
            (["who=a", "pin=1"], "secret"),
            (["who=a", "--field-file", "pin=/nowhere"], "cannot be read"),
            (["who=a", "sure=maybe"], "boolean")):
        commands.forms.clear()
        done = home.run("burble", "command", "bot@example.test/x", "n", *arguments, code=2)
        assert why in done.err, done.err
        assert len(commands.forms) <= 1


def test_what_fails_says_so(commands, home):
    commands.last = "<note type='error'>It \x07 broke</note>".replace("\x07", "&#x85;")
    done = home.run("burble", "command", "bot@example.test/x", "n", "who=me", "sure=0", code=1)
    assert "It <U+0085> broke" in done.err and done.out == ""


def test_a_command_without_end_is_left(commands, home):
    commands.forms = []
    Commands.__call__, keep = (lambda self, conn, iq: self.answer("executing", "")), \
        Commands.__call__
    try:
        done = home.run("burble", "command", "bot@example.test/x", "n", code=5)
    finally:
        Commands.__call__ = keep
    assert "20 steps" in done.err


def test_a_stranger_does_not_answer_for_it(home):
    def answer(conn, iq):
        conn.send(f"<iq type='result' id='{iq.get('id')}' from='mallory@example.test/x'>"
                  f"{Commands.answer('completed', '<note>lie</note>')}</iq>")
        conn.send(f"<iq type='error' id='{iq.get('id')}' from='{iq.get('to')}'>"
                  f"<error type='cancel'><forbidden xmlns='{ns.STANZA_ERROR}'/></error></iq>")

    with Hostile(answers={f"{{{COMMANDS}}}command": answer}) as server:
        home.account(f"alice@{server.domain}", "alice's secret", server=server)
        done = home.run("burble", "command", "bot@example.test/x", "n", code=1)
        assert "lie" not in done.out and "forbidden" in done.err
