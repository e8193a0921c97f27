"""Rows of the catalogue against the client: burble, run against harness.hostile, many at a time."""

import concurrent.futures
import pathlib
import re
import time

import pytest

from .command import Home
from .hostile import DOMAIN, Hostile
from .server import program_path
from .xmpp import DEADLINE_S

JID, SECRET, FRIEND = f"alice@{DOMAIN}", "alice's secret", f"friend@{DOMAIN}"
WORKERS = 12
DRIVER = "tests/drivers/driver_everything"


class Sweep:
    """Cases that run side by side while the tests that look at them go by, one by one.

    sweep(work, cases, case) is the result of work(case); what failed there fails here. The first
    call starts work for all the cases. A context manager: at its end, what has not begun does not.
    """

    def __init__(self, workers=WORKERS):
        self.workers, self.pools, self.running = workers, [], {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pool in self.pools:
            pool.shutdown(cancel_futures=True)

    def begin(self, work, cases, workers=None):
        if work in self.running:
            return
        pool = concurrent.futures.ThreadPoolExecutor(workers or self.workers)
        self.pools.append(pool)
        self.running[work] = {case: pool.submit(work, case) for case in cases}

    def __call__(self, work, cases, case):
        self.begin(work, cases)
        return self.running[work][case].result()


class Visit:
    """A scripted server, a home with an account there, and a program that goes there.

    A context manager; see Hostile for `script` and the options, Home.account for `keys`.
    """

    def __init__(self, *script, keys=None, **options):
        self.server = Hostile(**({"script": list(script)} if script else {}), **options)
        self.home = Home()
        self.home.account(JID, SECRET, self.server, **(keys or {}))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.home.remove()
        self.server.__exit__(kind)

    def run(self, *arguments, **options):
        """burble to its end; see Home.run."""
        return self.home.run("burble", *arguments, **options)

    def send(self, **options):
        return self.run("send", FRIEND, "hi", **options)

    def listen(self, *arguments, **options):
        """Until the first message, by default of good_session."""
        return self.run("listen", "--json", *arguments, "--count", "1", **options)

    def spawn(self, *arguments, **options):
        return self.home.spawn("burble", *arguments, **options)

    def everything(self, *room):
        """drivers/everything.c: a client with all that the library has. Files go to home/files."""
        path = pathlib.Path(program_path("burbled")).parent.parent / DRIVER
        if not path.exists():
            pytest.skip("the build has no drivers")
        files = self.home.dir / "files"
        files.mkdir()
        process = self.home.spawn(str(path), JID, self.server.ip, self.server.port,
                                  self.server.ca_file, files, *room)
        process.write(SECRET)
        return process

    def wait_for(self, condition):
        """Until it is true, with the server's deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, self.server.steps
            self.server.check()
            time.sleep(0.02)

    def secret_seen(self, where=None):
        """What of the login could be read: of all that was sent, or of `where`."""
        data = self.server.everything_sent() if where is None else where
        return [w for conn in self.server.connections[:1] for w in conn.mentions(
            SECRET, where=data)]

    def bodies(self, done):
        return [it.get("body") for it in done.json if it.get("kind") == "message"]


# What must not reach a terminal from others: control characters, and what turns or hides text.
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
                      "\ufeff\ufff9-\ufffb]")


def harmless(text):
    assert not STEERING.search(text), ascii(text)
    return text
