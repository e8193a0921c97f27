"""S2: bob has a computer and a phone; RFC 6121, section 8.5."""

import pytest

from harness import ns
from harness.people import befriend
from harness.xmpp import child

pytestmark = pytest.mark.shards(1, 3)


@pytest.fixture
def alice(server):
    return server.user("alice")


def devices(server, pc=0, mob=0):
    account = server.account("bob")
    return account, server.login(account, "pc", presence=pc), server.login(
        account, "mob", presence=mob)


def test_a_message_to_the_account_and_one_to_the_phone(server, alice):
    account, pc, mob = devices(server, pc=5, mob=1)
    alice.message(account.jid, "to the account")
    pc.expect_message("to the account", frm=alice.jid, to=account.jid)
    alice.message(mob.jid, "to the phone")
    mob.expect_message("to the phone", frm=alice.jid, to=mob.jid)
    alice.fence(pc)
    alice.fence(mob)
    pc.nothing("message", to=mob.jid)


def test_equal_priorities_reach_at_least_one_device(server, alice):
    account, pc, mob = devices(server, pc=3, mob=3)
    ident = alice.message(account.jid, "hello")
    alice.fence(pc)
    alice.fence(mob)
    assert pc.take("message", id=ident) or mob.take("message", id=ident)


def test_a_negative_priority_gets_only_what_is_addressed_to_it(server, alice):
    account, pc, mob = devices(server, pc=0, mob=-1)
    alice.message(account.jid, "to the account")
    pc.expect_message("to the account")
    alice.message(mob.jid, "to the phone")
    mob.expect_message("to the phone")
    alice.fence(mob)
    mob.nothing("message", to=account.jid)


def test_the_answer_shows_which_device_wrote_it(server, alice):
    account, pc, mob = devices(server)
    alice.message(account.jid, "where are you?")
    mob.message(alice.account.jid, "on the phone")
    assert alice.expect_message("on the phone").get("from") == mob.jid
    mob.message(alice.jid, "from the phone", extra="<thread>t1</thread>")
    answer = alice.expect_message("from the phone")
    assert answer.get("from") == mob.jid and child(answer, "thread").text == "t1"
    assert pc.jid != mob.jid


def test_raising_the_priority_moves_the_conversation(server, alice):
    account, pc, mob = devices(server, pc=5, mob=1)
    mob.presence(inner="<priority>10</priority>")
    pc.expect("presence", frm=mob.jid, where=lambda p: child(p, "priority").text == "10")
    alice.message(account.jid, "now")
    mob.expect_message("now")


def test_each_device_hears_of_the_other(server, alice):
    account, pc, mob = devices(server)
    # mob came second: pc heard its presence, and mob got that of pc.
    pc.expect("presence", frm=mob.jid, type=None)
    mob.expect("presence", frm=pc.jid, type=None)
    mob.close()
    pc.expect("presence", frm=mob.jid, type="unavailable")


def test_a_contact_hears_of_both_devices(server, alice):
    account, pc, mob = devices(server, pc=1, mob=-5)
    befriend(alice, pc)
    late = server.login(alice.account, "late", presence=0)
    late.expect("presence", frm=pc.jid, type=None)
    presence = late.expect("presence", frm=mob.jid, type=None)
    assert child(presence, "priority").text == "-5"


def test_both_devices_are_told_of_roster_changes(server, alice):
    account, pc, mob = devices(server)
    pc.roster()
    mob.roster()
    pc.roster_set(alice.account.jid, name="Alice")
    pc.expect_push(alice.account.jid, name="Alice", subscription="none")
    mob.expect_push(alice.account.jid, name="Alice", subscription="none")
    third = server.login(account, "uninterested", presence=0)
    mob.roster_set(alice.account.jid, name="A.")
    pc.expect_push(alice.account.jid, name="A.")
    mob.expect_push(alice.account.jid, name="A.")
    mob.fence(third)
    third.nothing("iq", has=f"{{{ns.ROSTER}}}query")
