"""`python -m tasks.open_edition.builder`: build the shipped tables, or check that they rebuild."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from core.errors import BenchError
from core.files import sha256_file
from tasks.base import OPEN_EDITION
from tasks.open_edition.builder.build import TASKS, write_all
from tasks.open_edition.builder.distributions import distributions_dir


def main() -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tasks.open_edition.builder", description=__doc__
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}")
    parser.add_argument(
        "--out", type=Path, default=OPEN_EDITION, help="default: beside this builder"
    )
    parser.add_argument(
        "--distributions",
        type=Path,
        default=distributions_dir(),
        help="folder of the pinned distributions; what it lacks is downloaded (160 MB)",
    )
    parser.add_argument("--check", action="store_true", help="compare with --out; write nothing")
    options = parser.parse_args()
    unknown = set(options.tasks) - set(TASKS)
    if unknown:
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    tasks = tuple(options.tasks) or TASKS
    try:
        if not options.check:
            for task, entry in write_all(tasks, options.distributions, options.out).items():
                print(f"{task}: {entry['rows']} rows, {entry['bytes']} bytes, {entry['sha256']}")
            return 0
        with tempfile.TemporaryDirectory() as scratch:
            write_all(tasks, options.distributions, Path(scratch))
            differ = [
                task
                for task in tasks
                if sha256_file(Path(scratch) / f"{task}.parquet")
                != sha256_file(options.out / f"{task}.parquet")
            ]
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("different: " + ", ".join(differ) if differ else f"{len(tasks)} tables: the same bytes")
    return int(bool(differ))


if __name__ == "__main__":
    raise SystemExit(main())
