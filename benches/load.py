#!/usr/bin/env python3
"""Times `larder check` on a site of 10,000 routes: pages of text, templates with parameters, templates
written in place that read the query, routes with data of their own.

    cargo build --release && python3 benches/load.py

Prints each run in seconds, with the program's largest resident memory. The promise is 1 s."""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROUTES = 10_000
RUNS = 5
PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "target/release/larder"


def route(number: int) -> str:
    kinds = [
        f"  /page/{number}: {{ body: 'page {number}' }}\n",
        f"  /t{number}/{{name}}: {{ template: named.html.hbs, ttl: 1h }}\n",
        f"  /i{number}: {{ inline: '{{{{site.title}}}} {{{{query.q}}}} {number}' }}\n",
        f"  /d{number}: {{ template: listed.html.hbs, data: {{ n: {number} }} }}\n",
    ]
    return kinds[number % len(kinds)]


def main() -> None:
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: cargo build --release")
    with tempfile.TemporaryDirectory() as scrap:
        site = pathlib.Path(scrap)
        head = "data:\n  site: { title: T, items: [1, 2, 3] }\nroutes:\n"
        (site / "routes.yaml").write_text(head + "".join(map(route, range(ROUTES))))
        (site / "templates").mkdir()
        named = "<p>{{site.title}} {{params.name}} {{query.lang}}</p>"
        listed = "<p>{{site.title}} {{n}}{{#each site.items}}{{this}}{{/each}}</p>"
        (site / "templates/named.html.hbs").write_text(named)
        (site / "templates/listed.html.hbs").write_text(listed)
        for _ in range(RUNS):
            began = time.monotonic()
            subprocess.run([PROGRAM, "check"], cwd=site, check=True, stdout=subprocess.DEVNULL)
            print(f"{time.monotonic() - began:.2f} s")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{ROUTES} routes, {os.cpu_count()} cores, at most {largest // 1024} MiB")


if __name__ == "__main__":
    main()
