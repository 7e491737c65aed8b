"""Python calls the program with the plugin's code, and is called by it, to test what the square service does not use."""

import asyncio
import contextlib
import time

import grpc
import square_pb2_grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from square_pb2 import Message
from square_pb2_grpc import SquareServiceStub

import python_client
import python_server
from harness import CALL, CHANNEL_OPTIONS, Program, equal, padded
from harness import run as run_program

ALL_BYTES = bytes(range(256))
METADATA = (
    ("initial", "one"),
    ("initial", "two, three"),
    ("initial-bin", ALL_BYTES),
    ("trailing", "~ !"),
    ("trailing-bin", b""),
)
MESSAGE = "nützlich: 100 %\n"
DETAILS = b"\x08\x0a\x00\xff"
CROWD = 10_000


def run(checks, probe):
    with Program(probe, "serve") as server:
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            for name, check in OUR_SERVER.items():
                checks(f"Python calls the plugin's code: {name}", check, channel)
        for name, check in OUR_SERVER_AIO.items():
            checks(f"grpc.aio calls the plugin's code: {name}", python_client.aio(check), server.address)
    for name, (check, cancelled) in OUR_CLIENT.items():
        checks(f"the plugin's code calls grpc.aio: {name}", our_client, probe, check, cancelled)
    checks("the plugin's code calls grpc.aio: connections that the server ends are replaced", reconnect, probe)
    checks(f"the plugin's code calls grpc.aio: {CROWD} calls at a time over one channel", crowd, probe)


# Our server.


def metadata(channel):
    stub = SquareServiceStub(channel)
    response, call = stub.square.with_call(Message(message=2), timeout=CALL, metadata=METADATA)
    equal(response.message, 2.0)
    equal(echoed(call.initial_metadata()), METADATA[:3])
    equal(echoed(call.trailing_metadata()), METADATA[3:])
    responses = stub.rangeSquare(Message(message=2), timeout=CALL, metadata=METADATA)
    equal(echoed(responses.initial_metadata()), METADATA[:3])
    equal(len(list(responses)), 2)
    equal(echoed(responses.trailing_metadata()), METADATA[3:])


def status(channel):
    stub = SquareServiceStub(channel)
    for call in (stub.square, listed(stub.rangeSquare)):
        error = python_client.failure(
            lambda: call(Message(message=2), timeout=CALL, metadata=(("fail", "yes"), ("trailing", "too")))
        )
        equal((error.code(), error.details()), (grpc.StatusCode.ABORTED, MESSAGE))
        trailing = dict(error.trailing_metadata())
        equal((trailing["grpc-status-details-bin"], trailing["trailing"]), (DETAILS, "too"))


def rich_status(channel):
    stub = SquareServiceStub(channel)
    for call in (stub.square, listed(stub.rangeSquare)):
        error = python_client.failure(lambda: call(Message(message=2), timeout=CALL, metadata=(("fail", "richly"),)))
        equal(rpc_status.from_call(error), rich())


def rich():
    """Returns a status with the same two typed details as in `probe.rs`."""
    violation = error_details_pb2.BadRequest.FieldViolation(field="message", description="it is even")
    details = (
        error_details_pb2.BadRequest(field_violations=[violation]),
        error_details_pb2.ErrorInfo(reason="EVEN", domain="example.com", metadata={"number": "2"}),
    )
    status = status_pb2.Status(code=grpc.StatusCode.INVALID_ARGUMENT.value[0], message=MESSAGE)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def deadline(channel):
    stub = SquareServiceStub(channel)
    with handlers_given_up(stub, 2):
        for call in (stub.square, listed(stub.rangeSquare)):
            error = python_client.failure(lambda: call(Message(message=-1), timeout=0.3))
            equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)


def cancellation(channel):
    stub = SquareServiceStub(channel)
    with handlers_given_up(stub, 2):
        future = stub.square.future(Message(message=-1), timeout=CALL)
        responses = stub.rangeSquare(Message(message=-1), timeout=CALL)
        equal(next(responses).message, 0.0)
        time.sleep(0.1)
        responses.cancel()
        future.cancel()


async def moved_requests(channel):
    stub = SquareServiceStub(channel)
    before = (await stub.sumSquare(timeout=CALL)).message
    call = stub.streamrangeSquare(timeout=CALL)
    await call.write(Message(message=1))
    equal((await call.read()).message, 0.0)
    call.cancel()
    for _ in range(200):
        if (await stub.sumSquare(timeout=CALL)).message == before + 1:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the task that reads the requests has not seen CANCELLED")


def listed(call):
    """Reads a streaming call to its end."""
    return lambda *arguments, **options: list(call(*arguments, **options))


