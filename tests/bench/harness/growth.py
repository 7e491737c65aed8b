"""The growth of cost with the number of streams, the number of connections and the length of a stream. Also whether slow handlers
starve other calls."""

import re
import statistics
import subprocess

from . import load, measure, rows
from .messages import framed, payload
from .process import serving
from .stacks import STACKS

OURS = STACKS[0]
GIB = 1 << 30


def measured(report, say):
    """Measures Stubwright only, and adds the tables to the report."""
    table = []
    for connections, streams in [(1, 1), (1, 10), (1, 100), (1, 1_000), (10, 1), (100, 1), (1_000, 1)]:
        table.append(_width(connections, streams))
        say(f"growth: {connections}x{streams}")
    report.plain(
        "How cost grows",
        "Stubwright's server, unary calls with 34 bytes: CPU time of a call, and the server's resident memory after the load.",
        ["connections x streams", "ns a call", "memory"],
        table,
    )
    report.plain(
        "A long stream",
        "Stubwright's server, messages of 64,000 bytes to one reader: the largest resident memory there was.",
        ["length", "memory"],
        [_length(size) for size in (GIB // 64, GIB)],
    )
    say("growth: long streams")
    report.plain(
        "Handlers that burn CPU",
        "A runtime of two threads, one connection. Four callers keep four handlers burning a millisecond of CPU each; beside them one "
        "caller makes calls that cost nothing. The times of the latter in microseconds, by how handlers are polled first.",
        ["inline polling", "p50", "p99", "longest"],
        _fairness(),
    )
    say("growth: fairness")


def _width(connections, streams):
    calls = 100_000 if connections * streams > 1 else 20_000
    row = rows.Row("growth", "growth", "Unary", rows.SMALL, len(rows.SMALL), connections, streams, calls)
    times = []
    for _ in range(measure.ROUNDS):
        with serving(OURS, 1) as server:
            load.run(row, server.address, calls // 10)
            before = server.cpu_ns()
            made = load.run(row, server.address).calls
            times.append((server.cpu_ns() - before) / made)
            memory = server.memory()
    return [f"{connections:,} x {streams:,}", f"{statistics.median(times):,.0f}", f"{memory:,} KiB"]


def _length(size):
    many = size // 64_000
    body = framed(payload(64_000, many))
    message = len(framed(payload(64_000)))
    numbers = sum(1 + (1 if count < 128 else 2 if count < 16_384 else 3) for count in range(1, many))
    row = rows.Row("long", "long", "Download", body, message * many + numbers, 1, 1, 1)
    with serving(OURS, 1) as server:
        load.run(row, server.address)
        return [f"{many * 64_000 / 1e6:,.0f} MB", f"{server.memory('VmHWM'):,} KiB"]


def _fairness():
    told = subprocess.run([str(OURS.program("fairness"))], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"(\w+) p50_us (\d+) p99_us (\d+) max_us (\d+)", told)
    return [[mode, *(f"{int(number):,}" for number in numbers)] for mode, *numbers in lines]
