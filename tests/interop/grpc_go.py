"""grpc-go: its official interop client calls interop-server, and its interop server serves our client."""

import contextlib
import os
import re
import subprocess

from harness import CHECK, Program, soak
from peers import golang

CASES = [
    # Basic cases.
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
    "unimplemented_method",
    "unimplemented_service",
    "pick_first_unary",
    # Cases of status and metadata.
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    # Cases of load.
    "rpc_soak",
    "channel_soak",
]
LACKING = [
    "client_compressed_unary",
    "client_compressed_streaming",
    "server_compressed_unary",
    "server_compressed_streaming",
    "concurrent_large_unary",
]


def run(checks, servers):
    """Runs the cases of the client. `servers` are interop-server over plaintext and over TLS, with flags of a client."""
    client = Client()
    if not client.is_here():
        return
    for kind, (server, flags) in servers.items():
        with server() as port:
            for case in CASES:
                checks(f"grpc-go's interop client calls interop-server over {kind}: {case}", client, port, case, flags, soak())
    for case in LACKING:
        checks.lacking(f"grpc-go's interop client has no {case}")


def servers(certificates):
    """Returns grpc-go's server over plaintext and over TLS, with flags of our client. None if it is not installed."""
    directory = golang()
    if directory is None:
        return {}
    tls = certificates.tls
    files = [f"--tls_cert_file={tls / 'server.pem'}", f"--tls_key_file={tls / 'server.key'}"]

    @contextlib.contextmanager
    def serving(*flags):
        with Program(directory / "grpc-go-server", *flags) as server:
            yield server.address.rsplit(":", 1)[1]

    return {
        "plaintext": (serving, []),
        "TLS": (lambda: serving(*files), ["--use_tls=true", f"--ca_file={tls / 'roots.pem'}"]),
    }


class Client:
    """The official client."""

    def __init__(self):
        self.directory = golang()

    def is_here(self):
        return self.directory is not None

    def __call__(self, port, case, flags, soak, timeout=CHECK):
        """Runs a case. The exit status is not enough: the client must also print that the case is done, and no other."""
        # The client uses its own authority only with this flag.
        flags = [*flags, "--use_test_ca=true"] if flags else []
        ended = subprocess.run(
            [self.directory / "client", "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}"]
            + [*flags, *soak],
            env=os.environ | {"GRPC_GO_LOG_SEVERITY_LEVEL": "info"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        done = re.findall(r"\[interop\] (\w+) done$", ended.stdout, re.MULTILINE)
        # EmptyUnaryCall is the case empty_unary.
        names = [name.lower().removesuffix("call") for name in done]
        if ended.returncode != 0 or names != [case.replace("_", "")]:
            raise AssertionError(f"the client exited with {ended.returncode}\n{ended.stdout}")
