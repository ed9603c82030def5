"""Settings of the probe of boosted trees for many classes, and its speed.

    python docs/studies/boosted_trees.py settings ecoregions:wrap countries:geoclip
    python docs/studies/boosted_trees.py speed countries:wrap biomes:geoclip

`settings` fits the candidates below on the development set, whose points get the countries and
ecoregions of the packages from which the tasks are built; no table of the benchmark is read. Of its
points, 3,000 train, 1,000 validate and the others are scored, of which classes that the training
set does not have are left out.

`speed` fits the probe for fold 0 of the split `random` with seed 0, predicts the test set, and does
the same with scikit-learn's interface of LightGBM, as most users would: the same parameters and
rounds, early stopping by a callback, and all predictions in one call. Seconds are those of the
processor, on one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import trees
from satclip_bench.benchmarks.probes.trees import TreeClassifier, TreeRegressor, TreeSettings
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
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


PARAMETERS = (
    *("learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2", "max_bin"),
    *("feature_fraction", "seed", "deterministic", "force_col_wise", "num_threads", "verbosity"),
)


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


def naive(probe: Any, sets: Mapping[str, NDArray[Any]]) -> tuple[float, float, NDArray[Any]]:
    """Seconds of fitting and predicting with scikit-learn's interface, and the predictions."""
    # A booster's parameters also have its number of rounds and all of LightGBM's defaults.
    params = {name: probe.booster_.params[name] for name in PARAMETERS}
    classes = getattr(probe, "classes_", None)
    # Boosting ends where the probe's does, which LightGBM's own early stopping cannot be told to.
    rounds = probe.fit_info_["rounds_trained"]
    make = lightgbm.LGBMRegressor if classes is None else lightgbm.LGBMClassifier
    model = make(n_estimators=rounds, **params)
    X_held_out, y, y_held_out = sets["X_held_out"], sets["y"], sets["y_held_out"]
    y, y_held_out = (
        (part - probe.target_mean_) / probe.target_scale_
        if classes is None
        # LightGBM 4.7 takes the labels of `eval_y` for codes.
        else np.searchsorted(classes, part)
        for part in (y, y_held_out)
    )
    stop = lightgbm.early_stopping(rounds, verbose=False)
    fit, _ = seconds(
        lambda: model.fit(sets["X"], y, eval_X=X_held_out, eval_y=y_held_out, callbacks=[stop])
    )
    predict = model.predict if classes is None else model.predict_proba
    duration, out = seconds(lambda: predict(sets["X_test"]))
    return fit, duration, out


def print_speed(task: str, encoder: str) -> None:
    """Print a row of seconds and of the largest difference between predictions."""
    table = load_table(TaskSource(task))
    fold = make_folds(TaskSource(task), "random", 0)[0]
    X, y = get_encoder(encoder).encode(table.lonlat.copy()), table.target
    classes = table.card.task_type == "classification"
    held_out = fold.validation
    if classes:
        held_out = held_out[np.isin(y[held_out], y[fold.train])]
    sets = {"X": X[fold.train], "y": y[fold.train], "X_test": X[fold.test]}
    sets |= {"X_held_out": X[held_out], "y_held_out": y[held_out]}
    probe: Any = TreeClassifier(random_state=0) if classes else TreeRegressor(random_state=0)
    validation = sets["X_held_out"], sets["y_held_out"]
    fit, _ = seconds(lambda: probe.fit(sets["X"], sets["y"], validation))
    predict = probe.predict_proba if classes else probe.unclipped
    duration, out = seconds(lambda: predict(sets["X_test"]))
    naive_fit, naive_duration, expected = naive(probe, sets)
    if not classes:
        out = (out - probe.target_mean_) / probe.target_scale_
    whole, naive_whole = fit + duration, naive_fit + naive_duration
    info = probe.fit_info_
    print(
        f"| {task} | {encoder} | {info['rounds_trained']} | {fit:.1f} | {duration:.1f} "
        f"| {naive_fit:.1f} | {naive_duration:.1f} | {naive_whole / whole:.1f} "
        f"| {np.abs(out - expected).max():.0e} | {probe.score(sets['X_test'], y[fold.test]):.3f} |",
        flush=True,
    )


def main() -> None:
    """Print the table of the mode and cells on the command line."""
    mode, *cells = sys.argv[1:]
    heads = {
        "settings": "| task | encoder | settings | rounds | fit, s | validation log loss "
        "| validation accuracy | log loss | accuracy |\n|---|---|---|" + "---:|" * 6,
        "speed": "| task | encoder | rounds | fit, s | prediction, s | naive fit, s "
        "| naive prediction, s | naive / probe | predictions differ by | score |\n|---|---|"
        + "---:|"
        * 8,
    }
    print(heads[mode])
    with thread_limit(1):
        for task, _, encoder in (cell.partition(":") for cell in cells):
            (print_settings if mode == "settings" else print_speed)(task, encoder)


if __name__ == "__main__":
    main()
