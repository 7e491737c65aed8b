"""Python's clients, synchronous and asyncio, call square-server."""

import asyncio
import threading
import time

import grpc
from square_pb2 import Message
from square_pb2_grpc import SquareServiceStub

from harness import CALL, CHANNEL_OPTIONS, Program, equal, padded

NUMBERS = range(12)
SQUARES = [float(number * number) for number in NUMBERS]


def run(checks, square_server):
    for answers, flags in (("each", []), ("collected", ["--collect"])):
        with Program(square_server, "--addr", "127.0.0.1:0", *flags) as server:
            with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
                for name, check in (SYNC | SYNC_BIDI[answers]).items():
                    checks(f"Python calls square-server ({answers}): {name}", check, channel)
            for name, check in (AIO | AIO_BIDI[answers]).items():
                checks(f"grpc.aio calls square-server ({answers}): {name}", aio(check), server.address)


def aio(check):
    """Runs a check with a channel of its own, because asyncio's channels belong to a loop."""

    async def run(address):
        async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
            await check(channel)

    return run


def messages(numbers):
    return (Message(message=number) for number in numbers)


# The synchronous client.


def square(channel):
    equal(SquareServiceStub(channel).square(Message(message=12.3), timeout=CALL).message, 12.3 * 12.3)


def square_future(channel):
    future = SquareServiceStub(channel).square.future(Message(message=12.3), timeout=CALL)
    equal(future.result().message, 12.3 * 12.3)


def range_square(channel):
    responses = SquareServiceStub(channel).rangeSquare(Message(message=12), timeout=CALL)
    equal([response.message for response in responses], [float(n * n) for n in range(13)])


def sum_square(channel):
    equal(SquareServiceStub(channel).sumSquare(messages(NUMBERS), timeout=CALL).message, 506.0)


def no_requests(channel):
    equal(SquareServiceStub(channel).sumSquare(messages([]), timeout=CALL).message, 0.0)
    equal(list(SquareServiceStub(channel).streamrangeSquare(messages([]), timeout=CALL)), [])


def long_streams(channel):
    """Sends more than the windows of flow control hold, in both directions."""
    stub = SquareServiceStub(channel)
    count = 0
    for response in stub.rangeSquare(Message(message=50_000), timeout=CALL):
        equal(response.message, float(count * count))
        count += 1
    equal(count, 50_001)
    equal(stub.sumSquare(messages([1] * 20_000), timeout=CALL).message, 20_000.0)


def large_and_malformed_messages(channel):
    call = channel.unary_unary("/squarerpc_service.SquareService/square", response_deserializer=Message.FromString)
    equal(call(padded(2, 3 << 20), timeout=CALL).message, 4.0)
    error = failure(lambda: call(padded(2, 5 << 20), timeout=CALL))
    equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    for malformed in (b"\x09\x01", b"\xff\xff", b"\x0a\x05abc"):
        equal(failure(lambda: call(malformed, timeout=CALL)).code(), grpc.StatusCode.INTERNAL)


def each_in_turn(channel):
    events = []
    answered = threading.Semaphore(0)

    def requests():
        for number in NUMBERS:
            events.append(f"request {number}")
            yield Message(message=number)
            # The next request is sent only after the response. A server that waits for it exceeds the deadline.
            answered.acquire(timeout=CALL)

    squares = []
    for response in SquareServiceStub(channel).streamrangeSquare(requests(), timeout=CALL):
        events.append(f"response {len(squares)}")
        squares.append(response.message)
        answered.release()
    equal(squares, SQUARES)
    equal(events, in_turn())


def collected(channel):
    events = []

    def requests():
        yield from messages(NUMBERS)
        # The server must not collect responses during this time.
        time.sleep(0.3)
        events.append("end of requests")

    squares = []
    for response in SquareServiceStub(channel).streamrangeSquare(requests(), timeout=CALL):
        events.append("response")
        squares.append(response.message)
    equal(squares, SQUARES)
    equal(events, ["end of requests"] + ["response"] * len(NUMBERS))


def in_turn():
    return [f"{event} {number}" for number in NUMBERS for event in ("request", "response")]


def metadata(channel):
    response, call = SquareServiceStub(channel).square.with_call(
        Message(message=2), timeout=CALL, metadata=[("request-id", "abc-42")]
    )
    equal(response.message, 4.0)
    equal(dict(call.initial_metadata())["request-id"], "abc-42")
    equal(call.code(), grpc.StatusCode.OK)
    responses = SquareServiceStub(channel).rangeSquare(
        Message(message=12), timeout=CALL, metadata=[("request-id", "abc-43")]
    )
    equal(dict(responses.initial_metadata())["request-id"], "abc-43")
    equal(len(list(responses)), 13)
    equal(dict(responses.trailing_metadata())["squares"], "13")


def status(channel):
    for number, code, details in (
        (2e9, grpc.StatusCode.OUT_OF_RANGE, "cannot count to 2000000000, only to 1000000"),
        (-1, grpc.StatusCode.INVALID_ARGUMENT, "cannot count from 0 to -1"),
    ):
        error = failure(lambda: list(SquareServiceStub(channel).rangeSquare(Message(message=number), timeout=CALL)))
        equal((error.code(), error.details()), (code, details))


def unknown_method(channel):
    for method in ("/squarerpc_service.SquareService/cube", "/squarerpc_service.CubeService/square"):
        call = channel.unary_unary(method, Message.SerializeToString, Message.FromString)
        equal(failure(lambda: call(Message(message=2), timeout=CALL)).code(), grpc.StatusCode.UNIMPLEMENTED)


