"""protoc runs our plugin, and a new crate that depends only on stubwright compiles the generated code."""

import os
import pathlib
import shutil
import sys

from harness import ROOT, cargo_build, equal, run as run_program

PACKAGE = """\
[package]
name = "{name}"
version = "0.0.0"
edition = "2024"

[dependencies]
stubwright = {{ path = "{stubwright}", features = {features} }}
"""


def run(checks, plugin, output_directories, directory):
    """Checks the plugin. Returns the program that uses its output, or None."""
    crates = directory / "crates"
    protos = crates / "generated/src/protos"
    steps = {
        "protoc --rs_out writes a file for the package and mod.rs": lambda: generate(plugin, protos),
        "the plugin's text is the build script's": lambda: compare(protos, output_directories),
        "a crate that depends only on stubwright compiles it": lambda: build_generated(crates),
    }
    for name, step in steps.items():
        if not checks(f"protoc-gen-rs: {name}", step):
            return None
    programs = {}
    if not checks("protoc-gen-rs: a server and a client on that crate compile", lambda: programs.update(build_probe(crates))):
        return None
    return programs["probe"]


def generate(plugin, protos):
    protos.mkdir(parents=True)
    path = os.pathsep.join([str(pathlib.Path(plugin).parent), os.environ["PATH"]])
    run_program(
        *(sys.executable, "-m", "grpc_tools.protoc"),
        *(f"-I{ROOT / 'examples/square/proto'}", f"--rs_out={protos}", "--rs_opt=blocking=true", "square.proto"),
        env=os.environ | {"PATH": path},
    )
    equal(sorted(file.name for file in protos.iterdir()), ["mod.rs", "squarerpc_service.rs"])


def compare(protos, output_directories):
    [built] = [path for package, path in output_directories.items() if "examples/square" in package]
    file = "squarerpc_service.rs"
    equal((protos / file).read_text(), (built / file).read_text())


def build_generated(crates):
    (crates / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["*"]\n')
    # The lock file has the versions of the workspace, which are downloaded already.
    shutil.copy(ROOT / "Cargo.lock", crates)
    package(crates, "generated", ["blocking"])
    (crates / "generated/src/lib.rs").write_text("pub mod protos;\n")
    cargo_build("--offline", "--package=generated", directory=crates)


def build_probe(crates):
    dependencies = package(crates, "probe", ["tls"])
    with dependencies.open("a") as manifest:
        manifest.write('generated = { path = "../generated" }\n')
        manifest.write('tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }\n')
    shutil.copy(pathlib.Path(__file__).with_name("probe.rs"), crates / "probe/src/main.rs")
    # The crates for TLS may have to be downloaded.
    programs, _ = cargo_build("--package=probe", directory=crates)
    return programs


def package(crates, name, features=()):
    (crates / name / "src").mkdir(parents=True, exist_ok=True)
    manifest = crates / name / "Cargo.toml"
    manifest.write_text(PACKAGE.format(name=name, stubwright=ROOT / "runtime", features=list(features)))
    return manifest
