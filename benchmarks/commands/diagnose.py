"""The command `diagnose`: where the encoders of a run fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.commands.best_first import best_first
from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.diagnostics.diagnosis import Diagnosis, diagnose
from satclip_bench.benchmarks.diagnostics.frames import strata_frame, summary_row
from satclip_bench.benchmarks.diagnostics.reading import TaskPredictions, locations, read_task
from satclip_bench.benchmarks.report.drawing import CAPTIONS, Drawing, write_captions
from satclip_bench.benchmarks.report.grid import Grid, GridRow, print_grid
from satclip_bench.benchmarks.report.results import Results, board_names, options
from satclip_bench.benchmarks.report.terminal import print_heading
from satclip_bench.benchmarks.report.wording import DASH, METRIC_SIGNS, number, user_table
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.threads import one_blas_thread
from satclip_bench.tasks import selectable_tasks

if TYPE_CHECKING:
    import pandas as pd

TITLE_WIDTH, REGION_WIDTH = 24, 14
"""Maximum widths of an encoder's title, which may take several lines, and of a region's name."""


@one_blas_thread()
def diagnose_run(
    out: Path,
    split: str | None = None,
    probe: str | None = None,
    only: RecordFilter = ALL,
    data_dir: Path | None = None,
    radius_km: float | None = None,
) -> int:
    """Print where the encoders of a run fail, and write frames and figures.

    Args:
        out: folder of the run.
        split: name of the split; by default the first that the run has, random before others.
        probe: name of the probe; by default linear, or else the first that the split has.
        only: tasks, encoders and seeds to show; all of the run by default.
        data_dir: folder with the tables that do not ship.
        radius_km: radius of the neighbourhoods of SSI; by default derived from the task's points.

    Returns:
        The exit code: 1 if some records could not be read, else 0.

    Raises:
        BenchError: the run has no such predictions, or none of them can be read.
    """
    adopt(out)
    store, console = Store(out, only), Console(emoji=False)
    reading = store.read()
    print_notices(reading)
    frame = store.frame(reading)
    split, probe = _choose(frame, split, probe)
    results = Results.from_frame(frame)
    records = [
        r
        for r in store.records(reading)
        if r.settings.split == split and r.settings.probe in (probe, BASELINE_PROBE)
    ]
    folder = out / "diagnostics" / f"{split}.{probe}"
    summaries, strata, problems = [], [], []
    captions: dict[str, str] = {}
    present = {r.settings.task for r in records}
    for task in _in_order(present, selectable_tasks(present)):
        of_task = [r for r in records if r.settings.task == task]
        try:
            read = read_task(store, of_task, data_dir)
        except BenchError as error:
            problems.append(f"{task}: {error}")
            continue
        problems += [f"{task}: {reason}" for reason in read.left_out]
        if not read.predictions:
            continue
        order = best_first(read, results, split, probe)
        diagnoses = _diagnose(task, read, order, radius_km, console)
        common = {"task": task, "split": split, "probe": probe}
        summaries.append(_summary(diagnoses, read, common))
        strata.append(strata_frame(diagnoses, common))
        _print_table(summaries[-1], read, split, probe, console)
        drawing = _drawing(read, diagnoses, f"{split}, {probe} probe", task)
        drawing.write(folder)
        captions[task] = drawing.caption
    for problem in problems:
        print_plain(f"left out: {problem}", console, "yellow")
    if not summaries:
        raise BenchError(
            f"no predictions in {out} with split {split!r} and probe {probe!r} can be diagnosed"
        )
    _write(summaries, folder / "summary.csv")
    _write(strata, folder / "strata.csv")
    earlier = folder / CAPTIONS
    write_captions(captions, folder, earlier.read_text() if earlier.is_file() else "")
    _explain(console, folder)
    return 1 if problems else 0


def _choose(frame: pd.DataFrame, split: str | None, probe: str | None) -> tuple[str, str]:
    names = board_names(frame)
    fitting = [p for p in names if split in (None, p[0]) and probe in (None, p[1])]
    if not fitting:
        raise BenchError(f"this run has no such predictions. It has: {options(names)}")
    linear = [p for p in fitting if p[0] == fitting[0][0] and p[1] == "linear"]
    return (linear or fitting)[0]


def _in_order(names: Iterable[str], order: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda n: (order.index(n) if n in order else len(order), n)))


def _diagnose(
    task: str,
    read: TaskPredictions,
    order: Sequence[str],
    radius_km: float | None,
    console: Console,
) -> tuple[Diagnosis, ...]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        total = sum(len(seeds) for seeds in read.predictions.values())
        bar = progress.add_task(f"{task}: encoders x seeds", total=total)
        advance: Callable[[], None] = lambda: progress.advance(bar)  # noqa: E731
        diagnoses = diagnose(read.predictions, locations(read.table), radius_km, advance)
    # The best comes first in the terminal, the frames and the figures.
    return tuple(sorted(diagnoses, key=lambda d: order.index(d.encoder)))


def _summary(
    diagnoses: Sequence[Diagnosis], read: TaskPredictions, common: Mapping[str, object]
) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                **common,
                "edition": read.table.edition,
                "encoder": d.encoder,
                "encoder_title": read.titles[d.encoder],
                "seeds": len(read.predictions[d.encoder]),
                "metric": read.table.card.metric,
                "score": read.scores[d.encoder],
                **summary_row(d),
            }
            for d in diagnoses
        ]
    )


def _print_table(
    summary: pd.DataFrame, read: TaskPredictions, split: str, probe: str, console: Console
) -> None:
    """Print the summary of a task, in blocks of columns if the console is narrow."""
    card, first = read.table.card, summary.iloc[0]
    rows = [
        GridRow(
            (
                Text(str(row["encoder_title"])),
                Text(number(row["score"])),
                _region(str(row["worst_region"])),
                *(Text(number(row[name])) for name in ("worst_score", "gap")),
                Text(number(row["moran_i"], 2)),
                _beside(row["ssi"], row["ssi_shuffled"], 1),
                _beside(row["sri_grid"], row["sri_grid_shuffled"], 2),
            ),
            "cyan" if is_baseline(str(row["encoder"])) else "",
        )
        for row in summary.to_dict("records")
    ]
    titles = ("Encoder", METRIC_SIGNS[card.metric], "Worst region", "there", "Gap", "I")
    grid = Grid(
        headings=tuple(map(Text, (*titles, "SSI/sh.", "SRI/sh."))),
        alignment="lrlrrrrr",
        rows=tuple(rows),
    )
    console.print()
    own = user_table(card)
    print_heading(
        f"{card.title} · {f'user table {own}' if own else f'{read.table.edition} edition'} · "
        f"{split} · probe {probe} · "
        f"radius {first['ssi_km']:.3g} km",
        console,
    )
    print_grid(grid, console, TITLE_WIDTH)


def _region(name: str) -> Text:
    text = Text(name or DASH)
    text.truncate(REGION_WIDTH, overflow="ellipsis")
    return text


def _beside(value: float, shuffled: float, digits: int) -> Text:
    return Text.assemble(number(value, digits), (f"/{number(shuffled, digits)}", "dim"))


def _drawing(
    read: TaskPredictions, diagnoses: Sequence[Diagnosis], what: str, name: str
) -> Drawing:
    from satclip_bench.benchmarks.report.diagnostic_figures import ErrorMap, diagnostics_drawing

    ranked = [d.encoder for d in diagnoses if not is_baseline(d.encoder)]
    ranked = ranked or [d.encoder for d in diagnoses]
    maps = []
    for encoder in dict.fromkeys([ranked[0], ranked[-1]]):
        first = read.predictions[encoder][0]
        rows, residual = first.once(first.residual)
        maps.append(ErrorMap(read.titles[encoder], first.seed, rows, residual))
    titled = [replace(d, encoder=read.titles[d.encoder]) for d in diagnoses]
    baselines = {read.titles[d.encoder] for d in diagnoses if is_baseline(d.encoder)}
    return diagnostics_drawing(read.table, titled, baselines, maps, what, name)


def _write(frames: Sequence[pd.DataFrame], path: Path) -> None:
    import pandas as pd

    text = pd.concat(frames).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    with atomic_write(path) as stream:
        stream.write(text.encode())


def _explain(console: Console, folder: Path) -> None:
    console.print(
        "Gap: best minus worst region. I: Moran's I of residuals. SSI and SRI (squares): geo-bias "
        "scores; sh.: the same scores after good and bad predictions were shuffled over the "
        "points, as if errors had no geography. docs/diagnostics.md explains how to read them.",
        style="dim",
        highlight=False,
    )
    print_plain(f"summary.csv, strata.csv and a figure for each task are in {folder}", console)
