"""The servers of the comparison: how each is configured, started, asked and ended."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILT = TOP / "target" / "release"


def body(size):
    """What every server sends: JSON of exactly this many bytes."""
    return '{"m":"' + "x" * (size - 8) + '"}'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process of ours, in a session of its own, pinned to a core."""

    def __init__(self, name, command, port, core, env=None, cwd=None, log=None):
        self.name, self.port = name, port
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

    def wait(self, path=None, bound=30):
        """Waits until the port answers; with a path, until it gives 200."""
        deadline = time.monotonic() + bound
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended at its start:\n{self.said()}")
            try:
                if path is None:
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                else:
                    self.get(path)
                return self
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"{self.name} does not answer:\n{self.said()}")
                time.sleep(0.05)

    def said(self):
        return Path(self.log.name).read_text(errors="replace")[-2000:]

    def get(self, path, port=None):
        # No proxy of the environment stands between two addresses of loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port or self.port}{path}", timeout=5) as answer:
            return answer.read(), answer.headers

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
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self.log.close()


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


NGINX = """
worker_processes 1;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  default_type application/json;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  proxy_cache_path {dir}/cache keys_zone=c:10m;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  tcp_nodelay on;
  sendfile on;
  server {{ listen 127.0.0.1:{origin}; root {dir}/www; }}
  server {{
    listen 127.0.0.1:{ready};
    listen 127.0.0.1:{ready2} http2;
    {returns}
  }}
  server {{
    listen 127.0.0.1:{cached};
    listen 127.0.0.1:{cached2} http2;
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_cache c;
      proxy_cache_valid 200 1h;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""


def nginx(dir, core, sizes):
    """Three servers in one nginx: the origin, `return 200`, and `proxy_cache` before the origin."""
    dir.mkdir()
    (dir / "www").mkdir()
    for size in sizes:
        (dir / "www" / f"b{size}").write_text(body(size))
    ports = {name: free_port() for name in ("origin", "ready", "ready2", "cached", "cached2")}
    # Its configuration takes no string above 4 KiB.
    returns = "\n    ".join(
        f"location = /b{size} {{ return 200 '{body(size)}'; }}" for size in sizes if size < 4000
    )
    text = NGINX.format(dir=dir, returns=returns, **ports)
    (dir / "nginx.conf").write_text(text)
    os.chmod(dir, 0o755)
    command = ["nginx", "-c", dir / "nginx.conf", "-p", dir]
    server = Server("nginx", command, ports["cached"], core, log=dir / "log")
    return server.wait(f"/b{sizes[0]}"), ports


def varnish(dir, core, origin):
    dir.mkdir()
    port = free_port()
    command = [
        "varnishd", "-F", "-n", dir / "work", "-a", f"127.0.0.1:{port}", "-b",
        f"127.0.0.1:{origin}", "-s", "malloc,256m", "-t", "3600", "-j", "none", "-T", "none",
    ]
    return Server("varnish", command, port, core, log=dir / "log").wait()


def redis(dir, core, tracking=True):
    dir.mkdir()
    port = free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir]
    if not tracking:
        # Whoever may not track has no near cache: each hit is Redis' own.
        acl = dir / "users.acl"
        acl.write_text("user default on nopass ~* &* +@all -client|tracking\n")
        command += ["--aclfile", acl]
    return Server("redis", command, port, core, log=dir / "log").wait()


LARDER = """server: {{ listen: "127.0.0.1:{port}", admin: off, workers: 1 }}
cache: {{ store: "redis://127.0.0.1:{redis}", max_new_keys: 1000000 }}
routes:
{routes}
  /miss/{{n}}: {{ inline: "{{{{params.n}}}} {filler}", content_type: text/plain, ttl: 20s }}
  /kept/{{n}}: {{ inline: "{{{{params.n}}}} {filler}", content_type: text/plain, ttl: 1h }}
"""


def larder(name, dir, core, redis_port, sizes):
    dir.mkdir()
    port = free_port()
    routes = "\n".join(
        f"  /b{size}: {{ body: '{body(size)}', content_type: application/json, ttl: 1h }}"
        for size in sizes
    )
    text = LARDER.format(port=port, redis=redis_port, routes=routes, filler="x" * 1000)
    (dir / "routes.yaml").write_text(text)
    command = [BUILT / "larder", "serve", "--config", dir / "routes.yaml"]
    server = Server(name, command, port, core, log=dir / "log", env={"RUST_LOG": "warn"})
    return server.wait(f"/b{sizes[0]}")


def bare(dir, core):
    dir.mkdir()
    port = free_port()
    command = [BUILT / "examples" / "bare", port]
    return Server("bare", command, port, core, log=dir / "log").wait()


def fastapi(dir, core, redis_port, python):
    dir.mkdir()
    port = free_port()
    command = [
        python, "-m", "uvicorn", "peer:app", "--port", port, "--no-access-log",
        "--log-level", "warning",
    ]
    env = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}"}
    server = Server("fastapi", command, port, core, env=env, cwd=HERE, log=dir / "log")
    return server.wait("/b28")
