"""docs/chat.md: what two people see who chat with `burble chat`. The screens in it are of this test.

    script/test system -k transcript --write-docs      # writes them anew
"""

import re
import textwrap
import time
import unicodedata

import pytest

from harness.chat import Chat
from harness.documents import compare
from harness.server import ROOT

DOCUMENT = ROOT / "docs" / "chat.md"
SIZE = {"width": 80, "height": 16}
DAY = " Friday 20 November 2026 "

pytestmark = pytest.mark.servers("burbled")


def steady(rows):
    """The screen without what is another at each run: times and dates."""
    fixed = []
    for row in rows:
        row = re.sub(r"(?<=│ )\d\d:\d\d(?= )", "12:34", row)
        if found := re.search(r"(?<=│ )─+ \w+day \d+ \w+ \d+ ─+$", row):
            width = len(found[0])
            row = row[:found.start()] + "─" * ((width - len(DAY)) // 2) + DAY
            row += "─" * (found.start() + width - len(row))
        fixed.append(row)
    return fixed


def columns(text):
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def framed(chat):
    rows = [*steady(chat.rows()[:SIZE["height"]])]
    width = SIZE["width"]
    lines = ["+" + "-" * width + "+",
             *(f"|{row}{' ' * (width - columns(row))}|" for row in rows),
             "+" + "-" * width + "+"]
    return "\n".join(["```text", *lines, "```"])


def midday():
    """A time zone in which it is not about midnight, so that all is said on one day."""
    hour = time.gmtime().tm_hour
    return {"TZ": f"X{(hour - 12) % 24 if hour >= 12 else hour - 12}"}


def told(server, home):
    """The session, as a document."""
    for name in ("alice", "bob"):
        home.account(f"{name}@localhost", server.accounts[f"{name}@localhost"], server, name=name)
    text, env = [], midday()

    def say(words):
        text.append(textwrap.fill(words, 100))

    def show(name, chat):
        text.append(f"{name} sees:\n\n{framed(chat)}")

    with Chat(home, account="alice", env=env, **SIZE) as alice, \
            Chat(home, account="bob", env=env, **SIZE) as bob:
        for who in (alice, bob):
            who.wait_for("burble .* online")
        say("Alice and Bob have started `burble chat`, each with an account of their own.")
        show("Alice", alice)
        alice.type("/add bob@localhost Bob")
        bob.wait_for("! alice")
        say("Alice types `/add bob@localhost Bob`. At Bob's, somebody asks.")
        show("Bob", bob)
        bob.keys("Tab")
        bob.wait_for("asks to see")
        bob.type("/accept")
        alice.wait_for("● Bob")
        bob.wait_for("● alice")
        alice.type("Hello Bob! Are you coming to the lake on Saturday? We leave at nine, "
                   "and there is a seat for you in the car.")
        bob.wait_for("seat for you")
        alice.wait_for("✓✓")
        bob.text("Gladly")
        alice.wait_for("is typing")
        say("Tab shows Bob what is unread, `/accept` lets Alice see when he is here, and her him. "
            "She writes; one tick means that the server has the message, two that Bob's client "
            "has it. He is about to answer.")
        show("Alice", alice)
        show("Bob", bob)
        bob.text(". I bring the cake. 🍰")
        bob.keys("Enter")
        alice.wait_for("cake")
        alice.type("/msg carol@localhost Bob brings a cake")
        alice.wait_for("(?m)brings a cake ✓$")
        bob.type("With cherries.")
        bob.type("/status away Baking")
        alice.wait_for("◐ Bob +1│")
        say("Alice has gone on to Carol, who is not here. Bob says more, and goes to bake: "
            "half a circle is somebody who is away, and what Alice has not seen is counted.")
        show("Alice", alice)
        alice.keys("Tab")
        alice.wait_for("─ new ─")
        say("Tab takes her there.")
        show("Alice", alice)
        server.stop()
        alice.wait_for("trying again in")
        alice.type("Great!")
        alice.wait_for("Great! …")
        server.start()
        alice.wait_gone("trying again")
        bob.wait_for("Great!")
        alice.wait_for("Great! ✓✓")
        say("While the server is restarted, the bar says so. What is said meanwhile waits (`…`) "
            "and goes out by itself. Then Bob quits, and starts `burble chat alice@localhost` "
            "later: what was said comes from the server's archive.")
        assert bob.quit() == "ended 0"
        alice.wait_for("○ Bob")
    with Chat(home, "alice@localhost", account="bob", env=env, **SIZE) as bob:
        bob.wait_for("Great!")
        bob.wait_for("(?m)cherries. ✓✓$")
        show("Bob", bob)
        assert bob.quit("C-c") == "ended 0"
    return "\n\n".join(text) + "\n"


def test_the_transcript_of_the_chat(server, home, request):
    compare(DOCUMENT, told(server, home), request.config)
