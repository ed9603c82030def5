"""Comparison of two tables of results, cell by cell, within stated tolerances."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.runs.record import RENAMED
from satclip_bench.benchmarks.runs.tolerances import tolerance_of
from satclip_bench.core.errors import BenchError

NAMES = ("task", "edition", "encoder", "split", "fold", "probe", "seed")
"""Columns that name a cell in both tables, beside the name of its protocol."""

SETTINGS = (
    *("protocol", "data_sha256", "encoder_version", "weights_sha256"),
    *("split_version", "fold_sha256", "probe_version"),
)
"""Columns of a table that say why two keys differ."""

ROUNDED = frozenset({"encoder_embedding_sha256"})
"""Settings that differ between kinds of processor without a difference in what was asked for."""

EQUAL, WITHIN, DIFFERENT = "equal", "within", "different"
OTHER_SETTINGS = "other settings"
ONLY_RUN, ONLY_REFERENCE = "only in run", "only in reference"
FAILED_RUN, FAILED_REFERENCE, FAILED_BOTH = "failed in run", "failed in reference", "failed in both"

STATES = (
    *(EQUAL, WITHIN, DIFFERENT, OTHER_SETTINGS),
    *(FAILED_RUN, FAILED_REFERENCE, FAILED_BOTH, ONLY_RUN, ONLY_REFERENCE),
)
"""What can be said of a cell; of cells whose scores are compared, the worst of its scores."""


@dataclass(frozen=True)
class Side:
    """One of the two tables.

    Attributes:
        title: how messages call it, such as its path.
        frame: tidy table.
        settings: all settings by key, as far as records say; without them, the columns of the table
            must explain why two keys differ.
    """

    title: str
    frame: pd.DataFrame
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Outcome of a comparison.

    Attributes:
        cells: one row per cell of either table: its names, `state`, and `why`: the reason of a
            failure, the settings that differ, or what the search of a cell outside tolerance chose
            in place of the reference's settings.
        scores: one row per score of the cells that are compared: the names of the cell, `metric`,
            `run`, `reference`, `difference`, `tolerance`, `ratio` of the two, and `state`.
        settings: number of cells by name of a setting that differs.
        partial: whether cells of only one table do not matter.
    """

    cells: pd.DataFrame
    scores: pd.DataFrame
    settings: Mapping[str, int]
    partial: bool = False

    def counts(self, probe: str | None = None) -> dict[str, int]:
        """Number of cells in each state, of all probes or of one."""
        cells = self.cells if probe is None else self.cells[self.cells["probe"] == probe]
        counts = cells["state"].value_counts()
        return {state: int(counts.get(state, 0)) for state in STATES}

    @property
    def probes(self) -> tuple[str, ...]:
        """Probes of the cells, in alphabetical order."""
        return tuple(sorted(map(str, self.cells["probe"].unique())))

    def worst(self, count: int) -> pd.DataFrame:
        """The scores that are not equal, those farthest outside their tolerance first."""
        unequal = self.scores[self.scores["state"] != EQUAL]
        order = [*NAMES, "metric"]
        return unequal.sort_values(["ratio", *order], ascending=[False, *[True] * len(order)])[
            :count
        ]

    @property
    def shared(self) -> int:
        """Number of cells that both tables have."""
        counts = self.counts()
        return len(self.cells) - counts[ONLY_RUN] - counts[ONLY_REFERENCE]

    @property
    def exit_code(self) -> int:
        """0 if all agree within tolerance, 1 if there are differences, 2 if it cannot be said."""
        counts = self.counts()
        if counts[OTHER_SETTINGS] or not self.shared:
            return 2
        differing = [DIFFERENT, FAILED_RUN, FAILED_REFERENCE]
        if not self.partial:
            differing += [ONLY_RUN, ONLY_REFERENCE]
        return int(any(counts[state] for state in differing))

    @property
    def verdict(self) -> str:
        """The outcome in one sentence or two."""
        counts = self.counts()
        if not self.shared:
            return "The runs cannot be compared: they have no cell in common."
        if counts[OTHER_SETTINGS]:
            named = ", ".join(f"{name} in {n}" for name, n in sorted(self.settings.items()))
            return (
                f"The runs cannot be compared: {counts[OTHER_SETTINGS]} of {self.shared} cells "
                f"that both have were computed with other settings ({named})."
            )
        states = self.scores["state"].value_counts()
        scores = ", ".join(
            f"{int(states.get(state, 0))} {text}"
            for state, text in (
                (EQUAL, "equal"),
                (WITHIN, "within tolerance"),
                (DIFFERENT, "outside tolerance"),
            )
        )
        text = {0: "The runs agree", 1: "The runs differ"}[self.exit_code]
        apart = [state for state in STATES[4:] if counts[state]]
        cells = "; cells: " + ", ".join(f"{counts[s]} {s}" for s in apart) if apart else ""
        chose = len(self.chose_otherwise)
        note = (
            f" In {chose} of the {counts[DIFFERENT]} cells outside tolerance, the searches chose "
            "other settings."
            if chose
            else ""
        )
        verdict = f"{text}: of {len(self.scores)} scores in {self.shared} cells, {scores}{cells}."
        return verdict + note

    @property
    def chose_otherwise(self) -> pd.DataFrame:
        """Cells outside tolerance whose searches chose other settings, which `why` names."""
        return self.cells[(self.cells["state"] == DIFFERENT) & (self.cells["why"] != "")]


