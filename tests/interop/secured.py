"""The checks of `probe.py` over TLS, with and without certificates of clients."""

import asyncio

import grpc
import trustme
from square_pb2 import Message
from square_pb2_grpc import SquareServiceStub

import probe
import python_client
import python_server
from harness import CALL, CHANNEL_OPTIONS, Program, equal
from harness import run as run_program

NAME = "client.example"


def run(checks, program, files):
    for kind, path in (("TLS", files.tls), ("mutual TLS", files.mutual)):
        with Program(program, "serve", path) as ours:
            credentials = python_credentials(path)
            with grpc.secure_channel(ours.address, credentials, options=CHANNEL_OPTIONS) as channel:
                for name, check in probe.OUR_SERVER.items():
                    checks(f"Python calls over {kind}: {name}", check, channel)
                checks(f"Python calls over {kind}: the identity of the client", identity, channel, path)
        for name, (check, cancelled) in probe.OUR_CLIENT.items():
            checks(f"grpc.aio is called over {kind}: {name}", our_client, program, check, cancelled, path)
    with Program(program, "serve", files.mutual) as ours:
        with grpc.secure_channel(ours.address, python_credentials(files.tls), options=CHANNEL_OPTIONS) as channel:
            checks("Python without a certificate is refused under mutual TLS", refused, channel)
    checks("our client without a certificate is refused by grpc.aio", our_client_refused, program, files)


class Certificates:
    """Two directories of certificates. `mutual` also has those of clients."""

    def __init__(self, directory):
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1")
        client = authority.issue_cert(NAME)
        self.tls, self.mutual = directory / "tls", directory / "mutual"
        for path in (self.tls, self.mutual):
            path.mkdir()
            authority.cert_pem.write_to_path(path / "roots.pem")
            write(server, path, "server")
        write(client, self.mutual, "client")
        authority.cert_pem.write_to_path(self.mutual / "clients.pem")


def write(certificate, path, name):
    (path / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(path / f"{name}.key")


def read(path, name):
    """Returns the file's content, or None."""
    file = path / name
    return file.read_bytes() if file.exists() else None


def python_credentials(path):
    return grpc.ssl_channel_credentials(read(path, "roots.pem"), read(path, "client.key"), read(path, "client.pem"))


def python_server_credentials(path):
    pair = (read(path, "server.key"), read(path, "server.pem"))
    clients = read(path, "clients.pem")
    return grpc.ssl_server_credentials([pair], clients, require_client_auth=clients is not None)


def identity(channel, path):
    _, call = SquareServiceStub(channel).square.with_call(Message(message=2), timeout=CALL)
    seen = [value for key, value in call.trailing_metadata() if key == "identity"]
    equal(seen, [NAME] if read(path, "clients.pem") else [])


def refused(channel):
    error = python_client.failure(lambda: SquareServiceStub(channel).square(Message(message=2), timeout=CALL))
    equal(error.code(), grpc.StatusCode.UNAVAILABLE)


async def our_client(program, check, cancelled, path):
    servicer = Identified(NAME if read(path, "client.pem") else None)
    async with python_server.aio_serving(servicer, credentials=python_server_credentials(path)) as address:
        await asyncio.to_thread(run_program, program, "call", address, check, path)
        for _ in range(200):
            if len(servicer.cancelled) == len(cancelled):
                break
            await asyncio.sleep(0.01)
    equal(sorted(servicer.cancelled), cancelled)


async def our_client_refused(program, files):
    credentials = python_server_credentials(files.mutual)
    async with python_server.aio_serving(probe.Probe(), credentials=credentials) as address:
        printed = await asyncio.to_thread(run_program, program, "call", address, "refused", files.tls)
    assert "CertificateRequired" in printed or "connection" in printed, printed


class Identified(probe.Probe):
    """Checks the caller before each method."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    async def echo(self, context):
        equal(context.auth_context()["transport_security_type"], [b"ssl"])
        names = [name.decode() for name in context.peer_identities() or ()]
        equal(names, [self.name] if self.name else [])
        await super().echo(context)
