"""The servers of the comparison: how each is configured, started, asked and ended.

Each peer in its fastest ordinary configuration, and all of it stands here: what is not the server's
default is said beside it."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILT = TOP / "target" / "release"

SIZES = [28, 1024]
FILES = {"f10k.bin": 10 * 1024, "f1m.bin": 1024 * 1024}
# Many addresses, of which some are asked for far more often than others.
MANY = 20_000
PERSON = "{ name: person%d, age: %d, city: Oslo }"
ROWS = ", ".join(PERSON % (number, 20 + number) for number in range(20))
CELLS = "<td>{{name}}</td><td>{{age}}</td><td>{{city}}</td>"


def body(size):
    """What every server sends: JSON of exactly this many bytes."""
    return '{"m":"' + "x" * (size - 8) + '"}'


def page():
    """A page of some 4 KiB that a browser would have coded."""
    words = "keeps what it made, knows what it is made from, and makes again what changed".split()
    lines = [f"<p>{n} {' '.join(words[n % 7:] + words[: n % 7])}</p>" for n in range(40)]
    return "<!DOCTYPE html><title>larder</title>" + "\n".join(lines)


def write_files(directory):
    """What is served from files, by whoever serves files."""
    directory.mkdir()
    for size in SIZES:
        (directory / f"b{size}").write_text(body(size))
    (directory / "page.html").write_text(page())
    for name, size in FILES.items():
        (directory / name).write_bytes(os.urandom(size))


def certificate(directory):
    """The same certificate and key for all: ECDSA on P-256."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process of ours, in a session of its own, pinned to a core or to several."""

    def __init__(self, name, command, ports, core, log, env=None, cwd=None):
        self.name, self.ports = name, ports
        pinned = ["taskset", "-c", str(core), *map(str, command)]
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            pinned,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )

    def wait(self, bound=30):
        """Waits until its first port takes connections."""
        port = next(iter(self.ports.values()))
        deadline = time.monotonic() + bound
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended at its start:\n{self.said()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"{self.name} does not answer:\n{self.said()}")
                time.sleep(0.05)

    def said(self):
        return Path(self.log.name).read_text(errors="replace")[-2000:]

    def cpu_seconds(self):
        """CPU time of the process and its children that still run."""
        ticks = 0
        for pid in family(self.process.pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        total = 0
        for pid in family(self.process.pid):
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
            total += pages * os.sysconf("SC_PAGE_SIZE")
        return total

    def end(self):
        """Ends the processes of this session, which are ours alone."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                break
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.log.close()


def get_http2(address):
    """The same by HTTP/2, which is what nginx speaks there, and nothing else."""
    protocol = "--http2" if address.startswith("https:") else "--http2-prior-knowledge"
    command = ["curl", "--silent", "--fail", "--insecure", "--noproxy", "*", protocol, "--include"]
    said = subprocess.run([*command, address], check=True, capture_output=True).stdout
    head, content = said.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")[1:]
    return content, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def get(address, headers=()):
    """Body and header lines, through no proxy that the environment names."""
    trusting = ssl._create_unverified_context()  # noqa: the certificate is our own, of today
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)
    request = urllib.request.Request(address, headers=dict(line.split(": ", 1) for line in headers))
    with urllib.request.build_opener(*handlers).open(request, timeout=5) as answer:
        return answer.read(), answer.headers


def family(pid):
    """A process and all its descendants."""
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                queue += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


# `open_file_cache` keeps what `proxy_cache` and files are read from open. The origin codes pages once,
# and `proxy_cache` keeps each coding by its Vary. `sendfile` is set by server: off is faster for
# small bodies, on for large ones.
NGINX = """
worker_processes {workers};
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_rlimit_nofile 65536;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  types {{ text/html html; application/octet-stream bin; }}
  default_type application/json;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  proxy_cache_path {dir}/cache keys_zone=c:20m;
  open_file_cache max=40000 inactive=1h;
  open_file_cache_valid 1h;
  tcp_nodelay on;
  ssl_certificate {cert};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:s:10m;
  server {{
    listen 127.0.0.1:{origin};
    root {www};
    gzip on; gzip_vary on; gzip_proxied any; gzip_http_version 1.0; gzip_types text/html;
    location /z/ {{ return 200 '{many}'; }}
  }}
  server {{
    listen 127.0.0.1:{ready};
    listen 127.0.0.1:{ready_h2c} http2;
    {returns}
  }}
  server {{ listen 127.0.0.1:{files}; root {www}; sendfile on; }}
  {cached}
}}
"""

CACHED = """
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{h2c} http2;
    listen 127.0.0.1:{tls} ssl http2;
    sendfile {sendfile};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_cache c;
      proxy_cache_valid 200 1h;
      proxy_set_header Accept-Encoding $http_accept_encoding;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
