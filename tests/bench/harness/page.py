"""A page of Markdown that a benchmark writes: what was measured, on what machine, in tables."""

import platform
import subprocess

from .stacks import BENCH


class Page:
    """A page as it grows."""

    def __init__(self, path, title, text):
        self.path = path
        self.lines = [f"# {title}", "", text, ""]

    def facts(self, *facts):
        """A list of what the figures depend on, the machine and the commit first."""
        machine = f"Machine: {_cpu()}, {_cores()} cores, Linux {platform.release()}"
        commit = f"Stubwright at commit {output('git', 'rev-parse', '--short', 'HEAD')}"
        self.lines += [f"- {fact}" for fact in (machine, output("rustc", "--version"), commit, *facts)]
        self.lines.append("")

    def plain(self, title, text, header, rows):
        """A table of texts."""
        self.heading(title, text)
        self.row(header)
        self.row(["---", *["---:"] * (len(header) - 1)])
        for row in rows:
            self.row(row)
        self.lines.append("")

    def heading(self, title, text):
        """The start of a section."""
        self.lines += [f"## {title}", "", text, ""]

    def row(self, cells):
        """A line of a table."""
        self.lines.append("| " + " | ".join(cells) + " |")

    def write(self):
        """Puts the page in its place."""
        self.path.write_text("\n".join(self.lines).rstrip() + "\n")


def output(*command):
    """The first line that a command prints."""
    return subprocess.run(command, capture_output=True, text=True, cwd=BENCH).stdout.splitlines()[0]


def _cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _cores():
    return sum(line.startswith("processor") for line in open("/proc/cpuinfo"))
