"""Many people at once, and people who do not read: order, fairness, bounded memory."""

import random

import pytest

from harness import ns
from harness.people import befriend, clean
from harness.xmpp import body, condition, name

pytestmark = [pytest.mark.shards(1, 3), pytest.mark.burbled_only]


def test_a_crowd_talks_and_nothing_is_lost_doubled_or_reordered(server):
    """Each message arrives exactly once, in the order of its sender and recipient."""
    rng = random.Random(7)
    crowd = [server.user("crowd") for _ in range(8)]
    sent = {(a.jid, b.jid): [] for a in crowd for b in crowd if a is not b}
    for round_ in range(30):
        for client in crowd:
            batch = []
            for number in range(rng.randint(1, 6)):
                other = rng.choice([c for c in crowd if c is not client])
                text = f"{round_}.{number}"
                kind = rng.choice(["chat", "normal", "headline"])
                sent[client.jid, other.jid].append(text)
                batch.append(f"<message to='{other.jid}' type='{kind}' id='{text}'>"
                             f"<body>{text}</body></message>")
            client.send("".join(batch))
    got = {pair: [] for pair in sent}
    for receiver in crowd:
        for sender in crowd:
            if sender is not receiver:
                sender.fence(receiver)
        for message in receiver.take("message"):
            got[message.get("from"), receiver.jid].append(body(message))
    assert got == sent


def test_presence_storm_of_friends(server):
    """Everybody is everybody's contact; the last presence of each reaches all."""
    crowd = [server.user("friend") for _ in range(5)]
    for index, a in enumerate(crowd):
        for b in crowd[index + 1 :]:
            befriend(a, b)
    for round_ in range(20):
        for client in crowd:
            client.send(f"<presence><status>{round_}</status></presence>")
    clean(*crowd)
    for client in crowd:
        client.send("<presence id='last'><status>last</status></presence>")
    for a in crowd:
        for b in crowd:
            a.expect("presence", id="last", frm=b.jid)


def test_a_reader_that_does_not_read_holds_nobody_up(server):
    """V75: memory stays bounded, others go on, and every message is delivered, kept or refused."""
    alice, carol = server.user("alice"), server.user("carol")
    bob = server.user("bob")
    account = bob.account
    before = server.rss_kib()
    count, text = 250, "x" * 60_000
    idents = []
    for index in range(count):  # 15 MB, and bob reads nothing
        idents.append(alice.message(bob.account.jid, text, ident=f"slow{index}"))
        if index % 50 == 0:
            alice.message(carol.jid, f"meanwhile {index}")
            carol.expect_message(f"meanwhile {index}")
            carol.sync()
    alice.sync()
    if not server.instrumented():  # most of it is the cache of the database, which fills once
        assert server.rss_kib() - before < 32 * 1024
    # bob wakes up, and takes what is there; what he does not get waits for his next login.
    alice.message(account.jid, "the last one", ident="end")
    delivered = []
    try:
        while "end" not in delivered:
            bob.expect("message", id="end", timeout=4)
            delivered.append("end")
    except AssertionError:
        pass
    delivered += [m.get("id") for m in bob.take("message")]
    bob.abandon()
    alice.iq("get", f"<query xmlns='{ns.DISCO_INFO}'/>", to=account.jid)
    again = server.login(account, presence=0)
    alice.message(account.jid, "fresh", ident="fresh")
    again.expect("message", id="fresh", timeout=20)
    stored = [m.get("id") for m in again.take("message")]
    refused = []
    for answer in alice.take("message", type="error"):
        assert condition(answer) in ("resource-constraint", "service-unavailable")
        refused.append(answer.get("id"))
    # bob's socket may have taken what he never parsed: a message is not lost if it came to him.
    for ident in idents:
        places = (ident in delivered) + (ident in stored) + (ident in refused)
        assert places >= 1, f"{ident} is lost"
        assert (ident in refused) + (ident in stored) <= 1, f"{ident} was refused and kept"
    order = [i for i in delivered + stored if i.startswith("slow")]
    assert order == sorted(order, key=lambda i: int(i[4:])), "out of order"
    assert len(set(order)) == len(order), "twice"


def test_a_flood_of_requests_of_one_does_not_starve_others(server):
    flooder, calm = server.user("flooder"), server.user("calm")
    ping = f"<iq type='get' id='{{}}' to='{server.host}'><ping xmlns='{ns.PING}'/></iq>"
    flooder.send("".join(ping.format(i) for i in range(2000)))
    calm.sync()
    for index in range(2000):
        assert name(flooder.expect("iq", id=str(index))) == "iq"