"""


def nginx(directory, core, www, pair, workers=1):
    """In one nginx: the origin, `return 200`, files, and `proxy_cache` with sendfile off and on."""
    directory.mkdir()
    names = ["origin", "ready", "ready_h2c", "files", "off", "off_h2c", "off_tls", "on", "on_h2c"]
    ports = {name: free_port() for name in [*names, "on_tls"]}
    returns = "\n    ".join(
        f"location = /b{size} {{ return 200 '{body(size)}'; }}" for size in SIZES
    )
    cached = ""
    for way in ("off", "on"):
        cached += CACHED.format(
            port=ports[way], h2c=ports[f"{way}_h2c"], tls=ports[f"{way}_tls"], sendfile=way,
            origin=ports["origin"],
        )
    text = NGINX.format(
        dir=directory, www=www, cert=pair[0], key=pair[1], workers=workers, returns=returns,
        cached=cached, many=body(1024), **ports,
    )
    (directory / "nginx.conf").write_text(text)
    directory.chmod(0o755)
    command = ["nginx", "-c", directory / "nginx.conf", "-p", directory]
    return Server("nginx", command, ports, core, directory / "log").wait()


def varnish(directory, core, origin):
    """Its defaults, with an hour to live and a store of 256 MB; no jail, which needs users of its own."""
    directory.mkdir()
    port = free_port()
    command = [
        "varnishd", "-F", "-n", directory / "work", "-a", f"127.0.0.1:{port}", "-b",
        f"127.0.0.1:{origin}", "-s", "malloc,256m", "-t", "3600", "-j", "none", "-T", "none",
    ]
    return Server("varnish", command, {"h1": port}, core, directory / "log").wait()


def redis(directory, core, tracking=True):
    directory.mkdir()
    port = free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    if not tracking:
        # Who may not track keeps nothing in memory: each hit is Redis' own.
        acl = directory / "users.acl"
        acl.write_text("user default on nopass ~* &* +@all -client|tracking\n")
        command += ["--aclfile", acl]
    return Server("redis", command, {"redis": port}, core, directory / "log").wait()


LARDER = """
server: {{ listen: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", {server} }}
cache: {{ store: "redis://127.0.0.1:{redis}", max_new_keys: 1000000 }}
data: {{ rows: [{rows}] }}
routes:
{bodies}
  /page.html: {{ inline: "{page}", content_type: text/html, ttl: 1h }}
  "/{{*path}}": {{ dir: www }}
  /rows:
    inline: "<table>{{{{#each rows}}}}<tr>{cells}</tr>{{{{/each}}}}</table>"
    content_type: text/html
    ttl: off
  /z/{{n}}: {{ inline: "{{{{params.n}}}} {filler}", content_type: text/plain, ttl: 1h }}
  /miss/{{n}}: {{ inline: "{{{{params.n}}}} {filler}", content_type: text/plain, ttl: 20s }}
"""


def larder(directory, core, redis_port, www, server="workers: 1"):
    """One larder; `server` is what its `server` section has beside its addresses."""
    directory.mkdir()
    ports = {"h1": free_port(), "admin": free_port()}
    shutil.copytree(www, directory / "www")
    bodies = "\n".join(
        f"  /b{size}: {{ body: '{body(size)}', content_type: application/json, ttl: 1h }}"
        for size in SIZES
    )
    text = LARDER.format(
        port=ports["h1"], admin=ports["admin"], redis=redis_port, server=server, rows=ROWS,
        bodies=bodies, page=page().replace("\n", "\\n"), cells=CELLS, filler="x" * 1000,
    )
    (directory / "routes.yaml").write_text(text)
    command = [BUILT / "larder", "serve", "--config", directory / "routes.yaml"]
    env = {"RUST_LOG": "warn"}
    return Server("larder", command, ports, core, directory / "log", env=env).wait()


def bare(directory, core):
    directory.mkdir()
    port = free_port()
    command = [BUILT / "examples" / "bare", port]
    return Server("bare", command, {"h1": port}, core, directory / "log").wait()


def fastapi(directory, core, redis_port, python):
    """As the recipe has it; uvicorn takes uvloop and httptools, which are installed."""
    directory.mkdir()
    port = free_port()
    command = [
        python, "-m", "uvicorn", "peer:app", "--port", port, "--no-access-log",
        "--log-level", "warning", "--loop", "uvloop", "--http", "httptools",
    ]
    env = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}"}
    return Server("fastapi", command, {"h1": port}, core, directory / "log", env=env, cwd=HERE).wait()
