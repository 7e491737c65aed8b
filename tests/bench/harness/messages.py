"""Requests as bytes: messages of proto/bench.proto, encoded by hand, with gRPC's prefix."""


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
