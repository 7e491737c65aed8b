"""interop-client runs the cases of gRPC's public interoperability tests with our server, with those of grpc-go, grpc-java and
Ruby, and with a Python one, over plaintext and TLS."""

import contextlib
import pathlib
import subprocess

import grpc_go
import grpc_java
import secured
import test_service
from harness import CHECK, Program, equal, soak
from harness import run as run_program
from peers import debian_file

# Cases that every server supports.
EVERYWHERE = [
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
    "special_status_message",
    "custom_metadata",
    # Cases of load.
    "rpc_soak",
    "channel_soak",
]
# Servers that do not return their name lack the first case. Ruby's server has threads for thirty calls.
NAMED = ["pick_first_unary"]
CONCURRENT = ["concurrent_large_unary"]
COMPRESSED_REQUESTS = ["client_compressed_unary", "client_compressed_streaming"]
COMPRESSED_RESPONSES = ["server_compressed_unary", "server_compressed_streaming"]

HERE = pathlib.Path(__file__).resolve().parent


EVERY_CASE = EVERYWHERE + NAMED + CONCURRENT + COMPRESSED_REQUESTS + COMPRESSED_RESPONSES


def run(checks, client, peer, kinds, cases):
    """Runs the cases that a peer supports with its servers, and prints the cases that it lacks."""
    for kind, (server, flags) in kinds.items():
        with server() as port:
            for case in cases:
                checks(f"interop-client calls {peer} over {kind}: {case}", call, client, port, case, flags)
            for case in COMPRESSED_REQUESTS:
                if case not in cases:
                    name = f"interop-client calls {peer} over {kind}: the client detects that it lacks {case}"
                    checks(name, lacks, client, port, case, flags)
    for case in EVERY_CASE:
        if kinds and case not in cases:
            checks.lacking(f"{peer} has no {case}")


def run_ours(checks, client, server, certificates):
    checks("interop-client lists its cases", unknown, client, EVERY_CASE)
    run(checks, client, "interop-server", ours(server, certificates), EVERY_CASE)


def run_python(checks, client, certificates, directory):
    cases = EVERYWHERE + NAMED + CONCURRENT + COMPRESSED_RESPONSES
    run(checks, client, "a Python server", python(certificates, directory), cases)


def run_ruby(checks, client):
    run(checks, client, "Ruby's interop server", ruby(), EVERYWHERE)


def run_go(checks, client, certificates):
    run(checks, client, "grpc-go's interop server", grpc_go.servers(certificates), EVERYWHERE + CONCURRENT)


def run_java(checks, client, directory):
    cases = EVERYWHERE + CONCURRENT + ["server_compressed_unary"]
    run(checks, client, "grpc-java's interop server", grpc_java.servers(directory), cases)


# Servers for plaintext and for TLS: a function that starts one and yields its port, and the flags of its client.


@contextlib.contextmanager
def serving(interop_server, *flags):
    with Program(interop_server, "--port=0", *flags) as server:
        yield server.address.rsplit(":", 1)[1]


def ours(interop_server, certificates):
    tls = certificates.tls
    secure = ("--use_tls=true", f"--tls_cert_file={tls / 'server.pem'}", f"--tls_key_file={tls / 'server.key'}")
    return {
        "plaintext": (lambda: serving(interop_server), []),
        "TLS": (lambda: serving(interop_server, *secure), ["--use_tls=true", f"--ca_file={tls / 'roots.pem'}"]),
    }


def python(certificates, directory):
    credentials = secured.python_server_credentials(certificates.tls)
    return {
        "plaintext": (lambda: test_service.serving(directory), []),
        "TLS": (
            lambda: test_service.serving(directory, credentials),
            ["--use_tls=true", f"--ca_file={certificates.tls / 'roots.pem'}"],
        ),
    }


def ruby():
    """Returns Ruby's servers, with the certificates of gRPC's own tests. None if the Debian package is not installed."""
    program = debian_file("/pb/test/server.rb", "ruby-grpc", "ruby-googleauth")
    if program is None:
        return {}
    authority = pathlib.Path(program).parents[2] / "spec/testdata/ca.pem"

    @contextlib.contextmanager
    def serving(use_tls):
        with Program("ruby", HERE / "loopback.rb", program, "--port=0", f"--use_tls={use_tls}") as server:
            yield server.address.rsplit(":", 1)[1]

    named = "--server_host_override=foo.test.google.fr"
    return {
        "plaintext": (lambda: serving("false"), []),
        "TLS": (lambda: serving("true"), ["--use_tls=true", "--use_test_ca=true", f"--ca_file={authority}", named]),
    }


# The checks.


def command(client, port, case, flags, soak):
    return [client, "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}", *flags, *soak]


def call(client, port, case, flags, soak=soak(), timeout=CHECK):
    printed = run_program(*command(client, port, case, flags, soak), timeout=timeout)
    equal(printed.splitlines()[-1], f"OK: {case}")


def failure(command):
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CHECK)
    equal(ended.returncode, 1)
    return ended.stderr.strip()


def lacks(client, port, case, flags):
    said = failure(command(client, port, case, flags, []))
    assert said.startswith(f"{case}: the probe") and "expected INVALID_ARGUMENT, got OK" in said, said


def unknown(client, cases):
    said = failure([client, "--test_case=no_such_case"])
    start, _, listed = said.partition("; the cases are ")
    equal(start, 'there is no case "no_such_case"')
    equal(sorted(listed.split(", ")), sorted(cases))
