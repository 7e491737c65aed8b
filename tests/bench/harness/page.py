"""A page of Markdown with the results of a benchmark: the machine, the commit, and tables."""

import platform
import subprocess

from .stacks import BENCH


class Page:
    """A page, built part by part."""

    def __init__(self, path, title, text):
        self.path = path
        self.lines = [f"# {title}", "", text, ""]

    def facts(self, *facts):
        """Adds a list of the conditions of the measurement, the machine and the commit first."""
        machine = f"Machine: {_cpu()}, {_cores()} cores, Linux {platform.release()}"
        commit = f"Stubwright at commit {output('git', 'rev-parse', '--short', 'HEAD')}"
        self.lines += [f"- {fact}" for fact in (machine, output("rustc", "--version"), commit, *facts)]
        self.lines.append("")

    def plain(self, title, text, header, rows):
        """Adds a table of texts."""
        self.heading(title, text)
        self.row(header)
        self.row(["---", *["---:"] * (len(header) - 1)])
        for row in rows:
            self.row(row)
        self.lines.append("")

    def heading(self, title, text):
        """Adds a heading."""
        self.lines += [f"## {title}", "", text, ""]

    def row(self, cells):
        """Adds a line of a table."""
        self.lines.append("| " + " | ".join(cells) + " |")

    def write(self):
        """Writes the page to its file."""
        self.path.write_text("\n".join(self.lines).rstrip() + "\n")


def output(*command):
    """Returns the first line of a command's output."""
    return subprocess.run(command, capture_output=True, text=True, cwd=BENCH).stdout.splitlines()[0]


def _cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _cores():
    return sum(line.startswith("processor") for line in open("/proc/cpuinfo"))
