"""The commands `diagnose --curves` and `diagnose --combinations`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.commands.finished import Finished, open_finished
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.ranking.combinations import combinations
from satclip_bench.benchmarks.ranking.curves import curves
from satclip_bench.benchmarks.report.drawing import CAPTIONS
from satclip_bench.benchmarks.report.grid import Grid, GridRow, print_grid
from satclip_bench.benchmarks.report.terminal import print_heading
from satclip_bench.benchmarks.report.wording import DASH, number
from satclip_bench.benchmarks.runs.reading import RecordFilter
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd

TITLE_WIDTH = 28
AXES = {"labels": "percent of the labels", "blocks": "side of a block in degrees"}


def show_curves(out: Path, split: str | None, probe: str | None, only: RecordFilter) -> None:
    """Print skill against the share of the labels and the size of blocks; write it and draw it.

    Args:
        out: folder of the run.
        split: name of one split to show, or None for all.
        probe: name of one probe to show, beside baselines, or None for all.
        only: tasks, encoders and seeds to show.

    Raises:
        BenchError: the run has no splits of these families.
    """
    from satclip_bench.benchmarks.report.curve_figures import CURVES, how_to_run
    from satclip_bench.benchmarks.report.figures import write_figures

    finished = _read(out, split, probe, only)
    found = curves(finished.frame)
    if found.empty:
        raise BenchError(
            f"the run in {out} has no splits labels.<percent> or blocks.<degrees>. "
            + ". ".join(f"For {family.name}, {how_to_run(family)}" for family in CURVES.values())
        )
    results = finished.results()
    console = Console(emoji=False)
    folder = out / "diagnostics"
    for family in CURVES.values():
        of_family = found[found["family"] == family.name]
        for (task, fitted), rows in of_family.groupby(["task", "probe"]):
            print_heading(f"{task} · skill by {AXES[family.name]} · probe {fitted}", console)
            print_grid(_curve_grid(rows, dict(results.titles)), console, TITLE_WIDTH)
            console.print()
    _write(found, folder / "curves.csv", console)
    path = folder / CAPTIONS
    earlier = path.read_text() if path.is_file() else ""
    for path in write_figures(results, {}, folder, tuple(CURVES), ("png",), earlier):
        print_plain(path, console)


def show_combinations(out: Path, split: str | None, probe: str | None, only: RecordFilter) -> None:
    """Print and write what combinations of encoders add to the best of their parts.

    Args:
        out: folder of the run.
        split: name of one split to show, or None for all.
        probe: name of one probe to show, or None for all.
        only: tasks, encoders and seeds to show.

    Raises:
        BenchError: the run has no combination together with its parts.
    """
    found = combinations(_read(out, split, probe, only).frame)
    if found.empty:
        raise BenchError(
            f"the run in {out} has no combination together with its parts: run both, as with "
            "--encoders geoclip,wrap,geoclip+wrap"
        )
    console = Console(emoji=False)
    for (name, fitted), rows in found.groupby(["split", "probe"]):
        print_heading(f"skill of combinations · {name} · probe {fitted}", console)
        print_grid(_gain_grid(rows), console, TITLE_WIDTH)
        console.print()
    _write(found, out / "diagnostics" / "combinations.csv", console)


def _read(out: Path, split: str | None, probe: str | None, only: RecordFilter) -> Finished:
    splits, probes = ((name,) if name else () for name in (split, probe))
    return open_finished(out, replace(only, splits=splits, probes=probes))


def _curve_grid(rows: pd.DataFrame, titles: dict[str, str]) -> Grid:
    table = rows.set_index(["encoder", "x"])["skill"].unstack("x")  # noqa: PD010
    table = table.sort_values(list(table.columns)[::-1], ascending=False)
    return Grid(
        headings=(Text("Encoder"), *(Text(f"{x:g}") for x in table.columns)),
        alignment="l" + "r" * len(table.columns),
        rows=tuple(
            GridRow(
                (
                    Text(titles[str(name)]),
                    *(Text(number(v) if v == v else DASH) for v in table.loc[name]),
                ),
                "cyan" if is_baseline(str(name)) else "",
            )
            for name in table.index
        ),
        gap=2,
    )


def _gain_grid(rows: pd.DataFrame) -> Grid:
    headings = ("Combination", "task", "seeds", "skill", "best part", "its skill", "gain", "seeds'")
    return Grid(
        headings=tuple(map(Text, headings)),
        alignment="llrrlrrr",
        rows=tuple(
            GridRow(
                tuple(
                    map(
                        Text,
                        (
                            row["combination"],
                            row["task"],
                            str(row["seeds"]),
                            number(row["skill"]),
                            row["best_part"],
                            number(row["best_skill"]),
                            number(row["gain"]),
                            f"{number(row['low_seed'])} to {number(row['high_seed'])}",
                        ),
                    )
                )
            )
            for row in rows.to_dict("records")
        ),
        gap=2,
    )


def _write(found: pd.DataFrame, path: Path, console: Console) -> None:
    text = found.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    with atomic_write(path) as stream:
        stream.write(text.encode())
    print_plain(path, console)
