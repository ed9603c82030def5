"""The linear probe's logistic regression beside scikit-learn's L-BFGS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from satclip_bench.benchmarks.probes.data import Codes, Floats
from satclip_bench.benchmarks.probes.linear import LinearClassifier
from satclip_bench.benchmarks.probes.linear_card import SETTINGS, STRENGTHS
from satclip_bench.benchmarks.probes.logistic import LogisticPath
from satclip_bench.benchmarks.probes.ridge_path import standardise
from satclip_bench.benchmarks.speed.comparison import Comparison, Job
from satclip_bench.benchmarks.speed.embedded import Embedded
from satclip_bench.benchmarks.speed.lbfgs import (
    Goal,
    count_iterations,
    first_iterations,
    run,
)

TIMED_ITERATIONS = 50
"""Iterations of L-BFGS that are run in every round; the others take as long."""


def logistic(data: Embedded, max_iterations: int) -> Iterator[Comparison]:
    """One fit, and the search for C, each beside L-BFGS to the same objective.

    The probe's search includes the validation losses, and the fit for the next C, which turns out
    to be worse. L-BFGS is spared both: it fits every C up to the one that is chosen, each fit from
    the one before.

    Args:
        data: embeddings and targets. Nothing is compared of a regression, or if there are only two
            classes, for which scikit-learn has another parametrisation.
        max_iterations: largest number of iterations of L-BFGS. If it needs more, its time is that
            of these iterations.
    """
    X, codes = data.train
    if data.classes < 3:
        return
    probe = LinearClassifier().fit(X, codes, data.validation)
    strength = float(str(probe.best_params_["C"]))
    strengths = [lower for lower in STRENGTHS if lower <= strength]
    goals = _fit_path(X, codes, strengths)

    def fit() -> None:
        _fit_path(X, codes, strengths)

    def search() -> None:
        LinearClassifier().fit(X, codes, data.validation)

    jobs: tuple[tuple[str, Job, list[Goal]], ...] = (
        (f"logistic regression, C = {strength:g}", fit, goals[-1:]),
        (f"logistic regression, search for C up to {strength:g}", search, goals),
    )
    Z = standardise(probe.scaler_, X)
    for method, ours, wanted in jobs:
        legs, reached, gap = count_iterations(Z, codes, wanted, max_iterations)
        iterations = sum(leg.iterations for leg in legs)
        timed = first_iterations(legs, TIMED_ITERATIONS)
        yield Comparison(
            method,
            data.task,
            data.encoder,
            f"L-BFGS of scikit-learn, {iterations:,} iterations",
            ours,
            partial(run, Z, codes, timed),
            scale=iterations / sum(leg.iterations for leg in timed),
            at_least=not reached,
            result="same objective" if reached else f"L-BFGS ends {100 * gap:.2g} % above",
            facts={
                "C": strength,
                "iterations": iterations,
                "objective": goals[-1].objective,
                "gap": gap,
                "newton_steps": probe.fit_info_["n_iter"],
                "converged": probe.converged_,
            },
        )


def _fit_path(X: Floats, codes: Codes, strengths: Sequence[float]) -> list[Goal]:
    """Fits for one C after another as the probe does them, and the objectives that they end at."""
    path, goals = LogisticPath(X, codes), []
    for strength in strengths:
        tolerance = SETTINGS.tolerance if strength == strengths[-1] else SETTINGS.search_tolerance
        goals.append(Goal(strength, path.fit(strength, tolerance).objective))
    return goals
