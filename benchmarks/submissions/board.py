"""Checks of an entry against the board that it is to join, and how it stands on it.

<run>/submissions/<encoder>.parquet   (a checked entry, with scores that were computed here)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines import is_baseline
from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, REPLICATE_KEY, SUBMITTED
from satclip_bench.benchmarks.runs.comparison import DIFFERENT, Side, compare
from satclip_bench.benchmarks.runs.replicates import cell_replicates
from satclip_bench.benchmarks.runs.tidy import tidy_frame
from satclip_bench.benchmarks.submissions.entry import Entry, entry_bytes, parse_entry, read_entry
from satclip_bench.benchmarks.submissions.manifest import look_alike
from satclip_bench.benchmarks.submissions.rescoring import prediction_frame
from satclip_bench.benchmarks.submissions.tables import is_table
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write
from satclip_bench.encoders import list_encoders

FOLDER = "submissions"
"""Folder of merged entries in the folder of a run."""

_CELL = ["task", "split", "fold", "probe", "seed"]
_VERSIONS = ["data_sha256", "fold_sha256", "split_version", "probe_version", "protocol"]


def submissions(run: Path) -> tuple[Entry, ...]:
    """The merged entries of a run, by name.

    Args:
        run: folder of the run.

    Raises:
        BenchError: a file is damaged, or is not an entry.
    """
    return tuple(map(read_entry, sorted((run / FOLDER).glob("*.parquet"))))


def save(run: Path, entry: Entry, source_sha256: str) -> tuple[Path, Entry]:
    """Write a checked entry into the folder of a run, whose lock the caller holds.

    The bytes are read again before they are written, because a file that cannot be read would keep
    the whole board from being shown.

    Args:
        run: folder of the run.
        entry: entry that has passed all checks.
        source_sha256: SHA-256 of the file that it was read from.

    Returns:
        Path of the file, and the entry as it is read from it.

    Raises:
        UnwritableError: the folder cannot be written.
        BenchError: the entry could not be read again; nothing is written.
    """
    path = run / FOLDER / f"{entry.name}.parquet"
    content = entry_bytes(replace(entry, records=entry.own, source_sha256=source_sha256))
    kept = parse_entry(content, str(path))
    with atomic_write(path) as stream:
        stream.write(content)
    return path, kept


def board_problems(
    entry: Entry, frame: pd.DataFrame, others: Sequence[Entry], title: str
) -> Iterator[str]:
    """Why a checked entry cannot join a board.

    Args:
        entry: entry that has passed the checks of an entry by itself.
        frame: tidy table of the board's own run.
        others: entries that have been merged before, but for one that this one replaces.
        title: name of the board's folder, for messages.
    """
    if problems := tuple(_name_problems(entry, frame, others, title)):
        yield from problems
        return
    yield from _cell_problems(entry, frame, title)
    if scores := tidy_frame(r for r in entry.records if is_baseline(r.settings.encoder)).shape[0]:
        yield from _baseline_problems(entry, frame, title, scores)
    yield from _copy_problems(entry, frame, others)


def frame_of(entries: Iterable[Entry]) -> pd.DataFrame:
    """Tidy table of the encoders of entries, with the column `source`."""
    frame = tidy_frame(record for entry in entries for record in entry.own)
    return frame.assign(source=SUBMITTED)


def replicates_of(
    entries: Iterable[Entry], split: str | None = None, probe: str | None = None
) -> RunReplicates | None:
    """Bootstrap scores of the encoders of entries; None if there are none.

    Args:
        entries: merged entries.
        split: split to draw; all by default.
        probe: probe to draw; all by default.
    """
    labels, rows = [], []
    for entry in entries:
        for record in entry.own:
            s = record.settings
            if split in (None, s.split) and probe in (None, s.probe):
                labels.append((s.task, s.seed, s.fold, s.encoder, s.split, s.probe))
                frame = prediction_frame(record, entry.predictions[record.key])
                rows.append(cell_replicates(frame, record))
    if not rows:
        return None
    index = pd.MultiIndex.from_tuples(labels, names=REPLICATE_KEY)
    return RunReplicates(*(Replicates(np.array(part), index) for part in zip(*rows, strict=True)))


def joined(one: RunReplicates | None, other: RunReplicates | None) -> RunReplicates | None:
    """Bootstrap scores of two sets of cells together."""
    if one is None or other is None:
        return one or other
    return RunReplicates(
        *(
            Replicates(
                np.concatenate([first.scores, second.scores]),
                pd.concat([_labels(first), _labels(second)]).pipe(pd.MultiIndex.from_frame),
            )
            for first, second in (
                (one.score, other.score),
                (one.loss, other.loss),
                (one.reference, other.reference),
            )
        )
    )


def _labels(replicates: Replicates) -> pd.DataFrame:
    if replicates.index is None:
        raise ValueError("the bootstrap scores of a run have labels")
    return replicates.index.to_frame(index=False)


def outdated(entry: Entry, frame: pd.DataFrame) -> str:
    """Why a merged entry cannot be shown beside a run any more; empty if it can.

    Args:
        entry: merged entry.
        frame: tidy table of the run.
    """
    if entry.name in set(map(str, frame["encoder"])):
        return "the run has measured the encoder itself"
    ours, theirs = _cells(frame[frame["probe"] != BASELINE_PROBE]), _cells(tidy_frame(entry.own))
    shared = ours.index.intersection(theirs.index)
    differs = ours.loc[shared, _VERSIONS] != theirs.loc[shared, _VERSIONS]
    if named := [str(name) for name in _VERSIONS if differs[name].any()]:
        return f"it was measured with other settings ({', '.join(named)}) than the run"
    return "" if len(shared) else "the run has none of its cells"


def _name_problems(
    entry: Entry, frame: pd.DataFrame, others: Sequence[Entry], title: str
) -> Iterator[str]:
    present = set(map(str, frame["encoder"]))
    name, shown = entry.name, entry.manifest.encoder.title
    if name in present:
        yield (
            f"{title} has an encoder {name} that was measured here, which no entry can replace: "
            "choose another name"
        )
        return
    if any(other.name == name for other in others):
        yield (
            f"{title} has an entry called {name}: choose another name, or replace it with --replace"
        )
        return
    names = [*present, *list_encoders(), *(other.name for other in others)]
    titles = [*map(str, frame["encoder_title"]), *(o.manifest.encoder.title for o in others)]
    taken = [known for known in (*names, *titles) if known != name]
    for given in dict.fromkeys((name, shown)):
        if alike := look_alike(given, taken):
            yield f"{given!r} looks like {alike!r}, which is another encoder: choose another name"


def _cell_problems(entry: Entry, frame: pd.DataFrame, title: str) -> Iterator[str]:
    """Problems of cells that the board does not have, or has of other tables, folds or probes."""
    ours = _cells(frame[frame["probe"] != BASELINE_PROBE])
    theirs = _cells(tidy_frame(entry.own))
    missing, extra = ours.index.difference(theirs.index), theirs.index.difference(ours.index)
    if len(missing) or len(extra):
        parts = [
            f"{len(cells)} {what}, such as {', '.join(map(str, cells[0]))}"
            for cells, what in ((missing, "are missing"), (extra, "are not on it"))
            if len(cells)
        ]
        yield (
            f"the cells are those of the suite {entry.manifest.suite}, and {title} has others: "
            f"{'; '.join(parts)}"
        )
        return
    differs = ours.loc[theirs.index, _VERSIONS] != theirs[_VERSIONS]
    if named := [str(name) for name in _VERSIONS if differs[name].any()]:
        yield (
            f"{title} was measured with other settings ({', '.join(named)}) than this package has: "
            "run it again before entries are merged"
        )


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates(_CELL).set_index(_CELL)[_VERSIONS].sort_index()


def _baseline_problems(entry: Entry, frame: pd.DataFrame, title: str, scores: int) -> Iterator[str]:
    """Baselines that another machine measured otherwise, beyond what `compare` tolerates."""
    theirs = tidy_frame(r for r in entry.records if is_baseline(r.settings.encoder))
    ours = frame[frame["probe"] == BASELINE_PROBE]
    try:
        comparison = compare(Side("the entry", theirs), Side(title, ours), partial=True)
    except BenchError as error:
        yield f"its baselines cannot be compared: {error}"
        return
    if comparison.exit_code == 2:
        yield f"its baselines cannot be compared with those of {title}: {comparison.verdict}"
        return
    unequal = comparison.scores[comparison.scores["state"] == DIFFERENT]
    if len(unequal):
        row = comparison.worst(1).iloc[0]
        yield (
            f"its baselines are not those of {title}: {len(unequal)} of {scores} scores are "
            f"outside the tolerance of `compare`, such as {row['encoder']} on {row['task']}, "
            f"{row['split']}, seed {row['seed']}: {row['metric']} {row['run']:.6g} for "
            f"{row['reference']:.6g}"
        )


def _copy_problems(entry: Entry, frame: pd.DataFrame, others: Sequence[Entry]) -> Iterator[str]:
    """The same encoder under another name, by its fingerprint or by its scores."""
    fingerprint = _fingerprint(entry)
    for other in others:
        if fingerprint and fingerprint == _fingerprint(other):
            yield f"it is the encoder of the entry {other.name}: their embeddings are the same"
            return
    theirs = _main_scores(tidy_frame(entry.own))[entry.name]
    known: Mapping[str, pd.Series[float]] = _main_scores(
        pd.concat([frame, *(tidy_frame(other.own) for other in others)], ignore_index=True)
    )
    for name, scores in known.items():
        if len(scores) == len(theirs) and np.array_equal(scores, theirs):
            yield f"it has the same scores as {name} in all cells: it is a copy of that encoder"
            return


def _main_scores(frame: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """RMSE and accuracy of the cells of every encoder, in the order of the cells."""
    kept = frame[frame["metric"].isin(["rmse", "accuracy"]) & (frame["probe"] != BASELINE_PROBE)]
    kept = kept.assign(value=kept["value"].round(9)).sort_values([*_CELL, "metric"])
    return {str(name): rows["value"] for name, rows in kept.groupby("encoder")}


def _fingerprint(entry: Entry) -> str:
    settings = entry.own[0].settings
    if is_table(entry.name):
        return json.dumps([settings.weights_sha256, settings.encoder_parameters], sort_keys=True)
    return settings.encoder_embedding_sha256
