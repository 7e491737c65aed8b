"""The measured stacks, and the parts of the service that each can serve."""

import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

BENCH = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", BENCH / "target"))

EVERYTHING = frozenset({"unary", "streams", "log", "large", "tls", "two threads", "client", "idle"})


@dataclass(frozen=True)
class Stack:
    """A stack: its name, its description, and the rows it takes part in."""

    name: str
    about: str
    can: frozenset

    def program(self, role):
        """Returns the path of the program that serves or calls."""
        return TARGET / "release" / f"{self.name}-{role}"

    def server(self, address, threads, tls=None, role="server"):
        """Returns the command of the server."""
        if self.name == "grpcio":
            command = [sys.executable, str(BENCH / "stacks/grpcio/server.py")]
        else:
            command = [str(self.program(role))]
        return command + [address, str(threads), *(map(str, tls or ()))]

    def build(self):
        """Builds the programs. Returns the error, or None."""
        if self.name == "grpcio":
            probe = [sys.executable, "-c", "import grpc"]
            built = subprocess.run(probe, capture_output=True, text=True)
            return None if built.returncode == 0 else "grpcio is not installed"
        command = ["cargo", "build", "--release", "--locked", "--package", f"bench-{self.name}"]
        built = subprocess.run(command, cwd=BENCH, capture_output=True, text=True)
        if built.returncode == 0:
            return None
        errors = [line for line in built.stderr.splitlines() if line.startswith("error")]
        return errors[0] if errors else "it does not build"


STACKS = [
    Stack("stubwright", "this project", EVERYTHING | {"work"}),
    Stack("tonic", "tonic 0.14.9", EVERYTHING | {"work"}),
    Stack("connectrpc", "connectrpc 0.9.1", EVERYTHING - {"tls"}),
    Stack("volo", "volo-grpc 0.12", EVERYTHING - {"tls", "client"}),
    Stack(
        "h2",
        "the bare h2 crate: no messages, no checks",
        frozenset({"unary", "large", "two threads", "idle"}),
    ),
    Stack(
        "pajamax",
        "pajamax 0.4: synchronous, unary only, no deadlines, metadata, flow control or TLS",
        frozenset({"unary", "idle"}),
    ),
    Stack("grpcio", "Python's grpcio, for reference", frozenset({"unary", "streams", "log"})),
]

# ntex-grpc 4 is not measured: it needs a newer compiler than this project.
