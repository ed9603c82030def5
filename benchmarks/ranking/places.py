"""First and second places of each task, shared by encoders whose difference is within the noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import RunReplicates
from satclip_bench.benchmarks.ranking.ranking import Ranking, rank
from satclip_bench.benchmarks.ranking.significance import ALPHA

Place = Literal["", "best", "second"]


def task_places(
    ranking: Ranking, split: str, probe: str, replicates: RunReplicates | None = None
) -> dict[tuple[str, str], Place]:
    """Place of each encoder on each task, by encoder and task; all others have none.

    The first place is that of the best and of all that tie with it; the second is that of the best
    of the others and of all that tie with that one among them. Where ties are not tested, a place
    has one encoder, or several with equal means.

    Args:
        ranking: ranking of the split and probe.
        split: name of the split.
        probe: name of the probe.
        replicates: bootstrap scores that the ranking was made with.
    """
    places: dict[tuple[str, str], Place] = dict.fromkeys(_leaders(ranking), "best")
    rows = ranking.rows
    taken = pd.MultiIndex.from_frame(rows[["encoder", "task"]]).isin(list(places))
    # Without these scores the encoders are still compared on the other tasks. Their rows stay,
    # because baselines are ranked on the cells of the encoders only.
    left = rows.assign(value=rows["value"].mask(taken), status=rows["status"].mask(taken, "failed"))
    others = rank(left, ranking.metrics, split, probe, replicates)
    return places | dict.fromkeys(_leaders(others), "second")


def _leaders(ranking: Ranking) -> list[tuple[str, str]]:
    """The best encoders of each task and those that tie with them, as encoder and task."""
    lead = ranking.best | ranking.tied
    names = lead.index.astype(str), lead.columns.astype(str)
    return [
        (encoder, task)
        for encoder, row in zip(names[0], lead.to_numpy().tolist(), strict=True)
        for task, leads in zip(names[1], row, strict=True)
        if leads
    ]


def wins(
    places: Mapping[tuple[str, str], Place], encoders: list[str], tasks: list[str]
) -> dict[str, tuple[int, int]]:
    """Number of tasks on which each encoder has the first place alone, and alone or shared.

    >>> wins({("a", "t"): "best", ("b", "t"): "best", ("a", "u"): "best"}, ["a", "b"], ["t", "u"])
    {'a': (1, 2), 'b': (0, 1)}
    """
    holders = {t: [e for e in encoders if places.get((e, t)) == "best"] for t in tasks}
    return {
        encoder: (
            sum(held == [encoder] for held in holders.values()),
            sum(encoder in held for held in holders.values()),
        )
        for encoder in encoders
    }


def places_by_p(values: pd.Series[float], p: pd.DataFrame | None) -> dict[str, Place]:
    """Places by values of which the highest is best; those that do not differ share a place.

    Args:
        values: value of each encoder; NaN for one that takes no part.
        p: adjusted p that two encoders are alike, encoder x encoder; None if that is not known.

    >>> values = pd.Series({"a": 0.9, "b": 0.8, "c": 0.1})
    >>> p = pd.DataFrame([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]], values.index, values.index)
    >>> places_by_p(values, p)
    {'a': 'best', 'b': 'best', 'c': 'second'}
    """
    places: dict[str, Place] = {}
    left = values.dropna()
    names: tuple[Place, Place] = ("best", "second")
    for place in names:
        if left.empty:
            break
        leader = str(left.idxmax())
        alike = np.isclose(left, left[leader], rtol=0, atol=1e-9)
        if p is not None:
            alike |= (p[leader].loc[left.index] >= ALPHA).to_numpy()
        places |= dict.fromkeys(map(str, left.index[alike]), place)
        left = left[~alike]
    return places
