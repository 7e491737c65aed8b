"""Servers as processes: started, looked at while they run, and ended."""

import os
import pathlib
import signal
import socket
import subprocess
import time
from contextlib import contextmanager


class Server:
    """A server that runs, and what the system knows of it."""

    def __init__(self, process, address):
        self.process = process
        self.address = address

    def cpu_ns(self):
        """CPU time of all its threads so far, those that have ended included, in nanoseconds."""
        # The clock of another process, as clock_getcpuclockid(3) makes its name.
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def memory(self, field="VmRSS"):
        """Resident memory, in KiB; `VmHWM` is its largest so far."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"no {field} of a process that has ended")


def free_address():
    """An address on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


@contextmanager
def serving(stack, threads, tls=None, wrapper=(), cores=None, patience=10, role="server", more=()):
    """A server of a stack, bound to as many cores as it has threads; `more` are arguments of its own."""
    address = free_address()
    if cores is None:
        cores = "0" if threads == 1 else "0,1"
    command = ["taskset", "-c", cores, *wrapper, *stack.server(address, threads, tls, role), *more]
    # A wrapper slows the server down, which must not change what it does.
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
    """The commands that are needed and not there."""
    paths = os.environ.get("PATH", "").split(os.pathsep)
    needed = ["cargo", "h2load", "openssl", "taskset", "valgrind"]
    return [tool for tool in needed if not any(os.access(f"{path}/{tool}", os.X_OK) for path in paths)]
