#!/usr/bin/env python3
"""Times a site of 10,000 routes: pages of text, templates with parameters, templates written in place
that read the query, routes with data of their own.

    cargo build --release && python3 benches/load.py

First `larder check`, each run in seconds, with the program's largest resident memory. Then
`larder serve` with one client that asks for warm pages without pause on one connection, while one
route is edited: how long from the save until the edit is served, the reload as the log has it, and
the slowest request meanwhile, beside the slowest of as long a time without an edit. The promises:
under 1 s, and no request slower than 20 ms."""

import http.client
import os
import pathlib
import re
import resource
import socket
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


def write(site: pathlib.Path, port: int, word: str) -> None:
    head = f"server: {{ listen: '127.0.0.1:{port}', admin: off }}\n"
    head += "data:\n  site: { title: T, items: [1, 2, 3] }\nroutes:\n"
    last = f"  /word: {{ body: {word} }}\n"
    new = site / "routes.yaml.new"
    new.write_text(head + "".join(map(route, range(ROUTES))) + last)
    new.rename(site / "routes.yaml")


def main() -> None:
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: cargo build --release")
    with tempfile.TemporaryDirectory() as scrap:
        site = pathlib.Path(scrap)
        (site / "templates").mkdir()
        named = "<p>{{site.title}} {{params.name}} {{query.lang}}</p>"
        listed = "<p>{{site.title}} {{n}}{{#each site.items}}{{this}}{{/each}}</p>"
        (site / "templates/named.html.hbs").write_text(named)
        (site / "templates/listed.html.hbs").write_text(listed)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        write(site, port, "word0")
        for _ in range(RUNS):
            began = time.monotonic()
            subprocess.run([PROGRAM, "check"], cwd=site, check=True, stdout=subprocess.DEVNULL)
            print(f"{time.monotonic() - began:.2f} s")
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"{ROUTES} routes, {os.cpu_count()} cores, at most {largest // 1024} MiB")
        reloads(site, port)


def reloads(site: pathlib.Path, port: int) -> None:
    log = site / "log"
    with log.open("wb") as said:
        command = [PROGRAM, "serve"]
        server = subprocess.Popen(command, cwd=site, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 30
        while "listening" not in log.read_text():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"larder did not start:\n{log.read_text()}")
            time.sleep(0.05)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        slowest_until(connection, time.monotonic() + 1)
        for number in range(1, RUNS + 1):
            began = time.monotonic()
            write(site, port, f"word{number}")
            saved = time.monotonic()
            slowest, asked = slowest_until(connection, saved + 30, f"word{number}".encode())
            took = time.monotonic() - saved
            calm, _ = slowest_until(connection, time.monotonic() + took)
            said = re.findall(r"reloaded in ([\d.]+ \w+)", log.read_text())
            print(
                f"live {took:.2f} s after the save (written in {saved - began:.2f} s), reloaded in "
                f"{said[-1] if said else '?'}; slowest of {asked} requests {slowest * 1000:.1f} ms, "
                f"without an edit {calm * 1000:.1f} ms"
            )
    finally:
        server.terminate()
        server.wait(20)


def slowest_until(
    connection: http.client.HTTPConnection, deadline: float, word: bytes = b""
) -> tuple[float, int]:
    """The slowest request, in seconds, and how many there were, until the word is served."""
    slowest, asked = 0.0, 0
    while time.monotonic() < deadline:
        began = time.monotonic()
        connection.request("GET", "/word")
        body = connection.getresponse().read()
        slowest = max(slowest, time.monotonic() - began)
        asked += 1
        if body == word:
            break
    return slowest, asked


if __name__ == "__main__":
    main()
