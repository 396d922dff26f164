"""What was measured, as tables, with the promises first."""

import datetime
import os
import platform
import statistics
from pathlib import Path

import cases

RESULTS = Path(__file__).resolve().parent / "results"


def write(arguments, results, held, versions):
    """Writes the dated file; returns its text and how many promises are not kept."""
    today = datetime.date.today().isoformat()
    promised = promises(results, held)
    lines = [
        f"# larder beside its peers, {today}",
        "",
        machine(),
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        f"Medians of {arguments.rounds} rounds of {arguments.seconds} s, in turns; 64 connections "
        "(HTTP/2: 8 of 8 streams); servers on one core, load and Redis on another. “Per core” is "
        "requests by CPU second of the server and its children; the kernel's work for them is in "
        "it. What each server is told stands in benches/compare/servers.py.",
        "",
        *promised,
        "",
    ]
    for case in dict.fromkeys(key[0] for key in results):
        lines += table(case, {key[1]: seen for key, seen in results.items() if key[0] == case})
    text = "\n".join(lines) + "\n"
    if not arguments.draft and not arguments.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{today}.md").write_text(text)
    return text, sum("**no**" in line for line in promised)


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
    lines = ["| what | against | promised | measured | by wall time | kept |", "|---|---|--:|--:|--:|---|"]
    for case, name, other, peers, promised in cases.PROMISES:
        ours = results.get((case, name))
        theirs = [results[other, peer] for peer in peers if (other, peer) in results]
        if not ours or not theirs:
            continue
        best = max(theirs, key=per_core)
        ratio = per_core(ours) / per_core(best)
        wall = middle(ours, "rps") / max(middle(one, "rps") for one in theirs)
        against = peers[0] if case == other else other
        lines.append(
            f"| {case} | {against} | {promised} × | {ratio:.2f} × | {wall:.2f} × "
            f"| {yes(ratio >= promised)} |"
        )
    for case in ("hit, 28 B", "hit, 1 KiB"):
        theirs = [results[case, peer] for peer in cases.CACHE if (case, peer) in results]
        if theirs and (case, cases.HIT) in results:
            ours = middle(results[case, cases.HIT], "p99_us")
            best = min(middle(one, "p99_us") for one in theirs)
            lines.append(
                f"| p99 of a {case} | nginx proxy_cache | {best:.0f} µs | {ours:.0f} µs | "
                f"| {yes(ours <= best)} |"
            )
    for name, what, unit, bound in cases.BOUNDS:
        if name in held:
            kept = yes(held[name] <= bound)
            lines.append(f"| {what} | | {bound} {unit} | {held[name]:.1f} {unit} | | {kept} |")
    return lines


def yes(kept):
    return "yes" if kept else "**no**"


def table(case, servers):
    lines = [
        f"## {case}",
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