def deadline(channel):
    def requests():
        yield Message(message=2)
        over.wait(CALL)

    over = threading.Event()
    started = time.monotonic()
    error = failure(lambda: SquareServiceStub(channel).sumSquare(requests(), timeout=0.3))
    over.set()
    equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - started < 5, "the deadline came late"


def cancellation(channel):
    responses = SquareServiceStub(channel).rangeSquare(Message(message=1_000_000), timeout=CALL)
    equal(next(responses).message, 0.0)
    responses.cancel()
    equal(failure(lambda: list(responses)).code(), grpc.StatusCode.CANCELLED)
    square(channel)


def failure(call):
    try:
        outcome = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"the call ended with {outcome!r}, and should have failed")


SYNC = {
    "square = 12.3 squared": square,
    "square as a future": square_future,
    "rangeSquare = the squares of 0 to 12": range_square,
    "sumSquare of 0 to 11 = 506": sum_square,
    "streams without requests": no_requests,
    "streams longer than the windows": long_streams,
    "3 MiB are answered, 5 MiB are RESOURCE_EXHAUSTED, no message is INTERNAL": large_and_malformed_messages,
    "metadata both ways": metadata,
    "a status with details": status,
    "an unknown method and an unknown service are UNIMPLEMENTED": unknown_method,
    "a deadline ends the call": deadline,
    "a cancelled stream, and a call after it": cancellation,
}
SYNC_BIDI = {
    "each": {"streamrangeSquare: each response before the next request": each_in_turn},
    "collected": {"streamrangeSquare: the first response after the end of the requests": collected},
}


# The asyncio client.


async def aio_square(channel):
    equal((await SquareServiceStub(channel).square(Message(message=12.3), timeout=CALL)).message, 12.3 * 12.3)


async def aio_range_square(channel):
    responses = SquareServiceStub(channel).rangeSquare(Message(message=12), timeout=CALL)
    equal([response.message async for response in responses], [float(n * n) for n in range(13)])


async def aio_sum_square(channel):
    async def requests():
        for number in NUMBERS:
            yield Message(message=number)

    equal((await SquareServiceStub(channel).sumSquare(requests(), timeout=CALL)).message, 506.0)


async def aio_each_in_turn(channel):
    call = SquareServiceStub(channel).streamrangeSquare(timeout=CALL)
    squares = []
    for number in NUMBERS:
        # The next request is sent only after the response to this one.
        await call.write(Message(message=number))
        squares.append((await call.read()).message)
    await call.done_writing()
    equal(await call.read(), grpc.aio.EOF)
    equal(squares, SQUARES)
    equal(await call.code(), grpc.StatusCode.OK)


async def aio_collected(channel):
    call = SquareServiceStub(channel).streamrangeSquare(timeout=CALL)
    for number in NUMBERS:
        await call.write(Message(message=number))
    first = asyncio.ensure_future(call.read())
    done, _ = await asyncio.wait([first], timeout=0.3)
    assert not done, "a response came before the end of the requests"
    await call.done_writing()
    squares = [(await first).message]
    while (response := await call.read()) is not grpc.aio.EOF:
        squares.append(response.message)
    equal(squares, SQUARES)


async def aio_metadata(channel):
    call = SquareServiceStub(channel).rangeSquare(Message(message=12), timeout=CALL, metadata=(("request-id", "abc-42"),))
    equal(dict(await call.initial_metadata())["request-id"], "abc-42")
    equal(len([response async for response in call]), 13)
    equal(dict(await call.trailing_metadata())["squares"], "13")


async def aio_unknown_method(channel):
    call = channel.unary_unary("/squarerpc_service.SquareService/cube", Message.SerializeToString, Message.FromString)
    equal((await aio_failure(call(Message(message=2), timeout=CALL))).code(), grpc.StatusCode.UNIMPLEMENTED)


async def aio_deadline(channel):
    call = SquareServiceStub(channel).streamrangeSquare(timeout=0.3)
    equal((await aio_failure(call.read())).code(), grpc.StatusCode.DEADLINE_EXCEEDED)


async def aio_cancellation(channel):
    call = SquareServiceStub(channel).rangeSquare(Message(message=1_000_000), timeout=CALL)
    equal((await call.read()).message, 0.0)
    call.cancel()
    equal(await call.code(), grpc.StatusCode.CANCELLED)
    await aio_square(channel)


async def aio_many_at_once(channel):
    stub = SquareServiceStub(channel)
    calls = [stub.square(Message(message=number), timeout=CALL) for number in range(300)]
    equal([(await call).message for call in calls], [float(n * n) for n in range(300)])


async def aio_failure(call):
    try:
        outcome = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"the call ended with {outcome!r}, and should have failed")


AIO = {
    "square = 12.3 squared": aio_square,
    "rangeSquare = the squares of 0 to 12": aio_range_square,
    "sumSquare of 0 to 11 = 506": aio_sum_square,
    "metadata both ways": aio_metadata,
    "an unknown method is UNIMPLEMENTED": aio_unknown_method,
    "a deadline ends the call": aio_deadline,
    "a cancelled stream, and a call after it": aio_cancellation,
    "300 calls at once": aio_many_at_once,
}
AIO_BIDI = {
    "each": {"streamrangeSquare: each response before the next request": aio_each_in_turn},
    "collected": {"streamrangeSquare: no response before the end of the requests": aio_collected},
}
