"""Servers under test: what they have in common, and burbled itself."""

import ctypes
import dataclasses
import itertools
import os
import pathlib
import pwd
import re
import secrets
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import pytest

from . import certs, config, openssl
from .xmpp import PATIENCE, Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:)")
_numbers = itertools.count(1)


def free_ports(count, address="127.0.0.1"):
    """Ports that nobody listens on just now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets = [socket.socket(family) for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind((address, 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def wait_until(condition, timeout=10, what="the condition"):
    """Polls for what cannot be awaited: a file's contents, a process's state."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"{what} did not become true"
        time.sleep(0.01)


def running(server):
    """For a fixture, with `yield from`: the server, started; it is gone behind the tests."""
    try:
        yield server.start()
        server.stop()
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()
        server.remove()


@dataclasses.dataclass(frozen=True)
class Account:
    user: str
    host: str
    password: str

    @property
    def jid(self):
        return f"{self.user}@{self.host}"


class Server:
    """A running server with one host, and the clients that a test has opened on it.

    For tests that run against several servers: kind, features (see needs), accounts ({jid:
    password}, whatever has been made), muc_domain and upload (their domains, or None), ca_file,
    domain, ip, port (STARTTLS) and tls_port (direct TLS).
    """

    host = "localhost"
    ip = "127.0.0.1"
    is_burbled = False
    kind = None
    features = frozenset()
    muc_domain = upload = ca_file = None

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="burble-test-"))
        self.process, self.ports, self.clients, self.accounts = None, {}, [], {}
        self.detours = {}  # name: address, in place of a listener's; see proxy.py

    # Subclasses: start(), stop(), add_account(account), address(listener).

    @property
    def domain(self):
        return self.host

    @property
    def port(self):
        return self.ports["tls"]

    @property
    def tls_port(self):
        return self.ports["direct"]

    def needs(self, *features):
        """Skips the test where the server has not all of these."""
        if missing := [f for f in features if f not in self.features]:
            pytest.skip(f"{self.kind} has no {', '.join(missing)}")

    def restart(self):
        """Stops it and starts it anew on the same ports, with all that it has kept."""
        self.stop()
        return self.start()

    def kill(self):
        """As a crash; start() brings it back."""
        self.process.kill()
        self.process.wait()

    def address(self, listener="plain"):
        return (self.ip, self.ports[listener])

    def account(self, user="user", password=None, host=None):
        """A new account whose name is unique on this server and begins with `user`."""
        name = f"{user}{next(_numbers)}"
        account = Account(name, host or self.host, password or "pw-" + secrets.token_hex(4))
        self.add_account(account)
        self.accounts[account.jid] = account.password
        return account

    def open(self, listener="plain", host=None, source=None, window=None):
        """A connection without a single byte on it. window: how much the client's socket takes."""
        client = Client(self.address(listener), host or self.host, source, window)
        self.clients.append(client)
        return client

    def stream(self, listener="plain", host=None, source=None, openssl=None, window=None,
               **attributes):
        """An open stream before authentication, with TLS where the listener wants it."""
        client = self.open(listener, host, source, window)
        if listener == "direct":
            client.wrap(openssl)
        client.open(**attributes)
        if listener == "tls" or (openssl is not None and listener != "direct"):
            client.starttls(openssl_options=openssl)
            client.open(**attributes)
        return client

    def login(self, account, resource=None, listener="plain", presence=None, mechanism="PLAIN",
              roster=False, **options):
        """A bound stream. presence: None for none, a priority for initial presence with it."""
        client = self.stream(listener, host=account.host, **options)
        client.login(account, mechanism)
        client.bind(resource)
        if roster:
            client.roster()
        if presence is not None:
            client.presence(inner=f"<priority>{presence}</priority>")
        return client

    def user(self, name="user", resource="one", presence=0, **options):
        """A new account, logged in and available; client.account tells who."""
        account = self.account(name)
        client = self.login(account, resource, presence=presence, **options)
        client.account = account
        return client

    def certificate(self):
        """The certificate that is shown for the host, as PEM: what a client may trust."""
        tls = openssl.connect(self.address("direct"), self.host)
        try:
            return ssl.DER_cert_to_PEM_cert(tls.certificate())
        finally:
            tls.close()

    def drop_clients(self):
        for client in self.clients:
            client.abandon()
        self.clients.clear()

    def mark(self):
        """A place in the log; see saw()."""
        return 0

    def saw(self, event, since, **wanted):
        """Waits for an event in the log behind the mark; only burbled's log has them."""

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def running(self):
        return self.process is not None and self.process.poll() is None

    def check(self):
        """The server still runs and has nothing to be ashamed of."""
        assert self.running(), f"the server is gone, exit {self.process.returncode}"

    def keep_logs(self, _why):
        """Called when a test has failed."""

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Peer(Server):
    """A server that is not ours. After a failed test its folder stays, for its logs."""

    failures = 0

    def keep_logs(self, _why):
        self.failures += 1

    def remove(self):
        if self.failures:
            print(f"{self.kind}: {self.failures} failed; its logs are in {self.dir}")
        else:
            super().remove()


