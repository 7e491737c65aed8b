"""Unix sockets: Python's client with square-server, and square-client with Python's server."""

import concurrent.futures

import grpc
import square_pb2_grpc

from harness import CHANNEL_OPTIONS, CHECK, Program, equal
from harness import run as run_program
from python_client import SYNC, SYNC_BIDI
from python_server import PRINTED, Squares


def run(checks, square_server, square_client, directory):
    ours = directory / "ours.sock"
    with Program(square_server, "--addr", f"unix:{ours}") as server:
        for target in (server.address, f"unix://{ours}"):
            with grpc.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
                for name, check in (SYNC | SYNC_BIDI["each"]).items():
                    checks(f"Python calls square-server (unix socket): {name}", check, channel)
    theirs = directory / "theirs.sock"
    for target in (f"unix:{theirs}", f"unix://{theirs}"):
        checks("square-client calls a Python server (unix socket): all kinds of calls", server_of_theirs, square_client, target)


def server_of_theirs(square_client, target):
    servicer = Peers("each")
    with concurrent.futures.ThreadPoolExecutor(max_workers=10) as pool:
        server = grpc.server(pool)
        square_pb2_grpc.add_SquareServiceServicer_to_server(servicer, server)
        server.add_insecure_port(target)
        server.start()
        try:
            printed = run_program(square_client, "--addr", target)
        finally:
            server.stop(0).wait(CHECK)
    equal(printed.splitlines(), PRINTED["each"])
    servicer.check()
    equal(servicer.peers, {"unix:"})


class Peers(Squares):
    """The servicer, which also records its callers."""

    def __init__(self, answers):
        super().__init__(answers)
        self.peers = set()

    def square(self, request, context):
        self.peers.add(context.peer())
        return super().square(request, context)
