"""What was measured, as a table, with the promised ratios."""

import datetime
import os
import platform
import statistics
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"

# Requests a second and core, larder's warm hit against each: at least this.
TARGETS = {
    "nginx proxy_cache": 1.2,
    "nginx return": 0.9,
    "varnish": 1.8,
    "fastapi-cache2": 20,
    "bare hyper": 0.85,
}

# Resident KiB: at most this.
HELD = {"connection": 24, "entry": 2.5}


def write(arguments, results, held, versions):
    """Writes the dated file and returns its text."""
    today = datetime.date.today().isoformat()
    lines = [
        f"# larder beside its peers, {today}",
        "",
        machine(),
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        f"Medians of {arguments.rounds} rounds of {arguments.seconds} s, in turns; servers on one "
        "core, load and Redis on another. “Per core” is requests by CPU second of the server and "
        "its children; the kernel's work for them is in it.",
        "",
    ]
    lines += promises(results, held)
    for case in sorted({key[:3] for key in results}):
        lines += table(case, {key[3]: seen for key, seen in results.items() if key[:3] == case})
    text = "\n".join(lines) + "\n"
    if not arguments.draft:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{today}.md").write_text(text)
    return text


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = os.cpu_count()
    return f"{model}, {cores} cores, {memory:.0f} GiB, Linux {platform.release()}."


def middle(seen, name):
    values = [one[name] for one in seen if one[name] is not None]
    return statistics.median(values) if values else None


def per_core(seen):
    return 1e6 / max(middle(seen, "cpu_us"), 1e-9)


def promises(results, held):
    lines = ["## Promises", "", "| body | against | promised | measured | |", "|--:|---|--:|--:|---|"]
    for size in (28, 1024):
        hit = results.get(("h1", size, 64, "larder hit"))
        if not hit:
            continue
        for name, promised in TARGETS.items():
            peer = results.get(("h1", size, 64, name))
            if not peer:
                continue
            ratio = per_core(hit) / per_core(peer)
            kept = "kept" if ratio >= promised else "**not kept**"
            lines.append(f"| {size} B | {name} | {promised} × | {ratio:.2f} × | {kept} |")
        peer = results.get(("h1", size, 64, "nginx proxy_cache"))
        if peer:
            ours, theirs = middle(hit, "p99_us"), middle(peer, "p99_us")
            kept = "kept" if ours <= theirs else "**not kept**"
            name = "p99 of nginx proxy_cache"
            lines.append(f"| {size} B | {name} | {theirs:.0f} µs | {ours:.0f} µs | {kept} |")
    for name, what in (("connection", "an idle connection"), ("entry", "a kept response of 1 KiB")):
        if name in held:
            kept = "kept" if held[name] <= HELD[name] * 1024 else "**not kept**"
            measured = f"{held[name] / 1024:.1f} KiB"
            lines.append(f"| | memory of {what} | {HELD[name]} KiB | {measured} | {kept} |")
    return [*lines, ""]


def table(case, servers):
    protocol, size, connections = case
    name = "HTTP/1.1" if protocol == "h1" else "HTTP/2"
    lines = [
        f"## {name}, {size} B, {connections} at once",
        "",
        "| server | req/s | per core | CPU µs | p50 µs | p99 µs | spread | errors |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for server, seen in servers.items():
        rates = [one["rps"] for one in seen]
        spread = (max(rates) - min(rates)) / max(statistics.median(rates), 1e-9)
        lines.append(
            f"| {server} | {middle(seen, 'rps'):,.0f} | {per_core(seen):,.0f} "
            f"| {middle(seen, 'cpu_us'):.2f} | {cell(seen, 'p50_us')} | {cell(seen, 'p99_us')} "
            f"| {spread:.0%} | {sum(one['errors'] for one in seen)} |"
        )
    return [*lines, ""]


def cell(seen, name):
    value = middle(seen, name)
    return "–" if value is None else f"{value:,.0f}"
