"""One thread for every test here, as cells are run, and settings that make fits short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from satclip_bench.benchmarks.probes import mlp, trees
from satclip_bench.benchmarks.probes.mlp_search import Candidate
from satclip_bench.benchmarks.runs.threads import thread_limit


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with thread_limit(1):
        yield


@pytest.fixture
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two candidates and a few hundred steps for perceptrons, and fewer rounds for trees."""
    candidates = (
        Candidate(depth=2, width=64, learning_rate=5e-3, weight_decay=0.1),
        Candidate(depth=2, width=64, learning_rate=1e-4, weight_decay=0.1),
    )
    settings = {"rungs": ((40, 1),), "patience_steps": 100, "max_steps": 600}
    monkeypatch.setattr(mlp, "CANDIDATES", candidates)
    monkeypatch.setattr(mlp, "SETTINGS", mlp.SETTINGS.model_copy(update=settings))
    quick = {"learning_rate": 0.2, "early_stopping_rounds": 20, "max_rounds": 300}
    monkeypatch.setattr(trees, "SETTINGS", trees.SETTINGS.model_copy(update=quick))
