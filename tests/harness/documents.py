"""Documents that show what is seen: what is between the marks in them is written by tests."""

import re

BEGIN, END = "<!-- transcript: begin -->\n", "<!-- transcript: end -->\n"


def compare(path, seen, config):
    """What is between the marks of the document is what was seen; or is written there."""
    document = path.read_text()
    head, rest = document.split(BEGIN)
    _, tail = rest.split(END)
    wanted = head + BEGIN + "\n" + seen + "\n" + END + tail
    if config.getoption("--write-docs"):
        path.write_text(wanted)
    else:
        assert document == wanted


def fences(path, *languages):
    """The blocks of a document in these languages, each with the number of its first line."""
    opened, lines = None, path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if opened is None and (match := re.match(r"```(\w*)$", line)):
            opened = (match[1], number + 1)
        elif opened is not None and line == "```":
            if opened[0] in languages:
                yield opened[1], lines[opened[1] - 1:number - 1]
            opened = None
