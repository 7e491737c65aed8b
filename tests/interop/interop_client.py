"""interop-client runs the cases of gRPC's public interoperability tests against our server, Ruby's and a Python one, over
plaintext and TLS."""

import contextlib
import pathlib
import subprocess

import secured
import test_service
from harness import CHECK, Program, equal
from harness import run as run_program
from peers import debian_file

# The cases of which every server can do its part.
EVERYWHERE = [
    # Plain ones.
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
    # Of status and metadata.
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    # Of load.
    "rpc_soak",
    "channel_soak",
]
# Ruby's server says no name, and has threads for thirty calls.
NOT_RUBY = ["pick_first_unary", "concurrent_large_unary"]
COMPRESSED_REQUESTS = ["client_compressed_unary", "client_compressed_streaming"]
COMPRESSED_RESPONSES = ["server_compressed_unary", "server_compressed_streaming"]

# What a busy machine needs, and more calls than by default.
SOAK = [
    "--soak_iterations=100",
    "--soak_num_threads=4",
    "--soak_per_iteration_max_acceptable_latency_ms=5000",
    f"--soak_overall_timeout_seconds={CHECK}",
]

HERE = pathlib.Path(__file__).resolve().parent


def run(checks, interop_client, interop_server, certificates, directory):
    every_case = EVERYWHERE + NOT_RUBY + COMPRESSED_REQUESTS + COMPRESSED_RESPONSES
    checks("interop-client says which cases there are", unknown, interop_client, every_case)
    peers = {
        "interop-server": (ours(interop_server, certificates), every_case),
        "Ruby's interop server": (ruby(), EVERYWHERE),
        "a Python server": (python(certificates, directory), EVERYWHERE + NOT_RUBY + COMPRESSED_RESPONSES),
    }
    for peer, (kinds, cases) in peers.items():
        for kind, (server, flags) in kinds.items():
            with server() as port:
                for case in cases:
                    checks(f"interop-client calls {peer} over {kind}: {case}", call, interop_client, port, case, flags)
                for case in COMPRESSED_REQUESTS:
                    if case not in cases:
                        name = f"interop-client calls {peer} over {kind}: that it has no {case} is noticed"
                        checks(name, lacks, interop_client, port, case, flags)


# The servers: for plaintext and for TLS, what makes one and gives its port, and the flags of its client.


def ours(interop_server, certificates):
    @contextlib.contextmanager
    def serving(*flags):
        with Program(interop_server, "--port=0", *flags) as server:
            yield server.address.rsplit(":", 1)[1]

    tls = certificates.tls
    secure = ("--use_tls=true", f"--tls_cert_file={tls / 'server.pem'}", f"--tls_key_file={tls / 'server.key'}")
    return {
        "plaintext": (serving, []),
        "TLS": (lambda: serving(*secure), ["--use_tls=true", f"--ca_file={tls / 'roots.pem'}"]),
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
    """None where Debian's package is not here. It has the certificates of gRPC's own tests."""
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


def command(client, port, case, flags):
    return [client, "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}", *flags, *SOAK]


def call(client, port, case, flags):
    printed = run_program(*command(client, port, case, flags))
    equal(printed.splitlines()[-1], f"OK: {case}")


def failure(command):
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CHECK)
    equal(ended.returncode, 1)
    return ended.stderr.strip()


def lacks(client, port, case, flags):
    said = failure(command(client, port, case, flags))
    assert said.startswith(f"{case}: the probe") and "expected INVALID_ARGUMENT, and it is OK" in said, said


def unknown(client, cases):
    said = failure([client, "--test_case=no_such_case"])
    start, _, listed = said.partition("; the cases are ")
    equal(start, 'there is no case "no_such_case"')
    equal(sorted(listed.split(", ")), sorted(cases))
