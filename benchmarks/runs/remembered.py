"""The plan that a run's folder remembers: the cells that were asked for, and their versions.

A folder may hold records of several versions of a cell, made with other data, weights or code. The
plan says which of them are shown. No clock takes part in this.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.core.card import Card
from satclip_bench.core.files import sha256_bytes

FILE = "plan.json"
"""Name of the file in a run's folder."""

NO_FOLDS = "-"
"""Name of the fold of a cell whose folds could not be made."""

Part: TypeAlias = tuple[str, ...]
"""Name of something that cells share, such as `("encoder", "mine", protocol)`."""


class PlannedCell(Card):
    """Names of one cell, and the versions of its parts.

    A table that could not be read and an encoder that could not be used have no version.
    """

    key: str
    task: str
    edition: str
    encoder: str
    split: str
    fold: str
    probe: str
    seed: int
    protocol: str
    data_sha256: str
    encoder_version: str
    split_version: str
    fold_sha256: str
    probe_version: str

    @property
    def group(self) -> Part:
        """Names that the folds of one task, encoder, split, probe and seed share."""
        return (
            *(self.task, self.edition, self.encoder, self.split, self.probe),
            *(str(self.seed), self.protocol),
        )

    @property
    def can_be_run(self) -> bool:
        """Whether its table could be read and its encoder be used."""
        return bool(self.data_sha256 and self.encoder_version)

    @property
    def parts(self) -> dict[Part, str]:
        """The version of each part that has one.

        The protocol comes first: if its version is raised, all earlier cells are of another one.
        """
        # Baselines share the name of a probe, but not its settings.
        probe = (self.probe,) if self.probe != "none" else (self.probe, self.encoder)
        name, _, version = self.protocol.rpartition("/")
        parts: dict[Part, str] = {
            ("protocol", name): version,
            ("split", self.split, self.protocol): self.split_version,
            ("probe", *probe, self.protocol): self.probe_version,
        }
        if self.encoder_version:
            parts["encoder", self.encoder, self.protocol] = self.encoder_version
        if self.data_sha256:
            parts["task", self.task, self.edition, self.protocol] = self.data_sha256
        if self.fold != NO_FOLDS:
            fold = (self.task, self.edition, self.split, self.fold, str(self.seed), self.protocol)
            parts["fold", *fold] = self.fold_sha256
        return parts


class RunRequest(Card):
    """What one command asked for, as it was given."""

    suite: str = ""
    tasks: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    custom_encoders: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    edition: str = "open"


class RememberedPlan(Card):
    """All cells that the runs of a folder asked for, each in the version asked for last.

    Attributes:
        version: version of the file's layout.
        runs: the commands, without repeats, the last one last.
        cells: the cells, ordered by their names.
    """

    version: Literal[1] = 1
    runs: tuple[RunRequest, ...] = ()
    cells: tuple[PlannedCell, ...] = ()

    def asking(self, request: RunRequest, cells: Iterable[PlannedCell]) -> RememberedPlan:
        """The plan after one more run."""
        runs = (*(run for run in self.runs if run != request), request)
        return RememberedPlan(runs=runs, cells=merge(self.cells, tuple(cells)))

    def has_just_asked(self, request: RunRequest, keys: Iterable[str]) -> bool:
        """Whether the last run asked for the same, and no run for other cells.

        Args:
            request: what a command asks for.
            keys: keys of the records of its cells.
        """
        return self.runs[-1:] == (request,) and {cell.key for cell in self.cells} == set(keys)

    def to_json(self) -> bytes:
        """The plan as bytes of JSON, one cell per line."""
        content = self.model_dump(mode="json")
        cells = ",\n ".join(json.dumps(cell, sort_keys=True) for cell in content["cells"])
        runs = ",\n ".join(json.dumps(run, sort_keys=True) for run in content["runs"])
        return (
            f'{{"version": {self.version},\n"runs": [\n {runs}\n],\n"cells": [\n {cells}\n]}}\n'
        ).encode()


