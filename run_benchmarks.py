"""The door: `python run_benchmarks.py --help`."""

from satclip_bench.__main__ import run

if __name__ == "__main__":
    raise SystemExit(run())
