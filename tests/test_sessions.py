"""What outlives the process: the files in data_dir/sessions, a generation for each start."""

import os
import signal
import stat
import struct
import time

import pytest

from harness.server import UNPRIVILEGED

pytestmark = pytest.mark.burbled_only

MIB = 1 << 20
BOOT_ID, LAYOUT, HIGH = 16, 32, 40  # in the head of a file


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.drop_clients()


def restart(server):
    """The mark before the new start."""
    mark = server.log.mark()
    server.start()
    return mark


def events(server, mark):
    return [e["event"] for e in server.log.events(mark) if e["event"].startswith("sessions.")]


def bend(path, offset, change=None):
    """Changes a byte of a file."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x55 if change is None else change]))


def a_message_taken(server):
    """A client takes a message: the region knows it before the store does."""
    alice, bob = server.user("alice"), server.user("bob")
    alice.send(f"<message to='{bob.account.jid}' type='chat' id='m'><body>hi</body></message>")
    bob.expect("message")
    return bob.account


class TestFiles:
    def D05_each_shard_has_one_of_a_mebibyte(self, start_server):
        server = start_server(shards=3)
        folder = server.data / "sessions"
        assert sorted(os.listdir(folder)) == ["0", "1", "2"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for name in os.listdir(folder):
            facts = (folder / name).stat()
            assert stat.S_IMODE(facts.st_mode) == 0o600
            assert facts.st_size == MIB
            assert facts.st_blocks * 512 >= MIB  # a full disk is met here, not later
        assert not (server.data / "sessions.new").exists()

    def D05_they_are_never_larger_than_the_limit(self, start_server):
        server = start_server(shards=3, limits={"sessions_bytes": MIB})
        for name in os.listdir(server.data / "sessions"):
            assert (server.data / "sessions" / name).stat().st_size <= MIB // 3

    def D05_the_memory_store_has_none(self, start_server):
        server = start_server(extra={"store": "memory"})
        assert not (server.data / "sessions").exists()


class TestGenerations:
    @pytest.mark.parametrize("before, after", [(1, 3), (3, 1), (3, 3)])
    def D05_a_kill_leaves_what_was_known(self, start_server, before, after):
        server = start_server(shards=before)
        a_message_taken(server)
        kill(server)
        server.settings["shards"] = after
        mark = restart(server)
        found = server.log.wait("sessions.recovered", mark)
        assert int(found["tails"]) >= 1
        assert len(os.listdir(server.data / "sessions")) == after
        assert not (server.data / "sessions.new").exists()
        a_message_taken(server)

    @pytest.mark.parametrize("offset, event", [
        (BOOT_ID, "sessions.stale"), (LAYOUT, "sessions.foreign"), (0, "sessions.damaged"),
        (HIGH + 3, "sessions.damaged"),
    ])
    def D05_what_may_not_be_believed_is_not(self, start_server, offset, event):
        server = start_server()
        a_message_taken(server)
        kill(server)
        bend(server.data / "sessions" / "0", offset)
        mark = restart(server)
        server.log.wait(event, mark)
        assert "sessions.recovered" not in events(server, mark)
        a_message_taken(server)

    def D05_junk_is_read_without_harm(self, start_server):
        server = start_server()
        a_message_taken(server)
        kill(server)
        path = server.data / "sessions" / "0"
        head = path.read_bytes()[:256]
        junk = bytearray(os.urandom(MIB))
        junk[:256] = head
        junk[HIGH:HIGH + 4] = struct.pack("<I", MIB // 256)
        for block in range(1, MIB // 256, 2):
            junk[block * 256:block * 256 + 4] = struct.pack("<I", 0x73657373)
        path.write_bytes(junk)
        (server.data / "sessions" / "none").mkdir()
        mark = restart(server)
        server.log.wait("sessions.damaged", mark)
        a_message_taken(server)

    def D05_a_start_that_is_killed_leaves_a_whole_generation(self, start_server):
        server = start_server(shards=3)
        kill(server)
        for step in range(40):
            server.process = server.spawn("-c", str(server.conf))
            time.sleep(0.001 * step)  # no deadline: the place of the kill
            kill(server)
            folder = server.data / "sessions"
            if not folder.exists():
                folder = server.data / "sessions.old"  # between two renames
            assert [(folder / n).stat().st_size for n in "012"] == [MIB] * 3
        restart(server)
        assert sorted(os.listdir(server.data / "sessions")) == ["0", "1", "2"]
        assert not (server.data / "sessions.new").exists()
        assert not (server.data / "sessions.old").exists()

    def O08_a_folder_that_cannot_be_replaced_stops_the_start(self, start_server):
        server = start_server()
        server.stop()
        (server.data / "sessions.new" / "x").mkdir(parents=True)
        UNPRIVILEGED.give(server.data / "sessions.new")
        code, said = server.refuse()
        assert code == 74
        assert "sessions" in said and "store.perm" in said
