"""An operator's mistakes and routines: rows O01–O17 of the catalogue, and D11, D12."""

import os
import pathlib
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from harness import config, ns
from harness.server import Account, UNPRIVILEGED, environment, wait_until
from harness.xmpp import PATIENCE, child, name

pytestmark = pytest.mark.burbled_only


def bent(server, change):
    """A configuration with one thing changed."""
    text = config.text(server.settings)
    return change(text)


class TestConfiguration:
    @pytest.fixture
    def idle(self, start_server):
        return start_server(start=False)

    @pytest.mark.parametrize("line, key, near", [
        ("shardz = 3;", "shardz", "shards"), ('data_dirs = "x";', "data_dirs", "data_dir"),
        ("limits_ = { };", "limits_", "limits"),
    ])
    def O01_an_unknown_key(self, idle, line, key, near):
        code, said = idle.config_check(bent(idle, lambda t: t + line + "\n"))
        lines = bent(idle, lambda t: t).count("\n") + 1
        assert code == 78
        assert re.search(rf"burbled\.conf:{lines}: .*{key}.*", said), said
        assert near in said
        assert idle.refuse(bent(idle, lambda t: t + line + "\n"))[0] == 78

    @pytest.mark.parametrize("line", [
        'shards = "three";', "shards = -1;", "shards = 100000;", "shards = 3; shards = 4;",
        'store = "oracle";', "hosts = ();", 'hosts = "localhost";', "listen = ( { port = 70000; } );",
        'listen = ( { service = "c2s"; address = "not an address"; } );',
        'hosts = ( { name = "not a host name"; } );', 'hosts = ( { } );',
        'hosts = ( { name = "a.example"; }, { name = "a.example"; } );',
        'hosts = ( { name = "a.example"; admins = [ "nonsense@@" ]; } );',
        'hosts = ( { name = "a.example"; registration = "sometimes"; } );',
        "limits = { stanza_bytes_c2s = 9999; };", "limits = { rate = 1; };", "limits = { nonsense = 1; };",
        "sasl = { iterations = 1; };", 'data_dir = "";',
        'listen = ( { service = "c2s"; address = "192.0.2.1"; plain_without_tls = true; } );',
    ])
    def O01_a_value_that_cannot_be(self, idle, line):
        key = line.split(" ")[0]
        text = "".join(f"{k} = {config.value(v)};\n" for k, v in idle.settings.items() if k != key)
        code, said = idle.config_check(text + line + "\n")
        assert code == 78, said
        number = text.count("\n") + 1
        assert re.search(rf"burbled\.conf:{number}\b", said), said

    def O01_a_syntax_error_names_file_and_line(self, idle):
        code, said = idle.config_check("data_dir = \"x\";\nshards = = 3;\n")
        assert code == 78 and re.search(r"burbled\.conf:2\b", said), said

    def O01_all_errors_at_once(self, idle):
        text = bent(idle, lambda t: t + "one = 1;\ntwo = 2;\n" + 'three = "3";\n')
        text = text.replace('store = "sqlite"', 'store = "stone"')
        code, said = idle.config_check(text)
        assert code == 78
        for word in ("one", "two", "three", "store"):
            assert re.search(rf"burbled\.conf:\d+: .*{word}", said), said
        refused, start_said = idle.refuse(text)
        assert refused == 78
        for word in ("one", "two", "three", "store"):
            assert word in start_said

    def O01_a_file_that_is_not_there(self, idle):
        for arguments in (["-c", "/nonexistent/burbled.conf"], ["-c", "/nonexistent/x", "--check"],
                          ["-c", str(idle.dir)]):
            process = idle.spawn(*arguments)
            assert process.wait(10 * PATIENCE) == 78
        assert "/nonexistent" in idle.log.text()

    def O01_a_file_that_is_too_big(self, idle):
        code, _ = idle.config_check("# " + "x" * 1_100_000 + "\n" + config.text(idle.settings))
        assert code == 78

    def O01_a_good_file(self, idle):
        code, said = idle.config_check()
        assert code == 0, said
        assert not idle.data.exists() or not list(idle.data.iterdir())

    def O01_version_and_help(self, idle):
        for flag, pattern in (("--version", r"^burbled \d+\.\d+"), ("--help", r"burbled.*-c")):
            done = subprocess.run([UNPRIVILEGED.program("burbled"), flag], capture_output=True,
                                  text=True, env=environment(), timeout=20)
            assert done.returncode == 0 and re.search(pattern, done.stdout, re.DOTALL), done.stdout
        done = subprocess.run([UNPRIVILEGED.program("burbled"), "--nonsense"], capture_output=True,
                              text=True, env=environment(), timeout=20)
        assert done.returncode == 64 and done.stderr


