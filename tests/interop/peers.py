"""Finds peers that are programs, and installs them.

With STUBWRIGHT_INSTALL=1 in the environment, as in .ci/run, a missing peer is installed, or the run fails. Otherwise the checks
that need it are skipped, and a line says what to install.
"""

import functools
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

INSTALLS = os.environ.get("STUBWRIGHT_INSTALL") == "1"

# Time limit of one package, which may have to be compiled, in seconds.
LONG = 1200


def debian(program, package):
    """Returns the path of a program from a Debian package. None if it is not installed."""
    return out_of_debian(program, package, lambda: shutil.which(program))


def debian_file(ending, package, *more):
    """Returns the path of a file from a Debian package, given the end of the path. None if it is not installed."""

    def find():
        if shutil.which("dpkg") is None:
            return None
        listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True).stdout
        return next((file for file in listed.splitlines() if file.endswith(ending)), None)

    return out_of_debian(ending, package, find, *more)


def out_of_debian(name, package, find, *more):
    """Returns the result of `find`, after installing packages if necessary."""
    found = find()
    if found or not INSTALLS:
        return found or missing(name, f"apt-get install {' '.join([package, *more])}")
    update_debian()
    install("apt-get", "install", "--yes", "--no-install-recommends", package, *more)
    return find() or fail(name, package)


def node(program, package):
    """Returns the path of a program from a package for Node.js. None if it is not installed."""
    found = HERE / "node_modules/.bin" / program
    if not found.exists():
        if not INSTALLS:
            return missing(program, f"npm install --prefix tests/interop {package}")
        install("npm", "install", "--no-save", "--no-package-lock", "--silent", "--prefix", HERE, package)
        if not found.exists():
            fail(program, package)
    return str(found)


def golang():
    """Returns the directory of grpc-go's programs and of grpcurl, in the versions of go/go.mod. None if they are not installed."""
    sources = [HERE / "go" / name for name in ("go.mod", "go.sum", "server.go", "cancels/main.go")]
    build = ["go", "build", "-C", HERE / "go", "-o", f"{HERE / '.bin'}/", ".", "./cancels", "tool"]
    return made(HERE / ".bin", sources, "go", "a Go toolchain", build)


def java():
    """Returns the class path of grpc-java's programs, in the version of java/pom.xml. None if they are not installed."""
    directory = HERE / ".java"
    copy = ["mvn", "--batch-mode", "--quiet", "--file", HERE / "java/pom.xml"]
    copy += ["dependency:copy-dependencies", f"-DoutputDirectory={directory}"]
    found = made(directory, [HERE / "java/pom.xml"], "mvn", "Maven and a JDK", copy)
    return found and f"{found}/*"


def made(directory, sources, program, package, command):
    """Returns a directory that a command fills, or None. A file in it has the text of `sources`, so that changes are noticed."""
    stamp = directory / "made-of"
    wanted = "".join(source.read_text() for source in sources)
    if stamp.exists() and stamp.read_text() == wanted:
        return directory
    if not INSTALLS:
        return missing(directory.name, f"STUBWRIGHT_INSTALL=1 tests/interop/run makes it, with {package}")
    if shutil.which(program) is None:
        raise RuntimeError(f"{program} is missing: install {package}")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    install(*command)
    stamp.write_text(wanted)
    return directory


@functools.cache
def update_debian():
    install("apt-get", "update")


def install(*command):
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = [str(part) for part in command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed\n{done.stdout}{done.stderr}")


def missing(program, remedy):
    print(f"skipped: {program} is not installed ({remedy})", flush=True)


def fail(program, package):
    raise RuntimeError(f"{package} was installed and has no {program}")
