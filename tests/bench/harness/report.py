"""What was measured as a page: tables, charts, and how to do it again."""

import platform
import subprocess

from . import chart
from .stacks import BENCH


class Report:
    """RESULTS.md as it grows."""

    def __init__(self, stacks, missing):
        self.names = [stack.name for stack in stacks]
        self.charts = BENCH / "charts"
        self.charts.mkdir(exist_ok=True)
        self.lines = ["# Results", ""]
        self.lines += [
            "Written by `tests/bench/run`; [README.md](README.md) says what is measured, and how to measure one row again. "
            "Absolute times belong to this machine; the ratios, taken within one run, are what to compare.",
            "",
            f"- Machine: {_cpu()}, {_cores()} cores, Linux {platform.release()}",
            f"- {_output('rustc', '--version')}; {_output('h2load', '--version')}; {_output('valgrind', '--version')}",
            f"- Stubwright at commit {_output('git', 'rev-parse', '--short', 'HEAD')}",
        ]
        self.lines += [f"- {stack.name}: {stack.about}" for stack in stacks if stack.name != "stubwright"]
        self.lines += [f"- left out: {name}: {why}" for name, why in missing.items()]
        self.lines.append("")

    def times(self, title, text, rows, figures):
        """CPU time by row and stack, with the ratio to ours in brackets."""
        self._heading(title, text)
        names = [name for name in self.names if any(figures.median(key, name) for key, _, _ in rows)]
        self._row(["", "", *names])
        self._row(["---", "---", *["---:"] * len(names)])
        for key, label, unit in rows:
            cells = [self._time(figures, key, name) for name in names]
            self._row([label, f"ns a {unit}", *cells])
        self.lines.append("")

    def plain(self, title, text, header, rows):
        """A table of texts."""
        self._heading(title, text)
        self._row(header)
        self._row(["---", *["---:"] * (len(header) - 1)])
        for row in rows:
            self._row(row)
        self.lines.append("")

    def chart(self, name, title, unit, figures):
        """A chart of `(name, figure)`, beside the page."""
        ours = figures[0][1]
        noted = [
            (label, figure, f"{figure:,.2f}" + (f" ({figure / ours:.1f}x)" if index else ""))
            for index, (label, figure) in enumerate(figures)
        ]
        (self.charts / f"{name}.svg").write_text(chart.bars(title, unit, noted))
        self.lines += [f"![{title}](charts/{name}.svg)", ""]

    def write(self):
        """Puts the page in its place."""
        (BENCH / "RESULTS.md").write_text("\n".join(self.lines).rstrip() + "\n")

    def _heading(self, title, text):
        self.lines += [f"## {title}", "", text, ""]

    def _row(self, cells):
        self.lines.append("| " + " | ".join(cells) + " |")

    def _time(self, figures, key, name):
        median = figures.median(key, name)
        if median is None:
            return ""
        spread = f"±{figures.spread(key, name) * 50:.0f} %"
        if name == self.names[0]:
            return f"{median:,.0f} {spread}"
        return f"{median:,.0f} {spread} (**{figures.ratio(key, name):.2f}x**)"


def _cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _cores():
    return sum(line.startswith("processor") for line in open("/proc/cpuinfo"))


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=BENCH).stdout.splitlines()[0]
