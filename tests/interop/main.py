"""Runs all checks with other peers, or some groups of them: `main.py python go`."""

import faulthandler
import functools
import pathlib
import sys
import tempfile

from grpc_tools import protoc

from harness import ROOT, Checks, cargo_build

# Time limit of the groups that are not long, in seconds. It is a last resort: calls and builds have far shorter limits.
TIME = 2400

EXAMPLES = sorted(directory.name for directory in (ROOT / "examples").iterdir())
INTEROP = ("--bin=interop-client", "--bin=interop-server")


class Run:
    """State that the groups share."""

    def __init__(self, directory):
        # The module imports generated code, which does not exist earlier.
        import secured

        self.checks = Checks()
        self.directory = directory
        self.certificates = secured.Certificates(directory)

    @functools.cached_property
    def tests(self):
        """Builds the programs of the crate of tests."""
        others = ("--bin=compression-peer", "--bin=scale")
        programs, _ = cargo_build("--locked", "--package=stubwright-tests", *INTEROP, *others)
        return programs

    @functools.cached_property
    def optimized(self):
        """Builds the interop programs in release mode. With thousands of large calls, a debug build would be too slow."""
        programs, _ = cargo_build("--locked", "--release", "--package=stubwright-tests", *INTEROP)
        return programs

    @functools.cached_property
    def examples(self):
        """Builds the examples and the plugin. Returns also the output directories of their build scripts."""
        packages = (f"--package={name}" for name in (*EXAMPLES, "protoc-gen-rs"))
        return cargo_build("--locked", *packages, "--bins")


def python(run):
    """Python's gRPC, and the plugin."""
    import cancels
    import compressed
    import editions
    import hpack_blocks
    import interop_client
    import interop_server
    import json_table
    import plugin
    import probe
    import python_client
    import python_server
    import secured
    import services
    import unix_sockets

    checks, directory, tests = run.checks, run.directory, run.tests
    programs, output_directories = run.examples
    python_client.run(checks, programs["square-server"])
    python_server.run(checks, programs["square-client"], programs["square-blocking-client"])
    unix_sockets.run(checks, programs["square-server"], programs["square-client"], directory)
    compressed.run(checks, tests["compression-peer"])
    services.run(checks, programs["square-server"], tests["interop-server"])
    interop_server.run(checks, tests["interop-server"])
    cancels.run(checks, tests["interop-server"])
    interop_client.run_ours(checks, tests["interop-client"], tests["interop-server"], run.certificates)
    interop_client.run_python(checks, tests["interop-client"], run.certificates, directory)
    editions.run(checks, programs["protoc-gen-rs"], directory)
    json_table.run(checks)
    hpack_blocks.run(checks)
    program = plugin.run(checks, programs["protoc-gen-rs"], output_directories, directory)
    if program is not None:
        probe.run(checks, program)
        secured.run(checks, program, run.certificates)


def others(run):
    """Ruby's gRPC, buf and nghttp2."""
    import buf
    import buf_generate
    import interop_client
    import nghttp2
    import ruby

    checks, directory, tests = run.checks, run.directory, run.tests
    programs, _ = run.examples
    ruby.run(checks, tests["interop-server"], run.certificates)
    interop_client.run_ruby(checks, tests["interop-client"])
    buf.run(checks, programs | tests, directory)
    buf_generate.run(checks, programs["protoc-gen-rs"], directory)
    nghttp2.run(checks, programs["square-server"], tests["scale"], directory)


def go(run):
    """grpc-go and grpcurl."""
    import cancels
    import grpc_go
    import grpcurl
    import interop_client

    servers = interop_client.ours(run.tests["interop-server"], run.certificates)
    grpc_go.run(run.checks, servers)
    cancels.run_go(run.checks, run.tests["interop-server"])
    interop_client.run_go(run.checks, run.tests["interop-client"], run.certificates)
    grpcurl.run(run.checks, run.tests["interop-server"])


def java(run):
    """grpc-java."""
    import grpc_java
    import interop_client

    serving = functools.partial(interop_client.serving, run.tests["interop-server"])
    grpc_java.run(run.checks, serving, run.directory)
    interop_client.run_java(run.checks, run.tests["interop-client"], run.directory)


def soaks(run):
    """Runs thousands of large calls between our programs and those of grpc-go and grpc-java."""
    import long

    long.soaks(run.checks, run.optimized, run.certificates, run.directory)


def timeouts(run):
    """Runs a case in which both ends know the deadline, a thousand times."""
    import long

    long.timeouts(run.checks, run.tests, run.certificates)


GROUPS = {group.__name__: group for group in (python, others, go, java)}
LONG = {group.__name__: group for group in (soaks, timeouts)}


def main(names):
    known = GROUPS | LONG
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; the groups are {', '.join(known)}", file=sys.stderr)
        return 2
    if not any(name in LONG for name in names):
        faulthandler.dump_traceback_later(TIME, exit=True)
    with tempfile.TemporaryDirectory(prefix="stubwright-interop-") as directory:
        directory = pathlib.Path(directory)
        generate_python(directory)
        run = Run(directory)
        for name in names or GROUPS:
            known[name](run)
    print(f"{run.checks.passed} passed, {run.checks.failed} failed", flush=True)
    return 1 if run.checks.failed else 0


def generate_python(directory):
    """Generates the Python code of the square service, and makes it importable."""
    protos = ROOT / "examples/square/proto"
    status = protoc.main(
        ["protoc", f"-I{protos}", f"--python_out={directory}", f"--grpc_python_out={directory}", "square.proto"]
    )
    if status != 0:
        raise RuntimeError("protoc could not generate the Python code")
    sys.path.insert(0, str(directory))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
