"""Handlers that sleep, compute or call another service: the wall time of calls and the CPU time of the server, on runtimes with
worker threads."""

import re
import statistics
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

from . import process
from .measure import ROUNDS
from .stacks import STACKS, TARGET

METHODS = {
    "at-once": ("AtOnce", "answers at once"),
    "sleep": ("Sleep", "sleeps for 1 ms"),
    "ask": ("Ask", "asks an actor"),
    "compute": ("Compute", "computes for 200 µs"),
    "spike": ("Spike", "computes for 5 ms, one time in 50"),
    "call-on": ("CallOn", "calls another service"),
}
# Loads, as shares of the capacity of the slower stack.
SHARES = (0.3, 0.6, 0.9)
# Duration of a load in seconds, after half a second of warm-up.
SECONDS = 2
CONNECTIONS = 4


@dataclass(frozen=True)
class Work:
    """A row: a load on a server with `workers` worker threads."""

    key: str
    title: str
    workers: int
    # The method that is called at a rate. None if the flows describe the calls, or if a stack's own client makes them.
    method: str | None = None
    flows: tuple = ()


def rows():
    """Returns all rows."""
    found = []
    for workers in (1, 2):
        threads = "one worker" if workers == 1 else "two workers"
        for name, (method, does) in METHODS.items():
            found.append(Work(f"work-{name}-{workers}", f"a handler that {does}, {threads}", workers, method))
        burst = ("Long,34,burst,20",)
        found.append(Work(f"work-burst-{workers}", f"bursts of 20 calls that compute for 5 ms, {threads}", workers, None, burst))
        beside = ("AtOnce,34,tasks,8", "Long,34,tasks,4")
        title = f"8 tasks of short calls beside 4 that call a handler that computes for 5 ms, {threads}"
        found.append(Work(f"work-beside-long-{workers}", title, workers, None, beside))
        title = f"8 tasks of short calls beside 16 that echo 1 MB, {threads}"
        found.append(Work(f"work-beside-bulk-{workers}", title, workers))
    return found


def build():
    """Builds the program that makes the load. Returns the error, or None."""
    return next(stack for stack in STACKS if stack.name == "h2").build()


def measured(row, stacks, say):
    """Yields the lines of a row's table: the subject, p50, p90 and p99 in microseconds, and other figures."""
    able = [stack for stack in stacks if "work" in stack.can]
    say(f"{row.key}: {row.title}")
    if row.method:
        return list(_paced(row, able))
    if row.flows:
        return list(_told(able, lambda stack: _load(row, stack, 1, row.flows)))
    pairs = [(server, client) for server in able for client in able]
    return list(_told(pairs, lambda pair: _beside(row, *pair)))


def _paced(row, stacks):
    closed = (f"{row.method},34,tasks,64",)
    most = {stack.name: _load(row, stack, CONNECTIONS, closed)[row.method][0] / SECONDS for stack in stacks}
    slower = min(most.values())
    for share in SHARES:
        flows = (f"{row.method},34,rate,{int(slower * share)}",)
        for cells in _told(stacks, lambda stack: _load(row, stack, CONNECTIONS, flows)):
            yield [f"{share:.0%}, {slower * share:,.0f} calls/s: {cells[0]}", *cells[1:]]


def _told(subjects, run):
    """Runs the subjects in turn. Returns a line for each subject and each figure of a run."""
    found = {}
    for _ in range(ROUNDS):
        for subject in subjects:
            for name, figures in run(subject).items():
                found.setdefault((subject, name), []).append(figures)
    for (subject, name), figures in sorted(found.items(), key=lambda item: subjects.index(item[0][0])):
        medians = [statistics.median(column) for column in zip(*figures)]
        named = subject.name if hasattr(subject, "name") else f"{subject[0].name} server, {subject[1].name} client"
        _, p50, p90, p99, other = medians
        yield [f"{named}, {name}", f"{p50:,.0f}", f"{p90:,.0f}", f"{p99:,.0f}", f"{other:,.1f}"]


def _load(row, stack, connections, flows):
    """Makes calls with the independent program. Returns their number and percentiles by method, and the server's CPU time per
    call."""
    with _serving(row, stack) as server:
        before = server.cpu_ns()
        command = ["taskset", "-c", "1", TARGET / "release" / "h2-load", server.address, str(connections), str(SECONDS), *flows]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = server.cpu_ns() - before
    found = _percentiles(told)
    # The warm-up's calls are not counted, but its CPU time is.
    calls = sum(figures[0] for name, figures in found.items() if "firsts" not in name) * (SECONDS + 0.5) / SECONDS
    return {name: (*figures, used / 1_000 / max(calls, 1)) for name, figures in found.items()}


def _beside(row, server, client):
    """Makes calls with a stack's own client. Returns the percentiles of the small calls, and the rate of the large ones."""
    with _serving(row, server) as serving:
        command = ["taskset", "-c", "1", str(client.program("beside")), serving.address, str(SECONDS)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = int(re.search(r"Bulk rate (\d+)", told)[1])
    return {name: (*figures, rate) for name, figures in _percentiles(told).items()}


def _percentiles(told):
    lines = re.findall(r"^(\w+(?: firsts)?) calls (\d+) p50_us (\d+) p90_us (\d+) p99_us (\d+)", told, re.MULTILINE)
    return {name: tuple(map(int, figures)) for name, *figures in lines}


@contextmanager
def _serving(row, stack):
    """Starts a stack's server with the service `Work`, and another one that it calls."""
    ours = STACKS[0]
    with process.serving(ours, 1) as backend:
        with process.serving(stack, row.workers, role="work", more=(backend.address,)) as server:
            yield server