def compare(
    run: Side,
    reference: Side,
    tolerances: Mapping[str, float] | None = None,
    *,
    partial: bool = False,
) -> Comparison:
    """Compare the scores of two runs.

    A score agrees if it is within `tolerance_of` of the reference. Scores are compared where both
    cells are done under the same key; where the keys differ, the settings that differ are named.

    Args:
        run: the run to judge.
        reference: the run to compare it with.
        tolerances: tolerances by probe that replace those of `runs/tolerances.py`; the name `""`
            stands for all probes.
        partial: whether cells of only one table do not matter.

    Raises:
        BenchError: a table has no scores, is without a column, or has a cell twice.

    Example:
        >>> from satclip_bench.benchmarks.runs.columns import COLUMNS
        >>> row = dict.fromkeys(COLUMNS, "") | {"probe": "mlp", "metric": "r2", "status": "done"}
        >>> sides = [Side("", pd.DataFrame([row | {"value": value}])) for value in (0.51, 0.5)]
        >>> compare(*sides).verdict
        'The runs agree: of 1 scores in 1 cells, 0 equal, 1 within tolerance, 0 outside tolerance.'
        >>> compare(*sides, tolerances={"mlp": 0.001}).exit_code
        1
    """
    sides = {"run": _checked(run), "reference": _checked(reference)}
    names = [*NAMES, "protocol_name"]
    cells = _cells(sides, names)
    rows = cells.to_dict("records")
    differing = [_differing(row, run.settings, reference.settings) for row in rows]
    states = [_state(row, settings) for row, settings in zip(rows, differing, strict=True)]
    cells["state"] = states
    cells["why"] = list(map(_reason, rows, states, differing))
    compared = cells.loc[cells["state"] == EQUAL, names]
    scores = _scores(sides, compared, names, tolerances or {})
    worst = scores.groupby(names, dropna=False)["state"].agg(
        lambda states: max(states, key=STATES.index)
    )
    found = pd.MultiIndex.from_frame(cells[names])
    cells["state"] = np.where(
        cells["state"] == EQUAL, worst.reindex(found).fillna(EQUAL).to_numpy(), cells["state"]
    )
    different = cells["state"] == DIFFERENT
    cells.loc[different, "why"] = [_chosen(row) for row in cells[different].to_dict("records")]
    other = cells["state"] == OTHER_SETTINGS
    counted = Counter(
        name
        for settings, differs in zip(differing, other, strict=True)
        if differs
        for name in settings
    )
    kept = [*names, "state", "why"]
    return Comparison(cells[kept].reset_index(drop=True), scores, dict(counted), partial)


def _checked(side: Side) -> pd.DataFrame:
    """The table with today's names and the name of the protocol. Raises BenchError."""
    frame = side.frame.rename(columns=RENAMED)
    required = {*NAMES, "metric", "value", "status", "protocol", "key"}
    if missing := sorted(required - set(frame.columns)):
        raise BenchError(
            f"{side.title} has no columns {', '.join(missing)}: it is not a table of results"
        )
    if frame.empty:
        raise BenchError(f"{side.title} has no scores")
    frame = frame.assign(protocol_name=[str(p).rpartition("/")[0] for p in frame["protocol"]])
    for name, rows in frame.groupby("protocol_name"):
        versions = sorted(rows["protocol"].unique())
        if len(versions) > 1:
            raise BenchError(
                f"{side.title} has scores of several versions of the protocol {name!r}: "
                f"{', '.join(versions)}. Keep them in different folders"
            )
    names = [*NAMES, "protocol_name", "metric"]
    twice = frame[frame.duplicated(names)]
    if len(twice):
        cell = ", ".join(f"{name} {twice.iloc[0][name]}" for name in [*NAMES, "metric"])
        raise BenchError(f"{side.title} has two scores of one cell: {cell}")
    return frame


