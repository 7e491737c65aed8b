"""grpc-java: its official interop client, with Netty and OkHttp, calls interop-server, and its interop server serves our client.

Both accept only the certificates of gRPC's own tests, which are in one of its archives.
"""

import contextlib
import pathlib
import subprocess
import zipfile

from harness import CHECK, Program, soak
from peers import java

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
    # Cases of compression.
    "client_compressed_unary",
    "client_compressed_streaming",
    "server_compressed_unary",
    "server_compressed_streaming",
    # Cases of load.
    "rpc_soak",
    "channel_soak",
]
LACKING = ["concurrent_large_unary"]

TRANSPORTS = ["Netty", "OkHttp"]

# A name in the certificate of gRPC's own tests.
NAME = "foo.test.google.fr"

# Options for a JVM that starts quickly, because each case starts one.
JVM = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

HERE = pathlib.Path(__file__).resolve().parent


def run(checks, serving, directory):
    """Runs the cases of the client. `serving` starts interop-server with flags."""
    client = Client()
    if not client.is_here():
        return
    for kind, flags in interop_server_flags(directory).items():
        with serving(*flags) as port:
            for transport in TRANSPORTS:
                for case in CASES:
                    name = f"grpc-java's interop client calls interop-server with {transport} over {kind}: {case}"
                    checks(name, client, port, case, transport, kind, soak())
    for case in LACKING:
        checks.lacking(f"grpc-java's interop client has no {case}")


def servers(directory):
    """Returns grpc-java's server over plaintext and over TLS, with flags of our client. None if it is not installed."""
    path = java()
    if path is None:
        return {}
    certificates = test_certificates(directory)

    @contextlib.contextmanager
    def serving(*files):
        with Program(*JVM, "-cp", path, HERE / "java/InteropServer.java", *files) as server:
            yield server.address.rsplit(":", 1)[1]

    flags = [f"--ca_file={certificates / 'ca.pem'}", f"--server_host_override={NAME}"]
    return {
        "plaintext": (serving, []),
        "TLS": (
            lambda: serving(certificates / "server1.pem", certificates / "server1.key"),
            ["--use_tls=true", "--use_test_ca=true", *flags],
        ),
    }


def interop_server_flags(directory):
    """Returns the flags for interop-server with plaintext, and with TLS and the certificate that the client accepts."""
    certificates = test_certificates(directory)
    files = [f"--tls_cert_file={certificates / 'server1.pem'}", f"--tls_key_file={certificates / 'server1.key'}"]
    return {"plaintext": [], "TLS": ["--use_tls=true", *files]}


def test_certificates(directory):
    """Extracts the certificates of gRPC's own tests to a directory."""
    [archive] = pathlib.Path(java()).parent.glob("grpc-testing-*.jar")
    with zipfile.ZipFile(archive) as archive:
        for name in ("ca.pem", "server1.pem", "server1.key"):
            archive.extract(f"certs/{name}", directory / "grpc-java")
    return directory / "grpc-java/certs"


class Client:
    """The official client."""

    def __init__(self):
        self.path = java()

    def is_here(self):
        return self.path is not None

    def __call__(self, port, case, transport, kind, soak, timeout=CHECK):
        """Runs a case. The exit status is not enough: the client must also print that the case is completed."""
        tls = kind == "TLS"
        security = ["--use_tls=true", "--use_test_ca=true", f"--server_host_override={NAME}"] if tls else ["--use_tls=false"]
        ended = subprocess.run(
            [*JVM, "-cp", self.path, "io.grpc.testing.integration.TestServiceClient"]
            + ["--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}"]
            + [f"--use_okhttp={str(transport == 'OkHttp').lower()}", *security, *soak],
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if ended.returncode != 0 or ended.stdout.splitlines() != [f"Running test {case}", "Test completed."]:
            raise AssertionError(f"the client exited with {ended.returncode}\n{ended.stdout}{ended.stderr}")
