"""Writes libconfig files from Python values."""


def text(settings):
    """settings: a dict; groups are dicts, lists of groups are lists of dicts, arrays are lists."""
    return "".join(f"{key} = {_value(value, 0)};\n" for key, value in settings.items())


def quoted(string):
    escaped = string.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _value(value, depth):
    pad = "  " * (depth + 1)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 2**31 else f"{value}L"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        inner = "".join(f"{pad}{k} = {_value(v, depth + 1)};\n" for k, v in value.items())
        return "{\n" + inner + "  " * depth + "}"
    if isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value):
        return "( " + ", ".join(_value(v, depth) for v in value) + " )"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(_value(v, depth) for v in value) + " ]"
    raise TypeError(f"no libconfig form for {value!r}")
