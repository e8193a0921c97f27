"""What the commands of reliability share: a server of one's choice in a temporary folder, and a
program of this folder that talks to it. bench/README.md says what each command shows."""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import servers

ROOT = Path(__file__).resolve().parent.parent
UNAVAILABLE = 69  # the server has no stream management


def parser(text):
    p = argparse.ArgumentParser(description=text.split("\n\n", maxsplit=1)[0])
    p.add_argument("--server", default="burbled", choices=["burbled", "prosody", "ejabberd"])
    p.add_argument("--build", type=Path, help="a build folder (default: build/release, built)")
    p.add_argument("--shards", type=int, default=1, help="of burbled")
    p.add_argument("--seed", type=int, default=0, help="of chance; 0: another each time")
    p.add_argument("--keep", action="store_true", help="keeps the temporary directory")
    return p


def build(o, programs):
    """The release that script/build makes, with these programs of this folder in it."""
    if o.build:
        return o.build.resolve()
    folder = ROOT / "build" / "release"
    if not (folder / "build.ninja").exists():
        subprocess.run([ROOT / "script" / "build"], check=True, stdout=sys.stderr)
    targets = [f"bench/{p}" for p in programs] + ["src/burbled/burbled", "src/burblectl/burblectl"]
    subprocess.run(["ninja", "--quiet", "-C", folder, *targets], check=True, stdout=sys.stderr)
    return folder


class Rig:
    """with Rig(o, accounts, programs) as rig: rig.server stands, and is not started."""

    def __init__(self, o, accounts, programs, archive=True):
        self.o, self.accounts, self.archive = o, accounts, archive
        self.build = build(o, programs)
        self.processes = []

    def __enter__(self):
        servers.check_installed([self.o.server], self.archive)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.folder = Path(tempfile.mkdtemp(prefix="burble-bench-"))
        try:
            self.server = servers.SERVERS[self.o.server](
                self.folder, self.build, servers.certificate(self.folder / "certs"), self.accounts,
                archive=self.archive, shards=self.o.shards)
            self.server.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        if hasattr(self, "server"):
            self.server.stop()
        if not self.o.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program, *arguments):
        """Starts load or checker; .stdout has its lines, .stdin wants one where it waits."""
        process = subprocess.Popen(
            [str(a) for a in [self.build / "bench" / program, "--port", self.server.port, "--label",
                              self.server.name, "--domain", servers.DOMAIN, "--user", servers.USER,
                              "--password", servers.PASSWORD, *arguments]],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(process)
        return process


def said(process, *phases):
    """The next object that the program prints about one of these phases or, without any, its
    verdict; None at its end."""
    for line in process.stdout:
        found = json.loads(line)
        if found.get("phase") in phases or (not phases and "verdict" in found):
            return found
    return None


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def main(run):
    """Ends the program with what run() gives: 0, 1 or UNAVAILABLE."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = os.path.basename(sys.argv[0])
    try:
        sys.exit(run())
    except (servers.ServerError, subprocess.SubprocessError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
