"""The rows of the matrix: the calls that are made, and how many at a time."""

from dataclasses import dataclass, field

from .messages import framed, log_batch, payload

SMALL = framed(payload(34))


@dataclass(frozen=True)
class Row:
    """A load, and the features that a stack needs to serve it."""

    key: str
    title: str
    method: str
    body: bytes
    # Size of the response to one call, to check it.
    answer: int
    connections: int
    streams: int
    calls: int
    # Number of units in a call, by which the figures are divided.
    per_call: int = 1
    unit: str = "call"
    threads: int = 1
    tls: bool = False
    headers: tuple = ()
    needs: frozenset = field(default_factory=lambda: frozenset({"unary"}))


def matrix():
    """Returns all rows, in the order of the report."""
    return [*_small(), *_payloads(), *_streams(), *_extras()]


def _small():
    loads = [(1, 1, 20_000), (1, 32, 100_000), (8, 32, 200_000), (64, 1, 100_000), (64, 32, 200_000)]
    for connections, streams, calls in loads:
        name = f"{connections}x{streams}"
        yield _unary(f"unary-{name}", f"unary, 34 bytes, {name}", SMALL, connections, streams, calls)
    yield _unary(
        "unary-8x32-two-threads",
        "unary, 34 bytes, 8x32, two threads",
        SMALL,
        8,
        32,
        200_000,
        threads=2,
        needs=frozenset({"unary", "two threads"}),
    )


def _payloads():
    large = frozenset({"unary", "large"})
    yield _unary("unary-1k", "unary, 1 KB, 8x32", framed(payload(1_000)), 8, 32, 100_000)
    yield _unary("unary-64k", "unary, 64 KB, 8x4", framed(payload(64_000)), 8, 4, 8_000, needs=large)
    yield _unary("unary-4m", "unary, 4 MB, 2x1", framed(payload(4_000_000)), 2, 1, 100, needs=large)


def _streams():
    for name, size, many, calls in [("number", 0, 10_000, 100), ("small", 16, 10_000, 100), ("large", 64_000, 100, 40)]:
        title = f"{many:,} messages of {size:,} bytes" if size else f"{many:,} messages of one number"
        message = framed(payload(size))
        # Size of a response without its number. An empty field is not encoded.
        download = len(message) if size else len(framed(b""))
        # Responses are numbered in field 2. The first has the number 0, which is not encoded.
        numbers = sum(1 + (1 if count < 128 else 2) for count in range(1, many))
        common = dict(
            connections=4,
            streams=1,
            calls=calls,
            per_call=many,
            unit="message",
            needs=frozenset({"streams"}),
        )
        yield Row(
            f"download-{name}",
            f"server streaming, {title}",
            "Download",
            framed(payload(size, many)),
            download * many + numbers,
            **common,
        )
        if name != "large":
            yield Row(
                f"generate-{name}",
                f"server streaming by a loop that yields, {title}",
                "Generate",
                framed(payload(size, many)),
                download * many + numbers,
                **common,
            )
        if name == "number":
            # The rows with numbers measure bare server streaming, without an allocation per message. There are no uploads of them.
            continue
        upload = len(framed(payload(0, many)))
        yield Row(
            f"upload-{name}",
            f"client streaming, {title}",
            "Upload",
            framed(payload(size), many),
            upload - 2,
            **common,
        )
        yield Row(
            f"echo-{name}",
            f"bidirectional, {title}",
            "Echo",
            framed(payload(size), many),
            len(message) * many,
            **common,
        )


def _extras():
    yield _unary(
        "unary-tls",
        "unary over TLS, 34 bytes, 8x32",
        SMALL,
        8,
        32,
        100_000,
        tls=True,
        needs=frozenset({"unary", "tls"}),
    )
    yield _unary(
        "unary-metadata",
        "unary with a deadline and five pairs of metadata, 8x32",
        SMALL,
        8,
        32,
        100_000,
        headers=(
            "grpc-timeout: 10S",
            "authorization: Bearer 0123456789abcdef0123456789abcdef",
            "x-request-id: 7f6a4f0e-7a51-4d0e-9b2f-0f6f0a1b2c3d",
            "x-tenant: orders",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "user-agent: bench",
        ),
    )
    batch = log_batch()
    yield Row(
        "log",
        f"unary, 50 log records ({len(batch):,} bytes), 8x8",
        "Log",
        framed(batch),
        len(framed(payload(0, 50))) - 2,
        8,
        8,
        20_000,
        needs=frozenset({"log"}),
    )


def _unary(key, title, body, connections, streams, calls, **others):
    return Row(key, title, "Unary", body, len(body), connections, streams, calls, **others)
