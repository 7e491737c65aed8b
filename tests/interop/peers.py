"""Peers that are programs: where they are, and how they get here.

With STUBWRIGHT_INSTALL=1 in the environment, as .ci/run has it, a peer that is missing is installed, or the run fails.
Without it the checks that need it are skipped, and a line says what to install.
"""

import functools
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

INSTALLS = os.environ.get("STUBWRIGHT_INSTALL") == "1"

# Seconds for one package.
LONG = 600


def debian(program, package):
    """The path of a program out of a Debian package; None when it is not here."""
    found = shutil.which(program)
    if found or not INSTALLS:
        return found or missing(program, f"apt-get install {package}")
    update_debian()
    install("apt-get", "install", "--yes", "--no-install-recommends", package)
    return shutil.which(program) or fail(program, package)


def node(program, package):
    """The path of a program out of a package for Node.js; None when it is not here."""
    found = HERE / "node_modules/.bin" / program
    if not found.exists():
        if not INSTALLS:
            return missing(program, f"npm install --prefix tests/interop {package}")
        install("npm", "install", "--no-save", "--no-package-lock", "--silent", "--prefix", HERE, package)
        if not found.exists():
            fail(program, package)
    return str(found)


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
    print(f"skipped: {program} is not here ({remedy})", flush=True)


def fail(program, package):
    raise RuntimeError(f"{package} was installed and has no {program}")