def planned(settings: Settings, key: str = "", *, done: bool = False) -> PlannedCell:
    """The cell with these settings.

    Args:
        settings: settings of the cell.
        key: key of its record, if it differs from that of the settings.
        done: whether it has a record with scores, so that its encoder could be used.
    """
    unusable = settings.dtype != "none" and not (done or _has_version(settings))
    s = settings.model_dump(mode="json")
    return PlannedCell(
        key=key or settings.key,
        **{name: s[name] for name in ("task", "edition", "encoder", "split", "fold", "probe")},
        **{name: s[name] for name in ("seed", "protocol", "data_sha256", "fold_sha256")},
        encoder_version=""
        if unusable
        else _digest(
            s, "version", "parameters", "source_sha256", "embedding_sha256", prefix="encoder_"
        )
        + _digest(s, "weights_sha256", "dtype"),
        split_version=_digest(s, "split_version", "split_settings"),
        probe_version=_digest(s, "probe_version", "probe_settings", "probe_search"),
    )


def planned_by(record: Record) -> PlannedCell:
    """The cell of a record, which may have been made before encoders had fingerprints."""
    return planned(record.settings, record.key, done=record.status == "done")


def _has_version(settings: Settings) -> bool:
    """Whether an encoder could be made and, if it is a custom one, embed the fixed points."""
    custom = settings.encoder_source_sha256 or not settings.encoder_version
    return not custom or bool(settings.encoder_embedding_sha256)


def merge(before: Iterable[PlannedCell], asked: Iterable[PlannedCell]) -> tuple[PlannedCell, ...]:
    """The union of two sets of cells, in which each part has the version that was asked for last.

    If `asked` has another version of a table, encoder, split, fold or probe, all earlier cells of
    the former version are left out, so that two versions are never shown as one. Cells of a table
    that could not be read, or of an encoder that could not be used, are added, but displace no
    others.

    Args:
        before: cells of earlier runs.
        asked: cells of the last run.
    """
    asked = tuple(asked)
    versions: defaultdict[Part, set[str]] = defaultdict(set)
    for cell in asked:
        for part, version in cell.parts.items():
            versions[part].add(version)
    groups = {cell.group for cell in asked if cell.can_be_run}
    kept = [
        cell
        for cell in before
        if cell.group not in groups
        and all(version in versions.get(part, {version}) for part, version in cell.parts.items())
    ]
    known = {cell.group for cell in kept if cell.can_be_run}
    added = [cell for cell in asked if cell.can_be_run or cell.group not in known]
    absent = {cell.group for cell in added if not cell.can_be_run}
    cells = [*(cell for cell in kept if cell.group not in absent), *added]
    return tuple(sorted(cells, key=lambda cell: (cell.group, cell.fold)))


def unambiguous(cells: Iterable[PlannedCell]) -> tuple[PlannedCell, ...]:
    """The cells that a folder without a plan can show: those whose parts have a single version.

    Args:
        cells: the cells of all records in the folder.
    """
    cells = tuple(cells)
    with_folds = {cell.group for cell in cells if cell.fold != NO_FOLDS}
    cells = tuple(cell for cell in cells if cell.fold != NO_FOLDS or cell.group not in with_folds)
    known = {cell.group for cell in cells if cell.can_be_run}
    cells = tuple(cell for cell in cells if cell.can_be_run or cell.group not in known)
    versions: defaultdict[Part, set[str]] = defaultdict(set)
    for cell in cells:
        for part, version in cell.parts.items():
            versions[part].add(version)
    return tuple(cell for cell in cells if all(len(versions[part]) == 1 for part in cell.parts))


def differing(
    cells: Iterable[PlannedCell], among: Iterable[PlannedCell]
) -> dict[tuple[str, str], int]:
    """The parts, as kind and name, whose versions keep cells off a board, and how many cells.

    A cell counts for the first of its parts that differs: the protocol, then the encoder, the
    split, the probe, the table and the fold.

    Args:
        cells: cells that are not shown.
        among: cells with whose parts they are compared.
    """
    versions: defaultdict[Part, set[str]] = defaultdict(set)
    for cell in among:
        for part, version in cell.parts.items():
            versions[part].add(version)
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for cell in cells:
        for part, version in cell.parts.items():
            if versions.get(part, set()) - {version}:
                kind, name = part[0], part[1]
                if kind == "probe" and name == "none":
                    kind, name = "baseline", part[2]
                counts[kind, name] += 1
                break
    return dict(counts)


def _digest(settings: dict[str, Any], *names: str, prefix: str = "") -> str:
    chosen = {prefix + name: settings[prefix + name] for name in names}
    return sha256_bytes(json.dumps(chosen, sort_keys=True).encode())[:16]
