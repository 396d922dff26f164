#!/usr/bin/env python3
"""Measures one larder against another, an older one for instance, side by side in turns.

    benches/compare/before.py BEFORE [AFTER] [--rounds N] [--seconds N]

Both are programs that were built before; AFTER is target/release/larder unless said. Each is pinned
to one core, the load to the other (wrk, 64 connections, HTTP/1.1). What is compared are requests by
CPU second of the server, medians over the rounds. All traffic stays on loopback, every load ends by
its own clock.
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BROWSER = [
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,no;q=0.8",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
]
# Some fifty milliseconds of work for a template.
HEAVY = "{{#each many}}{{#each @root.many}}{{#each @root.few}}{{/each}}{{/each}}{{/each}}"
ROWS = "\n".join(f"    - {{ name: person{n}, age: {20 + n}, city: Oslo }}" for n in range(20))
SITE = f"""
data:
  rows:
{ROWS}
  many: [{", ".join("a" for _ in range(330))}]
  few: [a, b]
errors: {{ 404: missing.html.hbs }}
server: {{ access_log: LOG, workers: 1 }}
routes:
  /hit: {{ body: "{"x" * 28}" }}
  /page: {{ body: "{"x" * 1024}" }}
  /rows:
    inline: "<table>{{{{#each rows}}}}<tr><td>{{{{name}}}}</td><td>{{{{age}}}}</td><td>{{{{city}}}}</td></tr>{{{{/each}}}}</table>"
    content_type: text/html
    ttl: off
"""


class Larder:
    """A server on the first core."""

    def __init__(self, program, directory, log="off"):
        path = Path(directory) / f"site-{log}"
        (path / "templates").mkdir(parents=True, exist_ok=True)
        (path / "routes.yaml").write_text(SITE.replace("LOG", log))
        (path / "templates" / "missing.html.hbs").write_text(HEAVY + "<p>{{path}}</p>")
        command = ["taskset", "-c", "0", program, "--config", path / "routes.yaml"]
        command += ["--listen", "127.0.0.1:0", "--admin", "off"]
        self.log = (path / "log").open("w+b")
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=null, stderr=self.log)
        self.port = self.wait_for_port(path / "log")

    def wait_for_port(self, log):
        for _ in range(200):
            found = re.search(r"listening on http://127.0.0.1:(\d+)", log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise SystemExit("larder does not start:\n" + log.read_text())

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, path, seconds, headers=(), connections=64):
        """Requests by CPU second, and the slowest of a hundred in milliseconds."""
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        for header in headers:
            command += ["-H", header]
        before = self.cpu()
        done = subprocess.run([*command, f"http://127.0.0.1:{self.port}{path}"], capture_output=True, text=True, check=True)
        spent = self.cpu() - before
        count = int(re.search(r"(\d+) requests in", done.stdout)[1])
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
        return count / spent, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]

    def load_beside_missing(self, seconds):
        """The slowest of a hundred hits, in milliseconds, while eight ask for what is not there."""
        address = f"http://127.0.0.1:{self.port}/nothing"
        slow = ["taskset", "-c", "1", "wrk", "-t1", "-c8", f"-d{seconds + 2}s", "-H", "Accept: text/html", address]
        beside = subprocess.Popen(slow, stdout=subprocess.DEVNULL)
        time.sleep(1)
        slowest = self.load("/hit", seconds, connections=8)[1]
        beside.wait()
        return slowest

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default=TOP / "target" / "release" / "larder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    cases = {
        "hit, 28 B": ("off", "/hit", ()),
        "hit, 1 KiB": ("off", "/page", ()),
        "hit, a browser's headers": ("off", "/page", BROWSER),
        "hit, access log on": ("text", "/hit", ()),
        "render, 20 rows": ("off", "/rows", ()),
        "render, a browser's codings": ("off", "/rows", BROWSER),
    }
    programs = {"before": arguments.before, "after": arguments.after}
    rates = {(case, which): [] for case in cases for which in programs}
    slowest = {which: [] for which in programs}
    with tempfile.TemporaryDirectory(prefix="larder-before-") as directory:
        for _ in range(arguments.rounds):
            for case, (log, path, headers) in cases.items():
                for which, program in programs.items():
                    larder = Larder(program, directory, log)
                    with urllib.request.urlopen(f"http://127.0.0.1:{larder.port}{path}") as answer:
                        assert answer.status == 200
                    rates[case, which].append(larder.load(path, arguments.seconds, headers)[0])
                    larder.stop()
            for which, program in programs.items():
                larder = Larder(program, directory)
                slowest[which].append(larder.load_beside_missing(arguments.seconds))
                larder.stop()
    middle = {key: statistics.median(values) for key, values in rates.items()}
    print(f"{'requests by CPU second':32}{'before':>10}{'after':>10}{'ratio':>8}")
    for case in cases:
        before, after = middle[case, "before"], middle[case, "after"]
        print(f"{case:32}{before:10.0f}{after:10.0f}{after / before:8.2f}")
    for which in programs:
        ratio = middle["hit, access log on", which] / middle["hit, 28 B", which]
        print(f"with the access log, {which}: {ratio:.2f} of without")
    for which, values in slowest.items():
        values = ", ".join(f"{value:.1f}" for value in values)
        print(f"p99 of hits beside eight clients of a slow 404, {which}: {values} ms")


if __name__ == "__main__":
    main()
