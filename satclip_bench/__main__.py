"""The command line: `python -m satclip_bench`."""

from __future__ import annotations

import sys


def run() -> int:
    """Run one command and return its exit code, also if Ctrl-C comes while modules are imported."""
    try:
        from satclip_bench.benchmarks.cli import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
