"""A small version of docs/studies/large_board.py, with the true scores beside its boards."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from satclip_bench.benchmarks.report.results import Results


@pytest.fixture(scope="module")
def study() -> ModuleType:
    path = Path(__file__).parents[3] / "docs" / "studies" / "large_board.py"
    spec = importlib.util.spec_from_file_location("large_board", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("split", ["random", "blocks.10"])
def test_scores_ranks_and_intervals_are_those_of_the_cells(study: ModuleType, split: str) -> None:
    size = study.Size(encoders=7, tasks=3, splits=1, seeds=3, replicates=200)
    rng = np.random.default_rng(0)
    cells = study.make_cells(size, split, rng)
    made = study.make_replicates(cells, size.replicates, rng)
    results = Results(study.make_frame(cells), study.cards(size), {}, made)
    board = results.board(split, study.PROBE)
    true = cells.pivot_table(index="encoder", columns=["task", "seed"], values="r2")
    means = true.T.groupby(level="task").mean().T
    pd.testing.assert_frame_equal(board.ranking.mean, means, check_names=False)
    ranks = true.rank(ascending=False).mean(axis=1)
    pd.testing.assert_series_equal(
        board.ranking.rank, ranks.loc[board.ranking.rank.index], check_names=False
    )
    ratings = results.ranks(split, study.PROBE).ratings
    pd.testing.assert_series_equal(
        ratings.values["rank"], ranks.loc[ratings.values.index], check_names=False
    )
    # Intervals of the mean over seeds, from the bootstrap scores of the cells.
    of_cells = pd.DataFrame(made.score.scores).groupby([cells["encoder"], cells["task"]]).mean()
    for end, share in ((board.ranking.low, 0.025), (board.ranking.high, 0.975)):
        expected = of_cells.quantile(share, axis=1).unstack("task")  # noqa: PD010
        pd.testing.assert_frame_equal(end, expected, check_names=False)


def test_the_number_of_blas_threads_changes_no_bit(study: ModuleType) -> None:
    """With 100 encoders or more, the linear algebra of Elo ratings uses several threads."""
    size = study.Size(encoders=100, tasks=2, splits=1, seeds=2, replicates=20)
    made = []
    for count in (1, 2):
        rng = np.random.default_rng(0)
        cells = study.make_cells(size, "random", rng)
        drawn = study.make_replicates(cells, size.replicates, rng)
        with threadpool_limits(count, user_api="blas"):
            results = Results(study.make_frame(cells), study.cards(size), {}, drawn)
            ratings = results.ranks("random", study.PROBE).ratings
        made.append([ratings.values, ratings.low, ratings.high, ratings.on_these_tasks])
    for one, two in zip(*made, strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_every_step_is_timed(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    study.main(study.Size(encoders=5, tasks=6, splits=2, seeds=2, replicates=20))
    printed = capsys.readouterr().out
    assert "600 rows" in printed
    for step in ("boards without", "board of blocks.1 with", "ratings of random", "all of these"):
        assert f"| {step}" in printed
