"""The door: `python run_benchmarks.py --help`."""

from satclip_bench.benchmarks.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
