"""Header blocks are exchanged with Python's hpack in both directions. A test of the runtime runs `hpack_peer.py`."""

import os
import sys

import harness
from harness import ROOT, target_directory


def run(checks):
    checks("hpack", both_ways)


def both_ways():
    environment = os.environ | {"CARGO_TARGET_DIR": target_directory(), "STUBWRIGHT_PYTHON": sys.executable}
    said = harness.run(
        # The whole workspace is built, so that earlier builds of its tests can be reused.
        *["cargo", "test", "--quiet", "--locked", "--workspace", "--lib"],
        *["http2::hpack::tests::python", "--", "--ignored"],
        cwd=ROOT,
        env=environment,
        timeout=harness.BUILD,
    )
    assert "2 passed; 0 failed" in said, said
