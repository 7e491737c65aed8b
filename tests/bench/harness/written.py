"""Writes the page: selects the tables, and describes them."""

from dataclasses import dataclass

from . import growth, measure, rows, targets

UNARY = ("unary-8x32", "unary, 34 bytes, 8x32")


def written(report, matrix, stacks, figures, say):
    """Measures what is not in the matrix, and writes everything."""
    small = next(row for row in matrix if row.key == UNARY[0])
    lone = next(row for row in matrix if row.key == "unary-1x1")
    clients = measure.client_cpu(stacks, say)
    idle = measure.idle_memory(stacks, 1_000, say)
    times = {row.key: measure.wall(row, stacks, say) for row in (lone, small)}
    counted = _Counted.of(small, stacks, say)
    report.plain(
        "Targets",
        "What this project set out to reach. Where it has not, [WHERE_TIME_GOES.md](WHERE_TIME_GOES.md) says why, and what is next.",
        ["", "measured", "reached"],
        targets.table(targets.Measured(figures, clients, idle, times[lone.key], counted.together("stubwright"))),
    )
    report.chart(
        "unary",
        "Unary calls: CPU time of the server",
        "µs a call, 34 bytes, 8 connections x 32 streams, one thread",
        _compared(figures, small.key, stacks, 1_000),
    )
    report.times(
        "Servers: CPU time",
        "Of the server process; medians of five rounds in which the stacks take turns, half the distance between the best and the "
        "worst round, and the ratio to Stubwright. `8x32` is 8 connections with 32 calls at a time each.",
        [(row.key, row.title, row.unit) for row in matrix],
        figures,
    )
    report.chart(
        "client",
        "Unary calls: CPU time of the client",
        "µs a call, 34 bytes, 8 connections x 32 streams, one thread",
        _compared(clients, "client-8x32", stacks, 1_000),
    )
    shapes = ("1x1", "1x32", "8x32")
    report.times(
        "Clients: CPU time",
        "Of the client process, unary calls with 34 bytes, all against one server.",
        [(f"client-{shape}", f"client, {shape}", "call") for shape in shapes],
        clients,
    )
    counted.report(report)
    _percentiles(report, (lone, small), times, stacks)
    report.chart(
        "idle",
        "Memory of an idle connection after one call",
        "KiB of the server's resident memory, 1,000 connections",
        _compared(idle, "idle", stacks, 1_024),
    )
    growth.measured(report, say)
    report.write()


def _compared(figures, key, stacks, divisor):
    named = [(stack.name, figures.median(key, stack.name)) for stack in stacks if stack.name != "grpcio"]
    return [(name, figure / divisor) for name, figure in named if figure is not None]


@dataclass(frozen=True)
class _Counted:
    """Figures that valgrind has counted for a call, by stack."""

    row: object
    instructions: dict
    servers: dict
    clients: dict

    @staticmethod
    def of(row, stacks, say):
        return _Counted(
            row,
            measure.instructions(row, stacks, say),
            measure.allocations(row, stacks, say),
            measure.client_allocations(stacks, say),
        )

    def together(self, name):
        """Returns the allocations and bytes of the server and the client."""
        return tuple(one + other for one, other in zip(self.servers[name], self.clients[name]))

    def report(self, report):
        ours = self.instructions["stubwright"][0]
        table = []
        for name, (instructions,) in self.instructions.items():
            cells = [name, f"{instructions:,.0f} ({instructions / ours:.2f}x)", _blocks(self.servers[name])]
            table.append([*cells, _blocks(self.clients.get(name))])
        report.plain(
            "Instructions and allocations",
            f"Of a call, {self.row.title}, by callgrind and dhat: what more calls cost more, so that what is done once falls out.",
            ["", "server: instructions", "server: allocations", "client: allocations"],
            table,
        )


def _blocks(counted):
    if counted is None:
        return ""
    blocks, size = counted
    return f"{blocks:.1f}, {size:,.0f} bytes"


def _percentiles(report, chosen, times, stacks):
    table = []
    for row in chosen:
        found = times[row.key]
        for stack in stacks:
            each = [found[share].median(row.key, stack.name) for share in found]
            if each[0] is not None:
                table.append([f"{row.title}: {stack.name}", *(f"{time:,.0f}" for time in each)])
    report.plain(
        "Wall time of a call",
        "In microseconds, as h2load sees it, on the other core.",
        ["", "p50", "p90", "p99"],
        table,
    )
