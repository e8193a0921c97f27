"""Goals of reliability (docs/reliability.md) with small numbers: the commands of bench/ that show
them in full are run here as they are."""

import os
import pathlib
import subprocess
import sys

import pytest

from harness.server import ROOT, UNPRIVILEGED
from harness.xmpp import PATIENCE

UNAVAILABLE = 69


def build():
    """The build folder that the programs under test come from, when it has those of bench/ too."""
    bin_folder = pathlib.Path(os.environ.get("BURBLE_BIN", ROOT / "build" / "bin"))
    for folder in (bin_folder / "burbled").resolve().parents:
        if (folder / "bench" / "checker").exists():
            return folder
    return pytest.skip("bench/ is not built beside the programs")


def run(name, *arguments):
    """A command of bench/; what it printed. It fails as the command does."""
    assert UNPRIVILEGED.program("burbled")
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / name, *map(str, arguments), "--build", build()],
        capture_output=True, text=True, timeout=180 * PATIENCE)
    if done.returncode == UNAVAILABLE:
        pytest.skip("no stream management")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("shards", [1, 3])
def test_G1_kills_lose_nothing_and_repeat_nothing(shards):
    said = run("kill", 5, "--shards", shards, "--rate", 400, "--up", 0.4, "--break-ms", 1500)
    assert "nothing lost, nothing twice" in said


def test_G4_sessions_outlive_a_kill():
    assert "60 of 60 sessions resumed" in run("resume", 60, "--only-resume")


def test_G15_nothing_is_dropped_silently_for_who_does_not_read():
    said = run("slow", 3000, "--warm", 200, "--growth", 0)
    assert said.count("3,000 acknowledged") == 2 and said.count(" 0 lost") == 2
