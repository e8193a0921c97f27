"""A program in a terminal of its own: tmux types and reads the screen."""

import os
import re
import shutil
import subprocess
import time
import uuid

from .xmpp import PATIENCE


class Terminal:
    """Ends the program, and the tmux server that held it, when left."""

    def __init__(self, command, env, width=140, height=45):
        self.tmux = [shutil.which("tmux") or "tmux", "-L", f"burble-{uuid.uuid4().hex[:12]}",
                     "-f", "/dev/null"]
        variables = [f"{key}={value}" for key, value in env.items()]
        shell = ["env", "-i", "PATH=" + os.environ["PATH"], "LANG=C.UTF-8", "TERM=screen"]
        # tmux outlives whoever started it: the program's own limit ends both.
        limit = ["timeout", "--foreground", "-k", "2", "300"]
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), "--",
                  *shell, *variables, *limit, *command)
        self.pid = self._run("display-message", "-p", "#{pane_pid}").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.tmux, "kill-server"], capture_output=True)
        self.wait_until_gone()

    def wait_until_gone(self, timeout=10):
        """Until the program has ended."""
        deadline = time.monotonic() + timeout * PATIENCE
        while os.path.exists(f"/proc/{self.pid}"):
            assert time.monotonic() < deadline, "the program did not end"
            time.sleep(0.02)

    def _run(self, *arguments):
        done = subprocess.run([*self.tmux, *arguments], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"tmux {arguments[0]}: {done.stderr}"
        return done.stdout

    def screen(self):
        return self._run("capture-pane", "-p", "-S", "-200")

    def type(self, text):
        """The text and Enter."""
        self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def keys(self, *keys):
        """Keys by tmux's names: Enter, Tab, M-n, Escape."""
        self._run("send-keys", *keys)

    def wait_for(self, pattern, timeout=20):
        """Until the screen shows the pattern; the match."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            screen = self.screen()
            if found := re.search(pattern, screen):
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not appear in:\n{screen}")
            time.sleep(0.05)
