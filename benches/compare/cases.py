"""What is measured, of whom, and what is promised of it."""

from dataclasses import dataclass, field
from pathlib import Path

import loads
import servers


@dataclass
class Contestant:
    """A server in one role: where it is asked, and what shows that it is in that role."""

    name: str
    server: object
    address: str
    proof: tuple = ("content-type", ".")


@dataclass
class Case:
    """One load, and who is under it in turns."""

    name: str
    contestants: list
    path: str = "/b28"
    headers: list = field(default_factory=list)
    script: Path | None = None
    tool: str = "wrk"
    cores: str | None = None

    def ask(self, one, headers):
        address = one.address + self.path
        return servers.get_http2(address) if self.tool == "h2load" else servers.get(address, headers)

    def load(self, one, seconds, core):
        address = one.address + self.path
        if self.tool == "h2load":
            return loads.h2load(address, seconds, core)
        return loads.wrk(address, seconds, core, headers=self.headers, script=self.script)


# The case and server of ours; the case and servers of the others, of which the fastest counts; at
# least so many times its requests by CPU second.
HIT, CACHE = "larder", ["nginx proxy_cache", "nginx proxy_cache, sendfile"]
PROMISES = [
    *(
        promise
        for case in ("hit, 28 B", "hit, 1 KiB")
        for promise in [
            (case, HIT, case, ["nginx return"], 0.97),
            (case, HIT, case, CACHE, 1.3),
            (case, HIT, case, ["varnish"], 2.2),
            (case, HIT, case, ["fastapi-cache2"], 25),
        ]
    ),
    ("access log on", HIT, "hit, 28 B", [HIT], 0.9),
    ("20,000 addresses, Zipf", HIT, "20,000 addresses, Zipf", CACHE, 1.5),
    ("a browser's headers, coded", HIT, "a browser's headers, coded", CACHE, 1.5),
    ("TLS kept", HIT, "TLS kept", CACHE, 1.4),
    ("HTTP/2 over TLS", HIT, "HTTP/2 over TLS", CACHE, 1.1),
    ("new connections", HIT, "new connections", CACHE, 1.0),
    ("new TLS connections", HIT, "new TLS connections", CACHE, 1.3),
    ("HTTP/2", HIT, "HTTP/2", ["nginx return"], 1.2),
    ("HTTP/2", HIT, "HTTP/2", ["bare hyper"], 0.9),
    ("file, 10 KiB", HIT, "file, 10 KiB", ["nginx sendfile"], 1.0),
    ("file, 1 MiB", HIT, "file, 1 MiB", ["nginx sendfile"], 1.2),
    ("20 rows rendered each time", HIT, "hit, 28 B", [HIT], 0.17),
    ("20 rows rendered, a browser's codings", HIT, "hit, 28 B", [HIT], 0.10),
]

# Single numbers: what, its unit, at most.
BOUNDS = [
    ("connection", "memory of an idle connection", "KiB", 16),
    ("entry", "memory of a kept entry beside its body", "KiB", 1),
    ("check", "check of 10,000 routes", "ms", 300),
    ("start", "start with 10,000 routes", "ms", 300),
    ("edit", "one edit among 10,000 routes, after the quiet time", "ms", 150),
    ("edits", "one edit among 100,000 routes in ten files", "ms", 300),
    ("slowest", "slowest request meanwhile", "ms", 20),
    ("grown", "memory after five edits, times that before", "×", 1.6),
    ("keys", "first page of the key list, 1,000,000 keys", "ms", 200),
    ("command", "slowest command of Redis meanwhile", "ms", 10),
    ("scrape", "/metrics with 10,000 connections and 5,000 routes", "ms", 20),
    ("scraped", "its size", "kB", 200),
]


def all_cases(running, directory):
    """The cases, over servers that run: `running` has each by its name."""
    here = "http://127.0.0.1:"
    larder, nginx = running["larder"], running["nginx"]
    far, logging, secure = running["far"], running["logging"], running["secure"]

    def ours(server=larder, scheme="http", detail="near"):
        proof = ("cache-status", f"hit.*detail={detail}") if detail else ("cache-status", ".")
        return Contestant("larder", server, f"{scheme}://127.0.0.1:{server.ports['h1']}", proof)

    def caches(kind="", scheme="http", server=nginx):
        return [
            Contestant(
                name, server, f"{scheme}://127.0.0.1:{server.ports[way + kind]}", ("x-cache", "HIT")
            )
            for way, name in zip(("off", "on"), CACHE)
        ]

    def ready(kind=""):
        return Contestant("nginx return", nginx, f"{here}{nginx.ports['ready' + kind]}")

    varnish = Contestant(
        "varnish", running["varnish"], f"{here}{running['varnish'].ports['h1']}",
        ("x-varnish", r"\d+ \d+"),
    )
    fastapi = Contestant(
        "fastapi-cache2", running["fastapi"], f"{here}{running['fastapi'].ports['h1']}",
        ("cache-control", "max-age"),
    )
    bare = Contestant("bare hyper", running["bare"], f"{here}{running['bare'].ports['h1']}")
    sendfile = Contestant("nginx sendfile", nginx, f"{here}{nginx.ports['files']}")
    from_redis = ours(far, detail="redis")
    from_redis.name = "larder, from Redis"
    zipf = directory / "zipf.lua"
    zipf.write_text(loads.zipf_script())
    misses = directory / "misses.lua"
    kept = [ours(), ready(), *caches(), varnish, fastapi, bare]
    both = running.get("larder, two"), running.get("nginx, two")
    return [
        Case("hit, 28 B", [*kept, from_redis]),
        Case("hit, 1 KiB", kept, "/b1024"),
        Case("access log on", [ours(logging)]),
        Case("20,000 addresses, Zipf", [ours(), *caches(), varnish], "/z/1", script=zipf),
        Case(
            "a browser's headers, coded", [ours(), *caches(), varnish], "/page.html", loads.BROWSER
        ),
        Case("TLS kept", [ours(secure, "https"), *caches("_tls", "https")]),
        Case("new connections", [ours(), *caches(), varnish], headers=loads.CLOSE),
        Case(
            "new TLS connections", [ours(secure, "https"), *caches("_tls", "https")],
            headers=loads.CLOSE,
        ),
        Case("HTTP/2", [ours(), ready("_h2c"), *caches("_h2c"), bare], tool="h2load"),
        Case(
            "HTTP/2 over TLS", [ours(secure, "https"), *caches("_tls", "https")], tool="h2load"
        ),
        Case("file, 10 KiB", [ours(detail=None), sendfile], "/f10k.bin"),
        Case("file, 1 MiB", [ours(detail=None), sendfile], "/f1m.bin"),
        Case("20 rows rendered each time", [ours(detail=None)], "/rows"),
        Case(
            "20 rows rendered, a browser's codings", [ours(detail=None)], "/rows", loads.BROWSER
        ),
        Case("misses", [ours(detail=None)], "/miss/1", script=misses),
        Case("two workers on two cores", [ours(both[0]), *caches(server=both[1])], cores="0,1"),
    ]
