"""What documents tell to type: it exists, and README.md shows what is seen then."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

from harness import command
from harness.documents import compare, fences
from harness.server import ROOT, SANITIZER, program_path

pytestmark = pytest.mark.servers("burbled")

# Typed one after the other, by alice unless another account is named.
COMMANDS = [
    'burble send bob@localhost "Are you coming to the lake on Saturday?"',
    "burble --account bob listen --count 1",
    'echo "Gladly. I bring the cake." | burble -a bob send alice@localhost -',
    "burble history --with bob@localhost --since 1h",
    "burble -a bob history --search cake --json | jq -r .body",
    'burble status --show away "At the lake"',
    "burble send nobody@no-such.localhost Hello",
    "echo $?",
]


def typed(line, home, status):
    """What the shell prints for a line."""
    programs = pathlib.Path(program_path("burble")).parent
    # Not everybody has jq.
    jq = """jq() { python3 -c 'import json, sys\nfor l in sys.stdin: print(json.loads(l)["body"])'; }"""
    env = {**home.environment(), "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", f"{jq}\nset -o pipefail\n(exit {status})\n{line}"],
                          env=env, capture_output=True, text=True, timeout=60, cwd=home.dir)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done.stdout + done.stderr, done.returncode


def test_the_transcript_of_the_shell(server, home, request):
    for name in ("alice", "bob"):
        home.account(f"{name}@localhost", server.accounts[f"{name}@localhost"], server, name=name,
                     default="alice")
    lines, status = [], 0
    for line in COMMANDS:
        said, status = typed(line, home, status)
        lines += [f"$ {line}", *said.splitlines()]
    text = "\n".join(lines)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "2026-11-20T12:34:56", text)
    text = re.sub(r"/burble/[0-9a-f]{16}", "/burble/64d1c5e8d9a1f2b0", text)
    compare(ROOT / "README.md", f"```\n{text}\n```\n", request.config)


# -------------------------------------------------------------------------- commands and options


def commands_in_documents():
    """Each line of a document that calls burble, with its place."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for first, lines in fences(path, "", "sh"):
            for number, line in enumerate(lines, first):
                if match := re.search(r"(?:^|\| |\$ |=\S+ )burble +([^|]*)", line):
                    yield pytest.param(match[1].split(" #")[0].strip(), id=f"{path.stem}{number}")


@pytest.fixture(scope="module")
def words():
    """What burble says of itself: commands, and options by command ("" is all)."""
    commands, options = set(), {}
    for line in command.run("burble", "help", "--words", code=0).lines:
        kind, *rest = line.split(" ")
        if kind == "command":
            commands.add(" ".join(rest))
    for name in ["", *commands]:
        said = command.run("burble", "help", *name.split()).out
        options[name] = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", said))
    return commands, options


@pytest.mark.parametrize("line", commands_in_documents())
def test_what_a_document_tells_to_type_exists(line, words):
    commands, options = words
    given = shlex.split(line)
    if "--" in given:
        given = given[:given.index("--")]
    takers = ("--host", "--account", "-a", "--ca-file", "--jid", "--port", "--pin")
    plain = [w for n, w in enumerate(given) if not w.startswith("-")
             and (n == 0 or given[n - 1] not in takers)]
    name = next((n for n in (" ".join(plain[:2]), plain[0] if plain else "") if n in commands), "")
    assert name or "--version" in given or "--help" in given, f"there is no command in: {line}"
    known = options[name] | options[""]
    for word in given:
        if re.match(r"--?[a-z]", word):
            assert word.split("=")[0] in known, f"{name} has no {word}"


def test_what_documents_point_to_is_there():
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} points to {target}"
