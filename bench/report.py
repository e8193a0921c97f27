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
    full = f"{o.pairs} pairs, {o.window} in flight, all archived"
    for what, title in (("archive", full), ("two shards", full + ", two shards")):
        yield what, "per_s", title, "deliveries/s", "{:,.0f}"
        yield what, "server_cpu_us", title, "server CPU per delivery, µs", "{:.2f}"
        yield what, "p50_us", title, "latency p50, ms", "ms"
        yield what, "p99_us", title, "latency p99, ms", "ms"
    title = f"{o.pace} messages/s, all archived"
    yield "ack", "server_cpu_us", title, "server CPU per delivery, µs", "{:.2f}"
    for key, part in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")):
        yield "ack", f"ack_{key}_us", title, f"until acknowledged, {part}, ms", "ms"
    yield "ack", "unacked", title, "not acknowledged in time", "{:,.0f}"
    for what, title in (("login", "logins, SCRAM-SHA-1"),
                        ("login tls", "logins, SCRAM-SHA-1, TLS")):
        yield what, "per_s", title, "logins/s", "{:,.0f}"
        yield what, "server_cpu_us", title, "server CPU per login, µs", "{:,.0f}"
    many = f"{o.sessions:,} "
    for what, title in (("idle", "idle sessions"), ("idle tls", "idle sessions, TLS"),
                        ("idle sm", many + "idle sessions, stream management"),
                        ("idle sm tls", many + "idle sessions, stream management, TLS"),
                        ("hibernating", many + "hibernating sessions")):
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
    """(title, what, key, against whom or None, the most or, when negative, the least)."""
    full = f"chat {o.window}"
    cpu = "server CPU per delivery"
    yield f"{cpu}, of ejabberd's", full, "server_cpu_us", "ejabberd", 0.2
    yield f"{cpu}, of Prosody's", full, "server_cpu_us", "prosody", 0.1
    yield f"{cpu}, of the relay's", full, "server_cpu_us", "relay", 2.5
    yield "archived messages/s, of ejabberd's", "archive", "per_s", "ejabberd", -50
    yield "archived messages/s, of Prosody's", "archive", "per_s", "prosody", -50
    yield f"{cpu}, archived, of the relay's", "archive", "server_cpu_us", "relay", 6
    yield "ms until acknowledged, p50", "ack", "ack_p50_us", 1000, 2
    yield "ms until acknowledged, p99", "ack", "ack_p99_us", 1000, 10
    yield "KiB per idle session", "idle", "rss_per_session", 1024, 3
    yield "KiB per idle TLS session", "idle tls", "rss_per_session", 1024, 22
    yield "KiB per idle session, stream management", "idle sm", "rss_per_session", 1024, 2
    yield "KiB per idle TLS session, stream management", "idle sm tls", "rss_per_session", 1024, 18
    yield "KiB per hibernating session", "hibernating", "rss_per_session", 1024, 1
    yield "time to the first stream header, of Prosody's", "start", "ms", "prosody", 0.1


def goal_line(title, ratio, most):
    reached = ratio <= most if most >= 0 else ratio >= -most
    limit = f"≤ {most:g}" if most >= 0 else f"≥ {-most:g}"
    return f"| {title} | {ratio:.2f} | {limit} | {'reached' if reached else '**not reached**'} |"


def goal_lines(results, o):
    lines = []
    for title, what, key, other, most in goals(o):
        ours = median(results, OURS, what, key)
        base = median(results, other, what, key) if isinstance(other, str) else other
        if ours is None or not base:
            continue
        lines.append(goal_line(title, ours / base, most))
    for title, factor, key, power in (
            ("two shards on two cores, of one on one: by CPU per delivery", 2, "server_cpu_us", -1),
            ("the same by deliveries/s, the load on the same two cores", 1, "per_s", 1)):
        one, two = (median(results, OURS, w, key) for w in ("archive", "two shards"))
        if one and two:
            lines.append(goal_line(title, factor * (two / one) ** power, -1.7))
    return ["| goal | measured | wanted | |", "|---|---:|---:|---|", *lines] if lines else []


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
        floor = {"two shards": "archive"}.get(what, what)
        values = [(median(results, n, what, key), median(results, base, floor, key))
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
    wrong = sum(r.get("wrong_archives", 0) for r in results)
    found = sum(r.get("found", 0) for r in results)
    archives = f" {found:,} entries were read from archives, {wrong} of which were wrong." \
        if found or wrong else ""
    return (f"Of {delivered:,} deliveries measured, {counts['lost']} were lost, "
            f"{counts['duplicates']} came twice, {counts['errors'] + counts['failed']} failed."
            + archives)


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
         f"{'to be stored' if o.store else 'no-store where nothing else is said'}, to the "
         f"{'bare' if o.to_bare else 'full'} JID. {named}. {machine}."],
        table(results, o), goal_lines(results, o), ratio_lines(results, o),
        [trouble(results)], [spread(results, o)],
    ]
    return "\n\n".join("\n".join(b) for b in blocks if b and b[0]) + "\n"
