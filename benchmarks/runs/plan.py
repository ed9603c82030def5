"""Planning of a run: from a suite and a selection to an ordered tuple of cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from satclip_bench.benchmarks.baselines import baseline_card, is_baseline, list_baselines
from satclip_bench.benchmarks.probes import list_probes, probe_card
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.costs import CellSize, expected_seconds
from satclip_bench.benchmarks.runs.embeddings import encoder_settings, is_outside, time_settings
from satclip_bench.benchmarks.runs.joined import joined_coverage
from satclip_bench.benchmarks.runs.record import Settings
from satclip_bench.benchmarks.runs.remembered import NO_FOLDS
from satclip_bench.benchmarks.runs.suites import Block, Suite
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.runs.wildcards import match_tasks
from satclip_bench.benchmarks.splits import Fold, get_split
from satclip_bench.benchmarks.splits import registry as split_registry
from satclip_bench.core.dates import Dates, TimeUnit
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import LocationEncoder, get_encoder, list_encoders
from satclip_bench.encoders import registry as encoder_registry
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.custom.names import name_problem
from satclip_bench.encoders.lookup.partial import PartialEncoder
from satclip_bench.tasks import Edition, TaskTable, selectable_tasks, task_card
from satclip_bench.tasks.user_tables.task import UserTable

PROTOCOL = "satclip-bench/2"
"""Protocol of a run that does not follow a paper: each split, probe and score as its card says,
settings chosen on the validation set or the inner folds, the test set used once."""

MAX_CELLS = 1_000_000
"""Maximum number of combinations in one run, of which each has at least one cell."""

SHOW_PROGRESS = 10_000
"""Number of combinations from which on planning takes long enough to show its progress."""


@dataclass(frozen=True)
class Selection:
    """Which cells of a suite to run; an empty axis selects all that the suite has.

    Attributes:
        tasks, encoders, splits, probes: names or wildcards.
        seeds: seeds that replace those of the suite.
        edition: edition of every task.
        data_dir: folder with the tables that do not ship.
        own: custom encoders, which are not registered, by name.
        files: user tables, by the names of the tasks that were added for them.
    """

    tasks: Sequence[str] = ()
    encoders: Sequence[str] = ()
    splits: Sequence[str] = ()
    probes: Sequence[str] = ()
    seeds: Sequence[int] = ()
    edition: Edition = "open"
    data_dir: Path | None = None
    own: Mapping[str, LocationEncoder] = field(default_factory=dict)
    files: Mapping[str, UserTable] = field(default_factory=dict)


def custom_by_name(
    encoders: Iterable[tuple[str, LocationEncoder]], known: Iterable[str] = ()
) -> dict[str, LocationEncoder]:
    """Custom encoders by the names on their cards.

    Args:
        encoders: pairs of a description for messages and an encoder.
        known: names of other custom encoders.

    Raises:
        BenchError: a name cannot be chosen on the command line, or is taken by a baseline, a
            family or another encoder.
    """
    taken = set(known)
    by_name: dict[str, LocationEncoder] = {}
    for description, encoder in encoders:
        name = encoder.card.name
        for part in encoder.parts if isinstance(encoder, Combined) else (encoder,):
            if is_outside(part):
                _require_free_name(part, description)
        if name in taken:
            change = "change the name on its card"
            if description.startswith("--encoder-table"):
                change = "give them different names with --table-name, one per file"
            raise BenchError(
                f"{description} is called {name!r}, as another custom encoder of this run is: "
                f"{change}"
            )
        taken.add(name)
        by_name[name] = encoder
    return by_name


def _require_free_name(encoder: LocationEncoder, description: str) -> None:
    name = encoder.card.name
    problem = name_problem(name)
    if not problem and (is_baseline(name) or name.startswith("baseline.")):
        problem = "names of baselines begin so"
    elif not problem and encoder_registry.is_builtin(name):
        problem = "a built-in encoder or family has this name"
    elif not problem and name in list_encoders() and not _is_registered(encoder):
        problem = "an encoder of an installed package has this name"
    if problem:
        raise BenchError(
            f"{description} is called {name!r}, a name that is taken or cannot be used: {problem}. "
            "Change the name on its card"
        )


def _is_registered(encoder: LocationEncoder) -> bool:
    """Whether an encoder is of the class that an installed package registers under its name."""
    try:
        return type(get_encoder(encoder.card.name)) is type(encoder)
    except BenchError:
        return False


def blocks_of(suite: Suite, selection: Selection) -> tuple[Block, ...]:
    """Narrow the blocks of a suite to a selection.

    Names that the suite has are kept in the blocks that have them; names that it does not have
    are added to all of its blocks. If no block is left, the union of all blocks is narrowed.

    Raises:
        UnknownNameError: a name or wildcard matches nothing.
    """
    chosen = {
        "tasks": match_tasks(selection.tasks, selection.edition),
        "encoders": (
            *encoder_registry.match(selection.encoders, (*list_baselines(), *selection.own)),
            *(name for name in selection.own if name not in selection.encoders),
        ),
        "splits": split_registry.match(selection.splits),
        "probes": match_names("probe", selection.probes, list_probes()),
    }
    if selection.own and not selection.encoders:
        # Without a choice of encoders, a custom encoder is run together with the suite's.
        del chosen["encoders"]
    narrowed = [_narrow(block, suite, chosen) for block in suite.blocks]
    blocks = [block for block in narrowed if block is not None] or [_union(suite, chosen)]
    if selection.own and not selection.encoders:
        own = tuple(selection.own)
        blocks = [b.model_copy(update={"encoders": (*b.encoders, *own)}) for b in blocks]
    if selection.seeds:
        blocks = [b.model_copy(update={"seeds": tuple(selection.seeds)}) for b in blocks]
    return tuple(blocks)


def _names(block: Block, axis: str) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(block, axis)
    return names


def _narrow(block: Block, suite: Suite, chosen: Mapping[str, tuple[str, ...]]) -> Block | None:
    update = {}
    for axis, names in chosen.items():
        if names:
            of_suite = {n for b in suite.blocks for n in _names(b, axis)}
            update[axis] = tuple(n for n in names if n in _names(block, axis) or n not in of_suite)
            if not update[axis]:
                return None
    return block.model_copy(update=update)


def _union(suite: Suite, chosen: Mapping[str, tuple[str, ...]]) -> Block:
    axes = {
        axis: chosen.get(axis)
        or tuple(dict.fromkeys(n for b in suite.blocks for n in _names(b, axis)))
        for axis in ("tasks", "encoders", "splits", "probes")
    }
    seeds = tuple(sorted({s for b in suite.blocks for s in b.seeds}))
    return Block(**axes, seeds=seeds)


def make_plan(
    suite: Suite, selection: Selection, callbacks: Callbacks | None = None
) -> tuple[Cell, ...]:
    """All cells of a suite and selection: see `make_cells`.

    Raises:
        UnknownNameError: a name or wildcard matches nothing.

    >>> from satclip_bench.benchmarks.runs.suites import get_suite
    >>> small = Selection(["median_income"], ["wrap"], ["random"], ["linear"], [0])
    >>> [cell.title for cell in make_plan(get_suite("open"), small)]
    ['median_income wrap random linear']
    """
    return make_cells(blocks_of(suite, selection), selection, callbacks)


def make_cells(
    blocks: Sequence[Block], selection: Selection, callbacks: Callbacks | None = None
) -> tuple[Cell, ...]:
    """All cells of blocks, ordered by task, encoder, split, seed, fold and probe.

    If a table cannot be read, or a split cannot be made from it, or a custom encoder depends on
    chance or on the batch, the cells carry the reason as their `problem`, so that it is reported
    and all other cells still run.

    Args:
        blocks: names of tasks, encoders, splits and probes without wildcards.
        selection: edition, folder and files of the tasks, and custom encoders.
        callbacks: progress callbacks; the stage `planning` has no steps if the plan is small.

    Raises:
        UnknownNameError: a name is not known.
        BenchError: there are more cells than one run can have.
    """
    callbacks = callbacks or Callbacks()
    _require_size(blocks)
    axes: dict[tuple[str, str, str, int, str], None] = {}
    for b in blocks:
        for task, encoder, split, seed in product(b.tasks, b.encoders, b.splits, b.seeds):
            for probe in ("none",) if is_baseline(encoder) else b.probes:
                axes[task, encoder, split, seed, probe] = None
    names = tuple(dict.fromkeys(encoder for _, encoder, *_ in axes))
    encoders = {name: _planned_encoder(name, selection.own.get(name)) for name in names}
    rank = {task: i for i, task in enumerate(selectable_tasks(task for task, *_ in axes))}
    order = {name: i for i, name in enumerate(names)}
    sources = {
        task: TaskSource(task, selection.edition, selection.data_dir, selection.files.get(task))
        for task in dict.fromkeys(task for task, *_ in axes)
    }
    cards = {task: task_card(task) for task in sources}
    folds: dict[tuple[str, str, int], tuple[_PlannedFold, ...]] = {}
    coverage: dict[tuple[str, str], tuple[float | None, str]] = {}
    probes = {
        (encoder, probe): _probe_settings(encoder, probe)
        for encoder, probe in dict.fromkeys((encoder, probe) for _, encoder, _, _, probe in axes)
    }
    cells = []
    callbacks.start("planning", len(axes) if len(axes) >= SHOW_PROGRESS else 0)
    for task, encoder, split, seed, probe in sorted(
        axes, key=lambda a: (rank[a[0]], order[a[1]], a[2] != "random", a[3], a[4])
    ):
        if (task, split, seed) not in folds:
            folds[task, split, seed] = _planned_folds(sources[task], split, seed)
        part = encoders[encoder]
        if (task, encoder) not in coverage:
            own = selection.own.get(encoder)
            coverage[task, encoder] = joined_coverage(own, sources[task]) if own else (None, "")
        covered, uncovered = coverage[task, encoder]
        cells += [
            Cell(
                settings=Settings.model_validate(
                    {
                        **fold.settings,
                        **part.settings,
                        "encoder_time": time_settings(part.time, fold.dates),
                        **probes[encoder, probe],
                        "protocol": PROTOCOL,
                        "seed": seed,
                    }
                ),
                task_type=cards[task].task_type,
                metric=cards[task].metric,
                encoder_title=part.title,
                contaminated=task in part.contaminates,
                recipe_chosen=task in part.recipe_tasks,
                data_dir=selection.data_dir,
                problem=fold.problem or part.problem or uncovered,
                coverage=covered,
                file=selection.files.get(task),
                partial=part.partial,
                expected_seconds=expected_seconds(
                    encoder if is_baseline(encoder) else probe,
                    replace(fold.size, columns=part.columns),
                ),
            )
            for fold in folds[task, split, seed]
        ]
        if len(axes) >= SHOW_PROGRESS:
            callbacks.advance("planning", f"{task} {encoder} {split} seed {seed}")
    return tuple(cells)


def _require_size(blocks: Sequence[Block]) -> None:
    size = sum(
        len(b.tasks) * len(b.encoders) * len(b.splits) * len(b.probes) * len(b.seeds)
        for b in blocks
    )
    if size > MAX_CELLS:
        raise BenchError(
            f"this selection has {size:,} combinations of tasks, encoders, splits, probes and "
            f"seeds, and one run can have {MAX_CELLS:,}: choose fewer with --seeds, --tasks or "
            "--encoders"
        )


@dataclass(frozen=True)
class _PlannedEncoder:
    """What cells say of their encoder or baseline, and why it cannot be run, if it cannot."""

    settings: Mapping[str, object]
    title: str
    columns: int = 2
    contaminates: tuple[str, ...] = ()
    recipe_tasks: tuple[str, ...] = ()
    partial: bool = False
    time: Mapping[TimeUnit, int] = field(default_factory=dict)
    problem: str = ""


def _planned_encoder(name: str, custom: LocationEncoder | None) -> _PlannedEncoder:
    if is_baseline(name):
        return _PlannedEncoder(encoder_settings(name, None), baseline_card(name).title)
    try:
        encoder = custom or get_encoder(name)
    except UnknownNameError:
        raise
    except BenchError as error:
        # The package of an entry point is broken, which fails its own cells alone.
        settings: dict[str, object] = {
            "encoder": name,
            "encoder_version": 0,
            "encoder_parameters": {},
            "encoder_source_sha256": "",
            "weights_sha256": "",
            "dtype": "float32",
        }
        return _PlannedEncoder(settings, name, problem=str(error))
    card = encoder.card
    partial = isinstance(encoder, PartialEncoder)
    from_card = (
        card.title,
        card.dimension,
        card.contaminates,
        card.recipe_tasks,
        partial,
        card.time,
    )
    try:
        return _PlannedEncoder(encoder_settings(name, encoder), *from_card)
    except BenchError as error:
        settings = encoder_settings(name, encoder, embedded=False)
        return _PlannedEncoder(settings, *from_card, problem=str(error))


@dataclass(frozen=True)
class _PlannedFold:
    """What cells say of their fold, how large it is, and why it cannot be run, if it cannot."""

    settings: Mapping[str, object]
    size: CellSize
    problem: str = ""
    dates: Dates | None = None


def _planned_folds(source: TaskSource, split: str, seed: int) -> tuple[_PlannedFold, ...]:
    """Every fold; if there are none, one that stands for all, with the problem."""
    card = get_split(split).card
    common = {
        "task": source.task,
        "edition": source.edition,
        "split": split,
        "split_version": card.version,
        "split_settings": card.settings,
    }
    data_sha256 = ""
    try:
        table = load_table(source)
        data_sha256 = table.sha256
        folds = make_folds(source, split, seed)
    except BenchError as error:
        no_folds = {"data_sha256": data_sha256, "fold": NO_FOLDS, "fold_sha256": ""}
        return (_PlannedFold(common | no_folds, CellSize(0, 0), str(error)),)
    common["data_sha256"] = data_sha256
    return tuple(
        _PlannedFold(common | {"fold": f.name, "fold_sha256": f.sha256}, size, dates=table.dates)
        for f, size in zip(folds, fold_sizes(table, folds), strict=True)
    )


def fold_sizes(table: TaskTable, folds: Sequence[Fold]) -> tuple[CellSize, ...]:
    """Rows, classes and fits of the cells of each fold, without the columns of an embedding."""
    classes = 1 if table.classes is None else int(np.count_nonzero(np.bincount(table.target)))
    return tuple(
        CellSize(len(f.train), len(f.test), classes=classes, fits=1 + len(f.inner)) for f in folds
    )


def _probe_settings(encoder: str, probe: str) -> dict[str, object]:
    card = baseline_card(encoder) if is_baseline(encoder) else probe_card(probe)
    return {
        "probe": probe,
        "probe_version": card.version,
        "probe_settings": card.settings,
        "probe_search": card.search,
    }
