"""The Python interface: `satclip_bench.evaluate` and `satclip_bench.leaderboard`."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import UnionType
from typing import Any, TypeAlias

import pandas as pd
from rich.console import Console

from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.commands.arguments import (
    checked_seeds,
    require_frame,
    require_table_and_column,
)
from satclip_bench.benchmarks.commands.progress import Meter
from satclip_bench.benchmarks.commands.user_tables import cards_folder, remember
from satclip_bench.benchmarks.probes import list_probes
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice, ranked_metrics
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.benchmarks.runs import engine
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.executors import make_executor
from satclip_bench.benchmarks.runs.joined import joined_by_name
from satclip_bench.benchmarks.runs.plan import Selection, custom_by_name, make_cells
from satclip_bench.benchmarks.runs.record import RENAMED
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import Block
from satclip_bench.benchmarks.runs.tidy import tidy_frame
from satclip_bench.benchmarks.runs.wildcards import edition_of
from satclip_bench.benchmarks.splits import registry as split_registry
from satclip_bench.core.device import use_device
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import refuse_overwriting
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import LocationEncoder, encoder_from_file
from satclip_bench.encoders import registry as encoder_registry
from satclip_bench.encoders.base import require_encoder
from satclip_bench.tasks import OPEN_TASKS, Edition, add_task, selectable_tasks
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask

AnEncoder: TypeAlias = str | LocationEncoder
ATask: TypeAlias = str | tuple[str | Path, str]

MAIN_METRICS = ("r2", "accuracy", "top1")
"""Metrics that tasks are ranked by; a task has scores of exactly one of them."""


def evaluate(
    encoder: AnEncoder | Sequence[AnEncoder],
    tasks: ATask | Sequence[ATask] | None = None,
    splits: str | Sequence[str] = ("random",),
    probes: str | Sequence[str] = ("linear",),
    seeds: Sequence[int] = (0,),
    edition: Edition | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    data_dir: str | Path | None = None,
    device: str | None = None,
    scheduler: str | None = None,
    cell_timeout: float | None = None,
) -> pd.DataFrame:
    """Evaluate encoders on tasks, and return their scores as a tidy table.

    An error in an encoder, a table or a probe fails the cells concerned; their rows have the
    status `failed` and the reason, and a warning says how many there are.

    Args:
        encoder: one encoder or several: a name such as `geoclip` (wildcards and baselines too), an
            object with `card` and `encode`, or `FILE.py:CLASS`, where the file is executed. Names
            of these can follow in combinations, such as `geoclip+table.farms`.
        tasks: names or wildcards of tasks, or pairs of a file with points and the column to be
            predicted; None for all tasks of the open edition.
        splits: names of splits.
        probes: names of probes; baselines have none.
        seeds: seeds of the splits and probes.
        edition: `open` ships with the package; `paper` is read from `data_dir`; None for open, or
            for paper if only tables of `coordbench` and `usavars` are named, which do not ship.
        out: folder for records, predictions and `results.parquet`; cells that it holds are not
            run again. None to keep nothing but the embeddings in the cache.
        jobs: number of processes, 1 or more, of which at most two per core are started; None for 1,
            or with `scheduler="local"` one per core.
        progress: whether progress is shown, in a terminal or a notebook.
        data_dir: folder with the tables that do not ship.
        device: device of the work that torch can do: `cpu`, `cuda`, `cuda:1`, or `auto` for a GPU
            if there is one; None for `$SATCLIP_BENCH_DEVICE`, or `auto`.
        scheduler: address of a Dask scheduler, path of its scheduler file, or `local` for a Dask
            cluster on this machine, whose workers import the script that calls this, so that the
            call has to be below `if __name__ == "__main__":`; None to compute without Dask.
        cell_timeout: time limit of a cell in seconds, above 0; None for no limit.

    Returns:
        A table with one row per cell and metric. Columns `task`, `encoder`, `split`, `fold`,
        `probe` and `seed` name the cell; `metric`, `value`, `low` and `high` are the score and
        its 95 % interval, whose kind is `interval`; `best_params` is JSON of the chosen settings,
        `converged` whether the fit ended before any cap; `status` is `done` or `failed`.

    Raises:
        BenchError: a name is unknown, an encoder cannot be made, `out` cannot be written, the
            device does not exist, a number is not allowed, or there is no scheduler.

    Examples:
        >>> scores = evaluate("wrap", tasks="median_income", progress=False)
        >>> scores[["task", "encoder", "metric", "status"]].iloc[1].tolist()
        ['median_income', 'wrap', 'r2', 'done']
    """
    limit = math.inf if cell_timeout is None else cell_timeout
    executor = make_executor(1 if jobs is None and not scheduler else jobs, scheduler, limit)
    with ExitStack() as stack:
        stack.enter_context(use_device(device))
        custom, names = _encoders(_several(encoder, str | LocationEncoder))
        files, task_names = _tasks(None if tasks is None else _several(tasks, str | tuple), out)
        block = Block(
            tasks=task_names,
            encoders=names,
            splits=split_registry.match(_several(splits, str)),
            probes=match_names("probe", _several(probes, str), list_probes()),
            seeds=checked_seeds(seeds),
        )
        edition = edition or edition_of(task_names, "open")
        selection = Selection(
            edition=edition,
            data_dir=None if data_dir is None else Path(data_dir).absolute(),
            own=custom,
            files=files,
        )
        cells = make_cells([block], selection)
        if out is None:
            store = Store(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        else:
            store = Store(Path(out))
            writable(store.folder)
        stack.enter_context(store.lock())
        callbacks = Callbacks()
        if progress:
            callbacks = stack.enter_context(Meter(Console(stderr=True)))
        if out is not None:
            by_key = {cell.settings.key: cell.settings for cell in cells}
            if executor.remote and not all(map(store.done, by_key.values())):
                executor.check_connection(callbacks.warn)
            remember(files, store.folder)
            store.remember(by_key, _request(block, edition))
        outcomes = engine.evaluate(cells, store, custom, callbacks, executor)
        if out is not None:
            store.write_table()
    return _frame(outcomes)


def leaderboard(
    frame: pd.DataFrame,
    split: str | None = None,
    probe: str | None = None,
    score: ScoreChoice | None = None,
) -> pd.DataFrame:
    """Rank the encoders of a tidy table for one split and probe.

    An encoder is ranked if every cell that any other encoder has is done for it; nothing is
    imputed. A task with a cell that failed for every encoder is left out, and a warning says why.
    Encoders are ranked within each task and seed by the score over all folds, and then by
    the mean of these ranks.

    Args:
        frame: tidy table, as from `evaluate` or `results.parquet`.
        split: name of the split; None for `random`, or else the first that the table has.
        probe: name of the probe; None for `linear`, or else the first. Baselines always take part.
        score: `task` for each task's own metric (R2, accuracy), a mean over folds, or `skill` over
            the training mean or majority, pooled over folds: 0 knows nothing, 1 is perfect. None
            for `task` under random splits and `skill` under all others.

    Returns:
        One row per encoder and task, the best encoder first, with the columns `rank` (mean rank;
        NaN if not ranked), `encoder`, `encoder_title`, `task`, `metric`, `value` (over all folds,
        then the mean over seeds), `low` and `high` (95 % interval, if the task has a single cell
        that has one), `best` (whether it is the best of the task) and `reason` (why it is not
        ranked).

    Raises:
        BenchError: the table has no such split and probe, or no skill, or columns are missing, or
            it has scores of several versions of the protocol; the message says which.

    Examples:
        >>> scores = evaluate(["wrap", "baseline.mean"], tasks="median_income", progress=False)
        >>> leaderboard(scores)[["rank", "encoder", "task"]].values.tolist()
        [[1.0, 'wrap', 'median_income'], [2.0, 'baseline.mean', 'median_income']]
    """
    require_frame(frame)
    frame = frame.rename(columns=RENAMED)
    required = {"task", "encoder", "split", "fold", "probe", "seed", "metric", "value", "status"}
    if missing := sorted(required - set(frame.columns)):
        raise BenchError(
            f"the table has no columns {', '.join(missing)}; it should be one that `evaluate` "
            "returned, or a results.parquet"
        )
    split, probe = _choose(frame, split, probe)
    main = frame[frame["metric"].isin(MAIN_METRICS)]
    own = dict(zip(main["task"], main["metric"], strict=True))
    metrics = ranked_metrics(frame, own, split, score)
    ranking = rank(frame, metrics, split, probe)
    for task in ranking.left_out:
        warnings.warn(
            f"{task.task} is left out, because a cell of it failed for every encoder: "
            f"{task.reason}",
            stacklevel=2,
        )
    rows = ranking.rows[ranking.rows["metric"] == ranking.rows["task"].map(metrics)]
    ranked = [str(name) for name in ranking.rank.index]
    others = sorted(set(map(str, ranking.mean.index)) - set(ranked))
    names = ranking.rows[["encoder", "encoder_title"]]
    titles = dict(zip(names["encoder"], names["encoder_title"], strict=True))
    return pd.DataFrame(
        [
            {
                "rank": float(ranking.rank.get(name, float("nan"))),
                "encoder": name,
                "encoder_title": titles[name],
                "task": str(task),
                "metric": metrics[str(task)],
                "value": ranking.mean.loc[name, task],
                **_interval(rows, name, str(task)),
                "best": bool(ranking.best.loc[name, task]),
                "reason": next((gap.reason for gap in ranking.missing.get(name, ())), ""),
            }
            for name in (*ranked, *others)
            for task in ranking.mean.columns
        ]
    )


def _request(block: Block, edition: Edition) -> RunRequest:
    axes = block.model_dump(include={"tasks", "encoders", "splits", "probes", "seeds"})
    return RunRequest.model_validate(axes | {"edition": edition})


def _several(given: Any, one: type | UnionType) -> list[Any]:
    """One object or several as a list, to be checked one by one."""
    several = isinstance(given, Iterable) and not isinstance(given, one)
    return list(given) if several else [given]


def _encoders(
    encoders: Iterable[AnEncoder],
) -> tuple[dict[str, LocationEncoder], tuple[str, ...]]:
    """Encoders that were given as objects or files, by name, and the names of all encoders."""
    custom: dict[str, LocationEncoder] = {}
    names: list[str] = []
    for given in encoders:
        if isinstance(given, str) and (joined := joined_by_name([given], custom)):
            custom |= joined
        if isinstance(given, str) and ".py:" not in given:
            names += encoder_registry.match([given], (*list_baselines(), *joined))
            continue
        made = encoder_from_file(given) if isinstance(given, str) else given
        require_encoder(made)
        title = given if isinstance(given, str) else f"an encoder of class {type(given).__name__}"
        custom |= custom_by_name([(title, made)], custom)
        names.append(made.card.name)
    if not names:
        raise BenchError("there is nothing to evaluate: no encoder was given")
    return custom, tuple(dict.fromkeys(names))


def _tasks(
    tasks: Sequence[ATask] | None, out: Path | str | None
) -> tuple[dict[str, UserTable], tuple[str, ...]]:
    """User tables by the names of their tasks, and the names of all tasks."""
    if tasks is None:
        return {}, OPEN_TASKS
    files: dict[str, UserTable] = {}
    names: list[str] = []
    for given in tasks:
        if isinstance(given, str):
            names += match_names("task", [given], selectable_tasks([given]))
            continue
        require_table_and_column(given)
        path, column = given
        place = Path(path).absolute()
        if out is not None:
            refuse_overwriting(Store(Path(out)).own_files, {"tasks": [place]})
        file = UserTable(
            place,
            column,
            card_folder=None if out is None else cards_folder(Path(out)),
            # Without a folder for the run there is no other place for the card.
            save_card=out is not None or os.access(place.parent, os.W_OK),
        )
        task = UserTableTask(file)
        add_task(task)
        files[task.card.name] = file
        names.append(task.card.name)
    if not names:
        raise BenchError("there is nothing to evaluate: no task was given")
    return files, tuple(dict.fromkeys(names))


def _frame(outcomes: Iterable[engine.UnitResult[Cell]]) -> pd.DataFrame:
    """The tidy table of outcomes; warns of cells that failed."""
    records = []
    reasons = []
    for outcome in outcomes:
        if outcome.reason:
            reasons.append(f"{outcome.unit.title}: {outcome.reason}")
        records += [*outcome.records.values()] or [*outcome.unit.failed(outcome.reason)]
    if reasons:
        warnings.warn(
            f"{len(reasons)} of {len(records)} cells failed; the column `reason` says why. The "
            f"first is {reasons[0]}",
            stacklevel=3,
        )
    return tidy_frame(sorted(records, key=lambda record: record.settings.identity))


def _choose(frame: pd.DataFrame, split: str | None, probe: str | None) -> tuple[str, str]:
    """A split and probe of a table: `random` and `linear` if it has them, else the first."""
    pairs = sorted(set(zip(frame["split"], frame["probe"], strict=True)))
    pairs = [pair for pair in pairs if pair[1] != BASELINE_PROBE] or pairs
    fitting = [p for p in pairs if split in (None, p[0]) and probe in (None, p[1])]
    if not fitting:
        available = "; ".join(f"split {s!r} with probe {p!r}" for s, p in pairs) or "no scores"
        raise BenchError(f"the table has no such split and probe. It has: {available}")
    chosen = min(fitting, key=lambda p: (p[0] != "random", p[1] != "linear"))
    return str(chosen[0]), str(chosen[1])


def _interval(rows: pd.DataFrame, encoder: str, task: str) -> dict[str, float]:
    """Interval of a mean score: known from the table only if the mean is of a single cell."""
    cells = rows[(rows["encoder"] == encoder) & (rows["task"] == task)]
    if len(cells) != 1 or not {"low", "high"} <= set(cells.columns):
        return {"low": float("nan"), "high": float("nan")}
    return {"low": float(cells["low"].iloc[0]), "high": float(cells["high"].iloc[0])}
