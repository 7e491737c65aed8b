"""The page from the figures: which tables there are, and what they are said to show."""

from . import growth, measure, rows

UNARY = ("unary-8x32", "unary, 34 bytes, 8x32")


def written(report, matrix, stacks, figures, say):
    """Measures what is beside the matrix, and writes everything down."""
    small = next(row for row in matrix if row.key == UNARY[0])
    lone = next(row for row in matrix if row.key == "unary-1x1")
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
    clients = measure.client_cpu(stacks, say)
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
    _counted(report, small, stacks, say)
    _percentiles(report, [lone, small], stacks, say)
    idle = measure.idle_memory(stacks, 1_000, say)
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


def _counted(report, row, stacks, say):
    counted = measure.instructions(row, stacks, say)
    allocated = measure.allocations(row, stacks, say)
    clients = measure.client_allocations(stacks, say)
    ours = counted["stubwright"][0]
    table = []
    for name, (instructions,) in counted.items():
        blocks, size = allocated[name]
        cells = [name, f"{instructions:,.0f} ({instructions / ours:.2f}x)", f"{blocks:.1f}, {size:,.0f} bytes"]
        made = clients.get(name)
        cells.append(f"{made[0]:.1f}, {made[1]:,.0f} bytes" if made else "")
        table.append(cells)
    report.plain(
        "Instructions and allocations",
        f"Of a call, {row.title}, by callgrind and dhat: what more calls cost more, so that what is done once falls out.",
        ["", "server: instructions", "server: allocations", "client: allocations"],
        table,
    )


def _percentiles(report, chosen, stacks, say):
    table = []
    for row in chosen:
        found = measure.wall(row, stacks, say)
        for stack in stacks:
            times = [found[share].median(row.key, stack.name) for share in found]
            if times[0] is not None:
                table.append([f"{row.title}: {stack.name}", *(f"{time:,.0f}" for time in times)])
    report.plain(
        "Wall time of a call",
        "In microseconds, as h2load sees it, on the other core.",
        ["", "p50", "p90", "p99"],
        table,
    )
