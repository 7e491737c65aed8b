"""RESULTS.md: the cost of calls in tables and charts."""

from . import chart
from .page import Page, output
from .stacks import BENCH


class Report(Page):
    """RESULTS.md, built part by part."""

    def __init__(self, stacks, missing):
        super().__init__(
            BENCH / "RESULTS.md",
            "Results",
            "Written by `tests/bench/run`; [README.md](README.md) says what is measured, and how to measure one row again. "
            "Absolute times belong to this machine; the ratios, taken within one run, are what to compare.",
        )
        self.names = [stack.name for stack in stacks]
        self.charts = BENCH / "charts"
        self.charts.mkdir(exist_ok=True)
        self.facts(
            f"{output('h2load', '--version')}; {output('valgrind', '--version')}",
            *(f"{stack.name}: {stack.about}" for stack in stacks if stack.name != "stubwright"),
            *(f"left out: {name}: {why}" for name, why in missing.items()),
        )

    def times(self, title, text, rows, figures):
        """Adds a table of CPU times by row and stack, with the ratio to ours in parentheses."""
        self.heading(title, text)
        names = [name for name in self.names if any(figures.median(key, name) for key, _, _ in rows)]
        self.row(["", "", *names])
        self.row(["---", "---", *["---:"] * len(names)])
        for key, label, unit in rows:
            cells = [self._time(figures, key, name) for name in names]
            self.row([label, f"ns a {unit}", *cells])
        self.lines.append("")

    def chart(self, name, title, unit, figures):
        """Writes a chart of `(name, figure)` beside the page."""
        ours = figures[0][1]
        noted = [
            (label, figure, f"{figure:,.2f}" + (f" ({figure / ours:.1f}x)" if index else ""))
            for index, (label, figure) in enumerate(figures)
        ]
        (self.charts / f"{name}.svg").write_text(chart.bars(title, unit, noted))
        self.lines += [f"![{title}](charts/{name}.svg)", ""]

    def _time(self, figures, key, name):
        median = figures.median(key, name)
        if median is None:
            return ""
        spread = f"±{figures.spread(key, name) * 50:.0f} %"
        if name == self.names[0]:
            return f"{median:,.0f} {spread}"
        return f"{median:,.0f} {spread} (**{figures.ratio(key, name):.2f}x**)"
