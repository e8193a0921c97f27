"""Archives of accounts: XEP-0313, XEP-0359, XEP-0441, on the real store."""

import sqlite3

import pytest

from harness import ns
from harness.xmpp import body, child, condition, dump
from test_slixmpp import login, logout, run

MAM, FORWARD = "urn:xmpp:mam:2", "urn:xmpp:forward:0"
SID, RSM = "urn:xmpp:sid:0", "http://jabber.org/protocol/rsm"

pytestmark = pytest.mark.shards(1, 3)


def field(var, *values):
    inner = "".join(f"<value>{value}</value>" for value in values)
    return f"<field var='{var}'>{inner}</field>"


def form(*fields):
    return (f"<x xmlns='{ns.DATA_FORM}' type='submit'>{field('FORM_TYPE', MAM)}"
            f"{''.join(fields)}</x>")


def rsm(inner):
    return f"<set xmlns='{RSM}'>{inner}</set>"


class Page:
    """The answer to one query: results as (id, message), and <fin/>."""

    def __init__(self, client, inner="", to=None):
        query = client.next_id("query")
        answer = client.iq("set", f"<query xmlns='{MAM}' queryid='{query}'>{inner}</query>", to=to)
        assert answer.get("type") == "result", dump(answer)
        self.results, self.fin = [], child(answer, "fin", MAM)
        assert self.fin is not None, dump(answer)
        for message in client.take("message"):
            result = child(message, "result", MAM)
            if result is None:
                continue
            assert result.get("queryid") == query and message.get("to") == client.jid
            forwarded = child(result, "forwarded", FORWARD)
            assert child(forwarded, "delay", ns.DELAY).get("stamp")
            self.results.append((result.get("id"), child(forwarded, "message", ns.CLIENT)))

    @property
    def ids(self):
        return [ident for ident, _ in self.results]

    @property
    def texts(self):
        return [body(message) for _, message in self.results]

    @property
    def complete(self):
        return self.fin.get("complete") == "true"

    def edge(self, local):
        return child(child(self.fin, "set", RSM), local).text


def settled(sender, jid):
    """Everything sent to this account before is stored."""
    sender.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=jid)


def stanza_id(message):
    found = [x for x in message.findall(f"{{{SID}}}stanza-id")]
    assert len(found) == 1, dump(message)
    return found[0].get("by"), found[0].get("id")


def test_both_find_what_was_sent_under_the_id_that_was_told(server):
    alice, bob = server.user("alice"), server.user("bob")
    alice.message(bob.account.jid, "one",
                  extra=f"<origin-id xmlns='{SID}' id='o'/>"
                        f"<stanza-id xmlns='{SID}' id='forged' by='{bob.account.jid}'/>")
    got = bob.expect_message("one")
    by, ident = stanza_id(got)
    assert by == bob.account.jid and ident != "forged"
    assert child(got, "origin-id", SID).get("id") == "o"
    bob.message(alice.jid, "two")
    alice.expect_message("two")
    for client, other in ((alice, bob), (bob, alice)):
        page = Page(client)
        assert page.texts == ["one", "two"] and page.complete
        assert page.ids[0] == ident
        assert Page(client, form(field("with", other.account.jid))).texts == ["one", "two"]
        assert Page(client, form(field("ids", ident))).texts == ["one"]
        for _, message in page.results:
            assert child(message, "stanza-id", SID) is None, dump(message)


