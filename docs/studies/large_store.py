"""Time, memory and disk use of the store of a run with up to a million finished records.

    python docs/studies/large_store.py
    python docs/studies/large_store.py 100000 --read 5000 --folder FOLDER

writes synthetic records, packed as `run` packs those of large runs, and prints the seconds of
processor time of what `run` and the reports do with them:

- list: which records the folder holds, with the SHA-256 of every table verified;
- resume: which cells of a plan are left, when one in a hundred has no record;
- read: records of the first segments parsed, and their tidy table, as reports need them.

A folder that was written before is used again. Records are as long as those of the main job; their
predictions are of 20 points each, where those of the main job are of thousands.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.record import Provenance, Record, Settings
from satclip_bench.benchmarks.runs.record_files import parse_record
from satclip_bench.benchmarks.runs.segments import (
    MAX_RECORDS,
    LooseRecord,
    list_segments,
    write_segment,
)
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.tidy import parquet_bytes, tidy_frame
from satclip_bench.core.files import sha256_bytes

METRICS = ("r2", "rmse", "mae", "skill", "reference_rmse")
PLACEHOLDER = 0.123456789
POINTS = 20
"""Test points whose predictions are kept per record."""
LEFT = 100
"""One in this many cells of the plan has no record."""


@dataclass(frozen=True)
class Synthetic(LooseRecord):
    """A record whose predictions are in a file that all synthetic records share."""

    shared: Path = Path()

    @property
    def predictions_path(self) -> Path:
        """The shared file."""
        return self.shared


def main() -> None:
    """Write the records unless they are there, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("records", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--read", type=int, default=10_000, help="records to parse")
    parser.add_argument("--folder", type=Path, help="folder of the run; by default a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not list_segments(folder):
            with timed("write"):
                write(folder, arguments.records)
        measure(folder, arguments.read)


def write(folder: Path, count: int) -> None:
    """Write finished records in segments."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    columns = {"row": range(POINTS), "target": rng.normal(size=POINTS)}
    content = parquet_bytes(pa.table({**columns, "prediction": rng.normal(size=POINTS)}))
    shared = folder / "shared.predictions"
    shared.write_bytes(content)
    (cell,) = make_plan(
        get_suite("open"),
        Selection(["elevation"], ["geoclip"], ["random"], ["linear"], [0]),
    )
    records = synthetic_records(cell.settings, count, sha256_bytes(content), folder, rng)
    while some := list(islice(records, MAX_RECORDS)):
        write_segment(folder, (Synthetic(*record, shared) for record in some))
    shared.unlink()


def synthetic_records(
    settings: Settings, count: int, sha256: str, folder: Path, rng: np.random.Generator
) -> Iterator[tuple[Record, Path, str]]:
    """Records that differ in their seeds and scores, their files, and their text."""
    store = Store(folder)
    first = Record(
        key=settings.key,
        settings=settings,
        task_type="regression",
        encoder_title="GeoCLIP",
        metric="r2",
        status="done",
        scores=dict.fromkeys(METRICS, PLACEHOLDER),
        intervals={
            kind: dict.fromkeys(METRICS, (PLACEHOLDER, PLACEHOLDER)) for kind in ("map", "places")
        },
        predictions_sha256=sha256,
        provenance=Provenance(
            finished="2026-11-26T07:29:03.469664+00:00",
            versions=dict.fromkeys(("lightgbm", "numpy", "python", "torch"), "1.2.3"),
        ),
    )
    # Text is filled in, because it takes minutes to write a million documents.
    text = first.to_json().decode().replace(str(PLACEHOLDER), "%r")
    text = text.replace('"seed": 0', '"seed": %d')
    before, after = text.split(settings.key)
    numbers_before = before.count("%r")
    directory = store.path(settings).parent
    for seed in range(count):
        of_seed = settings.model_copy(update={"seed": seed})
        key = of_seed.key
        # Keys are sorted: intervals before the key, scores after it, and then the settings.
        numbers = rng.random(numbers_before + len(METRICS)).tolist()
        content = (
            before % tuple(numbers[:numbers_before])
            + key
            + after % (*numbers[numbers_before:], seed)
        )
        record = first.model_copy(update={"key": key, "settings": of_seed})
        yield record, directory / f"linear.0.seed{seed}.{key[:16]}.json", content


def measure(folder: Path, read: int) -> None:
    """Print what listing, resuming and reading the records of a folder take."""
    size = sum(path.stat().st_size for path in (folder / "packed").iterdir())
    with timed("list"):
        store = Store(folder)
        listing = store.listing()
    planned = [key for segment in listing.segments for key in segment.index]
    # Cells without a record: keys that no record has.
    planned[::LEFT] = [key[::-1] for key in planned[::LEFT]]
    with timed("resume"):
        done = store.done_keys(listing)
        left = [key for key in planned if key not in done]
    print(f"{len(planned):,} records in {len(listing.segments)} segments, {size / 1e9:.2f} GB")
    print(f"{len(left):,} cells of the plan are left")
    contents = (content for segment in listing.segments for content in segment.records())
    with timed(f"read {read:,} records"):
        records = [parse_record(content) for content in islice(contents, read)]
    with timed(f"tidy table of {read:,} records"):
        tidy_frame(records)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print the processor time of a block, and the peak memory of the process so far."""
    start, clock = time.process_time(), time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds, elapsed = time.process_time() - start, time.perf_counter() - clock
    print(f"{name}: {seconds:.2f} s of processor time, {elapsed:.1f} s, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
