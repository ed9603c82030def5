"""scikit-learn's estimator contract, the registry, and what importing costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from satclip_bench.benchmarks.probes import (
    ProbeCard,
    list_probes,
    make_probe,
    mlp,
    probe_card,
    registry,
)
from satclip_bench.benchmarks.probes.base import Settings
from satclip_bench.core.errors import BenchError, UnknownNameError
from tests.benchmarks.probes.sphere_data import BOTH, PROBES

# No check is expected to fail, and none is left out. The array-API one skips itself.
ESTIMATORS = [make_probe(name, task_type, seed=0) for name, task_type in BOTH]


@pytest.mark.usefixtures("quick_probes")
@parametrize_with_checks(ESTIMATORS)  # type: ignore[untyped-decorator]
def test_scikit_learn_contract(
    estimator: object, check: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some checks compare fits to the same numbers in float32 and float64, which drift apart.
    short = mlp.SETTINGS.model_copy(update={"max_steps": 200})
    monkeypatch.setattr(mlp, "SETTINGS", short)
    check(estimator)


def test_names() -> None:
    assert list_probes() == ("linear", "ridge", "knn", "mlp", "lightgbm")
    with pytest.raises(UnknownNameError, match="Did you mean 'linear'"):
        probe_card("liner")


@pytest.mark.parametrize("name", PROBES)
def test_card_is_plain_data_and_frozen(name: str) -> None:
    card = probe_card(name)
    assert card.name == name
    assert card.settings["validation_fraction"] == 0.25
    assert ProbeCard.model_validate(json.loads(card.model_dump_json())) == card
    with pytest.raises(ValueError, match="frozen"):
        card.title = "another"  # type: ignore[misc]


@pytest.mark.parametrize(("name", "module"), [(n, registry.target(n)) for n in PROBES])
def test_card_holds_the_settings_in_use(name: str, module: str) -> None:
    used: Settings = vars(sys.modules[module.split(":")[0]])["SETTINGS"]
    assert probe_card(name).settings == used.model_dump(mode="json")


def test_unknown_kind() -> None:
    with pytest.raises(BenchError, match="'regression' or 'classification'"):
        make_probe("knn", cast(Any, "ranking"), seed=0)


def test_entry_that_is_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._targets, "odd", "json:dumps")
    with pytest.raises(BenchError, match=r"'odd' \(json:dumps\) is a function"):
        probe_card("odd")


def test_imports_are_lazy(repository: Path) -> None:
    code = (
        "import sys; from satclip_bench.benchmarks.probes import list_probes, probe_card\n"
        "assert not {'torch', 'lightgbm', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "[probe_card(name) for name in ('linear', 'ridge', 'knn')]\n"
        "assert not {'torch', 'lightgbm', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "[probe_card(name) for name in list_probes()]\n"
        "assert not {'torch', 'lightgbm'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)
