#!/usr/bin/env python3
"""Measures larder beside its peers: same machine, same core, same bytes, in turns.

    benches/compare/compare.py [--install] [--full] [--rounds N] [--seconds N] [--only NAME ...]

`--install` gets the peers (apt: nginx, varnish, wrk, nghttp2-client, redis-server; pip, into a
directory of its own under target/: FastAPI and fastapi-cache2). Every server is pinned to one core,
the load generator to the other; Redis is on the latter, so that no server pays for it. Each round
measures each server once, one after the other; medians over the rounds are compared. All traffic
stays on loopback, every load ends by its own clock, and what was started here, and nothing else, is
ended at the end.

The result goes to the terminal and to benches/compare/results/DATE.md.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import memory
import report
import servers

SERVER_CORE, LOAD_CORE = 0, 1
PACKAGES = ["nginx", "varnish", "wrk", "nghttp2-client", "redis-server"]
PINNED = ["fastapi==0.89.1", "fastapi-cache2==0.2.0", "redis", "uvicorn[standard]"]
VENV = servers.TOP / "target" / "compare-python"

MISSES = """local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/miss/%s-" .. n)
end
"""


class Contestant:
    """A server in one role: the port and path that are asked."""

    def __init__(self, name, server, port=None, h2_port=None, sizes=None, script=None, proof=None):
        self.name, self.server = name, server
        self.port = port or server.port
        self.h2_port, self.sizes, self.script, self.proof = h2_port, sizes, script, proof

    def takes(self, size):
        return self.sizes is None or size in self.sizes


def main():
    arguments = arguments_of(sys.argv[1:])
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the servers, one for the load")
    if arguments.install:
        install()
    need(["nginx", "varnishd", "wrk", "h2load", "redis-server", "taskset"])
    if not arguments.as_built:
        build(arguments.draft)
    sizes = [28, 1024, 65536]
    more_files()
    # An interrupt ends by way of the stack below, which ends every server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    with ExitStack() as stack:
        # nginx' and varnish's workers are other users: they must get into it.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        directory.chmod(0o755)
        contestants = start(stack, directory, sizes)
        if arguments.only:
            contestants = [one for one in contestants if one.name in arguments.only]
        held = memory.measure(contestants[0].server) if not arguments.only else {}
        same_bytes(contestants, sizes)
        results = measure(arguments, contestants, directory)
        text = report.write(arguments, results, held, versions())
    print(text)


def more_files():
    """A thousand connections need as many files, here and in every server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def arguments_of(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--install", action="store_true", help="get the peers first")
    parser.add_argument("--full", action="store_true", help="all sizes and connections, HTTP/2 too")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each; 5")
    parser.add_argument("--seconds", type=int, default=4, help="length of one measurement; 4")
    parser.add_argument("--draft", action="store_true", help="debug builds: only to try this out")
    parser.add_argument("--as-built", action="store_true", help="what was built before")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these servers only")
    return parser.parse_args(words)


def install():
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    # Debian starts what it installs, on ports of its own, unless this file says no.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, check=True, env=environment)
    finally:
        if ours:
            policy.unlink()
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin" / "pip", "install", "-q", *PINNED], check=True)


def need(programs):
    os.environ["PATH"] += ":/usr/sbin"
    missing = [program for program in programs if not shutil.which(program)]
    if missing or not (VENV / "bin" / "python").exists():
        missing = " ".join(missing) or "FastAPI"
        sys.exit(f"not there: {missing}; run with --install once")


def build(draft):
    command = ["cargo", "build", "--quiet", "--bin", "larder", "--example", "bare"]
    if draft:
        servers.BUILT = servers.TOP / "target" / "debug"
    else:
        command.append("--release")
    subprocess.run(command, check=True, cwd=servers.TOP)


def start(stack, directory, sizes):
    """Starts all servers; they rest until it is their turn."""

    def keep(server):
        stack.callback(server.end)
        return server

    core = SERVER_CORE
    redis = keep(servers.redis(directory / "redis", LOAD_CORE))
    deaf = keep(servers.redis(directory / "redis-without-tracking", LOAD_CORE, tracking=False))
    nginx, ports = servers.nginx(directory / "nginx", core, sizes)
    keep(nginx)
    varnish = keep(servers.varnish(directory / "varnish", core, ports["origin"]))
    larder = keep(servers.larder("larder", directory / "larder", core, redis.port, sizes))
    far = keep(servers.larder("larder-redis", directory / "larder-far", core, deaf.port, sizes))
    bare = keep(servers.bare(directory / "bare", core))
    python = VENV / "bin" / "python"
    fastapi = keep(servers.fastapi(directory / "fastapi", core, redis.port, python))
    small = [size for size in sizes if size < 4000]
    return [
        Contestant(
            "larder hit", larder, h2_port=larder.port, proof=("cache-status", "hit.*detail=near")
        ),
        Contestant("bare hyper", bare, h2_port=bare.port),
        Contestant("nginx return", nginx, ports["ready"], ports["ready2"], small),
        Contestant(
            "nginx proxy_cache", nginx, ports["cached"], ports["cached2"], proof=("x-cache", "HIT")
        ),
        Contestant("varnish", varnish, proof=("x-varnish", r"\d+ \d+")),
        Contestant("fastapi-cache2", fastapi, proof=("cache-control", "max-age")),
        Contestant(
            "larder redis hit", far, h2_port=far.port, proof=("cache-status", "hit.*detail=redis")
        ),
        Contestant("larder miss", larder, sizes=[1024], script=MISSES),
    ]


def same_bytes(contestants, sizes):
    """What is compared must be the same answer, and a hit where it is called one.

    Asking also warms every cache."""
    for one in contestants:
        for size in filter(one.takes, sizes):
            for _ in range(5):
                content, headers = one.server.get(f"/b{size}", one.port)
            if content.decode() != servers.body(size):
                sys.exit(f"{one.name} sends other bytes for {size}: {content[:60]!r}")
            name, pattern = one.proof or ("content-length", ".")
            if not re.search(pattern, headers.get(name, "")):
                sys.exit(f"{one.name} does not answer {size} from its cache: {headers}")


def measure(arguments, contestants, directory):
    """One list of measurements for each (protocol, size, connections, contestant)."""
    if arguments.full:
        cases = [("h1", size, n) for size in (28, 1024, 65536) for n in (1, 64, 1000)]
        cases += [("h2", size, 64) for size in (28, 1024)]
    else:
        cases = [("h1", 28, 64), ("h1", 1024, 64)]
    results = {}
    for number in range(arguments.rounds):
        for protocol, size, connections in cases:
            for one in contestants:
                if not one.takes(size) or (protocol == "h2" and not one.h2_port):
                    continue
                before = one.server.cpu_seconds()
                if protocol == "h1":
                    seen = wrk(one, size, connections, arguments.seconds, directory, number)
                else:
                    seen = h2load(one, size, connections, arguments.seconds)
                spent = one.server.cpu_seconds() - before
                seen["cpu_us"] = spent / max(seen["requests"], 1) * 1e6
                key = (protocol, size, connections, one.name)
                results.setdefault(key, []).append(seen)
                print(f"{number + 1} {protocol} {size:>6} {connections:>5} {one.name:<18}", seen)
    return results


def load(command):
    pinned = ["taskset", "-c", str(LOAD_CORE), *map(str, command)]
    return subprocess.run(pinned, check=True, capture_output=True, text=True).stdout


def wrk(one, size, connections, seconds, directory, number):
    command = ["wrk", "-t", 1, "-c", connections, "-d", seconds, "--latency", "--timeout", 5]
    if one.script:
        script = directory / "misses.lua"
        script.write_text(one.script % f"{number}-{connections}")
        command += ["-s", script]
    text = load([*command, f"http://127.0.0.1:{one.port}/b{size}"])
    return {
        "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "requests": int(re.search(r"(\d+) requests in", text)[1]),
        "p50_us": micros(re.search(r"50%\s+([\d.]+)(us|ms|s)\b", text)),
        "p99_us": micros(re.search(r"99%\s+([\d.]+)(us|ms|s)\b", text)),
        "errors": errors(text),
    }


def micros(found):
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[found[2]]


def errors(text):
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return int(wrong[1] if wrong else 0) + sum(map(int, broken.groups() if broken else ()))


def h2load(one, size, streams, seconds):
    """As many requests at once as with HTTP/1, on eight connections."""
    command = ["h2load", "-t", 1, "-c", 8, "-m", streams // 8, "-D", seconds]
    text = load([*command, f"http://127.0.0.1:{one.h2_port}/b{size}"])
    done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    request = re.search(r"time for request:\s+([\d.]+)(us|ms|s)\s+([\d.]+)(us|ms|s)\s+"
                        r"([\d.]+)(us|ms|s)", text)
    return {
        "rps": float(re.search(r"([\d.]+) req/s", text)[1]),
        "requests": int(done[1]),
        # h2load has no percentiles: the mean stands for the middle.
        "p50_us": float(request[5]) * {"us": 1, "ms": 1e3, "s": 1e6}[request[6]],
        "p99_us": None,
        "errors": sum(map(int, done.groups()[1:])),
    }


def versions():
    def first(command, pattern):
        done = subprocess.run(command, capture_output=True, text=True)
        found = re.search(pattern, done.stdout + done.stderr)
        return found[1] if found else "?"

    pip = [VENV / "bin" / "pip", "list"]
    return {
        "larder": first(["git", "-C", servers.TOP, "rev-parse", "--short", "HEAD"], r"(\w+)"),
        "rustc": first(["rustc", "--version"], r"rustc ([\d.]+)"),
        "nginx": first(["nginx", "-v"], r"nginx/([\d.]+)"),
        "varnish": first(["varnishd", "-V"], r"varnish-([\d.]+)"),
        "redis": first(["redis-server", "--version"], r"v=([\d.]+)"),
        "fastapi": first(pip, r"fastapi +([\d.]+)"),
        "fastapi-cache2": first(pip, r"fastapi-cache2 +([\d.]+)"),
        "uvicorn": first(pip, r"uvicorn +([\d.]+)"),
        "wrk": first(["wrk", "-v"], r"wrk \S*?([\d.]+)"),
    }


if __name__ == "__main__":
    main()
