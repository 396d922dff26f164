"""What is promised as one number: memory, edits of large sites, the key list, a scrape."""

import http.client
import json
import socket
import subprocess
import time

import servers

# How long the watch waits for more after an event, in seconds (src/watch).
QUIET = 0.04
CONNECTIONS, ENTRIES, KEYS, EDITS = 2_000, 20_000, 1_000_000, 5


def measure(directory, core, load_core):
    """All numbers of `cases.BOUNDS`, by their names."""
    directory.mkdir()
    redis = servers.redis(directory / "redis", load_core)
    try:
        port = redis.ports["redis"]
        both = f"{core},{load_core}"
        return {
            **memory(directory / "memory", core, port),
            **ten_thousand(directory / "routes", both),
            **hundred_thousand(directory / "files", both),
            **key_list(directory / "keys", core, port),
            **scrape(directory / "scrape", core),
        }
    finally:
        redis.end()


class Site:
    """A larder that was just started: memory that the allocator got back from earlier work would
    hide what comes."""

    def __init__(self, directory, core, files, store="memory"):
        directory.mkdir(exist_ok=True)
        self.directory = directory
        ports = {"h1": servers.free_port(), "admin": servers.free_port()}
        self.head = (
            f'server: {{ listen: "127.0.0.1:{ports["h1"]}", admin: "127.0.0.1:{ports["admin"]}" }}\n'
            f'cache: {{ store: "{store}", max_new_keys: 1000000 }}\n'
        )
        for name, text in files.items():
            self.write(name, text)
        command = [servers.BUILT / "larder", "serve", "--config", directory / "routes.yaml"]
        began = time.monotonic()
        self.server = servers.Server(
            "larder", command, ports, core, directory / "log", env={"RUST_LOG": "warn"}
        ).wait(120)
        self.started = time.monotonic() - began
        self.client = http.client.HTTPConnection("127.0.0.1", ports["h1"], timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.end()

    def write(self, name, text):
        """As an editor saves: whole, by a rename."""
        new = self.directory / f"{name}.new"
        new.write_text((self.head if name == "routes.yaml" else "") + text)
        new.rename(self.directory / name)

    def get(self, path):
        self.client.request("GET", path)
        answer = self.client.getresponse()
        return answer.read(), answer.headers

    def admin(self, path):
        """The seconds that an answer of the admin listener took, and its bytes."""
        began = time.monotonic()
        content, _ = servers.get(f"http://127.0.0.1:{self.server.ports['admin']}{path}")
        return time.monotonic() - began, content

    def until(self, word, bound=120):
        """The slowest request, in seconds, until the page has the word."""
        slowest, deadline = 0, time.monotonic() + bound
        while time.monotonic() < deadline:
            began = time.monotonic()
            content, _ = self.get("/word")
            slowest = max(slowest, time.monotonic() - began)
            if content == word.encode():
                return slowest
        raise SystemExit(f"an edit was not live within {bound} s: {self.server.said()}")

    def connect(self, count):
        """Connections that asked once and rest."""
        request = b"GET /word HTTP/1.1\r\nHost: compare\r\n\r\n"
        made = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", self.server.ports["h1"]), 5)
            one.sendall(request)
            one.recv(4096)
            made.append(one)
        return made


def memory(directory, core, redis_port):
    page = "  /z/{n}: { inline: '{{params.n}} " + "x" * 1000 + "', ttl: 1h }\n"
    text = "routes:\n  /word: { body: word, ttl: 1h }\n" + page
    with Site(directory, core, {"routes.yaml": text}, f"redis://127.0.0.1:{redis_port}") as site:

        def keep(first, count):
            # The first time makes it, what is read back is kept, and a hit makes its ready head.
            for _ in range(3):
                for number in range(first, first + count):
                    content, headers = site.get(f"/z/{number}")
            return len(content)

        some = site.connect(50)
        before = site.server.resident_bytes()
        connections = site.connect(CONNECTIONS)
        connection = (site.server.resident_bytes() - before) / CONNECTIONS
        for one in some + connections:
            one.close()
        keep(0, 1000)
        before = site.server.resident_bytes()
        body = keep(1000, ENTRIES)
        grown = site.server.resident_bytes() - before
        # What is not in memory weighs nothing: only what is there may be divided by.
        sample = range(1000, 1000 + ENTRIES, 100)
        near = sum("detail=near" in site.get(f"/z/{n}")[1]["cache-status"] for n in sample)
        entry = grown / (ENTRIES * near / len(sample)) - body
        return {"connection": connection / 1024, "entry": entry / 1024}


def route(number):
    """Pages of text, templates with parameters or that read the query, and data of their own."""
    return [
        f"  /page/{number}: {{ body: 'page {number}' }}\n",
        f"  /t{number}/{{name}}: {{ template: named.html.hbs, ttl: 1h }}\n",
        f"  /i{number}: {{ inline: '{{{{site.title}}}} {{{{query.q}}}} {number}' }}\n",
        f"  /d{number}: {{ template: listed.html.hbs, data: {{ n: {number} }} }}\n",
    ][number % 4]


def templates(directory):
    (directory / "templates").mkdir(parents=True)
    named = "<p>{{site.title}} {{params.name}} {{query.lang}}</p>"
    listed = "<p>{{site.title}} {{n}}{{#each site.items}}{{this}}{{/each}}</p>"
    (directory / "templates/named.html.hbs").write_text(named)
    (directory / "templates/listed.html.hbs").write_text(listed)


DATA = "data:\n  site: { title: T, items: [1, 2, 3] }\n"


def edits(site, edit):
    """The middle time from a save until it is served, less the quiet time; the slowest request
    meanwhile; and how memory grew."""
    site.until("word0")
    before, times, slowest = site.server.resident_bytes(), [], 0
    for number in range(1, EDITS + 1):
        edit(f"word{number}")
        saved = time.monotonic()
        slowest = max(slowest, site.until(f"word{number}"))
        times.append(time.monotonic() - saved - QUIET)
        time.sleep(0.5)
    return sorted(times)[EDITS // 2] * 1000, slowest * 1000, site.server.resident_bytes() / before


def ten_thousand(directory, core):
    routes = "".join(map(route, range(10_000)))

    def text(word):
        return f"{DATA}routes:\n{routes}  /word: {{ body: {word} }}\n"

    templates(directory)
    with Site(directory, core, {"routes.yaml": text("word0")}) as site:
        edit, slowest, grown = edits(site, lambda word: site.write("routes.yaml", text(word)))
        command = [servers.BUILT / "larder", "check", "--config", directory / "routes.yaml"]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        check = time.monotonic() - began
        return {
            "check": check * 1000,
            "start": site.started * 1000,
            "edit": edit,
            "slowest": slowest,
            "grown": grown,
        }


def hundred_thousand(directory, core):
    def text(file, word="word0"):
        routes = "".join(map(route, range(file * 10_000, (file + 1) * 10_000)))
        return f"routes:\n{routes}" + ("" if file else f"  /word: {{ body: {word} }}\n")

    templates(directory)
    files = {f"f{file}.yaml": text(file) for file in range(10)}
    include = "include: [" + ", ".join(files) + "]\n"
    with Site(directory, core, {**files, "routes.yaml": include + DATA}) as site:
        saves = {f"word{number}": text(0, f"word{number}") for number in range(1, EDITS + 1)}
        edit, _, _ = edits(site, lambda word: site.write("f0.yaml", saves[word]))
        return {"edits": edit}


def key_list(directory, core, redis_port):
    def redis(*words, **more):
        command = ["redis-cli", "-p", redis_port, *words]
        return subprocess.run(
            list(map(str, command)), check=True, text=True, capture_output=True, **more
        ).stdout

    redis("FLUSHALL")
    lines = "".join(f"SET api:cache::b:/b/{number} v EX 9000\r\n" for number in range(KEYS))
    redis("--pipe", input=lines)
    text = "routes:\n  /b/{n}: { name: b, inline: '{{params.n}}' }\n"
    with Site(directory, core, {"routes.yaml": text}, f"redis://127.0.0.1:{redis_port}") as site:
        site.admin("/api/status")
        redis("CONFIG", "SET", "slowlog-log-slower-than", "0")
        redis("CONFIG", "SET", "slowlog-max-len", "10000")
        redis("SLOWLOG", "RESET")
        took, _ = site.admin("/api/keys")
        # Each entry begins with its number, its time, and the microseconds that it took.
        entries = redis("--json", "SLOWLOG", "GET", "-1")
        slowest = max((entry[2] for entry in json.loads(entries)), default=0)
    return {"keys": took * 1000, "command": slowest / 1000}


def scrape(directory, core):
    routes = "".join(f"  /r{number}: {{ body: r }}\n" for number in range(5000))
    text = f"routes:\n  /word: {{ body: word }}\n{routes}"
    with Site(directory, core, {"routes.yaml": text}) as site:
        for number in range(5000):
            site.get(f"/r{number}")
        resting = site.connect(10_000)
        took, content = min(site.admin("/metrics") for _ in range(5))
        for one in resting:
            one.close()
    return {"scrape": took * 1000, "scraped": len(content) / 1000}
