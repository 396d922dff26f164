"""The loads: wrk for HTTP/1.1, h2load for HTTP/2, both on a core of their own."""

import random
import re
import subprocess

import servers

BROWSER = [
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,no;q=0.8",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
]
CLOSE = ["Connection: close"]

# Each asks for pages that nobody asked for before.
MISSES = """local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/miss/%s-" .. n)
end
"""

# The same walk through the addresses for every server: what is popular is asked for more often.
ZIPF = """local paths = { %s }
local n = 0
request = function()
  n = n %% #paths + 1
  return wrk.format("GET", "/z/" .. paths[n])
end
"""


def zipf_script():
    weights = [1 / rank for rank in range(1, servers.MANY + 1)]
    drawn = random.Random(1).choices(range(servers.MANY), weights, k=200_000)
    return ZIPF % ",".join(map(str, drawn))


def run(command, core):
    pinned = ["taskset", "-c", str(core), *map(str, command)]
    return subprocess.run(pinned, check=True, capture_output=True, text=True).stdout


def wrk(address, seconds, core, connections=64, headers=(), script=None):
    command = ["wrk", "-t", 1, "-c", connections, "-d", seconds, "--latency", "--timeout", 5]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    text = run([*command, address], core)
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


def h2load(address, seconds, core):
    """As many requests at once as with HTTP/1.1, on eight connections."""
    text = run(["h2load", "-t", 1, "-c", 8, "-m", 8, "-D", seconds, address], core)
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
