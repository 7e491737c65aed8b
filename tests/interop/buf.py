"""`buf curl` lists and calls the services of our servers by reflection only."""

import json
import subprocess

from harness import CHECK, Program, equal, run as run_program
from peers import node

BUF = "@bufbuild/buf@1.75.0"

# Services that every server offers besides its own.
STANDARD = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
]

PATRIOTS_PATH = {"name": "Patriots Path", "location": {"latitude": 407838351, "longitude": -746143763}}

# Metadata that every request to a server over TLS needs.
SECURED = {"auth-server": "token: ada-42"}

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
    "ping-server": (
        ["--addr", "127.0.0.1:0"],
        {"app.ping.v1.PingService": ["Ping"]},
        [("Ping", [{"target": "x", "delay": 1}], [{"ok": True, "msg": "x answered after 1 ms"}])],
    ),
    "chat-server": (
        ["--addr", "127.0.0.1:0"],
        {"chat.ChatService": ["Chat"]},
        [
            (
                "Chat",
                [{"user": "me", "msg": "ab"}, {"user": "me", "msg": "cd"}],
                [{"user": "Server", "msg": "ba"}, {"user": "Server", "msg": "dc"}],
            ),
        ],
    ),
    "route_guide-server": (
        ["--addr", "127.0.0.1:0"],
        {"routeguide.RouteGuide": ["GetFeature", "ListFeatures", "RecordRoute", "RouteChat"]},
        [
            ("GetFeature", [{"latitude": 407838351, "longitude": -746143763}], [PATRIOTS_PATH]),
            ("ListFeatures", [{"lo": PATRIOTS_PATH["location"], "hi": PATRIOTS_PATH["location"]}], [PATRIOTS_PATH]),
            ("RecordRoute", [PATRIOTS_PATH["location"]], [{"pointCount": 1, "featureCount": 1}]),
            ("RouteChat", [{"location": {"latitude": 1}, "message": "a"}] * 2, [{"location": {"latitude": 1}, "message": "a"}]),
        ],
    ),
    # Its own tests cover the errors of a missing Redis.
    "redis_stream-server": (
        ["--addr", "127.0.0.1:0", "--redis", "127.0.0.1:1"],
        {"redis_stream.RedisStreamService": ["sub"]},
        [],
    ),
    "auth-server": (
        ["--addr", "127.0.0.1:0", "--certificates", "CERTIFICATES"],
        {"auth.v1.Vault": ["Open"]},
        [("Open", [{}], [{"user": "ada", "secret": "the middle letter is d"}])],
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


def run(checks, programs, directory):
    buf = node("buf", BUF)
    if buf is None:
        return
    servers = [program for program in programs if program.endswith("-server")]
    checks("buf curl calls every server", equal, sorted(servers), sorted(SERVERS))
    certificates = directory / "auth"
    run_program(programs["auth-certificates"], certificates)
    for program, (flags, services, calls) in SERVERS.items():
        flags = [flag.replace("CERTIFICATES", str(certificates)) for flag in flags]
        with Program(programs[program], *flags) as server:
            curl = Curl(buf, server.address, SECURED.get(program), certificates / "ca.pem")
            checks(f"buf curl lists the services of {program}", list_services, curl, services)
            checks(f"buf curl lists the methods of {program}", list_methods, curl, services)
            checks(f"buf curl finds {program} healthy", healthy, curl)
            [service] = services
            for method, requests, responses in calls:
                checks(f"buf curl calls {program}: {method}", call, curl, f"{service}/{method}", requests, responses)
            checks(f"{program} tells buf curl that a service is unknown", unknown, curl)


class Curl:
    """Runs `buf curl` with one server."""

    def __init__(self, buf, address, header, authority):
        self.command = [buf, "curl", "--protocol=grpc"]
        if header is None:
            self.command.append("--http2-prior-knowledge")
            self.url = f"http://{address}"
        else:
            self.command += ["--header", header, "--reflect-header", header, "--cacert", str(authority)]
            self.url = f"https://{address}"

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
    """Returns concatenated JSON documents."""
    decoder = json.JSONDecoder()
    found = []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found
