"""Checks that take minutes: `tests/interop/run soaks timeouts`, for .ci/long."""

import subprocess
import time

import grpc_go
import grpc_java
import interop_client
from harness import CHECK, equal, soak

# Number of calls of a soak on one channel, and with a channel each. Calls send 272 KB and receive 314 KB.
CALLS = {"rpc_soak": 5_000, "channel_soak": 1_000}
# Time limit of a soak, in seconds.
SOAK = 600

RUNS = 1_000


def soaks(checks, programs, certificates, directory):
    """Runs soaks of our client with the servers of grpc-go and grpc-java, and of their clients with ours."""
    client = programs["interop-client"]
    ours = interop_client.ours(programs["interop-server"], certificates)
    for peer, kinds in (
        ("interop-server", ours),
        ("grpc-go's interop server", grpc_go.servers(certificates)),
        ("grpc-java's interop server", grpc_java.servers(directory)),
    ):
        for kind, (server, flags) in kinds.items():
            with server() as port:
                for case, calls in CALLS.items():
                    name = f"interop-client calls {peer} over {kind}: {case} of {calls} calls"
                    timed(checks, name, interop_client.call, client, port, case, flags, soak(calls, SOAK), SOAK)

    golang = grpc_go.Client()
    for kind, (server, flags) in ours.items() if golang.is_here() else ():
        with server() as port:
            for case, calls in CALLS.items():
                name = f"grpc-go's interop client calls interop-server over {kind}: {case} of {calls} calls"
                timed(checks, name, golang, port, case, flags, soak(calls, SOAK), SOAK)

    java = grpc_java.Client()
    for kind, flags in grpc_java.interop_server_flags(directory).items() if java.is_here() else ():
        with interop_client.serving(programs["interop-server"], *flags) as port:
            for transport in grpc_java.TRANSPORTS:
                for case, calls in CALLS.items():
                    name = f"grpc-java's interop client calls interop-server with {transport} over {kind}: {case} of {calls} calls"
                    timed(checks, name, java, port, case, transport, kind, soak(calls, SOAK), SOAK)


def timeouts(checks, programs, certificates):
    """Runs the case timeout_on_sleeping_server with grpc-go's server, a thousand times."""
    kinds = grpc_go.servers(certificates)
    for kind, (server, flags) in kinds.items():
        with server() as port:
            name = f"interop-client calls grpc-go's interop server over {kind}: {RUNS} runs of timeout_on_sleeping_server"
            timed(checks, name, timeouts_at, programs["interop-client"], port, flags)


def timeouts_at(client, port, flags):
    command = interop_client.command(client, port, "timeout_on_sleeping_server", flags, [])
    failures = []
    for _ in range(RUNS):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=CHECK)
        if ended.returncode != 0:
            failures.append(ended.stderr)
    print(f"{RUNS - len(failures)} of {RUNS} runs passed", flush=True)
    equal(failures, [])


def timed(checks, name, check, *arguments):
    began = time.monotonic()
    checks(name, check, *arguments)
    print(f"        {time.monotonic() - began:.0f} s", flush=True)
