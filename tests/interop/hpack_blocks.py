"""HPACK blocks against Python's hpack, both ways: a test of the runtime asks `hpack_peer.py`."""

import os
import sys

import harness
from harness import ROOT, target_directory


def run(checks):
    checks("hpack", both_ways)


def both_ways():
    environment = os.environ | {"CARGO_TARGET_DIR": target_directory(), "STUBWRIGHT_PYTHON": sys.executable}
    said = harness.run(
        # The whole workspace, so that what the tests have built is of use.
        *["cargo", "test", "--quiet", "--locked", "--workspace", "--lib"],
        *["http2::hpack::tests::python", "--", "--ignored"],
        cwd=ROOT,
        env=environment,
        timeout=harness.BUILD,
    )
    assert "2 passed; 0 failed" in said, said
