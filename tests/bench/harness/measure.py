"""Measures rows with each stack in turn, and stores the figures."""

import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field

from . import load
from .process import Server, serving
from .stacks import BENCH, STACKS, TARGET

# Number of runs of each row and stack. The stacks take turns, so that a busy minute affects all of them.
ROUNDS = 5


@dataclass
class Figures:
    """Figures by row and stack: a number for each round."""

    of: dict = field(default_factory=dict)

    def add(self, row, stack, figure):
        """Stores the figure of a round."""
        self.of.setdefault(row, {}).setdefault(stack, []).append(figure)

    def median(self, row, stack):
        """Returns the median over the rounds. None if the stack has no figures."""
        rounds = self.of.get(row, {}).get(stack)
        return statistics.median(rounds) if rounds else None

    def spread(self, row, stack):
        """Returns the distance between the best and the worst round, as a share of the median."""
        rounds = self.of[row][stack]
        return (max(rounds) - min(rounds)) / statistics.median(rounds)

    def ratio(self, row, stack, base="stubwright"):
        """Returns the median of the ratios between the stack's and the base's figures in each round."""
        mine, theirs = self.of.get(row, {}).get(stack), self.of.get(row, {}).get(base)
        if not mine or not theirs:
            return None
        return statistics.median(one / other for one, other in zip(mine, theirs))


def server_cpu(rows, stacks, say, certificate):
    """Measures the CPU time of the server process in nanoseconds, for each call or message."""
    figures = Figures()
    for row in rows:
        able = [stack for stack in stacks if row.needs <= stack.can]
        failed = set()
        for _ in range(ROUNDS):
            for stack in able:
                if stack.name in failed:
                    continue
                try:
                    figures.add(row.key, stack.name, _one(row, stack, certificate))
                except (RuntimeError, subprocess.CalledProcessError) as error:
                    failed.add(stack.name)
                    figures.of.get(row.key, {}).pop(stack.name, None)
                    say(f"{row.key}: {stack.name} is left out: {error}")
        say(f"{row.key}: " + ", ".join(_told(figures, row, stack) for stack in able))
    return figures


