"""Ruby's official interop client calls interop-server, over plaintext and TLS."""

import os
import subprocess

from harness import CHECK, Program
from peers import debian_file

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
    # Cases of status and metadata.
    "status_code_and_message",
    "custom_metadata",
    # Cases of compression.
    "client_compressed_unary",
    "client_compressed_streaming",
]


def run(checks, interop_server, certificates):
    client = debian_file("/pb/test/client.rb", "ruby-grpc", "ruby-googleauth")
    if client is None:
        return
    tls = certificates.tls
    flags = ["--use_tls=true", f"--tls_cert_file={tls / 'server.pem'}", f"--tls_key_file={tls / 'server.key'}"]
    for kind, server_flags in (("plaintext", []), ("TLS", flags)):
        with Program(interop_server, "--port=0", *server_flags) as server:
            for case in CASES:
                name = f"Ruby's interop client calls interop-server over {kind}: {case}"
                checks(name, call, client, server.address, case, tls if server_flags else None)


def call(client, address, case, tls):
    host, port = address.rsplit(":", 1)
    environment = dict(os.environ)
    # The proxy must not be used for loopback addresses.
    environment["no_grpc_proxy"] = host
    if tls is not None:
        environment["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(tls / "roots.pem")
    ended = subprocess.run(
        ["ruby", client, f"--server_host={host}", f"--server_port={port}", f"--test_case={case}"]
        + [f"--use_tls={str(tls is not None).lower()}", "--use_test_ca=false"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=CHECK,
    )
    lines = ended.stdout.splitlines()
    # The exit status is zero even if a case was not run. The last line must say that it was.
    if ended.returncode != 0 or lines[-1:] != [f'"OK: {case}"'] or "NOT RUN" in ended.stdout:
        raise AssertionError(f"the client exited with {ended.returncode}\n{ended.stdout}")
