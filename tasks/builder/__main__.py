"""Build the shipped tables, or check that they can be reproduced byte for byte."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_file
from satclip_bench.tasks import SHIPPED_TASKS
from satclip_bench.tasks.builder.build import built_with, write_all
from satclip_bench.tasks.builder.development import write_development
from satclip_bench.tasks.builder.distributions import distributions_dir
from satclip_bench.tasks.development import DEVELOPMENT
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION


def main() -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m satclip_bench.tasks.builder", description=__doc__
    )
    parser.add_argument(
        "tasks",
        nargs="*",
        metavar="TASK",
        help=f"tables to build, by default all: {', '.join(SHIPPED_TASKS)}",
    )
    parser.add_argument(
        "--development",
        action="store_true",
        help="build the development set, on which recipes are chosen, instead of tasks' tables",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the tables; by default that of the shipped ones",
    )
    parser.add_argument(
        "--distributions",
        type=Path,
        default=distributions_dir(),
        help="folder of the pinned packages; missing packages are downloaded (207 MB)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare with the tables in --out instead of writing them",
    )
    options = parser.parse_args()
    unknown = set(options.tasks) - set(SHIPPED_TASKS)
    if unknown:
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    if options.development and options.tasks:
        parser.error("--development takes no names of tasks")
    tasks = ("development",) if options.development else tuple(options.tasks) or SHIPPED_TASKS
    out: Path = options.out or (DEVELOPMENT if options.development else OPEN_EDITION)

    def write(folder: Path) -> dict[str, dict[str, Any]]:
        if options.development:
            return {"development": write_development(options.distributions, folder)}
        return write_all(tasks, options.distributions, folder)

    try:
        if not options.check:
            for task, entry in write(out).items():
                print(f"{task}: {entry['rows']} rows, {entry['bytes']} bytes, {entry['sha256']}")
            return 0
        with tempfile.TemporaryDirectory() as scratch:
            write(Path(scratch))
            differ = [
                difference(name, Path(scratch) / name, out / name)
                for name in (f"{task}.parquet" for task in tasks)
                if not same_bytes(Path(scratch) / name, out / name)
            ]
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not differ:
        print(f"{len(tasks)} table{'s' * (len(tasks) > 1)}: identical bytes")
        return 0
    print("\n".join(differ))
    print("built with: " + ", ".join(f"{name} {v}" for name, v in built_with().items()))
    print(f"the shipped tables were built with those in {out / 'provenance.json'}")
    return 1


def same_bytes(ours: Path, theirs: Path) -> bool:
    """Whether two files have the same content; False if the second does not exist."""
    return theirs.is_file() and sha256_file(ours) == sha256_file(theirs)


def difference(name: str, rebuilt: Path, shipped: Path) -> str:
    """Describe in one line how a rebuilt table differs from the shipped one.

    Another version of pyarrow may write other bytes for the same values.
    """
    if not shipped.is_file():
        return f"{name}: missing from {shipped.parent}"
    try:
        equal = pq.read_table(rebuilt).equals(pq.read_table(shipped))
    except pa.ArrowException as error:
        return f"{name}: the shipped file cannot be read ({error})"
    return f"{name}: {'other bytes for the same values' if equal else 'other values'}"


if __name__ == "__main__":
    raise SystemExit(main())