@pytest.fixture
def own(start_server):
    return start_server()


class TestReload:
    def O02_a_bad_file_leaves_the_old_one_in_force(self, own):
        client = own.user("member")
        good = own.settings
        for text in ("nonsense", config.text({**good, "shardz": 1}), ""):
            own.conf.write_text(text)
            mark = own.log.mark()
            own.process.send_signal(signal.SIGHUP)
            own.saw("config.reject", mark)
            done = own.ctl("reload", ok=False)
            assert "burbled.conf" in done.stdout + done.stderr
            client.sync()
        assert own.stream().feature("register", ns.IBR_FEATURE) is not None
        own.write()
        own.ctl("reload")

    def O03_a_good_file_changes_things_without_dropping_a_connection(self, own):
        client = own.user("member")
        own.settings["hosts"][0]["registration"] = "closed"
        own.settings["hosts"].append({"name": "second.example"})
        own.settings["limits"]["stanza_bytes_c2s"] = 20000
        mark = own.reload()
        own.saw("config.applied", mark)
        client.sync()
        fresh = own.stream()
        assert fresh.feature("register", ns.IBR_FEATURE) is None
        own.stream(host="second.example")
        later = own.login(own.account("later"))
        assert child(later.feature("limits", ns.STREAM_LIMITS), "max-bytes").text == "20000"
        later.send("<message><body>" + "x" * 20001 + "</body></message>")
        later.expect_stream_error("policy-violation")

    def O03_a_new_certificate(self, own):
        client = own.login(own.account("member"), listener="direct")
        first = own.certificate()
        crt, key = certificate(own.dir, "new")
        own.settings["hosts"][0].update(certificate=str(crt), key=str(key))
        own.saw("config.applied", own.reload())
        assert own.certificate() != first
        client.sync()

    def O05_a_broken_certificate_on_reload(self, own):
        crt, key = certificate(own.dir, "one")
        other_key = certificate(own.dir, "two")[1]
        broken = own.dir / "broken"
        broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        own.settings["hosts"][0].update(certificate=str(crt), key=str(key))
        own.saw("config.applied", own.reload())
        before = own.certificate()
        for bad_crt, bad_key in ((crt, other_key), (broken, key), (own.dir / "missing", key), (crt, broken)):
            own.settings["hosts"][0].update(certificate=str(bad_crt), key=str(bad_key))
            own.saw("tls.config", own.reload())
            assert own.certificate() == before


def certificate(folder, label, host="localhost"):
    crt, key = folder / f"{label}.crt", folder / f"{label}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-days", "2",
         "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )
    key.chmod(0o600)
    for path in (crt, key):
        UNPRIVILEGED.give(path)
    return crt, key


class TestCertificates:
    @pytest.mark.parametrize("what", ["certificate missing", "key missing", "key of another",
                                      "certificate broken", "key broken", "key without certificate"])
    def O04_a_certificate_that_cannot_be_used(self, start_server, what):
        server = start_server(start=False)
        crt, key = certificate(server.dir, "one")
        other_key = certificate(server.dir, "two")[1]
        broken = server.dir / "broken"
        broken.write_text("nonsense")
        host = server.settings["hosts"][0]
        host.update(certificate=str(crt), key=str(key))
        host.update({
            "certificate missing": {"certificate": str(server.dir / "none")},
            "key missing": {"key": str(server.dir / "none")},
            "key of another": {"key": str(other_key)},
            "certificate broken": {"certificate": str(broken)},
            "key broken": {"key": str(broken)},
            "key without certificate": {},
        }[what])
        if what == "key without certificate":
            del host["certificate"]
        code, said = server.refuse()
        assert code == 78, said
        assert re.search(r"burbled\.conf:\d+: hosts\.(certificate|key): ", said), said
        assert server.config_check()[0] == 78

    def O04_a_key_that_others_can_read(self, start_server):
        server = start_server(start=False)
        crt, key = certificate(server.dir, "one")
        key.chmod(0o644)
        server.settings["hosts"][0].update(certificate=str(crt), key=str(key))
        server.start()
        event = server.saw("tls.config", 0)
        assert event["level"] == "warning" and "chmod" in server.log.text()


