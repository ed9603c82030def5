"""A small suite, a run of it, an entry of its custom encoder, and ways to falsify the entry."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from satclip_bench.benchmarks.runs.record import Settings
from satclip_bench.benchmarks.runs.suites import Block, Suite
from tests.benchmarks.cli.program import Finished, bench

SUITE = Suite(
    name="tiny",
    title="Tiny",
    description="Two tasks and two seeds.",
    blocks=(
        Block(
            tasks=("median_income", "biomes"),
            encoders=("baseline.mean", "direct"),
            splits=("random",),
            probes=("knn",),
            seeds=(0, 1),
        ),
    ),
)

ENCODER = """
import numpy as np
from satclip_bench import Encoder, EncoderCard

class Mine(Encoder):
    card = EncoderCard(name="{name}", title="{title}", dimension=4, contaminates=("biomes",))

    def forward(self, lonlat):
        angle = np.radians({factor} * lonlat)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
"""

KEY = b"satclip_bench.entry"


def write_encoder(
    folder: Path, name: str = "mine", title: str = "Mine", factor: float = 0.5
) -> str:
    """Write the file of a custom encoder, and return what --encoder takes."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(ENCODER.format(name=name, title=title, factor=factor))
    return f"{folder / name}.py:Mine"


def edit(
    source: Path,
    target: Path,
    *,
    record: Callable[[dict[str, Any]], None] | None = None,
    manifest: Callable[[dict[str, Any]], None] | None = None,
    rows: Callable[[list[dict[str, Any]]], None] | None = None,
    rekey: bool = True,
    **options: Any,
) -> Path:
    """Copy an entry with changed records, rows or manifest, as somebody with an editor could.

    Args:
        source: entry to copy.
        target: file to write.
        record: changes the JSON of every record of the encoder `mine`.
        manifest: changes the JSON of the manifest.
        rows: changes all rows, with records as JSON documents.
        rekey: whether records get the key of their changed settings.
        options: options of the Parquet writer.
    """
    table = pq.read_table(source)
    content = json.loads((table.schema.metadata or {})[KEY])
    rows_list = [row | {"record": json.loads(row["record"])} for row in table.to_pylist()]
    if record is not None:
        for row in rows_list:
            if row["record"]["settings"]["encoder"] == "mine":
                record(row["record"])
    if rows is not None:
        rows(rows_list)
    for row in rows_list:
        if rekey:
            # Settings that this package refuses have no key.
            with contextlib.suppress(ValidationError):
                row["record"]["key"] = Settings.model_validate(row["record"]["settings"]).key
        row["record"] = json.dumps(row["record"])
    if manifest is not None:
        manifest(content)
    schema = table.schema.with_metadata({KEY: json.dumps(content).encode()})
    pq.write_table(
        pa.Table.from_pylist(rows_list, schema=schema),
        target,
        **({"use_dictionary": False, "compression": "zstd"} | options),
    )
    return target


@dataclass(frozen=True)
class Made:
    """A run with the encoder `mine`, its entry, and a folder with committed results without it."""

    run: Path
    spec: str
    entry: Path
    board: Path


def submit(run: Path, spec: str, out: Path, *more: str) -> Finished:
    return bench(
        *("submit", "--suite", "tiny", "--run", run, "--encoder", spec, "--out", out),
        *("--submitter", "Zoë, ETH Zürich", *more),
        cwd=run.parent,
    )


def merge(board: Path, *arguments: str | Path) -> Finished:
    return bench("merge", *arguments, "--into", board, cwd=board)


def refusal(board: Path, entry: Path) -> str:
    """What `merge` says of an entry that it refuses, having written nothing."""
    before = sorted(path.name for path in board.rglob("*"))
    finished = merge(board, entry)
    assert finished.returncode == 2, finished.stdout
    assert finished.stderr == ""
    assert {*before, ".lock"} >= {path.name for path in board.rglob("*")}
    lines = finished.stdout.splitlines()
    assert lines
    assert all(line.startswith(f"{entry}: refused: ") for line in lines)
    return "\n".join(line.removeprefix(f"{entry}: refused: ") for line in lines)
