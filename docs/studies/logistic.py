"""Cost and accuracy of the linear probe's logistic regression beside scikit-learn's L-BFGS.

    python docs/studies/logistic.py countries geoclip satclip-bluemarble.l40

prints one row per encoder, on one thread, for fold 0 of the split `random` with seed 0. Both
minimise the same objective for the C that the probe chose; scikit-learn's L-BFGS is stopped after
ITERATIONS iterations if it has not reached its tolerance. Seconds are those of the processor.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.probes.linear import LinearClassifier
from satclip_bench.benchmarks.probes.linear_card import SETTINGS
from satclip_bench.benchmarks.probes.logistic import LogisticPath
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.encoders import get_encoder

ITERATIONS = 1000
HEADER = (
    "| task | encoder | C | converged | whole probe, s | its C alone, s | L-BFGS, iterations "
    "| L-BFGS, s | L-BFGS above optimum | probabilities differ by | accuracy | L-BFGS accuracy |"
)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Result of a call, and its seconds of processor time."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def row(task: str, encoder: str) -> str:
    """Row of the table for one task and encoder."""
    table = load_table(TaskSource(task))
    fold = make_folds(TaskSource(task), "random", 0)[0]
    X = np.asarray(get_encoder(encoder).encode(table.lonlat.copy()), dtype=np.float64)
    train, test, y = fold.train, fold.test, table.target
    held_out = X[fold.validation], y[fold.validation]
    probe, seconds = timed(lambda: LinearClassifier().fit(X[train], y[train], held_out))
    strength = float(probe.best_params_["C"])
    codes = np.unique(y[train], return_inverse=True)[1]

    def alone() -> LogisticPath:
        path = LogisticPath(X[train], codes)
        path.fit(strength, SETTINGS.tolerance)
        return path

    _, alone_seconds = timed(alone)
    Z = probe.scaler_.transform(X)
    model = LogisticRegression(C=strength, tol=1e-6, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, theirs = timed(lambda: model.fit(Z[train], y[train]))
    true = model.predict_proba(Z[train])[np.arange(len(train)), codes]
    reached = -np.log(true).sum() + np.square(model.coef_).sum() / (2 * strength)
    optimum = float(probe.fit_info_["objective"])
    difference = np.abs(model.predict_proba(Z[test]) - probe.predict_proba(X[test])).max()
    accuracies = probe.score(X[test], y[test]), model.score(Z[test], y[test])
    return (
        f"| {task} | {encoder} | {strength:g} | {probe.converged_} | {seconds:.1f} "
        f"| {alone_seconds:.1f} | {model.n_iter_[0]:,} | {theirs:.1f} "
        f"| {100 * (reached / optimum - 1):.4f} % | {difference:.1e} "
        f"| {accuracies[0]:.4f} | {accuracies[1]:.4f} |"
    )


def main() -> None:
    """Print the table for the task and the encoders of the command line."""
    task, *encoders = sys.argv[1:]
    print(HEADER, "|---|---|" + "---:|" * 10, sep="\n")
    for encoder in encoders:
        with thread_limit(1):
            print(row(task, encoder), flush=True)


if __name__ == "__main__":
    main()