def _cells(sides: Mapping[str, pd.DataFrame], names: list[str]) -> pd.DataFrame:
    """One row per cell of either table, with the columns of both, ordered by name."""
    both = []
    for title, frame in sides.items():
        kept = [
            c for c in ("status", "reason", "key", "best_params", *SETTINGS) if c in frame.columns
        ]
        one = frame.drop_duplicates(names)[[*names, *kept]]
        both.append(one.rename(columns={c: f"{c}_{title}" for c in kept}))
    merged = both[0].merge(both[1], on=names, how="outer", indicator=True)
    return merged.sort_values(names, ignore_index=True)


def _differing(
    row: Mapping[Any, Any],
    of_run: Mapping[str, Mapping[str, Any]],
    of_reference: Mapping[str, Mapping[str, Any]],
) -> tuple[str, ...]:
    """Names of the settings in which the two records of a cell differ."""
    if row["_merge"] != "both" or row["key_run"] == row["key_reference"]:
        return ()
    one, other = of_run.get(row["key_run"]), of_reference.get(row["key_reference"])
    if one and other:
        return tuple(sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n)))
    named = tuple(
        name
        for name in SETTINGS
        if f"{name}_run" in row
        and f"{name}_reference" in row
        and row[f"{name}_run"] != row[f"{name}_reference"]
    )
    return named or ("settings that only records name",)


def _state(row: Mapping[Any, Any], differing: Iterable[str]) -> str:
    """State of a cell before its scores are compared, when it is `EQUAL`."""
    if row["_merge"] != "both":
        return ONLY_RUN if row["_merge"] == "left_only" else ONLY_REFERENCE
    if set(differing) - ROUNDED:
        return OTHER_SETTINGS
    failed = row["status_run"] == "failed", row["status_reference"] == "failed"
    return {
        (True, True): FAILED_BOTH,
        (True, False): FAILED_RUN,
        (False, True): FAILED_REFERENCE,
        (False, False): EQUAL,
    }[failed]


def _reason(row: Mapping[Any, Any], state: str, differing: Iterable[str]) -> str:
    if state == OTHER_SETTINGS:
        return ", ".join(differing)
    side = "run" if state in (FAILED_RUN, FAILED_BOTH) else "reference"
    if state in (FAILED_RUN, FAILED_REFERENCE, FAILED_BOTH):
        return str(row.get(f"reason_{side}", ""))
    return ""


def _chosen(row: Mapping[Any, Any]) -> str:
    """Settings that the search of the run chose in place of the reference's; empty if none."""
    run, reference = (_params(row.get(f"best_params_{side}")) for side in ("run", "reference"))
    return ", ".join(
        f"{name} {run.get(name, '-')} in place of {reference.get(name, '-')}"
        for name in sorted(run.keys() | reference.keys())
        if run.get(name) != reference.get(name)
    )


def _params(text: object) -> dict[str, Any]:
    """Settings in a column of JSON; none if it has something else."""
    try:
        params = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        params = None
    return params if isinstance(params, dict) else {}


def _scores(
    sides: Mapping[str, pd.DataFrame],
    compared: pd.DataFrame,
    names: list[str],
    tolerances: Mapping[str, float],
) -> pd.DataFrame:
    """Scores of the cells that are compared, beside each other."""
    both = [
        frame[[*names, "metric", "value"]]
        .merge(compared, on=names)
        .rename(columns={"value": title})
        for title, frame in sides.items()
    ]
    scores = both[0].merge(both[1], on=[*names, "metric"], how="outer")
    run, reference = (scores[title].to_numpy(dtype=np.float64) for title in sides)
    undefined = np.isnan(run) & np.isnan(reference)
    same = undefined | (run == reference)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = np.where(same, 0.0, run - reference)
    tolerance = np.array(
        [
            tolerance_of(str(metric), str(probe), value, tolerances)
            for metric, probe, value in zip(
                scores["metric"], scores["probe"], reference, strict=True
            )
        ],
        dtype=np.float64,
    )
    gap = np.abs(difference)
    # A score that only one of the two has is a difference of any size.
    gap[np.isnan(gap)] = np.inf
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(gap == 0, 0.0, gap / np.where(np.isnan(tolerance), 1.0, tolerance))
    state = np.where(same, EQUAL, np.where(ratio <= 1, WITHIN, DIFFERENT))
    return scores.assign(difference=difference, tolerance=tolerance, ratio=ratio, state=state)
