"""What befalls the disk under a running server: D rows of the catalogue, as people feel them."""

import json
import os
import sqlite3
import time

import pytest

from harness.disk import Disk
from harness.server import UNPRIVILEGED, wait_until
from harness.xmpp import child

pytestmark = pytest.mark.burbled_only


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def own(start_server, disk):
    return start_server(env=disk.env)


def wait_stored(server, account, count):
    """Until so many messages are in the account's log."""

    def look():
        shown = json.loads(server.ctl("account", "show", account.jid, "--json").stdout)
        return shown[0]["archived_messages"] == count

    wait_until(look, what=f"{count} stored messages")


def refused(client, stanza_id):
    """The message came back; the condition and type of its error."""
    error = child(client.expect("message", id=stanza_id, type="error"), "error")
    return error.get("type"), error[0].tag.split("}")[1]


class TestFull:
    @pytest.mark.parametrize("fault, event", [("full", "store.full"), ("readonly", "store.readonly")])
    def D01_D04_the_sender_is_told_and_all_is_well_again(self, own, disk, fault, event):
        alice, carol = own.user("alice"), own.user("carol")
        bob = own.account("bob")
        mark = own.mark()
        getattr(disk, fault)()
        first = alice.message(bob.jid, "lost")
        assert refused(alice, first) == ("wait", "resource-constraint")
        # Reading goes on, for him and for others.
        alice.sync()
        alice.fence(carol)
        carol.presence(to=alice.jid)
        assert alice.expect("presence").get("from") == carol.jid
        second = alice.message(bob.jid, "lost too")
        assert refused(alice, second) == ("wait", "resource-constraint")
        own.saw(event, mark)
        assert sum(e["event"] == event for e in own.log.events(mark)) == 1, "once a minute"
        disk.good()
        alice.message(bob.jid, "kept")
        alice.sync()
        client = own.login(bob, presence=0)
        client.expect_message("kept")
        alice.fence(client)
        client.nothing("message")

    def D01_a_full_disk_at_the_start_is_said(self, start_server, disk):
        server = start_server(env=disk.env, start=False)
        disk.full()
        code, said = server.refuse()
        assert code == 74 and "store.full" in said and "burble.db" in said


class TestSync:
    def D08_a_sync_that_hangs_holds_nobody_but_its_message(self, own, disk):
        alice, bob = own.user("alice"), own.user("bob")
        mark = own.mark()
        disk.hold()
        alice.message(bob.account.jid, "durable before visible")
        started = time.monotonic()
        while time.monotonic() - started < 1.2:  # longer than what is called slow
            alice.sync()
            bob.sync()
        bob.nothing("message")
        carol = own.stream("plain")  # and who comes is greeted
        carol.close()
        disk.good()
        bob.expect_message("durable before visible")
        own.saw("store.slow", mark)

    def D07_a_sync_that_fails_once_is_not_trusted(self, own, disk):
        alice, bob = own.user("alice"), own.account("bob")
        mark = own.mark()
        disk.fail_one_sync()
        first = alice.message(bob.jid, "whichever")
        assert own.saw("store.fsync", mark)["level"] == "critical"
        disk.good()
        alice.message(bob.jid, "afterwards")
        alice.sync()
        bounced = any(m.get("id") == first and m.get("type") == "error" for m in alice.inbox)
        client = own.login(bob, presence=0)
        if not bounced:
            client.expect_message("whichever")
        client.expect_message("afterwards")
        alice.fence(client)
        client.nothing("message")

    def D07_a_disk_that_keeps_failing_ends_the_server(self, own, disk):
        alice, bob = own.user("alice"), own.account("bob")
        mark = own.mark()
        disk.fail_syncs()
        alice.message(bob.jid, "never acknowledged")
        assert own.process.wait(20) == 74
        assert own.saw("store.failed", mark)["level"] == "critical"
        own.drop_clients()
        own.process = None
        disk.good()
        own.start()
        own.login(bob).sync()


class TestFiles:
    def D03_no_right_to_write_is_said_with_file_and_uid(self, start_server):
        if UNPRIVILEGED.user is None:
            pytest.skip("needs files of another user")
        server = start_server()
        server.stop()
        os.chown(server.data / "burble.db", 0, 0)
        code, said = server.refuse()
        assert code == 74 and "store.readonly" in said
        assert str(server.data / "burble.db") in said and str(UNPRIVILEGED.user.pw_uid) in said

    def D10_a_damaged_file_is_left_as_it_is(self, start_server):
        server = start_server()
        for _ in range(30):
            server.account("some")
        server.stop()
        path = server.data / "burble.db"
        data = bytearray(path.read_bytes())
        data[4096 * 2:4096 * 2 + 2048] = b"\xa5" * 2048
        path.write_bytes(data)
        code, said = server.refuse()
        assert code == 74 and "store.corrupt" in said and "restore" in said
        assert path.read_bytes() == bytes(data)

    def D14_a_database_that_is_deleted_is_not_made_anew(self, start_server):
        server = start_server()
        alice, bob = server.user("alice"), server.account("bob")
        mark = server.mark()
        for path in server.data.glob("burble.db*"):
            path.unlink()
        message = alice.message(bob.jid, "nowhere to be")
        assert refused(alice, message)[0] == "wait"
        alice.sync()
        server.saw("store.gone", mark)
        assert not (server.data / "burble.db").exists()

    def D09_a_row_that_is_damaged_costs_itself_alone(self, start_server):
        server = start_server()
        alice, bob = server.user("alice"), server.account("bob")
        for i in range(5):
            alice.message(bob.jid, f"number {i}")
            alice.sync()
        wait_stored(server, bob, 5)
        server.stop()
        with sqlite3.connect(server.data / "burble.db") as db:
            rows = [p for p, in db.execute("SELECT position FROM entry ORDER BY position")]
            db.execute("UPDATE entry SET payload=? WHERE position=?", (b"\xff junk \x00", rows[1]))
            db.execute("UPDATE entry SET payload=substr(payload,1,length(payload)-9)"
                       " WHERE position=?", (rows[3],))
        for path in server.data.glob("burble.db*"):
            UNPRIVILEGED.give(path)
        mark = server.mark()
        server.start()
        client = server.login(bob, presence=0)
        for i in (0, 2, 4):
            client.expect_message(f"number {i}")
        server.saw("store.corrupt", mark)
        client.sync()
        client.nothing("message")
        server.check()
