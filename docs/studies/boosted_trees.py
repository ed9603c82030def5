"""Settings of the probe of boosted trees for many classes.

    python docs/studies/boosted_trees.py ecoregions:wrap countries:geoclip

Fits the candidates below on the development set, whose points get the countries and ecoregions of
the packages from which the tasks are built; no table of the benchmark is read. Of its points, 3,000
train, 1,000 validate and the others are scored, of which classes that the training set does not
have are left out. Seconds are those of the processor, on one thread. `run_benchmarks.py speed
probes --probes lightgbm` times the probe beside LightGBM's own interface.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import trees
from satclip_bench.benchmarks.probes.trees import TreeClassifier, TreeSettings
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks.builder.distributions import distributions_dir
from satclip_bench.tasks.builder.points import containing, read_countries
from satclip_bench.tasks.builder.polygons import read_ecoregions
from satclip_bench.tasks.development import development_frame

VERSION_3: dict[str, Any] = {
    "many_classes_learning_rate": 0.1,
    "many_classes_early_stopping_rounds": 50,
    "many_classes_min_improvement": 0.0,
    "many_classes_num_leaves": 8,
    "many_classes_features_per_tree": 32,
}
"""Version 3 of the probe had these with more than 200 classes, but 100 rounds of patience."""

CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "version 3": VERSION_3,
    "4 leaves": {"many_classes_num_leaves": 4},
    "as shipped": {},
    "31 bins": {"max_bin": 31},
    "2 leaves": {"many_classes_num_leaves": 2},
}


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor that a call takes, and its result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def development_labels(task: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Points `(n, 2)` of the development set, longitude first, and the country or ecoregion."""
    lonlat = development_frame()[["lon", "lat"]].to_numpy(dtype=np.float64)
    read, column = {
        "countries": (read_countries, "ADM0_A3"),
        "ecoregions": (read_ecoregions, "ECO_NAME"),
    }[task]
    polygons = read(distributions_dir())
    return lonlat, polygons[column].to_numpy(dtype=np.str_)[containing(lonlat, polygons)]


def score(probe: TreeClassifier, X: NDArray[Any], y: NDArray[Any]) -> str:
    """Log loss and accuracy on the rows whose class is in the training set, as cells of a table."""
    seen = np.isin(y, probe.classes_)
    codes = np.searchsorted(probe.classes_, y[seen])
    out = probe.predict_proba(X[seen])
    losses = -np.log(out[np.arange(len(codes)), codes].clip(1e-15))
    return f"{losses.mean():.4f} | {(out.argmax(axis=1) == codes).mean():.4f}"


def print_settings(task: str, encoder: str) -> None:
    """Print a row per candidate."""
    lonlat, y = development_labels(task)
    X = get_encoder(encoder).encode(lonlat)
    order = np.random.default_rng(0).permutation(len(y))
    train, validation, test = order[:3000], order[3000:4000], order[4000:]
    for name, changes in CANDIDATES.items():
        trees.SETTINGS = TreeSettings(**changes)
        probe = TreeClassifier(random_state=0)
        held_out = X[validation], y[validation]
        duration, _ = seconds(lambda: probe.fit(X[train], y[train], held_out))  # noqa: B023
        print(
            f"| {task} | {encoder} | {name} | {probe.best_params_['rounds']} | {duration:.1f} "
            f"| {score(probe, *held_out)} | {score(probe, X[test], y[test])} |",
            flush=True,
        )


def main() -> None:
    """Print the table of the cells on the command line."""
    print(
        "| task | encoder | settings | rounds | fit, s | validation log loss "
        "| validation accuracy | log loss | accuracy |\n|---|---|---|" + "---:|" * 6
    )
    with thread_limit(1):
        for task, _, encoder in (cell.partition(":") for cell in sys.argv[1:]):
            print_settings(task, encoder)


if __name__ == "__main__":
    main()