def test_a_device_catches_up_behind_the_last_id_it_knows(server):
    alice, bob = server.user("alice"), server.account("bob")
    client = server.login(bob, presence=0)
    alice.message(bob.jid, "known")
    _, known = stanza_id(client.expect_message("known"))
    client.close()
    for number in range(120):
        alice.message(bob.jid, f"missed {number}")
    settled(alice, bob.jid)
    client = server.login(bob)
    texts, after = [], known
    while True:
        page = Page(client, rsm(f"<max>50</max><after>{after}</after>"))
        texts += page.texts
        if page.complete:
            break
        after = page.edge("last")
    assert texts == [f"missed {number}" for number in range(120)]
    last = Page(client, rsm("<max>3</max><before/>"))
    assert last.texts == [f"missed {number}" for number in (117, 118, 119)]
    assert not last.complete
    before = Page(client, rsm(f"<max>2</max><before>{last.edge('first')}</before>") +
                  "<flip-page/>")
    assert before.texts == ["missed 116", "missed 115"]


def test_metadata_and_fields(server):
    alice, bob = server.user("alice"), server.user("bob")
    answer = alice.get(f"<metadata xmlns='{MAM}'/>")
    assert len(answer) == 0
    for text in ("first", "between", "last"):
        alice.message(bob.account.jid, text)
        bob.expect_message(text)
    ids = Page(alice).ids
    answer = alice.get(f"<metadata xmlns='{MAM}'/>")
    assert child(answer, "start").get("id") == ids[0]
    assert child(answer, "end").get("id") == ids[2]
    answer = alice.get(f"<query xmlns='{MAM}'/>")
    fields = {f.get("var") for f in child(answer, "x", ns.DATA_FORM)}
    assert {"with", "start", "end", "before-id", "after-id", "ids"} <= fields
    info = alice.get(f"<query xmlns='{ns.DISCO_INFO}'/>", to=alice.account.jid)
    features = {f.get("var") for f in info if f.tag.endswith("feature")}
    assert {MAM, f"{MAM}#extended", SID} <= features


def test_what_a_contact_never_said_is_not_kept(server):
    alice, bob, carol = server.user("alice"), server.user("bob"), server.user("carol")
    answer = alice.set(f"<prefs xmlns='{MAM}' default='always'><always/>"
                       f"<never><jid>{bob.account.jid}</jid></never></prefs>")
    assert child(answer, "prefs", MAM).get("default") == "always"
    bob.message(alice.account.jid, "secret")
    alice.expect_message("secret")
    carol.message(alice.account.jid, "public")
    alice.expect_message("public")
    alice.message(bob.account.jid, "silence")
    bob.expect_message("silence")
    assert Page(alice).texts == ["public"]
    assert Page(bob).texts == ["secret", "silence"]


def test_a_search_by_words(server):
    alice, bob = server.user("alice"), server.user("bob")
    for text in ("The quick brown fox", "jumps over", "the lazy DOG", "Füchse sind schnell"):
        alice.message(bob.account.jid, text)
        bob.expect_message(text)

    def found(words, inner=""):
        return Page(bob, form(field("{urn:xmpp:fulltext:0}fulltext", words)) + inner).texts

    assert found("the") == ["The quick brown fox", "the lazy DOG"]
    assert found("dog the") == ["the lazy DOG"]
    assert found("fuchse") == ["Füchse sind schnell"]
    assert found("cat") == []
    assert found("the", rsm("<max>1</max><before/>")) == ["the lazy DOG"]


def S20_queries_that_are_refused(server):
    alice, bob = server.user("alice"), server.user("bob")

    def refused(inner, wanted, to=None):
        alice.refused("set", f"<query xmlns='{MAM}'>{inner}</query>", wanted, to=to)

    refused("", "forbidden", to=bob.account.jid)
    refused("", "forbidden", to=f"nobody@{server.host}")
    refused(rsm("<after>123456789</after>"), "item-not-found")
    refused(rsm("<max>-1</max>"), "bad-request")
    refused(form(field("start", "last week")), "bad-request")
    refused(form(field("colour", "red")), "feature-not-implemented")
    assert Page(alice, rsm("<max>1000000000</max>")).complete


