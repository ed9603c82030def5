"""Settings and card of the ridge probe, without scikit-learn."""

from __future__ import annotations

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings, imported_when_called

# Six digits, so that the last bit of a platform's pow() does not change a record's key.
ALPHAS = tuple(float(f"{10 ** (half / 2):.6g}") for half in range(-16, 17))
"""Penalties that are tried: half-decades from 1e-8 to 1e8."""


class RidgeSettings(Settings):
    """Fixed hyper-parameters; the default is used if there is no validation data."""

    default_alpha: float = 1.0


SETTINGS = RidgeSettings()

CARD = ProbeCard(
    name="ridge",
    title="Ridge",
    description=(
        "Ridge regression with an unpenalised intercept on features standardised on the training "
        "set, as RANGE and CoordBench use it. Regression: the same as the probe `linear`, with the "
        "same predictions. Classification: least squares on one-hot labels, in closed form; the "
        "class with the highest score is predicted, the first of equal ones. alpha is the "
        "half-decade with the highest validation accuracy, and the largest one of equally good "
        "values; validation labels that are not in the training set count as wrong. Scores are no "
        "probabilities: what is reported as such are the scores, negative ones set to 0, divided "
        "by their sum, so that log losses and calibration errors of this probe mean little. With a "
        "validation set, nothing is refitted on training and validation together. With inner "
        "folds, squared errors or wrong labels are summed over all of them, and all rows are "
        "fitted with the chosen alpha."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"alpha": ALPHAS},
    bounds="One singular value decomposition, and one for each inner fold, serves every alpha.",
    version=2,
)

PROBE = Probe(
    CARD,
    imported_when_called("satclip_bench.benchmarks.probes.ridge:RidgeRegressor"),
    imported_when_called("satclip_bench.benchmarks.probes.ridge:RidgeClassifier"),
)
