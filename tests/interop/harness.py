"""Counts checks, and runs our programs."""

import asyncio
import inspect
import json
import os
import pathlib
import struct
import subprocess
import threading
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Time limits of a call and of a check, in seconds. Nothing here takes one second, but a machine may be busy.
CALL = 15
CHECK = 60

# Time limit of a build on a machine that has built nothing yet, in seconds.
BUILD = 1200

# The environment may name a proxy, which must not be used for loopback addresses.
CHANNEL_OPTIONS = [("grpc.enable_http_proxy", 0)]


class Checks:
    """Runs checks one after the other, and counts their results."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def __call__(self, name, check, *arguments):
        """Runs a function or coroutine function. Returns whether it raised nothing."""
        try:
            outcome = check(*arguments)
            if inspect.iscoroutine(outcome):
                asyncio.run(asyncio.wait_for(outcome, CHECK))
        except Exception:
            self.failed += 1
            traceback.print_exc()
            print(f"FAILED  {name}", flush=True)
            return False
        self.passed += 1
        print(f"ok      {name}", flush=True)
        return True

    def lacking(self, name):
        """Prints that a peer does not support a check."""
        print(f"lacking {name}", flush=True)


class Program:
    """A server, which prints its address and is killed at the end of the block."""

    def __init__(self, *command):
        self.command = [str(part) for part in command]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(CHECK, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        prefix = "listening on "
        if not line.startswith(prefix):
            self.process.kill()
            raise RuntimeError(f"{self.command[0]} printed {line!r} and not its address")
        self.address = line.removeprefix(prefix).strip()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def run(*command, timeout=CHECK, **options):
    """Runs a program to its end. Returns its output, and raises if it fails."""
    ended = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=timeout, **options
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{command[0]} exited with {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def cargo_build(*arguments, directory=ROOT):
    """Builds programs. Returns them by name, and the output directories of build scripts by package."""
    environment = os.environ | {"CARGO_TARGET_DIR": target_directory()}
    built = subprocess.run(
        ["cargo", "build", "--quiet", "--message-format=json-render-diagnostics", *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=BUILD,
    )
    if built.returncode != 0:
        raise RuntimeError(f"cargo build {' '.join(arguments)} failed")
    programs, output_directories = {}, {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable"):
            programs[message["target"]["name"]] = message["executable"]
        if message["reason"] == "build-script-executed":
            output_directories[message["package_id"]] = pathlib.Path(message["out_dir"])
    return programs, output_directories


def soak(iterations=100, seconds=CHECK):
    """Returns the flags of the soak cases in all languages: long limits for busy machines, and more calls than by default."""
    return [
        f"--soak_iterations={iterations}",
        "--soak_num_threads=4",
        "--soak_per_iteration_max_acceptable_latency_ms=5000",
        f"--soak_overall_timeout_seconds={seconds}",
    ]


def target_directory():
    """Returns cargo's target directory, which the crates that are made here share with the workspace."""
    return str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute())


def equal(actual, expected):
    """Raises unless the two values are equal."""
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def padded(number, size):
    """Encodes a message with this number, and an unknown field of `size` bytes."""
    length = bytearray()
    rest = size
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    length.append(rest)
    return b"\x09" + struct.pack("<d", number) + b"\x12" + bytes(length) + bytes(size)
