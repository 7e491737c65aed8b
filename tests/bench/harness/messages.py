"""Messages of proto/bench.proto and proto/messages.proto as bytes, encoded by hand, and gRPC's prefix."""

import random
import struct


def payload(size, count=0):
    """Encodes a `Payload` with a body of `size` bytes."""
    message = _bytes(1, b"\x07" * size)
    return message + (_varint_field(2, count) if count else b"")


def varint_fields(fields):
    """Encodes a message of numbers, given by field numbers."""
    return b"".join(_varint_field(field, value) for field, value in fields.items())


def log_batch(records=50):
    """Encodes a `LogBatch` as sent to a collector: about 22 KB for 50 records."""
    return b"".join(_bytes(1, _record(number)) for number in range(records))


def analytics_event():
    """Encodes an `AnalyticsEvent`: 60 sections within each other, and 188 properties of four types."""
    draw = random.Random(1)
    fields = [
        _bytes(1, b"7f6a4f0e7a514d0e9b2f0f6f"),
        _varint_field(2, 1_790_000_000),
        _bytes(3, b"user-48213"),
        *(_bytes(4, _property(draw)) for _ in range(8)),
        *(_bytes(5, _section(draw, 3)) for _ in range(4)),
    ]
    return b"".join(fields)


def numbers():
    """Encodes a `Numbers`: 3,200 numbers, of which 2,000 are of variable length."""
    draw = random.Random(2)
    identifiers = [draw.getrandbits(draw.choice((7, 14, 21, 28, 35))) for _ in range(1_000)]
    changes = [int(draw.gauss(0, 50)) for _ in range(1_000)]
    packed = [
        b"".join(map(_varint, identifiers)),
        b"".join(_varint(change << 1 if change >= 0 else ~change << 1 | 1) for change in changes),
        struct.pack("<500d", *(draw.uniform(-100, 100) for _ in range(500))),
        struct.pack("<500I", *(draw.getrandbits(32) for _ in range(500))),
        bytes(draw.getrandbits(1) for _ in range(200)),
    ]
    return b"".join(_bytes(number, field) for number, field in enumerate(packed, 1))


def counters(entries=200):
    """Encodes a `Counters`, which is a map."""
    draw = random.Random(3)
    routes = [f"requests.route-{number}.status-{draw.choice((200, 404, 503))}" for number in range(entries)]
    return b"".join(_bytes(1, _bytes(1, route.encode()) + _varint_field(2, draw.randint(1, 1 << 28))) for route in routes)


def framed(message, times=1):
    """Adds the prefix to a message, and repeats it `times` times."""
    return (b"\x00" + len(message).to_bytes(4, "big") + message) * times


def _record(number):
    attributes = {
        "http.method": "GET",
        "http.route": f"/api/v1/accounts/{number}/orders",
        "http.status_code": "200",
        "http.target": f"/api/v1/accounts/{number}/orders?limit=50&after={number * 7919}",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0",
        "net.peer.name": f"client-{number}.example.org",
        "service.name": "orders",
        "service.version": "2026.11.21",
        "host.name": f"node-{number % 7}.rack-{number % 3}",
    }
    fields = [
        b"\x09" + (1_790_000_000_000_000_000 + number).to_bytes(8, "little"),
        _varint_field(2, 9),
        _bytes(3, b"orders.http.server"),
        _bytes(4, f"request {number} answered after {number * 37 % 1000} ms".encode()),
    ]
    for key, value in attributes.items():
        fields.append(_bytes(5, _bytes(1, key.encode()) + _bytes(2, value.encode())))
    fields.append(_bytes(6, bytes(range(16))))
    fields.append(_bytes(7, bytes(range(8))))
    return b"".join(fields)


def _section(draw, depth):
    fields = [_bytes(1, _word(draw)), *(_bytes(2, _property(draw)) for _ in range(3))]
    if depth:
        fields += [_bytes(3, _section(draw, depth - 1)) for _ in range(2)]
    return b"".join(fields)


def _property(draw):
    values = [
        lambda: _bytes(2, b" ".join(_word(draw) for _ in range(3))),
        lambda: _varint_field(3, draw.randint(-1_000, 9_000) % (1 << 64)),
        lambda: _varint(4 << 3 | 1) + struct.pack("<d", draw.uniform(-100, 100)),
        lambda: _varint_field(5, draw.getrandbits(1)),
    ]
    return _bytes(1, _word(draw)) + draw.choice(values)()


def _word(draw):
    return bytes(draw.choices(b"abcdefghijklmnopqrstuvwxyz", k=draw.randint(4, 16)))


def _bytes(field, value):
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint_field(field, value):
    return _varint(field << 3) + _varint(value)


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
