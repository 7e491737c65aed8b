"""Honest clients cancel many calls at once and at a high rate, over one connection. The server must not close it.

Each client keeps a call open from the beginning. It ends only when it is cancelled, or when the server closes the connection.
"""

import asyncio
import time

import grpc

from harness import CALL, CHANNEL_OPTIONS, CHECK, Program, equal, run as run_program
from peers import golang

METHOD = "/grpc.testing.TestService/StreamingOutputCall"
# A StreamingOutputCallRequest: a response of one byte at once, and another after a minute.
REQUEST = b"\x12\x02\x08\x01" + b"\x12\x07\x08\x01\x10\x80\x8e\xce\x1c"

AT_ONCE, ROUNDS = 900, 3
ATTEMPTS, RATE, SECONDS = 4, 500, 4


def run(checks, interop_server):
    """Checks both clients of grpcio."""
    with Program(interop_server, "--port=0") as server:
        for name, check in (("900 calls at once", at_once), ("three of four calls", hedged)):
            checks(f"Python's grpc cancels {name}", check, server.address)
        for name, check in (("900 calls at once", at_once_aio), ("three of four calls", hedged_aio)):
            checks(f"Python's grpc.aio cancels {name}", check, server.address)


def run_go(checks, interop_server):
    """Checks grpc-go."""
    directory = golang()
    if directory is None:
        return
    with Program(interop_server, "--port=0") as server:
        checks("grpc-go cancels 900 calls at once, and three of four calls 500 times a second", go, directory, server.address)


def go(directory, address):
    print(run_program(directory / "cancels", address), end="", flush=True)


class Witnessed:
    """A channel with its first call, which stays open."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, CHANNEL_OPTIONS)

    def __enter__(self):
        self.call = self.channel.unary_stream(METHOD)
        self.witness = self.answered()
        return self

    def __exit__(self, *_):
        with self.channel:
            assert self.witness.is_active(), f"the connection was closed: {self.witness.code()}"
            self.witness.cancel()

    def answered(self):
        """Makes a call that completes."""
        call = self.call(REQUEST)
        next(call)
        return call


def at_once(address):
    with Witnessed(address) as client:
        for _ in range(ROUNDS):
            calls = [client.call(REQUEST) for _ in range(AT_ONCE)]
            for call in calls:
                next(call)
            for call in calls:
                call.cancel()
            equal({call.code() for call in calls}, {grpc.StatusCode.CANCELLED})


def hedged(address):
    with Witnessed(address) as client:
        began = time.monotonic()
        for round in range(RATE * SECONDS):
            time.sleep(max(0, began + round / RATE - time.monotonic()))
            calls = [client.call(REQUEST) for _ in range(ATTEMPTS)]
            next(calls[0])
            for call in calls:
                call.cancel()
        tell(began)


async def witnessed_aio(address, check):
    async with grpc.aio.insecure_channel(address, CHANNEL_OPTIONS) as channel:
        method = channel.unary_stream(METHOD)
        witness = method(REQUEST)
        await witness.read()
        await check(method)
        assert not witness.done(), f"the connection was closed: {await witness.code()}"
        witness.cancel()


async def at_once_aio(address):
    async def check(method):
        for _ in range(ROUNDS):
            calls = [method(REQUEST) for _ in range(AT_ONCE)]
            await asyncio.wait_for(asyncio.gather(*(call.read() for call in calls)), CALL)
            for call in calls:
                call.cancel()
            equal({await call.code() for call in calls}, {grpc.StatusCode.CANCELLED})

    await witnessed_aio(address, check)


async def hedged_aio(address):
    async def hedge(method):
        calls = [method(REQUEST) for _ in range(ATTEMPTS)]
        await calls[0].read()
        for call in calls:
            call.cancel()

    async def check(method):
        began = time.monotonic()
        tasks = []
        for round in range(RATE * SECONDS):
            await asyncio.sleep(max(0, began + round / RATE - time.monotonic()))
            tasks.append(asyncio.create_task(hedge(method)))
        await asyncio.wait_for(asyncio.gather(*tasks), CHECK)
        tell(began)

    await witnessed_aio(address, check)


def tell(began):
    rate = RATE * SECONDS / (time.monotonic() - began)
    print(f"        {RATE * SECONDS} times {ATTEMPTS} calls, {rate:.0f} times a second", flush=True)
