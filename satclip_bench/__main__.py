"""The command line: `python -m satclip_bench`."""

from __future__ import annotations

import sys

from satclip_bench.benchmarks.cli import main

if __name__ == "__main__":
    sys.exit(main())
