"""Compression in both directions. The bytes between the two sides are counted, because gRPC does not report compression."""

import concurrent.futures
import contextlib
import socket
import threading

import grpc

from harness import CALL, CHANNEL_OPTIONS, CHECK, Program, equal
from harness import run as run_program
from python_client import failure

SIZE = 100_000
# Zeros compress to about a thousandth. HTTP/2's own frames are counted too.
SMALL = 10_000


def run(checks, peer):
    with Program(peer, "serve") as server:
        for name, check in OUR_SERVER.items():
            checks(f"Python calls our server: {name}", check, server.address)
    checks("our client calls Python's server: gzip in both directions", our_client, peer)


# Our server, which compresses responses if the client accepts it.


def both_ways(address):
    with counted(address) as (channel, bytes_up, bytes_down):
        unary, bidi = callables(channel)
        equal(unary(message(SIZE), compression=grpc.Compression.Gzip, timeout=CALL), message(SIZE))
        requests = [message(SIZE), message(0), message(SIZE)]
        answers = list(bidi(iter(requests), compression=grpc.Compression.Gzip, timeout=CALL))
        equal([answer[: len(request)] for answer, request in zip(answers, requests, strict=True)], requests)
        small("requests", bytes_up)
        small("responses", bytes_down)


def only_responses(address):
    with counted(address) as (channel, bytes_up, bytes_down):
        unary, _ = callables(channel)
        equal(unary(message(SIZE), timeout=CALL), message(SIZE))
        assert bytes_up() > SIZE, bytes_up()
        small("responses", bytes_down)


def nothing(address):
    with counted(address) as (channel, bytes_up, bytes_down):
        unary, _ = callables(channel)
        equal(unary(message(SIZE), timeout=CALL, metadata=[("compress", "identity")]), message(SIZE))
        assert bytes_up() > SIZE and bytes_down() > SIZE, (bytes_up(), bytes_down())


def limit(address):
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        unary, _ = callables(channel)
        error = failure(lambda: unary(message(5 << 20), compression=grpc.Compression.Gzip, timeout=CALL))
        equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)


def deflate(address):
    with counted(address) as (channel, bytes_up, bytes_down):
        unary, _ = callables(channel)
        metadata = [("compress", "deflate")]
        answer = unary(message(SIZE), compression=grpc.Compression.Deflate, timeout=CALL, metadata=metadata)
        equal(answer, message(SIZE))
        small("requests", bytes_up)
        small("responses", bytes_down)


OUR_SERVER = {
    "gzip both ways": both_ways,
    "gzip for responses only, by the server's default": only_responses,
    "no compression if the servicer turns it off": nothing,
    "5 MiB in a few KiB are RESOURCE_EXHAUSTED": limit,
    "deflate both ways": deflate,
}


def callables(channel):
    """Returns the methods of the probe, with messages as bytes."""
    return channel.unary_unary("/probe.v1.Probe/Unary"), channel.stream_stream("/probe.v1.Probe/Bidi")


def message(size):
    """Encodes a message whose first field is `size` zeros. Requests and responses have this field in common."""
    if size == 0:
        return b""
    length = bytearray()
    rest = size
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return b"\x0a" + bytes([*length, rest]) + bytes(size)


@contextlib.contextmanager
def counted(address):
    with Proxy(address) as proxy:
        with grpc.insecure_channel(proxy.address, options=CHANNEL_OPTIONS) as channel:
            yield channel, lambda: proxy.up, lambda: proxy.down


def small(what, count):
    assert 100 < count() < SMALL, f"{count()} bytes of {what}"


# Our client.


def our_client(peer):
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
        "Bidi": grpc.stream_stream_rpc_method_handler(lambda requests, _: requests),
    }
    with concurrent.futures.ThreadPoolExecutor(max_workers=10) as pool:
        server = grpc.server(pool, compression=grpc.Compression.Gzip)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("probe.v1.Probe", handlers)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with Proxy(f"127.0.0.1:{port}") as proxy:
                run_program(peer, "call", proxy.address, SIZE)
                small("requests", lambda: proxy.up)
                small("responses", lambda: proxy.down)
        finally:
            server.stop(0).wait(CHECK)


class Proxy:
    """A proxy that counts the bytes that it forwards, in threads that end with their connections."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.up = self.down = 0

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        start(self.accept)
        return self

    def __exit__(self, *_):
        # Closing a listener alone may not end the wait for a connection.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                start(self.pass_on, near, far, "up")
                start(self.pass_on, far, near, "down")

    def pass_on(self, source, sink, direction):
        with contextlib.suppress(OSError), source:
            while chunk := source.recv(1 << 16):
                setattr(self, direction, getattr(self, direction) + len(chunk))
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


def start(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()
