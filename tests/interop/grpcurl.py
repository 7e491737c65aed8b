"""grpcurl lists, describes and calls the methods of interop-server by reflection only."""

import json

from buf import STANDARD, documents
from harness import Program, equal
from harness import run as run_program
from peers import golang

SERVICE = "grpc.testing.TestService"


def run(checks, interop_server):
    directory = golang()
    if directory is None:
        return
    with Program(interop_server, "--port=0") as server:

        def grpcurl(*arguments, data=None):
            flags = [] if data is None else ["-d", data]
            return run_program(directory / "grpcurl", "-plaintext", *flags, server.address, *arguments)

        for name, check in CASES.items():
            checks(f"grpcurl {name}", check, grpcurl)


def list_services(grpcurl):
    equal(grpcurl("list").split(), sorted([*STANDARD, SERVICE]))


def list_methods(grpcurl):
    methods = grpcurl("list", SERVICE).split()
    assert f"{SERVICE}.FullDuplexCall" in methods and len(methods) == 8, methods


def describe(grpcurl):
    said = grpcurl("describe", f"{SERVICE}.StreamingInputCall")
    method = "rpc StreamingInputCall ( stream .grpc.testing.StreamingInputCallRequest ) returns ( .grpc.testing.StreamingInputCallResponse );"
    assert method in said, said
    assert "int32 aggregated_payload_size = 1;" in grpcurl("describe", "grpc.testing.StreamingInputCallResponse")


def call(grpcurl):
    for method, requests, responses in (
        ("UnaryCall", [{"responseSize": 3}], [{"payload": {"body": "AAAA"}}]),
        ("StreamingInputCall", [{"payload": {"body": "AAAA"}}] * 2, [{"aggregatedPayloadSize": 6}]),
        ("FullDuplexCall", [{"responseParameters": [{"size": 3}]}] * 2, [{"payload": {"body": "AAAA"}}] * 2),
    ):
        said = grpcurl(f"{SERVICE}/{method}", data="".join(map(json.dumps, requests)))
        equal(documents(said), responses)


CASES = {
    "lists the services of interop-server": list_services,
    "lists the methods of interop-server": list_methods,
    "describes the services of interop-server": describe,
    "calls interop-server": call,
}
