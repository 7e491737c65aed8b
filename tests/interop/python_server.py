"""square-client and square-blocking-client call Python's servers, synchronous and asyncio."""

import asyncio
import concurrent.futures
import contextlib
import itertools

import grpc
import square_pb2_grpc
from square_pb2 import Message

from harness import CHECK, equal
from harness import run as run_program

LISTED = ", ".join(f"{number * number:.1f}" for number in range(13))
LISTED_TO_11 = ", ".join(f"{number * number:.1f}" for number in range(12))
ALIKE = ["square(12.3) = 151.29", f"rangeSquare(12) = [{LISTED}]", "sumSquare(0..12) = 506"]
PRINTED = {
    "each": ALIKE
    + [
        f"streamrangeSquare(0..12), each answered as it comes = [{LISTED_TO_11}]",
        "the first response came before the second request was sent",
    ],
    "collected": ALIKE
    + [
        "no response came before the second request",
        f"streamrangeSquare(0..12), answered at the end = [{LISTED_TO_11}]",
    ],
    "blocking": [
        "square(12.3) = 151.29",
        *(f"rangeSquare(3): {number * number}" for number in range(4)),
        "sumSquare(0..12) = 506",
        *(f"streamrangeSquare(0..4): {number * number}" for number in range(4)),
        *(f"square, as a future: {number * number}" for number in range(3)),
        "square(2) = 4, Ok, request id none",
    ],
}
CALLED = {
    "each": ["square", "rangeSquare", "sumSquare", "streamrangeSquare"],
    # The client first tries to get a response to each request.
    "collected": ["square", "rangeSquare", "sumSquare", "streamrangeSquare", "streamrangeSquare"],
    "blocking": ["square", "rangeSquare", "sumSquare", "streamrangeSquare", *["square"] * 4],
}

# Time in which an early second request would arrive, in seconds.
EARLY = 0.3


def run(checks, square_client, square_blocking_client):
    client = "square-blocking-client"
    checks(f"{client} calls a Python server: all kinds of calls", sync_server, square_blocking_client, "blocking")
    checks(f"{client} calls a grpc.aio server: all kinds of calls", aio_server, square_blocking_client, "blocking")
    for answers in ("each", "collected"):
        checks(f"square-client calls a Python server ({answers}): all kinds of calls", sync_server, square_client, answers)
        checks(f"square-client calls a grpc.aio server ({answers}): all kinds of calls", aio_server, square_client, answers)


def sync_server(square_client, answers):
    servicer = Squares(answers)
    with serving(servicer) as address:
        printed = run_program(square_client, "--addr", address)
    equal(printed.splitlines(), PRINTED[answers])
    servicer.check()


@contextlib.contextmanager
def serving(servicer):
    """Starts a synchronous server on a free port. Yields its address."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=10) as pool:
        server = grpc.server(pool)
        square_pb2_grpc.add_SquareServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait(CHECK)


async def aio_server(square_client, answers):
    servicer = AioSquares(answers)
    async with aio_serving(servicer) as address:
        printed = await asyncio.to_thread(run_program, square_client, "--addr", address)
    equal(printed.splitlines(), PRINTED[answers])
    servicer.check()


@contextlib.asynccontextmanager
async def aio_serving(servicer, options=(), credentials=None):
    """Starts an asyncio server on a free port, with credentials if there are any. Yields its address."""
    server = grpc.aio.server(options=options)
    square_pb2_grpc.add_SquareServiceServicer_to_server(servicer, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def squared(message):
    return Message(message=message.message * message.message)


class Record:
    """Records the calls, and whether a second request came before the first response was sent."""

    def __init__(self, answers):
        self.answers = answers
        self.called = []
        self.early = False

    def check(self):
        equal(self.called, CALLED[self.answers])
        assert not self.early, "the second request came before the first response was sent"


class Squares(Record, square_pb2_grpc.SquareServiceServicer):
    """The servicer of the tutorial."""

    def square(self, request, context):
        self.called.append("square")
        return squared(request)

    def rangeSquare(self, request, context):
        self.called.append("rangeSquare")
        for number in range(int(request.message) + 1):
            yield Message(message=number * number)

    def sumSquare(self, requests, context):
        self.called.append("sumSquare")
        return Message(message=sum(squared(request).message for request in requests))

    def streamrangeSquare(self, requests, context):
        self.called.append("streamrangeSquare")
        if self.answers != "each":
            yield from [squared(request) for request in requests]
            return
        first = next(requests)
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            second = pool.submit(next, requests)
            concurrent.futures.wait([second], timeout=EARLY)
            self.early = second.done()
            yield squared(first)
            rest = itertools.chain([second.result()], requests)
        for request in rest:
            yield squared(request)


class AioSquares(Record, square_pb2_grpc.SquareServiceServicer):
    """The same, for asyncio."""

    async def square(self, request, context):
        self.called.append("square")
        return squared(request)

    async def rangeSquare(self, request, context):
        self.called.append("rangeSquare")
        for number in range(int(request.message) + 1):
            yield Message(message=number * number)

    async def sumSquare(self, requests, context):
        self.called.append("sumSquare")
        return Message(message=sum([squared(request).message async for request in requests]))

    async def streamrangeSquare(self, requests, context):
        self.called.append("streamrangeSquare")
        if self.answers != "each":
            for response in [squared(request) async for request in requests]:
                yield response
            return
        requests = requests.__aiter__()
        first = await anext(requests)
        second = asyncio.ensure_future(anext(requests))
        done, _ = await asyncio.wait([second], timeout=EARLY)
        self.early = bool(done)
        yield squared(first)
        yield squared(await second)
        async for request in requests:
            yield squared(request)
