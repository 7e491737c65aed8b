"""The tools of nghttp2, an independent implementation of HTTP/2, with our server: nghttp frame by frame, h2load under load."""

import re
import struct
import subprocess

import harness
from harness import CHECK, Program
from peers import debian

HEADERS = ["content-type: application/grpc", "te: trailers"]
# Message { double message = 1; }, with gRPC's prefix.
REQUEST = b"\x00" + struct.pack(">I", 9) + b"\x09" + struct.pack("<d", 12.0)


def run(checks, server, scale, directory):
    nghttp, h2load = debian("nghttp", "nghttp2-client"), debian("h2load", "nghttp2-client")
    if not (nghttp and h2load):
        return
    body = directory / "request"
    body.write_bytes(REQUEST)
    with Program(server, "--addr", "127.0.0.1:0") as program:
        method = f"http://{program.address}/squarerpc_service.SquareService/"
        variants = {
            "as it is": [],
            "with padding": ["--padding=200"],
            "with a window of 1 KiB": ["--window-bits=10", "--connection-window-bits=10"],
            "without a dynamic table": ["--header-table-size=0", "--encoder-header-table-size=0"],
            "many times at once": ["--multiply=50"],
        }
        for name, options in variants.items():
            checks(f"nghttp {name}", frames, nghttp, method + "square", body, options)
        # 24 KiB of metadata in two frames. It is over the limit, and must be read to its end.
        checks("nghttp with CONTINUATION", refused, nghttp, method + "square", body)
        checks("nghttp streams", frames, nghttp, method + "rangeSquare", body, [])
        for connections, streams in [(1, 1), (1, 100), (8, 32), (100, 10)]:
            checks(f"h2load {connections} x {streams}", load, h2load, method + "square", body, connections, streams)
        checks("h2load while a server stops", stopped, h2load, scale)
        checks("h2load streams", load, h2load, method + "rangeSquare", body, 8, 32)


def frames(nghttp, url, body, options):
    """Checks that every stream has a head, messages and trailers with OK, and that the server reports no fault."""
    said = exchange(nghttp, url, body, options)
    streams = 50 if "--multiply=50" in options else 1
    statuses = re.findall(r"recv \(stream_id=\d+\) grpc-status: (\d+)", said)
    assert statuses == ["0"] * streams, f"{statuses}\n{said}"
    assert len(re.findall(r"recv \(stream_id=\d+\) :status: 200", said)) == streams, said
    assert "recv DATA frame" in said, said
    assert not re.search(r"recv GOAWAY|error_code=(?!NO_ERROR)", said), said


def refused(nghttp, url, body):
    """Metadata over the limit fails the call, and does not close the connection."""
    said = exchange(nghttp, url, body, ["--continuation"])
    assert "grpc-status: 8" in said and not re.search("recv (GOAWAY|RST_STREAM)", said), said


def exchange(nghttp, url, body, options):
    headers = [f"--header={header}" for header in HEADERS]
    return harness.run(nghttp, "--verbose", "--null-out", f"--data={body}", *headers, *options, url)


def stopped(h2load, scale):
    """A server that stops with a grace period completes the calls that it has accepted. Then its port is free."""
    harness.run(scale, "stopped", h2load)


def load(h2load, url, body, connections, streams):
    """Checks that every call succeeds."""
    calls = 20_000
    headers = [f"--header={header}" for header in HEADERS]
    said = subprocess.run(
        [h2load, f"-n{calls}", f"-c{connections}", f"-m{streams}", f"--data={body}", *headers, url],
        capture_output=True,
        text=True,
        timeout=CHECK,
        check=True,
    ).stdout
    done = f"requests: {calls} total, {calls} started, {calls} done, {calls} succeeded, 0 failed, 0 errored, 0 timeout"
    assert done in said, said
    assert f"status codes: {calls} 2xx, 0 3xx, 0 4xx, 0 5xx" in said, said
