"""Generates load with h2load, which belongs to none of the stacks."""

import pathlib
import re
import subprocess
import tempfile
from dataclasses import dataclass

# The largest window of HTTP/2, so that the driver's window does not affect the result.
WINDOW_BITS = "30"


@dataclass(frozen=True)
class Load:
    """Results of a run of h2load."""

    calls: int
    seconds: float
    latencies_us: tuple

    def percentile(self, share):
        """Returns the percentile of the calls' durations for this share, in microseconds."""
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(row, address, calls=None, core="1", latencies=False):
    """Makes the calls of a row, and checks every response."""
    # h2load distributes its calls evenly.
    width = row.connections * row.streams
    calls = max(1, (calls or row.calls) // width) * width
    scheme = "https" if row.tls else "http"
    with tempfile.TemporaryDirectory() as directory:
        body = pathlib.Path(directory, "body")
        body.write_bytes(row.body)
        log = pathlib.Path(directory, "log")
        command = ["taskset", "-c", core, "h2load", "-n", str(calls), "-c", str(row.connections)]
        command += ["-m", str(row.streams), "-w", WINDOW_BITS, "-W", WINDOW_BITS, "-d", str(body)]
        for header in ("content-type: application/grpc", "te: trailers", *row.headers):
            command += ["-H", header]
        if latencies:
            command.append(f"--log-file={log}")
        command.append(f"{scheme}://{address}/bench.Bench/{row.method}")
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        times = _latencies(log) if latencies else ()
    _check(row, calls, told)
    return Load(calls, _seconds(told), times)


def _check(row, calls, told):
    succeeded = re.search(r"(\d+) succeeded", told)
    if succeeded is None or int(succeeded[1]) != calls:
        raise RuntimeError(f"{row.key}: not all calls were answered:\n{told}")
    data = int(re.search(r"\((\d+)\) data", told)[1])
    if data != row.answer * calls:
        raise RuntimeError(f"{row.key}: {data / calls} bytes a call and not {row.answer}")


def _seconds(told):
    number, unit = re.search(r"finished in ([\d.]+)(us|ms|s|m)", told).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def _latencies(log):
    return tuple(int(line.split("\t")[2]) for line in log.read_text().splitlines())
