"""The k-nearest-neighbours probe beside one search for each number of neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.knn_card import NEIGHBOURS
from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded


def nearest_neighbours(data: Embedded) -> Iterator[Comparison]:
    """The choice of k, beside a scikit-learn estimator that is fitted and tried for each k."""
    (X, y), (X_held_out, y_held_out) = data.train, data.validation
    regression = data.task_type == "regression"
    model = KNeighborsRegressor if regression else KNeighborsClassifier

    def ours() -> int:
        probe = make_probe("knn", data.task_type, 0).fit(X, y, data.validation)
        return int(str(probe.best_params_["n_neighbors"]))

    def reference() -> int:
        losses = []
        for k in NEIGHBOURS:
            predicted = model(k, weights="distance").fit(X, y).predict(X_held_out)
            if regression:
                losses.append(float(np.square(predicted - y_held_out).sum()))
            else:
                losses.append(float((predicted != y_held_out).sum()))
        return NEIGHBOURS[int(np.argmin(losses))]

    chosen, other = ours(), reference()
    yield Comparison(
        f"nearest neighbours, choice of k among {len(NEIGHBOURS)}",
        data.task,
        data.encoder,
        f"{model.__name__} of scikit-learn for each",
        ours,
        reference,
        result=f"k = {chosen}" if chosen == other else f"k = {chosen}, and {other}",
        facts={"n_neighbors": chosen, "reference_n_neighbors": other},
    )
