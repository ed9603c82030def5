"""What a run's folder shows: its records, the filter of a command, and what is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.remembered import NO_FOLDS, PlannedCell, differing, planned_by
from satclip_bench.benchmarks.runs.segments import Segment
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.registry import match_names

AXES = ("task", "encoder", "split", "probe")
"""Axes of the records that are selected by name."""

NOTHING = (
    "the run has no records with this combination of tasks, encoders, splits, probes and seeds"
)


@dataclass(frozen=True)
class RecordFilter:
    """Which records of a run a command reads; an empty axis selects all.

    Attributes:
        tasks, encoders, splits, probes: names or wildcards. Baselines, which have no probe, are
            selected with any.
        seeds: seeds.
    """

    tasks: Sequence[str] = ()
    encoders: Sequence[str] = ()
    seeds: Sequence[int] = ()
    splits: Sequence[str] = ()
    probes: Sequence[str] = ()

    def select(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """The records that the filter selects.

        Raises:
            UnknownNameError: a name or wildcard matches nothing in the run.
            BenchError: the run has no records of these seeds, or of this combination.
        """
        if not records or self == ALL:
            return tuple(records)
        chosen = {
            axis: self.chosen(axis, (getattr(r.settings, axis) for r in records)) for axis in AXES
        }
        seeds = self.chosen_seeds(record.settings.seed for record in records)
        selected = tuple(
            record
            for record in records
            if record.settings.seed in seeds
            and all(getattr(record.settings, axis) in names for axis, names in chosen.items())
        )
        if not selected:
            raise BenchError(NOTHING)
        return selected

    def chosen(self, axis: str, present: Iterable[str]) -> set[str]:
        """Names of an axis, of `AXES`, that are selected among those that a run has.

        Raises:
            UnknownNameError: a name or wildcard matches none of them.
        """
        names = tuple(dict.fromkeys(present))
        patterns: Sequence[str] = getattr(self, f"{axis}s")
        if not patterns:
            return set(names)
        named = [name for name in names if name != BASELINE_PROBE]
        chosen = set(match_names(f"{axis} of this run", patterns, named))
        return chosen | (set(names) - set(named))

    def chosen_seeds(self, present: Iterable[int]) -> set[int]:
        """Seeds that are selected among those that a run has.

        Raises:
            BenchError: the run has no records of one of the seeds.
        """
        seeds = {int(seed) for seed in present}
        if unknown := sorted(set(self.seeds) - seeds):
            raise BenchError(
                f"the run has no records of seed {unknown[0]}. It has seeds "
                f"{', '.join(map(str, sorted(seeds)))}"
            )
        return set(self.seeds) or seeds


ALL = RecordFilter()
"""The filter that selects all records."""


@dataclass(frozen=True)
class Listing:
    """The records that a run's folder holds, of its plan or not.

    Attributes:
        loose: records in single files.
        segments: segments of packed records, whose tables are whole.
        damaged: messages about files that are not records or segments.
    """

    loose: tuple[Record, ...]
    segments: tuple[Segment, ...]
    damaged: tuple[str, ...]

    def records(self, parse: Callable[[str], Record]) -> tuple[Record, ...]:
        """Each record once: a loose one if it is done, else the one that was packed last.

        Args:
            parse: function that makes a record from JSON.

        Raises:
            RecordError: a newer version has packed records that this one cannot read.
        """
        records = {record.key: record for record in self.loose}
        final = {record.key for record in self.loose if record.status == "done"}
        for segment in reversed(self.segments):
            for key, content in zip(segment.index, segment.records(), strict=True):
                if key in final:
                    continue
                try:
                    records[key] = parse(content)
                except RecordError as error:
                    # A segment is verified by its hash: the record is as it was packed.
                    raise RecordError(f"{segment.path} cannot be read: {error}.") from error
            final |= segment.index.keys()
        return tuple(records.values())

    def problems(self) -> tuple[str, ...]:
        """Why records in segments are not finished, unless they were computed again since."""
        whole = {record.key for record in self.loose}.union(
            *(segment.index for segment in self.segments if not segment.problem)
        )
        return tuple(s.problem for s in self.segments if s.problem and not s.index.keys() <= whole)


@dataclass(frozen=True)
class Reading:
    """The records of a folder that are shown, and what is left out.

    Attributes:
        folder: folder of the run.
        records: the records that belong to the plan, ordered by cell.
        asked: the cells of the plan, or those that a folder without a plan can show.
        others: cells of the records that are not shown.
        damaged: messages about files that are not records.
        has_plan: whether the folder remembers a plan.
    """

    folder: Path
    records: tuple[Record, ...]
    asked: tuple[PlannedCell, ...]
    others: tuple[PlannedCell, ...]
    damaged: tuple[str, ...]
    has_plan: bool

    @classmethod
    def of(
        cls,
        folder: Path,
        records: Sequence[Record],
        asked: Sequence[PlannedCell],
        damaged: Sequence[str],
        has_plan: bool,
    ) -> Reading:
        """Divide the records of a folder into those that are shown and others.

        Args:
            folder: folder of the run.
            records: all records of the folder.
            asked: cells to show.
            damaged: messages about files that are not records.
            has_plan: whether the folder remembers a plan.
        """
        keys = {cell.key for cell in asked}
        shown = sorted((r for r in records if r.key in keys), key=lambda r: r.settings.identity)
        others = tuple(planned_by(r) for r in records if r.key not in keys)
        return cls(folder, tuple(shown), tuple(asked), others, tuple(damaged), has_plan)

    @property
    def finds_no_records(self) -> bool:
        """Whether the folder has no records at all, so that a table in it is not out of date."""
        return not (self.records or self.others or self.damaged)

    def notices(self) -> tuple[str, ...]:
        """Lines about records that are not shown: of other versions, and damaged ones."""
        # A cell without folds stands for a table or split that failed, and has no score to miss.
        others = [cell for cell in self.others if cell.fold != NO_FOLDS]
        among = self.asked if self.has_plan else (*self.asked, *self.others)
        parts = differing(others, among)
        named = ", ".join(
            f"{kind} {name} ({count} record{'s' if count > 1 else ''})"
            for (kind, name), count in sorted(parts.items())
        )
        lines = list(self.damaged)
        if named and self.has_plan:
            lines.append(f"not shown, because the last run asked for other versions: {named}")
        elif named:
            lines.append(
                f"not shown, because {self.folder} holds several versions and does not remember "
                f"which of them was asked for: {named}. Run the same command again to show one"
            )
        return tuple(lines)
