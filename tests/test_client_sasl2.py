"""SASL2, bind 2 and FAST of libburble with what others wrote: Prosody with mod_sasl2,
mod_sasl2_bind2, mod_sasl2_fast, and with mod_sasl2_sm where Prosody is new enough for it."""

import pathlib
import re

import pytest

from harness.command import Home
from harness.prosody import Prosody
from harness.proxy import Proxy
from harness.server import program_path, running

ALICE, BOB = "alice@localhost", "bob@localhost"
PEOPLE = {jid: f"{jid.partition('@')[0]}'s secret" for jid in (ALICE, BOB)}
TOKEN = r"HT-SHA-256-(EXPR|NONE)"
PASSWORD = r"SCRAM-SHA-256(-PLUS)?"


@pytest.fixture(scope="module")
def prosody():
    yield from running(Prosody(accounts=PEOPLE, sasl2=True))


@pytest.fixture
def driver(home):
    """driver(server, times, *words): the program login.c as alice, with raw; Done."""

    path = pathlib.Path(program_path("burbled")).parent.parent / "tests/drivers/driver_login"
    if not path.exists():
        pytest.skip("the build has no drivers")

    def login(server, times, *words):
        return home.run(path, ALICE, server.ip, server.port, server.ca_file, times,
                        "talk", "raw", *words, stdin=f"{PEOPLE[ALICE]}\n", code=0)

    return login


def sent(done, element):
    return re.findall(rf"^out (<{element}[ >].*)$", done.err, re.M)


def came(done, element):
    return re.findall(rf"^in (<{element}[ >].*)$", done.err, re.M)


def mechanisms(done):
    return [x.split()[2] for x in done.lines if x.startswith("alice@")]


def test_one_element_logs_in_and_binds(driver, prosody):
    done = driver(prosody, 3)
    first, *later = mechanisms(done)
    assert re.fullmatch(PASSWORD, first)
    assert len(later) == 2 and all(re.fullmatch(TOKEN, x) for x in later)
    assert done.lines.count("roster 0") == done.lines.count("heard there and back") == 3
    # The server knows the client again (XEP-0386).
    assert len({x.split()[0] for x in done.lines if x.startswith("alice@")}) == 1
    asked, answers = sent(done, "authenticate"), came(done, "success")
    assert len(asked) == len(answers) == 3 and "<bind xmlns='urn:ietf" not in "".join(
        sent(done, "iq"))
    for request, answer in zip(asked, answers):
        assert "<enable xmlns='urn:xmpp:carbons:2'/>" in request
        assert "<enabled xmlns='urn:xmpp:carbons:2'/>" in answer
        assert ("<enable xmlns='urn:xmpp:sm:3'" in request) == prosody.inline_sm
        assert ("<enabled xmlns='urn:xmpp:sm:3'" in answer) == prosody.inline_sm
    assert ["count='" in x for x in asked] == [False, True, True]
    assert "<request-token" in asked[0] and "<token" in answers[0]
    assert re.findall(r" count='(\d+)'", "".join(asked)) == ["1", "2"]
    assert set(re.findall(r"token='([^']*)'", done.err)) == {"[hidden]"}
    assert PEOPLE[ALICE] not in done.err
    # Where it did not come along, it is asked for behind.
    assert len(sent(done, "enable")) == (0 if prosody.inline_sm else 3)
    assert len(came(done, "enabled")) == len(sent(done, "enable"))


def test_inactive_from_the_first_moment(driver, prosody):
    done = driver(prosody, 1, "inactive")
    (request,) = sent(done, "authenticate")
    assert "<inactive xmlns='urn:xmpp:csi:0'/></bind>" in request and not sent(done, "inactive")
    assert "heard there and back" in done.lines


def listen(home):
    return home.spawn("burble", "--json", "--debug", "listen")


def online(process, how, mechanism):
    process.expect_error(rf"{how} as alice@localhost/\S+, TLSv1.\d, {mechanism}$")


def test_the_token_is_kept_and_a_forgotten_one_is_no_end(home, prosody):
    """XEP-0484: the next process has the token; when it is not taken there is the password."""
    home.account(ALICE, PEOPLE[ALICE], prosody)
    for turn, mechanism in enumerate((PASSWORD, TOKEN, PASSWORD, TOKEN)):
        if turn == 2:
            prosody.forget_tokens("alice")
        with listen(home) as listening:
            online(listening, "logged in" if turn == 0 else "(logged in|resumed)", mechanism)
            said = "\n".join(listening.err)
            assert ("<failure " in said) == (turn == 2)
            listening.stop(code=6)


def test_a_connection_is_lost_and_the_session_goes_on(home, prosody):
    """Resumption (XEP-0198) behind a login by token; carbons were on from the bind on."""
    way = Proxy((prosody.ip, prosody.port))
    home.account(ALICE, PEOPLE[ALICE], prosody, port=way.address[1])
    try:
        with listen(home) as listening, Home() as elsewhere:
            elsewhere.account(BOB, PEOPLE[BOB], prosody, name="bob")
            elsewhere.account(ALICE, PEOPLE[ALICE], prosody, name="alice")
            online(listening, "logged in", PASSWORD)
            listening.expect_error("<enabled xmlns='urn:xmpp:sm:3'")
            way.reset()
            online(listening, "resumed", TOKEN)
            elsewhere.run("burble", "--account", "bob", "send", ALICE, "Hi Alice", code=0)
            listening.expect_json(body="Hi Alice")
            elsewhere.run("burble", "--account", "alice", "send", BOB, "Hi Bob", code=0)
            listening.expect_error("<sent xmlns='urn:xmpp:carbons:2'.*Hi Bob")
            said = "\n".join(listening.err)
            assert re.search("<authenticate [^>]*mechanism='HT-", said)
            along = (re.search("<authenticate [^>]*mechanism='HT-.*<resume ", said),
                     re.search("<success .*<resumed ", said))
            assert all(along) if prosody.inline_sm else not any(along)
            assert len(re.findall("<resumed ", said)) == 1
            listening.stop(code=6)
    finally:
        way.close()