class TestStart:
    def O06_a_port_in_use(self, start_server):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            server = start_server(start=False)
            server.listener("direct")["port"] = port
            code, said = server.refuse()
            assert code == 71 and str(port) in said, said
            assert "listen.fail" in said
            # Nothing was half started: the other ports are free.
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.ports["plain"]), timeout=2)

    def O07_a_privileged_port(self, start_server):
        limit = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        server = start_server(start=False)
        server.listener("plain")["port"] = 1
        if limit <= 1:
            return  # on this machine every port is everybody's
        code, said = server.refuse()
        assert code == 77, said
        assert "priv.fail" in said and "port" in said

    def O07_root_is_refused(self, start_server):
        if os.geteuid() != 0:
            return  # only root can try
        server = start_server(start=False)
        server.write()
        process = server.spawn("-c", str(server.conf), user=0, group=0)
        try:
            assert process.wait(10 * PATIENCE) == 77
        finally:
            process.kill()
            process.wait()
        assert "root" in server.log.text()

    def O08_a_data_folder_that_is_missing_is_made(self, own):
        assert own.data.stat().st_mode & 0o777 == 0o700
        for path in own.data.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path

    def O08_a_data_folder_that_is_open_to_all(self, start_server):
        server = start_server(start=False)
        server.data.mkdir()
        server.data.chmod(0o777)
        UNPRIVILEGED.give(server.data)
        server.start()
        assert server.saw("store.perm", 0)["level"] == "warning"

    def O08_a_data_folder_of_somebody_else(self, start_server):
        if os.geteuid() != 0:
            return  # only root can give a folder away
        server = start_server(start=False)
        server.data.mkdir()
        server.data.chmod(0o755)  # root's, while the server is somebody else
        code, said = server.refuse()
        assert code in (73, 74, 77, 78) and "store.perm" in said, said

    def O08_a_data_folder_that_is_a_file(self, start_server):
        server = start_server(start=False)
        server.data.write_text("x")
        code, said = server.refuse()
        assert code in (73, 74, 78) and str(server.data) in said

    def O09_two_servers_on_one_data_folder(self, own, start_server):
        second = start_server(start=False)
        second.settings["data_dir"] = str(own.data)
        code, said = second.refuse()
        assert code == 75 and str(own.process.pid) in said, said
        assert "store.locked" in said
        own.user("unharmed").sync()

    @pytest.mark.parametrize("env", [{"TZ": "Asia/Kathmandu"}, {"TZ": ":/nonexistent"},
                                     {"LC_ALL": "tr_TR.UTF-8", "LANG": "xx"}, {"LC_ALL": "C"},
                                     {"HOME": "/nonexistent", "PATH": "/nonexistent"}],
                             ids=lambda e: "-".join(e))
    def O12_odd_environments(self, start_server, env):
        server = start_server(env=env)
        client = server.user("traveller")
        utc = client.get(f"<time xmlns='{ns.TIME}'/>", to=server.host)
        assert child(utc, "utc").text.endswith("Z")

    def O12_few_descriptors(self, start_server):
        server = start_server(start=False)
        server.write()
        mark = server.log.mark()
        server.process = server.spawn("-c", str(server.conf), before=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (64, 64)))
        wait_until(lambda: any(e["event"] == "start" for e in server.log.events(mark)), 20, "start")
        assert server.saw("start.env", mark)["level"] == "warning"
        clients = [server.open() for _ in range(100)]
        for client in clients:
            client.abandon()
        server.user("one").sync()

    def O12_no_standard_input_and_a_wide_umask(self, start_server):
        server = start_server(start=False)
        server.write()

        def odd():
            os.close(0)
            os.umask(0)

        mark = server.log.mark()
        server.process = server.spawn("-c", str(server.conf), before=odd, stdin=None)
        wait_until(lambda: any(e["event"] == "start" for e in server.log.events(mark)), 20, "start")
        server.user("one").sync()
        for path in server.data.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path

    def O16_a_store_of_a_later_version(self, own):
        """D12: a binary does not touch what it does not know."""
        own.user("kept").close()
        own.stop()
        changed = False
        for path in own.data.rglob("*"):
            if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
                with sqlite3.connect(path) as db:
                    version = db.execute("PRAGMA user_version").fetchone()[0]
                    if version:
                        db.execute(f"PRAGMA user_version = {version + 1000}")
                        changed = True
        assert changed, "no SQLite file with a schema version"
        code, said = own.refuse()
        assert code == 78 and "store.schema" in said, said
        assert str(version + 1000) in said and str(version) in said


