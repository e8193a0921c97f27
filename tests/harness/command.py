"""The programs of ours as people and scripts run them: burble, burblectl, the examples.

Each test has a home of its own; nothing of the one who runs the tests is seen by the programs.
"""

import dataclasses
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from . import config
from .server import SANITIZER, die_with_parent, environment, program_path
from .xmpp import PATIENCE

TIMEOUT_S = 20
# What of the environment of the tests the programs may see.
KEPT = ("PATH", "LANG", "LC_ALL", "LSAN_OPTIONS")


@dataclasses.dataclass(frozen=True)
class Done:
    """code: the exit code, negative for a signal. out, err: text; lines, json: of out."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        """One value per line of output."""
        return [json.loads(line) for line in self.lines]


class Home:
    """A home with a configuration. env: what programs get besides."""

    def __init__(self, **env):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="burble-home-"))
        self.config = self.dir / ".config" / "burble"
        self.config.mkdir(parents=True, mode=0o700)
        self.env = {
            "HOME": str(self.dir), "XDG_CONFIG_HOME": str(self.dir / ".config"),
            "XDG_STATE_HOME": str(self.dir / ".local/state"),
            "XDG_CACHE_HOME": str(self.dir / ".cache"),
            "XDG_DATA_HOME": str(self.dir / ".local/share"), "LANG": "C.UTF-8", "TERM": "dumb",
            **env,
        }
        self.accounts, self.running = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for process in self.running:
            process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def file(self, name, text, mode=0o600):
        """A file in the home; gives its path."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def account(self, jid, password=None, server=None, default=None, **keys):
        """Adds an account to accounts.conf. server: connect there and trust what it shows (a
        harness.server.Server or a harness.hostile.Hostile). keys: more keys of the account.
        """
        entry = {"jid": jid}
        if password is not None:
            entry["password"] = password
        if server is not None:
            tls = keys.get("tls", "starttls")
            entry.update(host=server.ip, ca_file=server.ca_file, tls=tls, port=(
                server.tls_port if tls == "direct" and hasattr(server, "tls_port")
                else server.port))
        entry.update(keys)
        self.accounts.append(entry)
        text = config.text({**({"default": default} if default else {}),
                            "accounts": self.accounts})
        self.file(".config/burble/accounts.conf", text)
        return entry

    def environment(self, env=None):
        kept = {k: os.environ[k] for k in KEPT if k in os.environ}
        sanitizers = {k: v for k, v in environment().items() if k.endswith("SAN_OPTIONS")}
        return {k: v for k, v in {**kept, **sanitizers, **self.env, **(env or {})}.items()
                if v is not None}

    def run(self, program, *arguments, stdin="", env=None, timeout=TIMEOUT_S, code=None,
            **options):
        """Runs it to its end. stdin: text, bytes, or a file. env: more variables; None takes one
        away. code: what it must exit with, where that is known. A crash or a sanitizer's report
        fails. options: subprocess.run's, such as pass_fds or stdout."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        given = {"input": data} if isinstance(data, bytes) else {"stdin": data}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [program_path(program), *map(str, arguments)]
        try:
            ended = subprocess.run(
                command, cwd=self.dir, env=self.environment(env), timeout=timeout * PATIENCE,
                preexec_fn=die_with_parent, **{**streams, **given, **options})
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{_shown(command)} did not end; it said:\n"
                                 f"{_text(late.stdout)}\n{_text(late.stderr)}") from None
        done = Done(ended.returncode, _text(ended.stdout), _text(ended.stderr))
        check(command, done, code)
        return done

    def spawn(self, program, *arguments, env=None, **options):
        """Starts it; gives a Process, which ends with the home at the latest."""
        process = Process([program_path(program), *map(str, arguments)], cwd=self.dir,
                          env=self.environment(env), **options)
        self.running.append(process)
        return process


def run(program, *arguments, **options):
    """Home.run in a home without accounts, which is gone afterwards."""
    with Home() as home:
        return home.run(program, *arguments, **options)


class Process:
    """A program that runs; its output is read line by line, so that it never has to wait for us.

    out, err: what it has said so far, as lists of lines.
    """

    def __init__(self, command, **options):
        self.command, self.out, self.err = command, [], []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=die_with_parent, **options)
        self.pid = self.process.pid
        self.fresh = queue.Queue()
        self.readers = [
            threading.Thread(target=self._read, args=it, daemon=True)
            for it in ((self.process.stdout, self.out, self.fresh), (self.process.stderr, self.err,
                                                                     None))]
        for reader in self.readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _read(self, stream, lines, fresh):
        for raw in stream:
            line = _text(raw).rstrip("\n")
            lines.append(line)
            if fresh is not None:
                fresh.put(line)
        if fresh is not None:
            fresh.put(None)

    def line(self, timeout=TIMEOUT_S):
        """The next line of its output; None at the end."""
        try:
            return self.fresh.get(timeout=timeout * PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no line came from {self._said()}") from None

    def expect(self, pattern, timeout=TIMEOUT_S):
        """Skips lines up to one in which the pattern is found; the match."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                line = self.fresh.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{pattern!r} did not come from {self._said()}")
            if found := re.search(pattern, line):
                return found

    def expect_json(self, timeout=TIMEOUT_S, **fits):
        """Skips lines up to a JSON object with these values; the object."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            match = self.expect(r"^\{.*\}$", max(0.001, (deadline - time.monotonic()) / PATIENCE))
            found = json.loads(match[0])
            if all(found.get(key) == value for key, value in fits.items()):
                return found

    def expect_error(self, pattern, timeout=TIMEOUT_S):
        """Waits until a line of its standard error fits; the match."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            for line in list(self.err):
                if found := re.search(pattern, line):
                    return found
            if time.monotonic() > deadline or (self.ended() and not self.readers[1].is_alive()):
                raise AssertionError(f"{pattern!r} did not come from {self._said()}")
            time.sleep(0.01)

    def write(self, text):
        """A line to its standard input, and the line's end if it has none."""
        text = text if text.endswith("\n") else text + "\n"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def close_input(self):
        self.process.stdin.close()

    def send_signal(self, number):
        self.process.send_signal(number)

    def ended(self):
        return self.process.poll() is not None

    def wait(self, timeout=TIMEOUT_S, code=None):
        """Until it ends by itself; what it left, as Done. See Home.run for code."""
        try:
            self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end: {self._said()}") from None
        for reader in self.readers:
            reader.join(5 * PATIENCE)
        done = Done(self.process.returncode, "".join(f"{x}\n" for x in self.out),
                    "".join(f"{x}\n" for x in self.err))
        check(self.command, done, code)
        return done

    def stop(self, number=signal.SIGTERM, timeout=TIMEOUT_S, code=None):
        """Asks it to end, and waits."""
        self.send_signal(number)
        return self.wait(timeout, code)

    def kill(self):
        if not self.ended():
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(1)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except OSError:
                pass

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def _said(self):
        return (f"{_shown(self.command)}, exit {self.process.poll()}; its output:\n"
                + "\n".join(self.out[-40:]) + "\nits errors:\n" + "\n".join(self.err[-40:]))


def check(command, done, code=None):
    """No crash, no sanitizer's report, and the code that was wanted."""
    said = f"{_shown(command)}: exit {done.code}\n{done.out[-4000:]}\n{done.err[-6000:]}"
    assert not SANITIZER.search(done.err), said
    assert done.code >= 0 or -done.code in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT,
                                            signal.SIGPIPE), said
    assert code is None or done.code == code, f"wanted exit {code}: {said}"


def _text(data):
    return (data or b"").decode(errors="backslashreplace")


def _shown(command):
    return " ".join(command)
