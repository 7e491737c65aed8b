"""`buf curl` lists and calls the services of our servers with nothing but reflection."""

import json
import subprocess

from harness import CHECK, Program, equal, run as run_program
from peers import node

# What every server is to offer beside its own services.
STANDARD = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
]

# For each server: its flags, its own services with their methods, and calls with their requests and responses.
SERVERS = {
    "square-server": (
        ["--addr", "127.0.0.1:0"],
        {"squarerpc_service.SquareService": ["rangeSquare", "square", "streamrangeSquare", "sumSquare"]},
        [
            ("square", [{"message": 12}], [{"message": 144}]),
            ("rangeSquare", [{"message": 2}], [{}, {"message": 1}, {"message": 4}]),
            ("sumSquare", [{"message": 3}, {"message": 4}], [{"message": 25}]),
            ("streamrangeSquare", [{"message": 3}, {"message": 4}], [{"message": 9}, {"message": 16}]),
        ],
    ),
    "interop-server": (
        ["--port=0"],
        {
            "grpc.testing.TestService": [
                *("CacheableUnaryCall", "EmptyCall", "FullDuplexCall", "HalfDuplexCall"),
                *("StreamingInputCall", "StreamingOutputCall", "UnaryCall", "UnimplementedCall"),
            ]
        },
        [
            ("EmptyCall", [{}], [{}]),
            ("UnaryCall", [{"responseSize": 3}], [{"payload": {"body": "AAAA"}}]),
            ("StreamingInputCall", [{"payload": {"body": "AAAA"}}] * 2, [{"aggregatedPayloadSize": 6}]),
            ("FullDuplexCall", [{"responseParameters": [{"size": 3}]}] * 2, [{"payload": {"body": "AAAA"}}] * 2),
        ],
    ),
}


def run(checks, programs):
    buf = node("buf", "@bufbuild/buf@1.75.0")
    if buf is None:
        return
    for program, (flags, services, calls) in SERVERS.items():
        with Program(programs[program], *flags) as server:
            curl = Curl(buf, server.address)
            checks(f"buf curl lists the services of {program}", list_services, curl, services)
            checks(f"buf curl lists the methods of {program}", list_methods, curl, services)
            checks(f"buf curl finds {program} healthy", healthy, curl)
            [service] = services
            for method, requests, responses in calls:
                checks(f"buf curl calls {program}: {method}", call, curl, f"{service}/{method}", requests, responses)
            checks(f"buf curl is told by {program} that a service is unknown", unknown, curl)


class Curl:
    """`buf curl` for one server."""

    def __init__(self, buf, address):
        self.command = [buf, "curl", "--protocol=grpc", "--http2-prior-knowledge"]
        self.url = f"http://{address}"

    def lines(self, *flags):
        return run_program(*self.command, *flags, self.url).split()

    def call(self, method, requests):
        data = "".join(map(json.dumps, requests))
        return run_program(*self.command, "--data", data, f"{self.url}/{method}")


def list_services(curl, services):
    for protocol in ("grpc-v1", "grpc-v1alpha"):
        equal(curl.lines("--list-services", f"--reflect-protocol={protocol}"), sorted([*STANDARD, *services]))


def list_methods(curl, services):
    listed = curl.lines("--list-methods")
    for service, methods in services.items():
        equal([method for method in listed if method.startswith(service)], [f"{service}/{name}" for name in methods])


def healthy(curl):
    equal(json.loads(curl.call("grpc.health.v1.Health/Check", [{}])), {"status": "SERVING"})


def call(curl, method, requests, responses):
    equal(documents(curl.call(method, requests)), responses)


def unknown(curl):
    arguments = [*curl.command, "--data", '{"service": "no.Such"}', f"{curl.url}/grpc.health.v1.Health/Check"]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=CHECK)
    equal(json.loads(ended.stderr)["code"], "not_found")
    assert ended.returncode != 0


def documents(text):
    """JSON documents that stand behind each other."""
    decoder = json.JSONDecoder()
    found = []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found
