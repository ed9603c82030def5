"""The command `species`: location encoders on iNaturalist 2018, with and without the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.progress import Meter
from satclip_bench.benchmarks.runs.engine import UnitResult, evaluate
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.species.cells import (
    IMAGE_ALONE,
    Request,
    SpeciesCells,
    Workspace,
    read_images,
    species_cells,
)
from satclip_bench.benchmarks.species.evaluation import Way, photos_of
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.core.files import atomic_write, refuse_overwriting
from satclip_bench.encoders import registry
from satclip_bench.tasks.inaturalist.competition import read_competition
from satclip_bench.tasks.paper_edition.loading import data_folder

WIDE = 140
"""Width in characters of a table that is not printed to a terminal."""


def evaluate_species(request: Request, settings: SoftmaxSettings | None = None) -> int:
    """Evaluate encoders, print the scores, and write `species.parquet` and `results.parquet`.

    Cells that the folder holds are not run again.

    Args:
        request: what to evaluate, and where to keep the results.
        settings: settings of the softmax regressions; None for the defaults.

    Returns:
        The exit code: 0 if every cell is done, 1 if some failed.

    Raises:
        BenchError: files are missing or not what they should be; the message says what to do.
    """
    names = registry.match(request.encoders)
    store, path = Store(request.out), request.out / "species.parquet"
    refuse_overwriting(
        [path, *store.own_files],
        {"--image-features": request.features, "--image-probabilities": [request.probabilities]},
    )
    writable(request.out)
    photos = photos_of(read_competition(data_folder(request.data_dir)))
    workspace = Workspace(photos, read_images(request, photos), settings or SoftmaxSettings())
    with store.lock(), Meter(Console(stderr=True), every_step=True) as meter:
        workspace.on_step = lambda epoch, seen: meter.describe(
            "cells", f"epoch {epoch}, {seen:,} photographs"
        )
        # Cells share fits in memory, so that they run in one process.
        units = species_cells(request, names, workspace)
        asked = RunRequest(
            encoders=names,
            splits=tuple(request.splits),
            seeds=tuple(request.seeds),
            edition="paper",
        )
        cells = {settings.key: settings for unit in units for settings in unit.cells}
        store.remember(cells, asked)
        outcomes = evaluate(units, store, callbacks=meter)
        rows = list(_rows(outcomes))
        with atomic_write(path) as stream:
            pd.DataFrame(rows).to_parquet(stream, index=False)
        store.write_table()
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    console.print(_table(rows))
    console.print(
        f"{len(photos.species):,} photographs, {int((~photos.located).sum()):,} of unknown place; "
        f"{photos.classes:,} species. Brackets: 95 % intervals by a bootstrap of blocks of ten "
        "degrees. Unseen: test photographs whose species is not in the fold's training set.",
        style="dim",
    )
    print_plain(path, console)
    return int(any(outcome.reason for outcome in outcomes))


def _rows(outcomes: Iterable[UnitResult[SpeciesCells]]) -> Iterable[dict[str, Any]]:
    """A row of `species.parquet` for every cell that is done."""
    for outcome in outcomes:
        unit = outcome.unit
        unlocated = int((~unit.workspace.photos.located[unit.fold.test]).sum())
        for way, settings in unit.settings.items():
            if record := outcome.records.get(settings.key):
                yield _row(way, record, unlocated)


def _row(way: Way, record: Record, unlocated: int) -> dict[str, Any]:
    s, counts = record.settings, record.counts
    row: dict[str, Any] = {
        "split": s.split,
        "fold": s.fold,
        "seed": s.seed,
        "encoder": "" if s.encoder == IMAGE_ALONE else s.encoder,
        "way": way,
    }
    for name in (f"top{k}" for k in TOP):
        low, high = record.intervals.get("places", {}).get(name, (None, None))
        row |= {name: record.scores[name], f"{name}_low": low, f"{name}_high": high}
    sizes = {"n_train": counts.train, "n_test": counts.test, "n_unseen": counts.unseen}
    return row | sizes | {"n_unlocated": unlocated}


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "fold", "seed", "encoder", "way"):
        table.add_column(title)
    for title in (*(f"top-{k}" for k in TOP), "photographs", "unseen"):
        table.add_column(title, justify="right")
    for row in rows:
        first = f"{100 * row['top1']:.1f}"
        if row["top1_low"] is not None:
            first += f" [{100 * row['top1_low']:.1f}, {100 * row['top1_high']:.1f}]"
        others = (f"{100 * row[f'top{k}']:.1f}" for k in TOP[1:])
        names = (row["split"], row["fold"], str(row["seed"]), row["encoder"] or "-", row["way"])
        counts = (f"{row['n_test']:,}", f"{row['n_unseen']:,}")
        table.add_row(*map(escape, (*names, first, *others, *counts)))
    return table