class Log:
    """burbled's log: `level event=<name> k=v …`, one line each."""

    def __init__(self, path):
        self.path = path

    def text(self, since=0):
        with open(self.path, "rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace")

    def mark(self):
        return os.path.getsize(self.path)

    def events(self, since=0):
        return [e for line in self.text(since).splitlines() if (e := parse_event(line))]

    def wait(self, event, since=0, timeout=5, **wanted):
        """The first such event behind the mark with these fields."""

        def look():
            for found in self.events(since):
                if found.get("event") == event and all(
                    found.get(k) == str(v) for k, v in wanted.items()
                ):
                    return found
            return None

        try:
            return wait_until(look, timeout)
        except AssertionError:
            raise AssertionError(
                f"no event={event} {wanted} in the log:\n{self.text(since)[-3000:]}"
            ) from None


def parse_event(line):
    level, _, rest = line.partition(" ")
    if not rest.startswith("event="):
        return None
    try:
        words = shlex.split(rest, posix=True)
    except ValueError:
        words = rest.split()
    fields = dict(word.split("=", 1) for word in words if "=" in word)
    return {**fields, "level": level, "line": line}


def _program(name):
    """A program under test; BURBLE_BIN names another folder than build/bin."""
    if "/" in str(name):
        return pathlib.Path(name)
    return pathlib.Path(os.environ.get("BURBLE_BIN", ROOT / "build" / "bin")) / name


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def program_path(name):
    """Its path, as text; a name with a slash is a path already."""
    path = _program(name)
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built; BURBLE_BIN names another folder")
    return str(path)


class Unprivileged:
    """burbled does not run as root: as root, the tests run it as nobody."""

    def __init__(self):
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.copies = None

    def popen_options(self):
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def give(self, path):
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def program(self, name):
        """Where that user can run the program: a copy if the build folder is shut to him."""
        path = pathlib.Path(program_path(name))
        if self.user is None or self._may_run(path):
            return str(path)
        if self.copies is None:
            self.copies = tempfile.TemporaryDirectory(prefix="burble-bin-")
            os.chmod(self.copies.name, 0o755)
        copy = pathlib.Path(self.copies.name) / name
        if not copy.exists():
            shutil.copy2(path, copy)
        return str(copy)

    def _may_run(self, path):
        test = ["test", "-x", str(path)]
        return subprocess.run(test, cwd="/", **self.popen_options()).returncode == 0


UNPRIVILEGED = Unprivileged()


def environment(**more):
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=98",
        "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "halt_on_error=1:exitcode=97"),
        **more,
    }


