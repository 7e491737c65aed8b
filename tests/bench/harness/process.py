"""Server processes: starts, measures and stops them."""

import os
import pathlib
import signal
import socket
import subprocess
import time
from contextlib import contextmanager


class Server:
    """A running server, with the system's figures of it."""

    def __init__(self, process, address):
        self.process = process
        self.address = address

    def cpu_ns(self):
        """Returns the CPU time of all its threads so far, in nanoseconds. It includes threads that have ended."""
        # The id of another process's clock, as made by clock_getcpuclockid(3).
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def memory(self, field="VmRSS"):
        """Returns the resident memory in KiB. `VmHWM` is its maximum so far."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"no {field} of a process that has ended")


def free_address():
    """Returns an address on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


@contextmanager
def serving(stack, threads, tls=None, wrapper=(), cores=None, patience=10, role="server", more=()):
    """Starts a server of a stack, bound to as many cores as it has threads. `more` are additional arguments."""
    address = free_address()
    if cores is None:
        cores = "0" if threads == 1 else "0,1"
    command = ["taskset", "-c", cores, *wrapper, *stack.server(address, threads, tls, role), *more]
    # A wrapper makes the server slower, which must not change its behaviour.
    environment = {**os.environ, "BENCH_INLINE": "1"} if wrapper else None
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        _wait(address, process, patience)
        yield Server(process, address)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM if not wrapper else signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait(address, process, patience):
    host, port = address.split(":")
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended: {process.stderr.read().strip()}")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{process.args} does not listen")


def missing_tools():
    """Returns the required commands that are missing."""
    paths = os.environ.get("PATH", "").split(os.pathsep)
    needed = ["cargo", "h2load", "openssl", "taskset", "valgrind"]
    return [tool for tool in needed if not any(os.access(f"{path}/{tool}", os.X_OK) for path in paths)]