class TestSystemd:
    """sd_notify: the service manager knows when it may go on."""

    def test_it_is_told_of_start_reload_and_stop(self, start_server):
        server = start_server(start=False)
        path = server.dir / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            path.chmod(0o666)
            manager.settimeout(10 * PATIENCE)
            server.env = {"NOTIFY_SOCKET": str(path)}

            def told(wanted):
                while wanted not in (said := manager.recv(4096).decode()):
                    assert "READY" not in said or wanted == "READY=1", said
                return said

            server.start()
            told("READY=1")
            server.reload()
            assert "MONOTONIC_USEC=" in told("RELOADING=1")
            told("READY=1")
            server.process.send_signal(signal.SIGTERM)
            told("STOPPING=1")
            assert server.process.wait(6 * PATIENCE) == 0


class TestStop:
    def O10_everybody_is_told(self, own):
        clients = [own.user(f"u{i}") for i in range(5)]
        tls = own.login(own.account("tls"), listener="direct")
        unbound = own.stream()
        own.process.send_signal(signal.SIGTERM)
        for client in (*clients, tls, unbound):
            client.expect_stream_error("system-shutdown")
        assert own.process.wait(5 * PATIENCE) == 0
        own.saw("stop", 0)

    def O10_a_client_that_does_not_answer_holds_nothing_up(self, own):
        client = own.user("mute")
        start = time.monotonic()
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(7 * PATIENCE) == 0
        assert time.monotonic() - start < 6 * PATIENCE
        client.expect_stream_error("system-shutdown")

    def O10_the_second_signal_is_at_once(self, own):
        own.user("mute")
        own.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        start = time.monotonic()
        if own.running():
            own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(5 * PATIENCE) in (0, -signal.SIGTERM)
        assert time.monotonic() - start < 2 * PATIENCE
        own.process = None

    def O10_queues_are_flushed(self, own):
        """What was on its way when the signal came arrives or is stored."""
        alice, bob = own.user("alice"), own.user("bob")
        for index in range(200):
            alice.message(bob.jid, f"m{index}")
        alice.sync()
        own.process.send_signal(signal.SIGTERM)
        bob.expect_stream_error("system-shutdown")
        got = [child(m, "body").text for m in bob.take("message")]
        own.process.wait(6 * PATIENCE)
        own.start()
        again = own.login(bob.account, presence=0)
        stored = [child(again.expect("message"), "body").text for _ in range(200 - len(got))]
        again.nothing("message")
        assert got + stored == [f"m{index}" for index in range(200)]

    def O10_killed(self, own):
        own.user("one")
        own.kill()
        own.drop_clients()
        own.start()
        own.saw("start.recovered", 0)
        own.user("two").sync()


class TestLog:
    def O11_a_log_whose_reader_is_gone(self, start_server):
        server = start_server(start=False)
        server.write()
        read, write = os.pipe()
        server.process = server.spawn("-c", str(server.conf), stderr=write)
        os.close(write)
        said = b""
        while b"event=start" not in said:
            said += os.read(read, 4096)
        os.close(read)
        for _ in range(5):
            server.stream().login(server.account("unheard"))
            client = server.open()
            client.send("GET / HTTP/1.1\r\n\r\n")
            client.expect_stream_error()
        server.check()

    def O11_a_log_that_nobody_reads(self, start_server):
        """A full pipe does not stop the server."""
        server = start_server(start=False)
        server.write()
        read, write = os.pipe()
        server.process = server.spawn("-c", str(server.conf), stderr=write)
        os.close(write)
        said = b""
        while b"event=start" not in said:
            said += os.read(read, 4096)
        for _ in range(600):
            client = server.open()
            client.send("<" + "x" * 200)
            client.send_quietly("<<")
            client.reset()
        server.clients.clear()
        server.user("alive").sync()
        os.close(read)

    def O11_every_line_is_one_event(self, own):
        client = own.open()
        client.send("<stream:stream to='\x1b[2J\u202e\n evil' xmlns='jabber:client' version='1.0'"
                    f" xmlns:stream='{ns.STREAM}'>")
        client.expect_closed()
        own.user("x").close()
        wrong = own.stream()
        wrong.authenticate(Account("evil\x1b[31m\nlevel event=fake", own.host, "x"))
        lines = own.log.text().splitlines()
        assert len(lines) > 2
        for line in lines:
            assert re.match(r"^(debug|info|warning|error|critical) event=[a-z0-9._]+( |$)", line), line
            assert all(32 <= ord(c) < 127 for c in line), line
        assert not any(e["event"] == "fake" for e in own.log.events())


