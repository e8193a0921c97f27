"""Backups: made while messages flow, verified, restored here and elsewhere. Rows O18, D11, D18."""

import json
import os
import pathlib
import shutil
import sqlite3
import stat
import threading

import pytest

from harness.server import UNPRIVILEGED, wait_until

pytestmark = pytest.mark.burbled_only


def backup(server, name="burble.bak"):
    path = server.dir / name
    server.ctl("backup", str(path))
    return path


def verify(server, path, ok=True):
    return server.ctl("verify", str(path), ok=ok)


def wait_stored(server, account, count):
    """Until so many messages are in the account's log."""

    def look():
        shown = json.loads(server.ctl("account", "show", account.jid, "--json").stdout)
        return shown[0]["archived_messages"] == count

    wait_until(look, what=f"{count} stored messages")


def bodies(path):
    """The numbered bodies in the logs of a backup, in the order of the log."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
        found = []
        for (payload,) in db.execute("SELECT payload FROM entry ORDER BY position"):
            text = payload.decode(errors="replace")
            if "<body>number " in text:
                found.append(int(text.split("<body>number ")[1].split("<")[0]))
        return found


class Stream(threading.Thread):
    """Sends numbered messages until it is told to end, one round trip behind each twenty."""

    def __init__(self, client, to):
        super().__init__(daemon=True)
        self.client, self.to = client, to
        self.sent, self.ending, self.failed = 0, threading.Event(), None

    def run(self):
        try:
            while not self.ending.is_set():
                for _ in range(20):
                    self.sent += 1
                    self.client.message(self.to, f"number {self.sent}")
                self.client.sync()
        except Exception as error:  # told by the test
            self.failed = error

    def end(self):
        self.ending.set()
        self.join(30)
        assert self.failed is None and not self.is_alive(), self.failed


class TestBackup:
    def O18_one_moment_of_a_server_at_work(self, start_server):
        """D11: nobody waits for it, and it holds a beginning of what was sent, without a gap."""
        server = start_server(shards=2)
        alice, bob = server.user("alice"), server.account("bob")
        flow = Stream(alice, bob.jid)
        flow.start()
        wait_until(lambda: flow.sent > 200, what="two hundred messages")
        mark = server.mark()
        before = flow.sent
        first = backup(server, "first.bak")
        wait_until(lambda: flow.sent > before + 200, what="two hundred more")
        second = backup(server, "second.bak")
        flow.end()
        for path in (first, second):
            assert "ok" in verify(server, path).stdout
            found = bodies(path)
            assert found == list(range(1, len(found) + 1))
        assert before - 40 <= len(bodies(first)) < len(bodies(second)) <= flow.sent
        assert server.saw("backup", mark)["bytes"] == str(first.stat().st_size)
        assert not any(e["event"] in ("store.locked", "store.slow", "store.full", "store.failed")
                       for e in server.log.events(mark))

    def test_the_file_is_the_callers_alone_and_one_file(self, server):
        path = backup(server, "alone.bak")
        facts = path.stat()
        assert stat.S_IMODE(facts.st_mode) == 0o600
        assert [p.name for p in path.parent.glob("alone.bak*")] == ["alone.bak"]

    def test_nothing_is_overwritten(self, server):
        path = server.dir / "there.bak"
        path.write_text("precious")
        done = server.ctl("backup", str(path), ok=False)
        assert done.returncode == 1 and "overwritten" in done.stderr
        assert path.read_text() == "precious"
        link = server.dir / "link.bak"
        link.symlink_to(server.dir / "elsewhere")
        assert server.ctl("backup", str(link), ok=False).returncode == 1
        assert not (server.dir / "elsewhere").exists()

    def test_a_place_that_cannot_be_is_said(self, server):
        done = server.ctl("backup", str(server.dir / "no" / "where.bak"), ok=False)
        assert done.returncode == 1 and "No such file" in done.stderr
        if UNPRIVILEGED.user is not None:
            done = server.ctl("backup", "/root-has-this.bak", ok=False)
            assert done.returncode == 77, done

    def test_a_folder_without_a_server_is_said(self, start_server):
        idle = start_server(start=False)
        idle.data.mkdir()
        UNPRIVILEGED.give(idle.data)
        done = idle.ctl("backup", str(idle.dir / "x.bak"), ok=False)
        assert done.returncode == 1 and "burble.db" in done.stderr
        assert list(idle.data.iterdir()) == []

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_a_server_that_is_down_can_be_backed_up(self, start_server, end):
        server = start_server()
        account = server.account("kept")
        getattr(server, end)()
        server.process = None
        path = backup(server)
        assert "ok" in verify(server, path).stdout
        server.start()
        server.login(account).sync()


class TestVerify:
    @pytest.fixture
    def good(self, server):
        path = server.dir / "good.bak"
        if not path.exists():
            for _ in range(20):
                server.account("some")
            backup(server, path.name)
        return path

    def test_it_tells_what_is_inside(self, server, good):
        before = (good.stat().st_mtime_ns, good.read_bytes())
        said = verify(server, good).stdout
        with sqlite3.connect(f"file:{good}?immutable=1", uri=True) as db:
            accounts = db.execute("SELECT count(*) FROM holder JOIN name ON holder.name=name.id "
                                  "WHERE name.name=CAST('account' AS BLOB)").fetchone()[0]
        assert accounts >= 20 and str(accounts) in said
        assert (good.stat().st_mtime_ns, good.read_bytes()) == before

    @pytest.mark.parametrize("harm", ["page", "cut", "empty", "text", "newer", "stranger"])
    def D10_a_file_that_is_no_good_is_refused(self, server, good, harm):
        path = server.dir / f"{harm}.bak"
        data = bytearray(good.read_bytes())
        if harm == "page":
            data[4096 * 3 + 8:4096 * 3 + 600] = b"\xa5" * 592
        elif harm == "cut":
            data = data[:len(data) // 2]
        elif harm == "empty":
            data = b""
        elif harm == "text":
            data = b"certainly not a database " * 400
        elif harm == "newer":
            data[60:64] = (1000).to_bytes(4, "big")
        else:
            data[68:72] = b"none"
        path.write_bytes(data)
        UNPRIVILEGED.give(path)
        done = verify(server, path, ok=False)
        assert done.returncode == 1 and str(path) in done.stderr, done
        if harm == "newer":
            assert "1000" in done.stderr
        # What is refused here is not restored either.
        server.stop()
        try:
            before = sorted(p.name for p in server.data.iterdir())
            assert server.ctl("restore", str(path), ok=False).returncode == 1
            assert sorted(p.name for p in server.data.iterdir()) == before
        finally:
            server.start()

    def test_a_file_that_is_not_there(self, server):
        done = verify(server, server.dir / "nothing.bak", ok=False)
        assert done.returncode == 1 and "No such file" in done.stderr


class TestRestore:
    def test_not_under_a_server_that_runs(self, server):
        path = backup(server, "running.bak")
        done = server.ctl("restore", str(path), ok=False)
        assert done.returncode == 75 and str(server.process.pid) in done.stderr
        server.check()

    def test_on_another_data_folder(self, start_server):
        server = start_server()
        alice, bob = server.user("alice"), server.account("bob")
        alice.message(bob.jid, "for later")
        wait_stored(server, bob, 1)
        path = backup(server)
        account = alice.account
        server.stop()
        other = start_server(start=False)
        other.data.mkdir(mode=0o700)
        UNPRIVILEGED.give(other.data)
        moved = other.dir / "moved.bak"
        shutil.copy(path, moved)
        UNPRIVILEGED.give(moved)
        other.ctl("restore", str(moved))
        other.start()
        other.login(account).sync()
        other.login(bob, presence=0).expect_message("for later")
        other.saw("start.restored", 0, file=str(moved))
        for entry in other.data.rglob("*"):
            assert entry.stat().st_mode & 0o077 == 0, entry

    def D18_an_older_state_and_nothing_of_the_later_one(self, start_server):
        server = start_server()
        alice, bob = server.user("alice"), server.account("bob")
        alice.message(bob.jid, "before")
        wait_stored(server, bob, 1)
        path = backup(server)
        alice.message(bob.jid, "after")
        wait_stored(server, bob, 2)
        later = server.account("later")
        account = alice.account
        (server.data / "sessions").mkdir(exist_ok=True)
        (server.data / "sessions" / "left").write_text("of a session")
        UNPRIVILEGED.give(server.data / "sessions")
        server.stop()
        said = server.ctl("restore", str(path)).stdout
        aside = next(server.data.glob("replaced-*"))
        assert str(aside) in said
        assert (aside / "burble.db").exists() and (aside / "sessions").exists()
        assert not (server.data / "sessions").exists()
        assert not list(server.data.glob("burble.db-derived*"))
        mark = server.mark()
        server.start()
        server.saw("start.restored", mark)
        bob_client = server.login(bob, presence=0)
        bob_client.expect_message("before")
        server.login(account).fence(bob_client)
        bob_client.nothing("message")
        with pytest.raises(Exception):
            server.login(later)
        # Once.
        server.stop()
        mark = server.mark()
        server.start()
        assert not any(e["event"] == "start.restored" for e in server.log.events(mark))
        # The way back: what was moved aside is a whole database.
        server.stop()
        server.ctl("restore", str(aside / "burble.db"))
        server.start()
        server.login(later).sync()

    def test_half_a_restore_is_not_started_on(self, start_server):
        server = start_server()
        account = server.account("kept")
        path = backup(server)
        server.stop()
        (server.data / "restoring").touch()
        (server.data / "burble.db").unlink()
        code, said = server.refuse()
        assert code == 74 and "burblectl restore" in said
        assert not (server.data / "burble.db").exists(), "nothing is made in its place"
        server.ctl("restore", str(path))
        server.start()
        server.login(account).sync()

    def test_a_folder_that_is_not_there(self, start_server):
        idle = start_server(start=False)
        path = idle.dir / "x.bak"
        path.write_bytes(b"")
        done = idle.ctl("restore", str(path), ok=False)
        assert done.returncode == 1 and str(idle.data) in done.stderr
        assert not os.path.exists(idle.data)


def test_the_index_of_words_is_not_in_it_and_comes_back(start_server):
    server = start_server()
    alice, bob = server.user("alice"), server.account("bob")
    alice.message(bob.jid, "searched for")
    wait_stored(server, bob, 1)
    path = backup(server)
    server.stop()
    server.ctl("restore", str(path))
    server.start()
    wait_until(lambda: pathlib.Path(server.data / "burble.db-derived").exists())
