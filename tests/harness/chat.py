"""`burble chat` in a terminal of its own, as a person sits before it."""

import re
import shlex
import subprocess
import time

import pytest

from .server import SANITIZER, program_path
from .terminal import Terminal
from .xmpp import PATIENCE


class Chat(Terminal):
    """burble chat of an account in `home`. When it has ended, the terminal shows "ended CODE".

    The shell that started it stays, so that one can see what it left behind.
    """

    def __init__(self, home, *arguments, account=None, width=80, height=24, env=None,
                 errors=True):
        """errors: standard error goes to a file, and not to the terminal."""
        self.errors = home.dir / f"chat-{id(self)}.err"
        command = [program_path("burble"), *(["-a", account] if account else []), "chat",
                   *map(str, arguments)]
        where = f" 2>{shlex.quote(str(self.errors))}" if errors else ""
        script = (f"{shlex.join(command)}{where}; "
                  "echo ended $?; stty -a | grep -o '[-]*icanon'; exec cat")
        super().__init__(["sh", "-c", script], {**home.environment(), "TERM": "screen-256color",
                                                **(env or {})}, width, height)

    def __exit__(self, *gone):
        super().__exit__(*gone)
        self.check()

    def check(self):
        """No sanitizer has complained, and nothing was written over the screen."""
        text = self.errors.read_text() if self.errors.exists() else ""
        assert not SANITIZER.search(text), text
        return text

    def screen(self):
        """What is seen, without what scrolled away."""
        return self._run("capture-pane", "-p")

    def rows(self):
        return self.screen().split("\n")

    def resize(self, width, height):
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def text(self, text):
        """Types without Enter."""
        self._run("send-keys", "-l", "--", text)

    def type(self, text):
        self.text(text)
        self._run("send-keys", "Enter")

    def wait_gone(self, pattern, timeout=20):
        """Until the screen does not show the pattern any more."""
        deadline = time.monotonic() + timeout * PATIENCE
        while re.search(pattern, screen := self.screen()):
            assert time.monotonic() < deadline, f"{pattern!r} is still in:\n{screen}"
            time.sleep(0.05)

    def program_pid(self):
        """The process of burble itself, below the limit and the shell that started it."""
        family = {int(self.pid)}
        listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            pid, parent, name = line.split(None, 2)
            if int(parent) in family:
                family.add(int(pid))
                if name == "burble":
                    return int(pid)
        raise AssertionError("burble does not run")

    def quit(self, how="/quit"):
        """Ends it by a command or a key; the shell's view of it."""
        if how.startswith("/"):
            self.type(how)
        else:
            self.keys(how)
        return self.wait_for(r"ended \d+")[0]


@pytest.fixture
def people(server, home):
    """people("alice", "bob"): new accounts that burble knows by these names."""

    def make(*names):
        made = [server.account(name) for name in names]
        for name, account in zip(names, made):
            home.account(account.jid, account.password, server, name=name)
        return made

    return make


@pytest.fixture
def chat(home):
    """chat(account, *arguments): in a terminal; it is checked and ended with the test."""
    open_ones = []

    def begin(account, *arguments, online=True, **options):
        made = Chat(home, *arguments, account=account, **options)
        open_ones.append(made)
        if online:
            made.wait_for(r"^ burble  \S+  online")
        return made

    yield begin
    for made in open_ones:
        made.__exit__()
