"""The service on Python's grpcio, for reference: bytes in, bytes out, no messages. `server.py ADDRESS THREADS`."""

import asyncio
import sys

import grpc


async def unary(request, _context):
    return request


async def download(request, _context):
    body, count = _payload(request)
    for number in range(count):
        yield b"\x0a" + _varint(len(body)) + body + (b"\x10" + _varint(number) if number else b"")


async def upload(requests, _context):
    count = 0
    async for _ in requests:
        count += 1
    return b"\x10" + _varint(count)


async def echo(requests, _context):
    async for request in requests:
        yield request


async def log(request, _context):
    at, count = 0, 0
    while at < len(request):
        length, at = _read(request, at + 1)
        at += length
        count += 1
    return b"\x10" + _varint(count)


def _payload(message):
    length, at = _read(message, 1)
    body = message[at : at + length]
    count = _read(message, at + length + 1)[0] if at + length < len(message) else 0
    return body, count


def _read(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded + bytes([value]))


async def main(address):
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Download": grpc.unary_stream_rpc_method_handler(download),
        "Generate": grpc.unary_stream_rpc_method_handler(download),
        "Upload": grpc.stream_unary_rpc_method_handler(upload),
        "Echo": grpc.stream_stream_rpc_method_handler(echo),
        "Log": grpc.unary_unary_rpc_method_handler(log),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Bench", handlers)])
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


asyncio.run(main(sys.argv[1]))
