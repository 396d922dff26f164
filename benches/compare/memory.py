"""What larder holds for an idle connection, and for a response of 1 KiB that it keeps."""

import http.client
import socket

CONNECTIONS = 2000
ENTRIES = 20000


def measure(server):
    """Resident bytes of each.

    Asked of a larder that has served next to nothing yet: memory that the allocator got back from a
    load would hide what comes."""
    return {"connection": idle_connections(server), "entry": kept_entries(server)}


def idle_connections(server):
    request = b"GET /b28 HTTP/1.1\r\nHost: compare\r\n\r\n"

    def connect():
        connection = socket.create_connection(("127.0.0.1", server.port), 5)
        connection.sendall(request)
        connection.recv(4096)
        return connection

    first = [connect() for _ in range(50)]
    before = server.resident_bytes()
    rest = [connect() for _ in range(CONNECTIONS)]
    after = server.resident_bytes()
    for connection in first + rest:
        connection.close()
    return (after - before) / CONNECTIONS


def kept_entries(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)

    def keep(number):
        connection.request("GET", f"/kept/{number}")
        answer = connection.getresponse()
        answer.read()
        return "detail=near" in answer.headers.get("cache-status", "")

    def keep_all(start, end):
        # The first time makes it, what is read back is kept, and a hit makes its ready head.
        for _ in range(3):
            for number in range(start, end):
                keep(number)

    keep_all(0, 1000)
    before = server.resident_bytes()
    keep_all(1000, 1000 + ENTRIES)
    after = server.resident_bytes()
    sample = range(1000, 1000 + ENTRIES, 100)
    share = sum(map(keep, sample)) / len(sample)
    connection.close()
    # What is not in memory weighs nothing: only what is there may be divided by.
    return (after - before) / (ENTRIES * share) if share > 0 else float("nan")
