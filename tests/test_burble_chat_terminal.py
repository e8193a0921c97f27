"""What `burble chat` does with the terminal that it is given, and how it gives it back."""

import os
import re
import shlex
import signal
import subprocess

import pytest

from harness.chat import chat, people  # noqa: F401
from harness.server import program_path, wait_until
from harness.terminal import Terminal

pytestmark = pytest.mark.servers("burbled")


def paste(terminal, text):
    """As somebody who has copied text pastes it: in brackets, if the program has asked for them."""
    subprocess.run([*terminal.tmux, "load-buffer", "-"], input=text.encode(), check=True)
    terminal._run("paste-buffer", "-p", "-d")


def seen(terminal):
    return terminal._run("capture-pane", "-p")


def given_back(a):
    """The shell has its screen, its modes, and no brackets around what is pasted."""
    a.wait_for(r"(?m)^ *icanon")
    assert "burble  " not in a.screen()
    paste(a, "plain\n")
    a.wait_for("(?m)^plain$")
    assert "200~" not in a.screen()


@pytest.mark.parametrize("how", ["/quit", "C-c"])
def test_the_terminal_is_given_back(people, chat, how):
    people("alice")
    a = chat("alice")
    a.text("half a line") if how == "C-c" else None
    assert a.quit(how) == "ended 0"
    given_back(a)


@pytest.mark.parametrize("number, code", [(signal.SIGABRT, 134), (signal.SIGQUIT, 131),
                                          (signal.SIGTERM, 6), (signal.SIGHUP, 6)])
def test_C09_a_crash_or_signal_gives_the_terminal_back(people, chat, number, code):
    people("alice")
    a = chat("alice")
    os.kill(a.program_pid(), number)
    a.wait_for(f"ended {code}")
    given_back(a)


def test_a_terminal_that_cannot_move_its_cursor_is_refused(people, home):
    people("alice")
    env = {**home.environment(), "TERM": "dumb"}
    command = ["sh", "-c", f"{shlex.quote(program_path('burble'))} -a alice chat; "
               "echo ended $?; exec sleep 60"]
    with Terminal(command, env) as a:
        a.wait_for("cannot move its cursor\\s+ended 2")


def test_C09_the_second_signal_gives_it_back_too(people, chat):
    people("alice")
    a = chat("alice")
    pid = a.program_pid()
    # It sees both before it can do anything.
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        os.kill(pid, number)
    a.wait_for("ended 6")
    given_back(a)


def test_several_lines_that_are_pasted_are_one_message(people, chat, server):
    alice, bob = people("alice", "bob")
    friend = server.login(bob, presence=0)
    a = chat("alice", bob.jid)
    paste(a, "one\n/quit\n\tthree\n")
    a.wait_for("(?m)^> one↵/quit↵ three$")
    a.keys("Enter")
    friend.expect_message("one\n/quit\n\tthree")
    a.wait_for(r"(?m)me +one\s*\n.*│ +/quit\s*\n.*│ +three ✓$")
    # What begins with "/" is no command, but text as well; one "/" less makes it one.
    paste(a, "/quit\n")
    a.wait_for("(?m)^> //quit$")
    a.keys("Enter")
    friend.expect_message("/quit")
    a.text("two")
    a.keys("M-Enter")
    a.text("lines")
    a.wait_for("(?m)^> two↵lines$")
    a.keys("Enter")
    friend.expect_message("two\nlines")
    paste(a, "w" * 70000)
    a.wait_for("too long, and left out")
    assert a.quit() == "ended 0"


def test_keys_that_are_not_known_type_nothing(people, chat):
    people("alice")
    a = chat("alice")
    a.text("x")
    a.keys("F12", "C-Up", "S-F5", "M-x", "IC")
    a.text("y")
    a.wait_for("(?m)^> xy$")


def test_nothing_is_painted_black_on_black(people, chat):
    people("alice")
    a = chat("alice")
    raw = a._run("capture-pane", "-p", "-e")
    assert "Nothing is open." in raw
    assert not re.search(r"\x1b\[(?:[\d;]*;)?30m|\x1b\[(?:[\d;]*;)?40m", raw)


def test_ctrl_z_stops_it_and_fg_goes_on(people, home):
    people("alice")
    env = {**home.environment(), "TERM": "screen-256color", "PS1": "$ "}
    with Terminal(["bash", "--norc", "--noprofile", "-i"], env, 80, 24) as shell:
        shell.type("bind 'set enable-bracketed-paste off'")
        shell.type(f"{shlex.quote(program_path('burble'))} -a alice chat")
        shell.wait_for("burble  .*  online")
        shell._run("send-keys", "-l", "half a line")
        shell.wait_for("(?m)^> half a line$")
        for turn in (1, 2):
            shell.keys("C-z")
            shell.wait_for(rf"(?:Stopped[^$]*\$(?:.|\n)*){{{turn}}}")
            shell.type(f"stty -a | grep -o '[-]*icanon'; echo turn{turn}; head -n 1 | cat -v")
            shell.wait_for(rf"(?m)^icanon\nturn{turn}$")
            paste(shell, f"plain{turn}\n")
            shell.wait_for(rf"(?m)^plain{turn}\nplain{turn}\n\$")
            shell.type("fg")
            wait_until(lambda: re.search("(?m)^> half a line$", seen(shell)), what="its screen")
            assert "online" in seen(shell)
        paste(shell, " and\nmore")
        shell.wait_for("(?m)^> half a line and↵more$")
        shell.keys("C-c")
        wait_until(lambda: "half a line" not in seen(shell), what="the shell's own screen")


def test_C09_a_disk_that_is_full_spoils_no_screen(people, chat, home, server):
    people("alice")
    a = chat("alice", errors=False, width=200)
    state = next(home.dir.rglob("chat.lock")).with_suffix("")
    state.unlink(missing_ok=True)
    state.mkdir()  # so that it cannot be written
    (state / "full").touch()
    server.stop()
    a.wait_for("trying again in")
    server.start()
    a.wait_for("(?m)^ .*chat cannot be written")
    a.wait_for("^ burble .* online")
    assert a.quit() == "ended 0"
    told = a.wait_for("(?m)^.*cannot be written.*\n(.*cannot be.*\n)?")
    assert told[1] is None
    given_back(a)
