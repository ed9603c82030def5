"""The LightGBM probe beside LightGBM's estimator of scikit-learn, and its trees alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.boosting import boost_rounds
from satclip_bench.benchmarks.probes.data import Dataset
from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded

PARAMETERS = (
    *("learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2", "max_bin"),
    *("feature_fraction", "seed", "deterministic", "force_col_wise", "num_threads", "verbosity"),
)
"""Parameters of the probe's boosters; a booster also has all of LightGBM's defaults."""


def boosted_trees(data: Embedded) -> Iterator[Comparison]:
    """A fit with early stopping and the prediction of the test set.

    The reference is what most users would write: the estimator with the same parameters, early
    stopping by a callback, and all predictions in one call. It gets as many rounds as the probe
    trained, because LightGBM's early stopping has no relative improvement. The second reference
    grows as many trees without a validation set and predicts nothing.

    Args:
        data: embeddings and targets.
    """
    regression = not data.classes

    def ours() -> tuple[Any, NDArray[Any]]:
        probe: Any = make_probe("lightgbm", data.task_type, 0).fit(*data.train, data.validation)
        predict = probe.unclipped if regression else probe.predict_proba
        return probe, predict(data.test.X)

    probe, predictions = ours()
    targets = data.train.y, data.validation.y, predictions
    if regression:
        targets = tuple((y - probe.target_mean_) / probe.target_scale_ for y in targets)
    y, y_held_out, predictions = targets
    values = probe.booster_.params
    params = {name: values[name] for name in PARAMETERS}
    growing = params | {name: values[name] for name in ("objective", "num_class")}
    rounds = int(probe.fit_info_["rounds_trained"])
    estimator = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier

    def naive() -> NDArray[Any]:
        model = estimator(n_estimators=rounds, **params)
        stop = lightgbm.early_stopping(rounds, verbose=False)
        model.fit(data.train.X, y, eval_X=data.validation.X, eval_y=y_held_out, callbacks=[stop])
        predicted = model.predict if regression else model.predict_proba
        return np.asarray(predicted(data.test.X))

    def grow() -> None:
        boost_rounds(Dataset(data.train.X, y), growing, rounds)

    difference = float(np.abs(predictions - naive()).max())
    for against, reference in (
        (f"{estimator.__name__} of LightGBM", naive),
        ("the growing of its trees alone", grow),
    ):
        yield Comparison(
            f"boosted trees, {rounds:,} rounds",
            data.task,
            data.encoder,
            against,
            ours,
            reference,
            result=f"predictions differ by {difference:.0e}",
            facts={
                "rounds": rounds,
                "trees": rounds * probe.booster_.num_model_per_iteration(),
                "test_rows": len(data.test.y),
                "largest_difference": difference,
            },
        )
