"""Turns the results of bench/compare into Markdown: medians, ratios, and the goals."""

import shlex
import statistics

TITLES = {"relay": "bare relay", "burbled": "burbled", "prosody": "Prosody", "ejabberd": "ejabberd"}
OURS = "burbled"


def rows(o):
    """(what, value in the results, title, unit, format) for each line of the table."""
    talks = [(f"chat {o.window}", f"{o.pairs} pairs, {o.window} in flight"),
             ("chat 1", f"{o.pairs} pairs, 1 in flight"),
             (f"chat {o.window} tls", f"{o.pairs} pairs, {o.window} in flight, TLS"),
             ("chat 1 tls", f"{o.pairs} pairs, 1 in flight, TLS"),
             ("pace", f"{o.pace} messages/s")]
    for what, title in talks:
        if what != "pace":
            yield what, "per_s", title, "deliveries/s", "{:,.0f}"
        yield what, "server_cpu_us", title, "server CPU per delivery, µs", "{:.2f}"
        yield what, "p50_us", title, "latency p50, ms", "ms"
        yield what, "p99_us", title, "latency p99, ms", "ms"
    for what, title in (("login", "logins, SCRAM-SHA-1"),
                        ("login tls", "logins, SCRAM-SHA-1, TLS")):
        yield what, "per_s", title, "logins/s", "{:,.0f}"
        yield what, "server_cpu_us", title, "server CPU per login, µs", "{:,.0f}"
    for what, title in (("idle", "idle sessions"), ("idle tls", "idle sessions, TLS")):
        yield what, "rss_per_session", title, "resident KiB per session", "KiB"
        yield what + " gc", "rss_per_session", title, "the same after collecting garbage", "KiB"
    yield "start", "ms", f"start with {o.accounts:,} accounts", "exec to first stream header, ms", \
        "{:,.1f}"


def median(results, server, what, key):
    values = [r[key] for r in results if r["server"] == server and r["what"] == what]
    return statistics.median(values) if values else None


def shown(value, form):
    if value is None:
        return "–"
    if form == "ms":
        return f"{value / 1000:.2f}"
    if form == "KiB":
        return f"{value / 1024:.1f}"
    return form.format(value)


def table(results, o):
    names = [n for n in TITLES if n in o.names]
    lines = ["| | | " + " | ".join(TITLES[n] for n in names) + " |",
             "|---|---|" + "---:|" * len(names)]
    last = ""
    for what, key, title, unit, form in rows(o):
        values = [median(results, n, what, key) for n in names]
        if all(v is None for v in values):
            continue
        lines.append(f"| {title if title != last else ''} | {unit} | "
                     + " | ".join(shown(v, form) for v in values) + " |")
        last = title
    return lines


def goals(o):
    """(title, what, key, against whom or None, at most)."""
    full = f"chat {o.window}"
    cpu = "server CPU per delivery"
    yield f"{cpu}, of ejabberd's", full, "server_cpu_us", "ejabberd", 0.2
    yield f"{cpu}, of Prosody's", full, "server_cpu_us", "prosody", 0.1
    yield f"{cpu}, of the relay's", full, "server_cpu_us", "relay", 2.5
    yield "KiB per idle session", "idle", "rss_per_session", None, 3
    yield "KiB per idle TLS session", "idle tls", "rss_per_session", None, 22
    yield "time to the first stream header, of Prosody's", "start", "ms", "prosody", 0.1


def goal_lines(results, o):
    lines = []
    for title, what, key, other, most in goals(o):
        ours = median(results, OURS, what, key)
        base = median(results, other, what, key) if other else 1024
        if ours is None or not base:
            continue
        ratio = ours / base
        verdict = "reached" if ratio <= most else "**not reached**"
        lines.append(f"| {title} | {ratio:.2f} | {most:g} | {verdict} |")
    return ["| goal | measured | at most | |", "|---|---:|---:|---|", *lines] if lines else []


def ratio_lines(results, o):
    """Each conversation's CPU per delivery: the multiple of the relay's, and burbled's part of the
    other servers'."""
    pairs = [(n, "relay") for n in TITLES if n != "relay"]
    pairs += [(OURS, "ejabberd"), (OURS, "prosody")]
    pairs = [(n, base) for n, base in pairs if n in o.names and base in o.names]
    lines = []
    for what, key, title, _, _ in rows(o):
        if key != "server_cpu_us" or what.startswith("login"):
            continue
        values = [(median(results, n, what, key), median(results, base, what, key))
                  for n, base in pairs]
        cells = [f"{v / w:.2f}" if v and w else "–" for v, w in values]
        if set(cells) - {"–"}:
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    head = " | ".join(f"{TITLES[n]} : {TITLES[base]}" for n, base in pairs)
    return [f"| server CPU per delivery | {head} |", "|---|" + "---:|" * len(pairs), *lines] \
        if lines else []


def trouble(results):
    keys = ("lost", "duplicates", "errors", "foreign", "failed")
    counts = {k: sum(r.get(k, 0) for r in results) for k in keys}
    delivered = sum(r.get("deliveries", 0) for r in results)
    return (f"Of {delivered:,} deliveries measured, {counts['lost']} were lost, "
            f"{counts['duplicates']} came twice, {counts['errors'] + counts['failed']} failed.")


def spread(results, o):
    """How far the rounds lay apart, for the number that matters most."""
    parts = []
    for name in [n for n in TITLES if n in o.names]:
        values = [r["server_cpu_us"] for r in results
                  if r["server"] == name and r["what"] == f"chat {o.window}"]
        if len(values) > 1:
            parts.append(f"{TITLES[name]} {min(values):.2f}–{max(values):.2f}")
    return f"CPU per delivery over the rounds, µs: {', '.join(parts)}." if parts else ""


def markdown(results, o, versions, machine, argv):
    named = ", ".join(f"{TITLES[n]} {v}".strip() for n, v in versions.items())
    rounds = len({r["round"] for r in results})
    blocks = [
        [f"`bench/compare {shlex.join(argv[1:])}`".replace(" `", "`")],
        [f"Medians of {rounds} round{'s' if rounds != 1 else ''}; {o.body}-byte bodies, "
         f"{'to be stored' if o.store else 'no-store'}, to the "
         f"{'bare' if o.to_bare else 'full'} JID. {named}. {machine}."],
        table(results, o), goal_lines(results, o), ratio_lines(results, o),
        [trouble(results)], [spread(results, o)],
    ]
    return "\n\n".join("\n".join(b) for b in blocks if b and b[0]) + "\n"
