#!/usr/bin/env python3
"""Measures larder beside its peers: same machine, same core, same bytes, in turns.

    benches/compare/compare.py [--install] [--check] [--rounds N] [--seconds N] [--only TEXT ...]

`--install` gets the peers (apt: nginx, varnish, wrk, nghttp2-client, redis-server; pip, into a
directory of its own under target/: FastAPI and fastapi-cache2). Every server is pinned to one core,
the load generator to the other; Redis is on the latter, so that no server pays for it. Each round
measures each server once, one after the other; medians over the rounds are compared. All traffic
stays on loopback, every load ends by its own clock, and what was started here, and nothing else, is
ended at the end.

The result goes to the terminal and to benches/compare/results/DATE.md. With `--check` the exit code
is 1 where a promise is not kept."""

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

import bounds
import cases
import loads
import report
import servers

SERVER_CORE, LOAD_CORE = 0, 1
PACKAGES = ["nginx", "varnish", "wrk", "nghttp2-client", "curl", "redis-server", "openssl"]
# The application's versions as the recipe has them.
PINNED = ["fastapi==0.89.1", "fastapi-cache2==0.2.0", "redis==4.4.2", "uvicorn[standard]"]
VENV = servers.TOP / "target" / "compare-python"


def main():
    arguments = arguments_of(sys.argv[1:])
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the servers, one for the load")
    if arguments.install:
        install()
    need(["nginx", "varnishd", "wrk", "h2load", "curl", "redis-server", "taskset", "openssl"])
    if not arguments.as_built:
        build(arguments.draft)
    more_files()
    os.sched_setaffinity(0, {LOAD_CORE})
    # An interrupt ends by way of the stack below, which ends every server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    with ExitStack() as stack:
        # nginx' and varnish's workers are other users: they must get into it.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-")))
        directory.chmod(0o755)
        running = start(stack, directory)
        chosen = [
            case for case in cases.all_cases(running, directory)
            if not arguments.only or any(word in case.name for word in arguments.only)
        ]
        held = {}
        if not arguments.only or "bounds" in arguments.only:
            held = bounds.measure(directory / "bounds", SERVER_CORE, LOAD_CORE)
        for case in chosen:
            same_bytes(case, directory)
        results = measure(arguments, chosen, directory)
    lines, missed = report.write(arguments, results, held, versions())
    print(lines)
    if arguments.check and missed:
        sys.exit(f"{missed} promises are not kept")


def more_files():
    """Ten thousand connections need as many files, here and in every server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def arguments_of(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--install", action="store_true", help="get the peers first")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each; 5")
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement; 3")
    parser.add_argument("--draft", action="store_true", help="debug builds: only to try this out")
    parser.add_argument("--as-built", action="store_true", help="what was built before")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="cases with this in their name; `bounds`")
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


def start(stack, directory):
    """Starts all servers; they rest until it is their turn."""

    def keep(server):
        stack.callback(server.end)
        return server

    core, both = SERVER_CORE, f"{SERVER_CORE},{LOAD_CORE}"
    www = directory / "www"
    servers.write_files(www)
    pair = servers.certificate(directory)
    redis = keep(servers.redis(directory / "redis", LOAD_CORE)).ports["redis"]
    deaf = servers.redis(directory / "redis-without-tracking", LOAD_CORE, tracking=False)
    deaf = keep(deaf).ports["redis"]
    secure = f"workers: 1, tls: {{ cert: {pair[0]}, key: {pair[1]} }}"
    logging = "workers: 1, access_log: text"
    nginx = keep(servers.nginx(directory / "nginx", core, www, pair))

    def larder(name, server, redis=redis, core=core):
        return keep(servers.larder(directory / name, core, redis, www, server))

    return {
        "nginx": nginx,
        "varnish": keep(servers.varnish(directory / "varnish", core, nginx.ports["origin"])),
        "larder": larder("larder", "workers: 1"),
        "far": larder("far", "workers: 1", deaf),
        "logging": larder("logging", logging),
        "secure": larder("secure", secure),
        "bare": keep(servers.bare(directory / "bare", core)),
        "fastapi": keep(
            servers.fastapi(directory / "fastapi", core, redis, VENV / "bin" / "python")
        ),
        "larder, two": larder("larder-two", "workers: 2", core=both),
        "nginx, two": keep(servers.nginx(directory / "nginx-two", both, www, pair, workers=2)),
    }


def same_bytes(case, directory):
    """What is compared must be the same answer, and a hit where it is called one.

    Asking also warms every cache."""
    headers = [line for line in case.headers if line not in loads.CLOSE]
    is_coded = any("Accept-Encoding" in line for line in headers)
    bodies = set()
    for one in case.contestants:
        for _ in range(5):
            content, answered = case.ask(one, headers)
        name, pattern = one.proof
        if not re.search(pattern, answered.get(name, "")):
            sys.exit(f"{case.name}: {one.name} does not answer from its cache: {answered}")
        if is_coded and "content-encoding" not in answered:
            sys.exit(f"{case.name}: {one.name} sends no coding: {answered}")
        if not is_coded and not case.script:
            bodies.add(content)
    if len(bodies) > 1:
        sys.exit(f"{case.name}: not the same bytes: {[body[:60] for body in bodies]}")
    if case.script and case.script.name == "zipf.lua":
        for one in case.contestants:
            case.load(one, 8, LOAD_CORE)


def measure(arguments, chosen, directory):
    """One list of measurements for each (case, contestant)."""
    results = {}
    for number in range(arguments.rounds):
        (directory / "misses.lua").write_text(loads.MISSES % number)
        for case in chosen:
            for one in case.contestants:
                before = one.server.cpu_seconds()
                seen = case.load(one, arguments.seconds, case.cores or LOAD_CORE)
                spent = one.server.cpu_seconds() - before
                seen["cpu_us"] = spent / max(seen["requests"], 1) * 1e6
                results.setdefault((case.name, one.name), []).append(seen)
                said = f"{seen['rps']:10,.0f}/s {seen['cpu_us']:8.2f} µs of CPU"
                print(f"{number + 1} {case.name:<38} {one.name:<28} {said}", flush=True)
    return results


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