class TestPeople:
    def O13_a_user_removed_while_online(self, own):
        client = own.user("gone")
        own.ctl("account", "remove", client.account.jid)
        client.expect_stream_error("not-authorized")
        own.saw("user.removed", 0)

    def O13_a_password_changed_by_the_operator(self, own):
        client = own.user("changed")
        own.ctl("account", "passwd", client.account.jid, input="new\n")
        client.expect_stream_error("reset")
        account = client.account
        assert name(own.stream().authenticate(account)) == "failure"
        own.login(Account(account.user, account.host, "new"))

    def O14_a_host_removed_while_its_users_are_online(self, start_server):
        server = start_server(hosts=[{"name": "leaving.example"}])
        stays = server.user("stays")
        account = server.account("leaves", host="leaving.example")
        leaves = server.login(account, presence=0)
        del server.settings["hosts"][1]
        mark = server.reload()
        leaves.expect_stream_error("host-gone")
        server.saw("host.gone", mark)
        stays.sync()
        client = server.open()
        client.open(to="leaving.example", features=False)
        client.expect_stream_error("host-unknown")


class TestAdministration:
    @pytest.fixture(scope="class")
    def running(self, request):
        from conftest import make_server

        made = make_server(request.config).start()
        yield made
        try:
            made.stop()
        finally:
            if made.process:
                made.process.kill()
            made.remove()

    @pytest.mark.parametrize("arguments, code", [
        (["nonsense"], 64), (["account"], 64), (["account", "ad"], 64),
        (["account", "add"], 64), (["account", "show"], 64), (["account", "add", "a@localhost", "b"], 64),
        (["--nonsense"], 64), (["account", "list", "--nonsense"], 64), (["session", "kick"], 64),
        (["account", "show", "nobody@localhost"], 1), (["account", "passwd", "nobody@localhost"], 1),
        (["account", "remove", "nobody@localhost"], 1), (["session", "kick", "a@localhost/x"], 1),
        (["account", "add", "a@elsewhere.example"], 1), (["hooks", "extra"], 64),
    ])
    def O17_a_wrong_argument(self, running, arguments, code):
        done = running.ctl(*arguments, input="password\n", ok=None)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stderr.strip()

    def O17_a_command_killed_half_way(self, running):
        """No change or the whole change: nothing in between."""
        for index in range(10):
            jid = f"half{index}@{running.host}"
            process = subprocess.Popen(
                running.ctl_command("account", "add", jid), stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
                **UNPRIVILEGED.popen_options())
            process.stdin.write(b"password\n")
            process.stdin.flush()
            time.sleep(index * 0.004)
            process.kill()
            process.wait()
            listed = jid in running.ctl("account", "list").stdout
            answer = running.stream().authenticate(Account(f"half{index}", running.host, "password"))
            if listed:
                assert name(answer) == "success"
            running.ctl("account", "add", jid, input="password\n", ok=None)
            assert name(running.stream().authenticate(
                Account(f"half{index}", running.host, "password"))) == "success"

    def O17_a_long_list_into_a_pipe_that_closes(self, running):
        for index in range(20):
            running.account(f"long{index}")
        process = subprocess.Popen(running.ctl_command("account", "list", "--json"),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                                   **UNPRIVILEGED.popen_options())
        process.stdout.close()
        process.wait(20)
        assert not re.search(rb"Sanitizer|runtime error", process.stderr.read())
        process.stderr.close()
        running.check()

    def O17_garbage_on_the_control_socket(self, running):
        path = next(p for p in running.data.rglob("*") if p.is_socket())
        for data in (b"", b"\0" * 100, b"{}\n", b"[]\n", b"nonsense\n", b'{"command":1}\n',
                     b"{" * 100_000, b"x" * 1_000_000, b'{"command":"account list"',
                     b'{"command":"nonsense"}\n', b"\xff\xfe\n", b'{"command":"account add"}\n' * 50):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(5 * PATIENCE)
                try:
                    sock.connect(str(path))
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except OSError:
                    pass
        running.check()
        running.ctl("account", "list")

    def O17_a_stalled_administrator_holds_nobody_up(self, running):
        path = next(p for p in running.data.rglob("*") if p.is_socket())
        with socket.socket(socket.AF_UNIX) as stalled:
            stalled.connect(str(path))
            stalled.sendall(b'{"comm')
            running.ctl("account", "list")
            running.user("member").sync()


def test_a_second_instance_differs_only_in_folder_ports_and_hosts(start_server):
    one = start_server()
    two = start_server()
    for server in (one, two):
        a, b = server.user("a"), server.user("b")
        a.message(b.jid, "hello")
        b.expect_message("hello")


def test_a_start_writes_where_it_was_told_and_nowhere_else(own):
    inside = {p.name for p in own.dir.iterdir()}
    assert inside <= {"data", "burbled.conf", "stderr"}
