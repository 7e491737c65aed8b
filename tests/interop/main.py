"""All checks against Python's gRPC, in both directions, and against other peers."""

import faulthandler
import pathlib
import sys
import tempfile

from grpc_tools import protoc

from harness import ROOT, Checks, cargo_build

# Whatever hangs, the run ends: every call and every build has a bound of its own well below this one.
faulthandler.dump_traceback_later(1500, exit=True)

EXAMPLES = sorted(directory.name for directory in (ROOT / "examples").iterdir())


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="stubwright-interop-") as directory:
        directory = pathlib.Path(directory)
        generate_python(directory)
        packages = (f"--package={name}" for name in (*EXAMPLES, "protoc-gen-rs"))
        programs, output_directories = cargo_build("--locked", *packages, "--bins")
        names = ("compression-peer", "interop-client", "interop-server", "scale")
        tests, _ = cargo_build("--locked", "--package=stubwright-tests", *(f"--bin={name}" for name in names))
        programs |= tests

        # They import the generated code, which is there only now.
        import buf
        import buf_generate
        import compressed
        import editions
        import hpack_blocks
        import interop_client
        import interop_server
        import json_table
        import nghttp2
        import plugin
        import probe
        import python_client
        import python_server
        import ruby
        import secured
        import services
        import unix_sockets

        python_client.run(checks, programs["square-server"])
        python_server.run(checks, programs["square-client"], programs["square-blocking-client"])
        unix_sockets.run(checks, programs["square-server"], programs["square-client"], directory)
        compressed.run(checks, programs["compression-peer"])
        services.run(checks, programs["square-server"], programs["interop-server"])
        interop_server.run(checks, programs["interop-server"])
        certificates = secured.Certificates(directory)
        ruby.run(checks, programs["interop-server"], certificates)
        interop_client.run(checks, programs["interop-client"], programs["interop-server"], certificates, directory)
        buf.run(checks, programs, directory)
        buf_generate.run(checks, programs["protoc-gen-rs"], directory)
        editions.run(checks, programs["protoc-gen-rs"], directory)
        json_table.run(checks)
        hpack_blocks.run(checks)
        nghttp2.run(checks, programs["square-server"], programs["scale"], directory)
        program = plugin.run(checks, programs["protoc-gen-rs"], output_directories, directory)
        if program is not None:
            probe.run(checks, program)
            secured.run(checks, program, certificates)
    print(f"{checks.passed} passed, {checks.failed} failed", flush=True)
    return 1 if checks.failed else 0


def generate_python(directory):
    """Generates the Python code of the square service, and lets it be imported."""
    protos = ROOT / "examples/square/proto"
    status = protoc.main(
        ["protoc", f"-I{protos}", f"--python_out={directory}", f"--grpc_python_out={directory}", "square.proto"]
    )
    if status != 0:
        raise RuntimeError("protoc could not generate the Python code")
    sys.path.insert(0, str(directory))


if __name__ == "__main__":
    sys.exit(main())
