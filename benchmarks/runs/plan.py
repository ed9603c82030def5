"""Suite x selection -> an ordered tuple of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path

from satclip_bench.benchmarks.baselines import baseline_card, is_baseline, list_baselines
from satclip_bench.benchmarks.probes import list_probes, probe_card
from satclip_bench.benchmarks.runs.embeddings import (
    encoder_settings,
)
from satclip_bench.benchmarks.runs.record import Settings
from satclip_bench.benchmarks.runs.suites import Block, Suite
from satclip_bench.benchmarks.runs.tables import TaskSource, _task, load_table, make_folds
from satclip_bench.benchmarks.splits import get_split
from satclip_bench.benchmarks.splits import registry as split_registry
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.encoders import registry as encoder_registry
from satclip_bench.tasks import Edition, TaskCard, list_tasks, task_card
from satclip_bench.tasks.user_tables.task import UserTable

PROTOCOL = "satclip-bench/1"
"""What a run uses where no paper's protocol is asked for: each split, probe and score as its card
says, settings chosen on the validation part, the test part looked at once."""


@dataclass(frozen=True)
class Selection:
    """What of a suite to run. An empty axis means all that the suite has.

    Attributes:
        tasks, encoders, splits, probes: names, or wildcards.
        seeds: replace the suite's.
        edition: of every task.
        data_dir: folder with the tables that do not ship.
        own: encoders that are not registered, by name.
        files: tables of one's own, by the names of the tasks that were added for them.
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


@dataclass(frozen=True)
class Cell:
    """One task x encoder x split x fold x probe x seed.

    Attributes:
        settings: everything that can change its score.
        encoder_title: what tables call the encoder.
        contaminated: whether the encoder was trained on the task's data, by its card.
        data_dir: where its task's table lies, if it does not ship.
        problem: why it cannot be run, where that is known beforehand; else empty.
        file: the table of one's own that its task was made of, if it was.
    """

    settings: Settings
    encoder_title: str = ""
    contaminated: bool = False
    data_dir: Path | None = None
    problem: str = ""
    file: UserTable | None = None

    @property
    def table(self) -> TaskSource:
        """Which table it is measured on."""
        return TaskSource(self.settings.task, self.settings.edition, self.data_dir, self.file)

    @property
    def task_card(self) -> TaskCard:
        """The card of its task."""
        # A worker process does not know of tasks that were added in the first one.
        return task_card(self.settings.task) if self.file is None else _task(self.file).card


def blocks_of(suite: Suite, selection: Selection) -> tuple[Block, ...]:
    """The suite's blocks, narrowed to a selection.

    Names the suite has are kept where it has them; names it lacks join all of its blocks; a
    combination that it lacks altogether is made of the suite's union.

    Raises:
        UnknownNameError: a name or wildcard that nothing answers to.
    """
    chosen = {
        "tasks": match_names("task", selection.tasks, list_tasks()),
        "encoders": (
            *encoder_registry.match(selection.encoders, (*list_baselines(), *selection.own)),
            *(name for name in selection.own if name not in selection.encoders),
        ),
        "splits": split_registry.match(selection.splits),
        "probes": match_names("probe", selection.probes, list_probes()),
    }
    if selection.own and not selection.encoders:
        # An encoder of one's own is looked at beside the suite's.
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


def make_plan(suite: Suite, selection: Selection) -> tuple[Cell, ...]:
    """All cells of a suite and selection, ordered by task, encoder, split, seed, fold and probe.

    A task whose table cannot be read, or that a split cannot be made of, gives cells that carry
    the problem, so that it is reported and the others still run.

    Raises:
        UnknownNameError: a name or wildcard that nothing answers to.
    """
    wanted: dict[tuple[str, str, str, int, str], None] = {}
    for b in blocks_of(suite, selection):
        for task, encoder, split, seed in product(b.tasks, b.encoders, b.splits, b.seeds):
            for probe in ("none",) if is_baseline(encoder) else b.probes:
                wanted[task, encoder, split, seed, probe] = None
    encoders = {
        name: selection.own[name] if name in selection.own else get_encoder(name)
        for name in dict.fromkeys(w[1] for w in wanted)
        if not is_baseline(name)
    }
    rank = {task: i for i, task in enumerate(list_tasks())}
    order = {name: i for i, name in enumerate(dict.fromkeys(w[1] for w in wanted))}
    return tuple(
        Cell(
            Settings.model_validate(
                {
                    **fold,
                    **encoder_settings(encoder, encoders.get(encoder)),
                    **_probe_settings(encoder, probe),
                    "protocol": PROTOCOL,
                    "seed": seed,
                }
            ),
            (encoders[encoder].card if encoder in encoders else baseline_card(encoder)).title,
            encoder in encoders and task in encoders[encoder].card.contaminates,
            selection.data_dir,
            problem,
            selection.files.get(task),
        )
        for task, encoder, split, seed, probe in sorted(
            wanted, key=lambda w: (rank[w[0]], order[w[1]], w[2] != "random", w[3], w[4])
        )
        for fold, problem in _fold_settings(
            TaskSource(task, selection.edition, selection.data_dir, selection.files.get(task)),
            split,
            seed,
        )
    )


@lru_cache(maxsize=256)
def _fold_settings(
    where: TaskSource, split: str, seed: int
) -> tuple[tuple[Mapping[str, object], str], ...]:
    """For every fold, what settings it brings; or one that stands for all, and the problem."""
    card = get_split(split).card
    common = {
        "task": where.task,
        "edition": where.edition,
        "split": split,
        "split_version": card.version,
        "split_settings": card.settings,
    }
    try:
        table = load_table(where)
        folds = make_folds(where, split, seed)
    except BenchError as error:
        return ((common | {"data_sha256": "", "fold": "-", "fold_sha256": ""}, str(error)),)
    common["data_sha256"] = table.sha256
    return tuple((common | {"fold": f.name, "fold_sha256": f.sha256}, "") for f in folds)


def _probe_settings(encoder: str, probe: str) -> dict[str, object]:
    card = baseline_card(encoder) if is_baseline(encoder) else probe_card(probe)
    return {
        "probe": probe,
        "probe_version": card.version,
        "probe_settings": card.settings,
        "probe_search": card.search,
    }