class Burbled(Server):
    """burbled with a data folder and a configuration of its own.

    shards, rate, registration, admins, aliases, watchers: the keys of those names.
    limits, extra, host_extra: more keys of the group, the file, the host.
    hosts: more hosts; listen: more listeners by name, each with its keys without the port.
    accounts: {jid: password}, made when it starts first.
    """

    is_burbled = True
    kind = "burbled"
    features = frozenset(
        "scram-sha-1 scram-sha-256 scram-sha-512 scram-plus sasl2 fast sm carbons mam csi register"
        " blocking vcard-temp rosterver version time ping last private offline push".split())
    START_S = 20

    def __init__(self, shards=1, rate=False, registration="open", admins=(), aliases=(),
                 watchers=(), limits=None, extra=None, host_extra=None, hosts=(), listen=None,
                 env=None, accounts=None):
        super().__init__()
        self.accounts_wanted = accounts or {}
        UNPRIVILEGED.give(self.dir)
        self.data = self.dir / "data"
        self.conf = self.dir / "burbled.conf"
        self.stderr = self.dir / "stderr"
        self.stderr.touch()
        self.log = Log(self.stderr)
        self.env = env or {}
        self.reported = 0
        host = {"name": self.host, "registration": registration}
        for key, value in (("admins", admins), ("aliases", aliases),
                           ("registration_watchers", watchers)):
            if value:
                host[key] = list(value)
        self.settings = {
            "data_dir": str(self.data),
            "store": "sqlite",
            "shards": shards,
            "hosts": [{**host, **(host_extra or {})}, *hosts],
            "listen": self._listeners(listen or {}),
            # The tests read the log, so nothing in it may be suppressed.
            "limits": {"rate": rate, "log_lines_per_second": 100000, **(limits or {})},
            "sasl": {"iterations": 4096},
            **(extra or {}),
        }

    def _listeners(self, more):
        listeners = {
            "plain": {"tls": "starttls", "require_tls": False, "plain_without_tls": True},
            "tls": {"tls": "starttls", "require_tls": True},
            "direct": {"tls": "direct"},
            **more,
        }
        ports = free_ports(len(listeners))
        self.ports = dict(zip(listeners, ports))
        return [
            {"service": "c2s", "address": "127.0.0.1", "port": self.ports[key], **value}
            for key, value in listeners.items()
        ]

    def listener(self, name):
        """The settings of one listener, to be changed before a reload."""
        return next(e for e in self.settings["listen"] if e["port"] == self.ports[name])

    def address(self, listener="plain"):
        if listener in self.detours:
            return self.detours[listener]
        return (self.listener(listener)["address"], self.ports[listener])

    def write(self):
        self.conf.write_text(config.text(self.settings))

    def spawn(self, *arguments, before=None, **options):
        """burbled with these arguments and its standard error in the log file.

        before: called in the child just before burbled takes its place.
        """

        def prepare():
            die_with_parent()
            if before is not None:
                before()

        with open(self.stderr, "ab") as stderr:
            return subprocess.Popen(
                [UNPRIVILEGED.program("burbled"), *arguments],
                **{"stdin": subprocess.DEVNULL, "stdout": stderr, "stderr": stderr,
                   "env": environment(**self.env), "cwd": self.dir,
                   "preexec_fn": prepare, **UNPRIVILEGED.popen_options(), **options},
            )

    def start(self):
        self.write()
        mark = self.log.mark()
        self.process = self.spawn("-c", str(self.conf))

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(
                    f"burbled did not start, exit {self.process.returncode}:\n{self.log.text(mark)}"
                )
            return any(e.get("event") == "start" for e in self.log.events(mark))

        wait_until(ready, self.START_S, "event=start in the log")
        for jid, password in self.accounts_wanted.items():
            if jid not in self.accounts:
                self.add_account(Account(*jid.split("@"), password))
                self.accounts[jid] = password
        return self

    @property
    def ca_file(self):
        """What a client is to trust: the authority of the tests, or the self-made certificate."""
        if "certificate" in self.settings["hosts"][0]:
            return str(certs.authority().ca_file)
        path = self.dir / "trusted.pem"
        path.write_text(self.certificate())
        return str(path)

    def refuse(self, text=None, timeout=10):
        """Starts burbled for a start that must fail; (exit code, what it said)."""
        self.write() if text is None else self.conf.write_text(text)
        mark = self.log.mark()
        process = self.spawn("-c", str(self.conf))
        try:
            code = process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"burbled started:\n{self.log.text(mark)}") from None
        finally:
            process.kill()
            process.wait()
        return code, self.log.text(mark)

    def config_check(self, text=None):
        """burbled --check on the settings, or on this text; (exit code, output)."""
        self.write() if text is None else self.conf.write_text(text)
        done = subprocess.run(
            [UNPRIVILEGED.program("burbled"), "-c", str(self.conf), "--check"],
            capture_output=True, text=True, timeout=20 * PATIENCE, cwd=self.dir,
            env=environment(**self.env), **UNPRIVILEGED.popen_options(),
        )
        return done.returncode, done.stdout + done.stderr

    def ctl_command(self, *arguments):
        return [UNPRIVILEGED.program("burblectl"), "--data-dir", str(self.data), *arguments]

    def ctl(self, *arguments, input="", ok=True):
        """burblectl; ok=None: any exit code will do, False: it must fail."""
        done = subprocess.run(
            self.ctl_command(*arguments), input=input, capture_output=True, text=True,
            timeout=20 * PATIENCE, env=environment(), **UNPRIVILEGED.popen_options(),
        )
        assert not SANITIZER.search(done.stderr), done.stderr
        if ok is not None:
            assert (done.returncode == 0) == ok, (
                f"burblectl {' '.join(arguments)}: exit {done.returncode}\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def add_account(self, account):
        self.ctl("account", "add", account.jid, input=account.password + "\n")

    def reload(self):
        """Writes the settings and sends SIGHUP; gives the mark before it."""
        self.write()
        mark = self.log.mark()
        self.process.send_signal(signal.SIGHUP)
        return mark

    def check(self):
        said = self.log.text(self.reported)
        if found := SANITIZER.search(said):
            self.reported = self.log.mark()
            raise AssertionError("sanitizer report:\n" + said[max(0, found.start() - 200):][:6000])
        assert self.running(), (
            f"burbled is gone, exit {self.process.returncode}:\n{said[-4000:]}"
        )

    def stop(self, timeout=8):
        """SIGTERM; it must end with 0 and leave no sanitizer report behind."""
        if self.process is None:
            return
        self.drop_clients()
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("burbled did not stop in time:\n" + self.tail()) from None
        code, self.process = self.process.returncode, None
        said = self.log.text(self.reported)
        assert not SANITIZER.search(said), "sanitizer report:\n" + said[-6000:]
        assert code == 0, f"burbled ended with {code}:\n{self.tail()}"

    def tail(self):
        return self.log.text()[-4000:]

    def instrumented(self):
        """True if built with a sanitizer: figures of memory mean little then."""
        return any(s in _program("burbled").read_bytes() for s in (b"__asan_init", b"__tsan_init"))

    def mark(self):
        return self.log.mark()

    def saw(self, event, since, **wanted):
        return self.log.wait(event, since, **wanted)
