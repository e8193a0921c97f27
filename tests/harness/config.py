"""Writes libconfig files from Python values."""


def text(settings):
    """settings: a dict; groups are dicts, lists of groups are lists of dicts, arrays are lists."""
    return "".join(f"{key} = {value(it)};\n" for key, it in settings.items())


def quoted(string):
    escaped = string.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def value(it, depth=0):
    """The libconfig form of a Python value."""
    pad = "  " * (depth + 1)
    if isinstance(it, bool):
        return "true" if it else "false"
    if isinstance(it, int):
        return str(it) if abs(it) < 2**31 else f"{it}L"
    if isinstance(it, str):
        return quoted(it)
    if isinstance(it, dict):
        inner = "".join(f"{pad}{k} = {value(v, depth + 1)};\n" for k, v in it.items())
        return "{\n" + inner + "  " * depth + "}"
    if isinstance(it, (list, tuple)) and any(isinstance(v, dict) for v in it):
        return "( " + ", ".join(value(v, depth) for v in it) + " )"
    if isinstance(it, (list, tuple)):
        return "[ " + ", ".join(value(v, depth) for v in it) + " ]"
    raise TypeError(f"no libconfig form for {it!r}")
