"""The search for recipes judges on the development set alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from satclip_bench.encoders.pretraining import load_config
from satclip_bench.tasks.development import DEVELOPMENT_TASKS, development_frame
from satclip_bench.tasks.open_edition import tables

SCRIPT = Path(__file__).parents[3] / "docs" / "studies" / "pretraining_search.py"


@pytest.fixture(scope="module")
def search() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pretraining_search", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_point_is_predicted_once(search: ModuleType) -> None:
    frame = development_frame()
    for split in search.SPLITS:
        masks = np.array(list(search.folds(frame, split)))
        assert (masks.sum(axis=0) == 1).all(), split
        assert len(masks) == (6 if split == "sectors" else 5)
    sectors = [frame["region"][mask].nunique() for mask in search.folds(frame, "sectors")]
    assert sectors == [1] * 6


def test_zero_is_knowing_nothing_and_one_is_perfect(
    search: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = development_frame()
    answers = pd.concat(
        [frame[list(DEVELOPMENT_TASKS[:3])], pd.get_dummies(frame["biomes"])], axis=1
    ).to_numpy(np.float64)

    def refuse(*_: object) -> None:
        raise AssertionError("a table of the benchmark was read")

    monkeypatch.setattr(tables, "read_table", refuse)
    monkeypatch.setattr(tables, "shipped_frame", refuse)
    perfect = search.skills(lambda _: answers)
    nothing = search.skills(lambda lonlat: np.zeros((len(lonlat), 1)))
    for split in search.SPLITS:
        assert list(perfect[split]) == list(DEVELOPMENT_TASKS)
        assert min(perfect[split].values()) > 0.99
        assert nothing[split] == pytest.approx(dict.fromkeys(DEVELOPMENT_TASKS, 0.0))


def test_recipes_are_configs_and_the_shipped_one_is_among_them(search: ModuleType) -> None:
    for plan in search.SEARCHES.values():
        loaded = [load_config(plan.config, changes) for changes in plan.recipes.values()]
        assert loaded[0] == load_config(plan.config)
        assert len({repr(one) for one in loaded}) == len(loaded)