@contextlib.contextmanager
def handlers_given_up(stub, count):
    """Checks that `count` more handlers are cancelled in the block, or within two seconds after it."""

    def given_up():
        return stub.sumSquare(iter(()), timeout=CALL).message

    expected = given_up() + count
    yield
    for _ in range(200):
        if given_up() == expected:
            return
        time.sleep(0.01)
    equal(given_up(), expected)


OUR_SERVER = {
    "metadata of all kinds in both directions": metadata,
    "a status with message, details and metadata": status,
    "a status with typed details (grpcio-status)": rich_status,
    "a deadline ends calls that are never answered, and their handlers": deadline,
    "cancelled calls, and their handlers": cancellation,
}
OUR_SERVER_AIO = {
    "a request stream in another task sees CANCELLED": moved_requests,
}


# Our client.


async def our_client(probe, check, cancelled):
    servicer = Probe()
    async with python_server.aio_serving(servicer) as address:
        await asyncio.to_thread(run_program, probe, "call", address, check)
        for _ in range(200):
            if len(servicer.cancelled) == len(cancelled):
                break
            await asyncio.sleep(0.01)
    equal(sorted(servicer.cancelled), cancelled)


async def reconnect(probe):
    options = [("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 2000)]
    async with python_server.aio_serving(Probe(), options) as address:
        await asyncio.to_thread(run_program, probe, "call", address, "reconnect")


async def crowd(probe):
    # Otherwise it cancels calls that wait for a handler: some beyond a thousand, all beyond three thousand.
    limits = ("grpc.server.max_pending_requests", "grpc.server.max_pending_requests_hard_limit")
    options = [(limit, CROWD) for limit in limits]
    async with python_server.aio_serving(Crowd(), options) as address:
        print(await asyncio.to_thread(run_program, probe, "call", address, "crowd"), end="", flush=True)


class Crowd(square_pb2_grpc.SquareServiceServicer):
    """Answers only when `CROWD` calls are open at the same time."""

    def __init__(self):
        self.present = 0
        self.all_present = asyncio.Event()

    async def square(self, request, context):
        self.present += 1
        if self.present == CROWD:
            self.all_present.set()
        await self.all_present.wait()
        return python_server.squared(request)


class Probe(square_pb2_grpc.SquareServiceServicer):
    """Behaves as the program's own server, with two differences: it does not implement sumSquare, and it sends large responses."""

    def __init__(self):
        self.cancelled = []

    async def square(self, request, context):
        with self.noted("square"):
            await self.echo(context)
            await self.answer(request)
            mebibytes = dict(context.invocation_metadata()).get("mebibytes", "0")
            # Python keeps unknown fields of a message.
            return Message.FromString(padded(request.message**2, int(mebibytes) << 20))

    async def rangeSquare(self, request, context):
        with self.noted("rangeSquare"):
            await self.echo(context)
            yield Message(message=0)
            await self.answer(request)
            yield python_server.squared(request)

    @contextlib.contextmanager
    def noted(self, method):
        """Notes that a handler is cancelled, wherever it waits. In a `yield`, the generator ends."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(method)
            raise

    async def echo(self, context):
        pairs = context.invocation_metadata()
        trailing = [(key, value) for key, value in pairs if key.startswith("trailing")]
        if dict(pairs).get("fail") == "richly":
            status = rpc_status.to_status(rich())
            await context.abort(status.code, status.details, status.trailing_metadata)
        if "fail" in dict(pairs):
            await context.abort(grpc.StatusCode.ABORTED, MESSAGE, (*trailing, ("grpc-status-details-bin", DETAILS)))
        await context.send_initial_metadata([(key, value) for key, value in pairs if key.startswith("initial")])
        context.set_trailing_metadata(trailing)

    async def answer(self, request):
        if request.message < 0:
            await asyncio.sleep(CALL)


# Checks of the program, with the handlers that each of them cancels.
OUR_CLIENT = {
    "metadata of all kinds in both directions": ("metadata", []),
    "a status with message, details and metadata": ("status", []),
    "a status with typed details (grpcio-status)": ("rich_status", []),
    "3 MiB are taken, 5 MiB are RESOURCE_EXHAUSTED": ("large", []),
    "a method that is not there is UNIMPLEMENTED": ("unimplemented", []),
    "a deadline ends calls that are never answered": ("deadline", ["rangeSquare", "square"]),
    "dropped calls are cancelled": ("drop", ["rangeSquare", "square"]),
    "calls are cancelled before, during and after they run": ("cancel", ["rangeSquare"]),
    "requests over the server's limit, and limits of single calls": ("limits", []),
}


def echoed(pairs):
    """Returns the echoed pairs. Python also shows some of gRPC's own."""
    return tuple((key, value) for key, value in pairs if key.startswith(("initial", "trailing")))
