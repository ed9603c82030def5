from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.ranking.known_intervals import COLUMNS, KnownIntervals
from satclip_bench.core.errors import BenchError

METRICS = {"elevation": "r2", "biomes": "accuracy"}


def known_intervals() -> KnownIntervals:
    """Intervals of two encoders on two tasks, of other metrics, and of other boards."""
    rows = []
    for split, probe in (("random", "linear"), ("random", "knn"), ("blocks.10", "linear")):
        for number, (task, own) in enumerate(METRICS.items()):
            for place, encoder in enumerate(("wrap", "direct")):
                for metric in (own, "skill"):
                    mean = number + place / 10
                    rest = (mean - 1, mean + 1, place == 1, -place, -2.0, 2.0, 0.5, place == 0)
                    key = (split, probe, task, encoder, metric)
                    shift = 0 if (split, probe, metric) == ("random", "linear", own) else 5
                    rows.append((*key, mean + shift, 0.0, *rest))
    return KnownIntervals(pd.DataFrame(rows, columns=list(COLUMNS)), "scores.parquet")


def test_differences_are_known_only_for_tasks_with_the_same_encoders() -> None:
    mean = pd.DataFrame(
        {"biomes": [1.1, 1.0], "elevation": [0.1, np.nan]}, index=["direct", "wrap"]
    )
    low, high, differences = known_intervals().of_board(mean, METRICS, "random", "linear")
    pd.testing.assert_frame_equal(low, mean - 1)
    pd.testing.assert_frame_equal(high, mean + 1)
    assert list(differences.gap.columns) == ["biomes"]
    assert differences.gap["biomes"].tolist() == [-1, 0]
    assert differences.p["biomes"].tolist() == [0.5, 0.5]
    assert differences.tied["biomes"].tolist() == [False, True]
    assert differences.tied.dtypes.tolist() == [bool]


def test_an_encoder_that_the_table_does_not_have_is_without_an_interval() -> None:
    mean = pd.DataFrame({"biomes": [1.0, 1.1, 0.3]}, index=["wrap", "direct", "new"])
    low, _, differences = known_intervals().of_board(mean, METRICS, "random", "linear")
    assert low["biomes"].isna().tolist() == [False, False, True]
    assert differences.gap.shape == (3, 0)


def test_another_score_is_named() -> None:
    mean = pd.DataFrame({"biomes": [1.0, 1.2]}, index=["wrap", "direct"])
    with pytest.raises(BenchError, match="another score of direct on biomes"):
        known_intervals().of_board(mean, METRICS, "random", "linear")