def S20_a_hundred_queries_at_once(server):
    alice, bob = server.user("alice"), server.user("bob")
    for number in range(20):
        bob.message(alice.account.jid, f"{number}")
    alice.expect_message("19")
    ids = [alice.next_id("many") for _ in range(100)]
    alice.send("".join(f"<iq type='set' id='{i}'><query xmlns='{MAM}'/></iq>" for i in ids))
    answers = [alice.expect("iq", id=i) for i in ids]
    errors = [a for a in answers if a.get("type") == "error"]
    assert all(condition(e) == "resource-constraint" for e in errors)
    assert len(answers) - len(errors) >= 10
    alice.inbox.clear()
    assert Page(alice).texts == [f"{number}" for number in range(20)]


def test_a_page_of_slixmpp(server):
    alice_account, bob_account = server.account("alice"), server.account("bob")

    async def scenario():
        alice = await login(server, alice_account)
        bob = await login(server, bob_account)
        for client in (alice, bob):
            for plugin in ("xep_0313", "xep_0441"):
                client.register_plugin(plugin)
        for number in range(25):
            alice.send_message(mto=bob_account.jid, mbody=f"m{number}", mtype="chat")
        while (await bob.message(alice_account.jid))["body"] != "m24":
            pass
        for client, other in ((alice, bob_account), (bob, alice_account)):
            texts = []
            async for message in client["xep_0313"].iterate(with_jid=other.jid):
                texts.append(message["mam_result"]["forwarded"]["stanza"]["body"])
            assert texts == [f"m{number}" for number in range(25)]
        newest = []
        async for message in bob["xep_0313"].iterate(reverse=True, rsm={"max": 4}, total=8):
            newest.append(message["mam_result"]["forwarded"]["stanza"]["body"])
        assert newest == [f"m{number}" for number in range(24, 16, -1)]
        fields = await bob["xep_0313"].get_fields(jid=bob_account.jid)
        assert "with" in fields.get_fields()
        metadata = await bob["xep_0313"].get_archive_metadata()
        assert metadata["mam_metadata"]["start"]["id"]
        assert (await bob["xep_0441"].get_preferences())[0] == "always"
        await bob["xep_0441"].set_preferences("roster", never=[alice_account.jid])
        default, _, never = await bob["xep_0441"].get_preferences()
        assert default == "roster" and list(never) == [alice_account.jid]
        await logout(alice, bob)

    run(scenario())


@pytest.mark.burbled_only
class TestStore:
    def test_it_outlives_the_process(self, start_server):
        server = start_server(shards=3)
        alice, bob = server.user("alice"), server.user("bob")
        alice.message(bob.account.jid, "durable")
        bob.expect_message("durable")
        before = Page(alice).ids
        server.stop()
        server.settings["shards"] = 1
        server.start()
        for account in (alice.account, bob.account):
            page = Page(server.login(account))
            assert page.texts == ["durable"] and page.ids == before

    def D09_one_damaged_row_is_left_out(self, start_server):
        server = start_server()
        alice, bob = server.user("alice"), server.user("bob")
        for text in ("before", "broken", "after"):
            alice.message(bob.account.jid, text)
            bob.expect_message(text)
        broken = Page(alice).ids[1]
        server.stop()
        with sqlite3.connect(next(server.data.glob("*.db"))) as db:
            db.execute("UPDATE entry SET payload=replace(CAST(payload AS TEXT), '<body', '<b<dy')"
                       " WHERE position=?", (int(broken),))
        db.close()
        server.start()
        mark = server.mark()
        for account in (alice.account, bob.account):
            page = Page(server.login(account))
            assert page.texts == ["before", "after"] and page.complete
        server.saw("store.corrupt", mark, position=broken)

    def test_a_host_without_archives(self, start_server):
        server = start_server(host_extra={"archive": False})
        alice, bob = server.user("alice"), server.user("bob")
        alice.message(bob.account.jid, "gone")
        bob.expect_message("gone")
        alice.refused("set", f"<query xmlns='{MAM}'/>", "service-unavailable")
