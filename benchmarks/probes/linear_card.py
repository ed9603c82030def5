"""Settings and card of the linear probe, without scikit-learn."""

from __future__ import annotations

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings, imported_when_called
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS


class LinearSettings(Settings):
    """Fixed hyper-parameters; the defaults are used if there is no validation data."""

    default_alpha: float = 1.0
    default_C: float = 1.0  # noqa: N815  # as scikit-learn spells it
    search_tolerance: float = 3e-3
    tolerance: float = 1e-8
    hopeless_loss: float = 1.1


SETTINGS = LinearSettings()

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4)

CARD = ProbeCard(
    name="linear",
    title="Linear",
    description=(
        "Features are standardised on the training set. Regression: ridge regression with an "
        "unpenalised intercept, in float64; alpha is the half-decade with the lowest validation "
        "MSE, and the largest one of equally good values. Predictions are clipped to the range of "
        "the training targets, also for the validation MSE. Classification: multinomial logistic "
        "regression with an L2 penalty, fitted by Newton's method until half the squared Newton "
        "decrement is below tolerance times the objective; C (as in scikit-learn) has the lowest "
        "validation log loss, which is finer than accuracy on few rows; validation labels that are "
        "not in the training set are left out. C is increased step by step, each fit starts from "
        "the previous one, and the search ends at the first fit that is worse. During the search, "
        "fits end at search_tolerance, which moves the log loss less than a decade of C does, or "
        "as soon as their validation loss is hopeless_loss times the lowest; the fit with the "
        "chosen C goes on to tolerance. With a validation set, nothing is refitted on "
        "training and validation together. With inner folds, squared errors or log losses are "
        "summed over all of them, and all rows are fitted with the chosen alpha or C."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"alpha": ALPHAS, "C": STRENGTHS},
    bounds=(
        "Regression: one singular value decomposition, and one for each inner fold, serves every "
        "alpha. Classification: the tolerance decides; the cap of 200 Newton steps is not reached "
        "in the committed runs, and a fit that reached it would be recorded as not converged."
    ),
    version=4,
)

PROBE = Probe(
    CARD,
    imported_when_called("satclip_bench.benchmarks.probes.linear:LinearRegressor"),
    imported_when_called("satclip_bench.benchmarks.probes.linear:LinearClassifier"),
)
