"""The verb `species`: location encoders on iNaturalist 2018, with and without the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.runs.store import Store, writable
from satclip_bench.benchmarks.species.cells import Request, _cells, read_images
from satclip_bench.benchmarks.species.evaluation import (
    photos_of,
)
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.core.files import atomic_write
from satclip_bench.encoders import registry
from satclip_bench.tasks.inaturalist.competition import read_competition
from satclip_bench.tasks.paper_edition.loading import data_folder

WIDE = 140


def evaluate_species(request: Request, settings: SoftmaxSettings | None = None) -> int:
    """Evaluate, print the table, and write `species.parquet`; what is done is not done again.

    Raises:
        BenchError: files are absent or not what they should be; says which, and what to do.
    """
    fixed = SoftmaxSettings() if settings is None else settings
    names = registry.match(request.encoders)
    writable(request.out)
    photos = photos_of(read_competition(data_folder(request.data_dir)))
    images = read_images(request, photos)
    console = Console(stderr=True)
    with Store(request.out).lock():
        rows = list(_cells(request, fixed, names, photos, images, console))
        frame = pd.DataFrame(rows)
        with atomic_write(request.out / "species.parquet") as stream:
            frame.to_parquet(stream, index=False)
    shown = Console()
    shown = shown if shown.is_terminal else Console(width=WIDE)
    shown.print(_table(rows))
    shown.print(
        f"{len(photos.species):,} photographs, {int((~photos.located).sum()):,} of unknown place; "
        f"{photos.classes:,} species. Brackets: 95 % by a bootstrap of blocks of ten degrees. "
        "Unseen: test photographs of species that the fold's training photographs do not show.",
        style="dim",
    )
    shown.print(str(request.out / "species.parquet"), soft_wrap=True, highlight=False)
    return 0


def _table(rows: Sequence[dict[str, Any]]) -> Table:
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