def _one(row, stack, certificate):
    with serving(stack, row.threads, certificate if row.tls else None) as server:
        load.run(row, server.address, max(row.calls // 10, row.connections * row.streams))
        before = server.cpu_ns()
        calls = load.run(row, server.address, _calls(row, stack)).calls
        return (server.cpu_ns() - before) / (calls * row.per_call)


def _calls(row, stack):
    """Python is slower by a factor of a hundred, so it makes fewer calls."""
    return max(row.calls // 20, row.connections * row.streams) if stack.name == "grpcio" else row.calls


def _told(figures, row, stack):
    median = figures.median(row.key, stack.name)
    return f"{stack.name} {median:,.0f} ns" if median else f"{stack.name} -"


def wall(row, stacks, say):
    """Measures percentiles of the duration of a call in microseconds, as the driver sees it."""
    shares = (0.5, 0.9, 0.99)
    found = {share: Figures() for share in shares}
    for _ in range(ROUNDS):
        for stack in stacks:
            if not row.needs <= stack.can or stack.name == "grpcio":
                continue
            with serving(stack, row.threads) as server:
                load.run(row, server.address, row.calls // 10)
                run = load.run(row, server.address, row.calls // 2, latencies=True)
            for share in shares:
                found[share].add(row.key, stack.name, run.percentile(share))
    say(f"percentiles of {row.key}")
    return found


def client_cpu(stacks, say):
    """Measures the CPU time of the client process in nanoseconds for each call. All clients call the same server."""
    figures = Figures()
    ours = STACKS[0]
    for connections, streams, calls in [(1, 1, 20_000), (1, 32, 100_000), (8, 32, 100_000)]:
        key = f"client-{connections}x{streams}"
        for _ in range(ROUNDS):
            for stack in stacks:
                if "client" not in stack.can:
                    continue
                with serving(ours, 1) as server:
                    shape = [str(number) for number in (connections, streams, calls)]
                    command = ["taskset", "-c", "1", str(stack.program("client")), server.address, *shape]
                    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                made, cpu = re.search(r"calls (\d+) cpu_ns (\d+)", told).groups()
                figures.add(key, stack.name, int(cpu) / int(made))
        say(f"{key} done")
    return figures


def idle_memory(stacks, connections, say):
    """Measures the resident memory of an idle connection after one call, in bytes."""
    figures = Figures()
    for _ in range(3):
        for stack in stacks:
            if "idle" not in stack.can:
                continue
            with serving(stack, 1) as server:
                # Memory that is allocated once for all connections is not counted.
                with _held(server, 10):
                    pass
                before = server.memory()
                with _held(server, connections):
                    figure = (server.memory() - before) * 1024 / connections
            figures.add("idle", stack.name, figure)
    say("idle connections done")
    return figures


class _held:
    """Keeps connections open during the block."""

    def __init__(self, server: Server, connections):
        command = [str(TARGET / "release" / "h2-idle"), server.address, str(connections)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = self.process.stdout.readline()
        if not line.startswith("held"):
            raise RuntimeError("the connections could not be opened")

    def __exit__(self, *_):
        self.process.communicate("\n", timeout=30)


def instructions(row, stacks, say):
    """Counts the user instructions of the server process for each call, with callgrind."""
    return _by_difference(row, stacks, say, "instructions", _callgrind, (2_560, 7_680))


def allocations(row, stacks, say):
    """Counts allocations and allocated bytes of the server process for each call, with dhat."""
    return _by_difference(row, stacks, say, "allocations", _dhat, (2_560, 7_680))


def client_allocations(stacks, say):
    """Counts allocations and allocated bytes of the client process for each call, with dhat."""
    found = {}
    for stack in stacks:
        if "client" not in stack.can:
            continue
        with serving(STACKS[0], 1) as server:
            totals = []
            for calls in (2_560, 7_680):
                command = ["valgrind", "--tool=dhat", "--dhat-out-file=/dev/null"]
                command += [str(stack.program("client")), server.address, "8", "32", str(calls)]
                told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
                totals.append(_dhat_totals(told))
        found[stack.name] = tuple((more - less) / 5_120 for less, more in zip(*totals))
    say("allocations of clients counted")
    return found


def _by_difference(row, stacks, say, what, tool, counts):
    """Returns the cost of additional calls, so that work that is done once is not counted."""
    found = {}
    for stack in stacks:
        if not row.needs <= stack.can or stack.name == "grpcio":
            continue
        totals = [tool(row, stack, calls) for calls in counts]
        found[stack.name] = tuple((more - less) / (counts[1] - counts[0]) for less, more in zip(*totals))
    say(f"{what} of {row.key} counted")
    return found


def _callgrind(row, stack, calls):
    with tempfile.NamedTemporaryFile() as out:
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}"]
        with serving(stack, row.threads, wrapper=wrapper, patience=60) as server:
            load.run(row, server.address, calls)
        with open(out.name) as lines:
            total = next(line for line in lines if line.startswith(("summary:", "totals:")))
    return (int(total.split()[1]),)


def _dhat(row, stack, calls):
    wrapper = ["valgrind", "--tool=dhat", "--dhat-out-file=/dev/null"]
    with serving(stack, row.threads, wrapper=wrapper, patience=60) as server:
        load.run(row, server.address, calls)
        process = server.process
        process.send_signal(2)
        told = process.stderr.read()
    return _dhat_totals(told)


def _dhat_totals(told):
    bytes_, blocks = re.search(r"Total:\s+([\d,]+) bytes in ([\d,]+) blocks", told).groups()
    return int(blocks.replace(",", "")), int(bytes_.replace(",", ""))
