"""The self-signed certificates of tutorials, which the server shows and the client is given as its root: Python's gRPC and ours, in
all four directions. `python self_signed.py` runs these checks alone; a table is printed at their end."""

import concurrent.futures
import contextlib
import pathlib
import subprocess
import sys
import tempfile

import grpc

from harness import CALL, CHANNEL_OPTIONS, CHECK, Checks, Program, cargo_build, equal
from harness import run as run_program

METHOD = "/grpc.testing.TestService/EmptyCall"

# How `openssl` makes each: what follows `openssl req -x509`.
SUBJECT_ALTERNATIVE_NAME = ["-addext", "subjectAltName=DNS:localhost"]
NO_AUTHORITY = ["-addext", "basicConstraints=critical,CA:FALSE"]
CERTIFICATES = {
    "default": [],
    "with SAN": SUBJECT_ALTERNATIVE_NAME,
    "CA:FALSE": NO_AUTHORITY,
    "CA:FALSE with SAN": NO_AUTHORITY + SUBJECT_ALTERNATIVE_NAME,
    "version 1": None,
}

# What is said of the last of them, by our server to whoever starts it, and by our client to its caller.
VERSION_1 = "is of version 1 of X.509"


def run(checks, interop_server, interop_client, directory):
    table = {}
    for name, options in CERTIFICATES.items():
        certificate = Certificate(directory, name, options)
        for server in (PythonServer(), OurServer(interop_server)):
            for client in (PythonClient(), OurClient(interop_client)):
                came_to = []
                check = f"{client.name} calls {server.name} with a self-signed certificate: {name}"
                passed = checks(check, one_way, certificate, server, client, came_to)
                table[name, f"{client.name} -> {server.name}"] = came_to[0] if passed else "FAILED"
    show(table)
    certificate = Certificate(directory, "default", [])
    checks("our client without TLS is told that Python's server seems to speak it", plain_to_tls, certificate, interop_client)
    checks("our client over TLS is told that Python's server does not speak it", tls_to_plain, certificate, interop_client)


def one_way(certificate, server, client, came_to):
    """Makes a call. Ours refuse version 1 in words; everything else works."""
    is_refused = certificate.is_version_1() and "ours" in (server.name, client.name)
    try:
        with server.serving(certificate) as port:
            client.call(port, certificate)
    except RuntimeError as error:
        if not is_refused or VERSION_1 not in str(error):
            raise
        came_to.append("refused in words")
    else:
        if is_refused:
            raise AssertionError("a certificate of version 1 was accepted")
        came_to.append("works")


def show(table):
    directions = list(dict.fromkeys(direction for _, direction in table))
    widths = [max(map(len, CERTIFICATES))] + [max(len(direction), 16) for direction in directions]
    rows = [["certificate", *directions]]
    rows += [[name, *(table[name, direction] for direction in directions)] for name in CERTIFICATES]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)


class Certificate:
    """A certificate for localhost and its key, in files."""

    def __init__(self, directory, name, options):
        stem = name.replace(" ", "-").replace(":", "-")
        self.certificate = pathlib.Path(directory) / f"{stem}.pem"
        self.key = pathlib.Path(directory) / f"{stem}.key"
        request = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", self.key]
        if options is not None:
            openssl("req", "-x509", *request, *options, "-days", "2", "-out", self.certificate)
            return
        signed = self.certificate.with_suffix(".csr")
        openssl("req", "-new", *request, "-out", signed)
        # Newer versions of OpenSSL have to be asked for what older ones make.
        own = ["-req", "-in", signed, "-signkey", self.key, "-days", "2", "-out", self.certificate]
        openssl("x509", *own)
        if not self.is_version_1():
            raise RuntimeError("this openssl does not make certificates of version 1")

    def is_version_1(self):
        text = run_program("openssl", "x509", "-noout", "-text", "-in", self.certificate)
        return "Version: 1 " in text

    def pair(self):
        return self.key.read_bytes(), self.certificate.read_bytes()


def openssl(*arguments):
    run_program("openssl", *arguments)


class PythonServer:
    name = "Python"

    @contextlib.contextmanager
    def serving(self, certificate):
        credentials = certificate and grpc.ssl_server_credentials([certificate.pair()])
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        handlers = grpc.method_handlers_generic_handler("grpc.testing.TestService", {"EmptyCall": handler})
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            server = grpc.server(pool, handlers=[handlers])
            if certificate:
                port = server.add_secure_port("localhost:0", credentials)
            else:
                port = server.add_insecure_port("localhost:0")
            server.start()
            try:
                yield port
            finally:
                server.stop(0).wait(CHECK)


class OurServer:
    name = "ours"

    def __init__(self, interop_server):
        self.program = interop_server

    @contextlib.contextmanager
    def serving(self, certificate):
        flags = ["--port=0", "--use_tls=true", f"--tls_cert_file={certificate.certificate}", f"--tls_key_file={certificate.key}"]
        if certificate.is_version_1():
            # It does not come up, and says why.
            run_program(self.program, *flags)
        with Program(self.program, *flags) as server:
            yield server.address.rsplit(":", 1)[1]


class PythonClient:
    name = "Python"

    def call(self, port, certificate):
        credentials = grpc.ssl_channel_credentials(certificate.certificate.read_bytes())
        with grpc.secure_channel(f"localhost:{port}", credentials, options=CHANNEL_OPTIONS) as channel:
            equal(channel.unary_unary(METHOD)(b"", timeout=CALL), b"")


class OurClient:
    name = "ours"

    def __init__(self, interop_client):
        self.program = interop_client

    def call(self, port, certificate, *flags):
        flags = flags or ["--use_tls=true", f"--ca_file={certificate.certificate}"]
        run_program(self.program, "--server_host=localhost", f"--server_port={port}", "--test_case=empty_unary", *flags)


def plain_to_tls(certificate, interop_client):
    with PythonServer().serving(certificate) as port:
        failed(interop_client, port, certificate, "if the server speaks TLS, as it seems", "--use_tls=false")


def tls_to_plain(certificate, interop_client):
    said = "servers without encryption, at the other end of such a port, are for Channel::insecure"
    with PythonServer().serving(None) as port:
        failed(interop_client, port, certificate, said)


def failed(interop_client, port, certificate, said, *flags):
    try:
        OurClient(interop_client).call(port, certificate, *flags)
    except RuntimeError as error:
        assert said in str(error), error
    else:
        raise AssertionError("the call succeeded")


def main():
    if subprocess.run(["openssl", "version"]).returncode != 0:
        return 1
    programs, _ = cargo_build("--locked", "--package=stubwright-tests", "--bin=interop-server", "--bin=interop-client")
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="stubwright-certificates-") as directory:
        run(checks, programs["interop-server"], programs["interop-client"], directory)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
