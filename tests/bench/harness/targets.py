"""Targets of this project, and whether they are met."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """The figures that the targets are about, all from one run: servers, clients, idle connections, times and allocations."""

    servers: object
    clients: object
    idle: object
    # Percentiles of the durations of calls at 1x1.
    alone: dict
    # Allocated blocks and bytes of our server and client.
    allocations: tuple


def table(measured):
    """Returns rows of a target, the measured figure, and whether it is met."""
    return [[target, told, "yes" if met else "no"] for target, told, met in _targets(measured)]


def _targets(of):
    servers = of.servers
    yield _ratios("server CPU of a unary call at 8x32: a third of tonic's and of connectrpc's", servers, "unary-8x32", 3, "tonic", "connectrpc")
    yield _ratios("the same on two threads: a fifth", servers, "unary-8x32-two-threads", 5, "tonic", "connectrpc")
    yield _ratios("client CPU of a unary call at 8x32: a quarter of tonic's", of.clients, "client-8x32", 4, "tonic")
    yield _ratios("at most twice the CPU of pajamax at 8x32, with everything that it leaves out", servers, "unary-8x32", 0.5, "pajamax")
    yield _ratios("1x1: at least 1.15 times better than tonic in CPU", servers, "unary-1x1", 1.15, "tonic")
    yield _alone(of.alone)
    yield _streamed(servers)
    yield _generated(servers)
    slower = [row for row in _streams(servers) if (servers.ratio(row, "tonic") or 1) < 1]
    yield "streaming of small messages: never slower than tonic", f"slower in {', '.join(slower)}" if slower else "never", not slower
    blocks, size = of.allocations
    yield "allocations of a unary call, client and server: at most 16, and 4 KB", f"{blocks:.1f}, {size:,.0f} bytes", blocks <= 16 and size <= 4096
    idle = of.idle.median("idle", "stubwright")
    yield "1,000 idle connections: at most 8 KiB each after one call", f"{idle / 1024:.1f} KiB", idle <= 8 * 1024


def _ratios(target, figures, row, wanted, *stacks):
    ratios = {stack: figures.ratio(row, stack) for stack in stacks}
    told = ", ".join(f"{stack} {ratio:.2f}x" if ratio else f"{stack} not measured" for stack, ratio in ratios.items())
    return target, told, all(ratio and ratio >= wanted for ratio in ratios.values())


def _alone(times):
    told, met = [], True
    for share, figures in times.items():
        ours, theirs = figures.median("unary-1x1", "stubwright"), figures.median("unary-1x1", "tonic")
        if theirs:
            told.append(f"p{share * 100:.0f} {ours:,.0f} to {theirs:,.0f} µs")
            met = met and ours <= theirs
    return "1x1: never worse than tonic in wall time", ", ".join(told), met


def _streamed(servers):
    ours, ratio = servers.median("download-number", "stubwright"), servers.ratio("download-number", "tonic")
    return "server streaming of small messages: at most 25 ns each", f"{ours:.0f} ns" + (f", tonic {ratio:.2f}x" if ratio else ""), ours <= 25


def _generated(servers):
    added = servers.median("generate-number", "stubwright") - servers.median("download-number", "stubwright")
    return "what the `stream` helper adds to that: at most 15 ns", f"{added:.0f} ns", added <= 15


def _streams(servers):
    return [row for row in servers.of if row.endswith(("-number", "-small"))]
