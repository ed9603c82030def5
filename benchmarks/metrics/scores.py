"""Scores of predictions, each a pure function of labels and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

TOP_K = 10
"""Number of classes kept per prediction, most probable first."""

FLOOR = float(np.finfo(np.float32).eps)
"""Minimum probability in a log loss, 2**-23, which gives a loss of 15.9: scikit-learn's bound for
the float32 that predictions are kept in. A class without a vote would otherwise have an infinite
loss."""

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class MetricCard:
    """Metadata of a score.

    Attributes:
        title: title of the score.
        higher_is_better: whether a higher score is better.
        description: definition in one sentence.
    """

    title: str
    higher_is_better: bool
    description: str


METRICS: Mapping[str, MetricCard] = {
    "r2": MetricCard("R2", True, "1 - residual sum of squares / total sum of squares"),
    "rmse": MetricCard("RMSE", False, "root mean squared error, in the unit of the target"),
    "mae": MetricCard("MAE", False, "mean absolute error, in the unit of the target"),
    "log_score": MetricCard(
        "Log score",
        False,
        "mean negative logarithm of the predicted density at the true value, of a normal "
        "distribution with the predicted mean and standard deviation (Gneiting and Raftery 2007, "
        "Journal of the American Statistical Association 102, 359, section 4.1); in the unit of "
        "the target, so that it can be negative",
    ),
    "crps": MetricCard(
        "CRPS",
        False,
        "mean continuous ranked probability score of that normal distribution, in the unit of the "
        "target (the same, section 4.2); of a prediction without spread it is the absolute error",
    ),
    "interval_coverage": MetricCard(
        "Coverage",
        True,
        "share of test points inside the central 95 % interval of that normal distribution; 0.95 "
        "is right, and more means that the intervals are too wide",
    ),
    "reference_rmse": MetricCard(
        "RMSE of the mean", False, "RMSE of predicting the mean of the training set everywhere"
    ),
    "accuracy": MetricCard("Accuracy", True, "share of test points whose class is predicted"),
    "balanced_accuracy": MetricCard(
        "Balanced accuracy", True, "mean recall over the classes in the test set"
    ),
    "macro_f1": MetricCard(
        "Macro F1", True, "mean F1 over the classes that occur in the test set or are predicted"
    ),
    "top5_accuracy": MetricCard(
        "Top-5 accuracy", True, "share of test points whose class is among the five most probable"
    ),
    "log_loss": MetricCard(
        "Log loss",
        False,
        "mean of -ln of the probability of a test point's true class, which counts as 2**-23 if "
        "it is lower, as for a class that is not in the training set",
    ),
    "ece": MetricCard(
        "Calibration error",
        False,
        "expected calibration error: mean over test points of the gap between accuracy and the "
        "mean probability of the most probable class, in 15 bins of that probability of equal "
        "width (Guo et al. 2017, ICML); test points of unseen classes count as wrong",
    ),
    "reference_accuracy": MetricCard(
        "Accuracy of the majority",
        True,
        "accuracy of predicting the most frequent class of the training set everywhere",
    ),
    "skill": MetricCard(
        "Skill",
        True,
        "1 - loss / loss of a reference that knows the training targets but not the place: squared "
        "errors and the training mean, or wrong classes and the most frequent training class. 1 is "
        "perfect and 0 is no better than the reference",
    ),
}
"""Metadata of the scores by name. Classification scores also exist with the suffix `_seen`, over
the test points whose class is in the training set."""

REGRESSION = ("r2", "rmse", "mae")
"""Scores of every regression."""

CLASSIFICATION = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "top5_accuracy",
    "log_loss",
    "ece",
)
"""Scores of every classification, over all test points and over those of seen classes."""

NEGLIGIBLE = 1e-12
"""RMSE of a reference, relative to the largest target, below which it counts as rounding of 0."""

SEEN = "_seen"
"""Suffix of scores over the test points whose class is in the training set."""


def regression_scores(
    target: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, float]:
    """R2, RMSE and MAE of `(n,)` predictions; R2 is NaN if the targets do not vary.

    Example:
        >>> import numpy as np
        >>> regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))["r2"]
        0.5
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    varied = len(target) > 1 and np.ptp(target) > 0
    return {
        "r2": float(r2_score(target, predicted)) if varied else float("nan"),
        "rmse": float(root_mean_squared_error(target, predicted)),
        "mae": float(mean_absolute_error(target, predicted)),
    }


def regression_reference(trained: NDArray[np.floating]) -> float:
    """Prediction of the reference of a regression: the mean of the training targets, `(n,)`.

    Example:
        >>> import numpy as np
        >>> regression_reference(np.array([1.0, 2.0, 6.0]))
        3.0
    """
    return float(np.mean(trained))


def classification_reference(trained: NDArray[np.integer]) -> int:
    """Prediction of the reference of a classification: the most frequent training class.

    Of equally frequent classes it is the one with the lowest index.

    Args:
        trained: `(n,)` class indices of the training set.

    Example:
        >>> import numpy as np
        >>> classification_reference(np.array([7, 3, 7, 3, 5]))
        3
    """
    classes, counts = np.unique(trained, return_counts=True)
    return int(classes[np.argmax(counts)])


def regression_skill(
    target: NDArray[np.float64], predicted: NDArray[np.float64], reference: float
) -> dict[str, float]:
    """Skill of `(n,)` predictions over the training mean, and the RMSE of that mean.

    Skill is 1 - sum (y - prediction)^2 / sum (y - mean of the training targets)^2, which is the
    mean-squared-error skill score of Murphy 1988, Monthly Weather Review 116, 2417, eq. 4. It is
    NaN if the reference makes no error. Over several folds, it is pooled by adding the two sums.

    Args:
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
        reference: mean of the training targets.

    Example:
        >>> import numpy as np
        >>> target = np.array([1.0, 3.0])
        >>> regression_skill(target, predicted=np.array([1.0, 2.0]), reference=2.0)
        {'skill': 0.5, 'reference_rmse': 1.0}
    """
    loss = np.mean((target - predicted) ** 2)
    of_reference = np.mean((target - reference) ** 2)
    defined = np.sqrt(of_reference) > NEGLIGIBLE * max(abs(reference), np.abs(target).max())
    return {
        "skill": float(1 - loss / of_reference) if defined else float("nan"),
        "reference_rmse": float(np.sqrt(of_reference)),
    }


def classification_skill(
    target: NDArray[np.int64], predicted: NDArray[np.int64], reference: int
) -> dict[str, float]:
    """Skill of `(n,)` classes over the training majority, and the accuracy of that class.

    Skill is 1 - wrong predictions / wrong predictions of the reference; NaN if it makes none. Over
    several folds, it is pooled by adding the two counts.

    Args:
        target: `(n,)` class indices.
        predicted: `(n,)` predicted class indices.
        reference: most frequent class of the training set.

    Example:
        >>> import numpy as np
        >>> target, predicted = np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1])
        >>> classification_skill(target, predicted, reference=0)
        {'skill': 0.5, 'reference_accuracy': 0.5}
    """
    wrong, of_reference = int((target != predicted).sum()), int((target != reference).sum())
    return {
        "skill": 1 - wrong / of_reference if of_reference else float("nan"),
        "reference_accuracy": float(np.mean(target == reference)),
    }


def normal_scores(
    target: NDArray[np.float64], predicted: NDArray[np.float64], std: NDArray[np.float64]
) -> dict[str, float]:
    """Log score, CRPS and coverage of normal predictive distributions; NaN if one has no spread.

    Gneiting and Raftery 2007, Strictly proper scoring rules, prediction, and estimation, Journal of
    the American Statistical Association 102, 359, sections 4.1 and 4.2.

    Args:
        target: `(n,)` true values.
        predicted: `(n,)` means of the distributions.
        std: `(n,)` their standard deviations, of an observation.

    Example:
        >>> import numpy as np
        >>> scores = normal_scores(np.array([0.0, 3.0]), np.zeros(2), np.ones(2))
        >>> {name: round(score, 4) for name, score in scores.items()}
        {'log_score': 3.1689, 'crps': 1.3351, 'interval_coverage': 0.5}
    """
    from scipy.stats import norm

    if not (std > 0).all():
        return dict.fromkeys(("log_score", "crps", "interval_coverage"), float("nan"))
    z = (target - predicted) / std
    crps = std * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    return {
        "log_score": float(np.mean(np.log(std) - norm.logpdf(z))),
        "crps": float(np.mean(crps)),
        "interval_coverage": float(np.mean(np.abs(z) <= norm.ppf(0.975))),
    }


def classification_scores(
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    confidence: NDArray[np.floating],
    true_probability: NDArray[np.floating],
    trained: NDArray[np.int64],
) -> dict[str, float]:
    """Scores over all test points and over those whose class is in the training set.

    A point of an unseen class cannot be predicted correctly; both versions are returned because
    papers rarely state which of them they report.

    Args:
        target: `(n,)` class indices.
        ranked: `(n, k)` class indices, most probable first, padded with -1.
        confidence: `(n,)` probability of the most probable class.
        true_probability: `(n,)` probability of the true class of each point; 0 if it is not in the
            training set.
        trained: classes of the training set.
    """
    seen = np.isin(target, trained)
    scores = _classification(target, ranked, confidence, true_probability)
    of_seen = _classification(target[seen], ranked[seen], confidence[seen], true_probability[seen])
    return scores | {name + SEEN: value for name, value in of_seen.items()}


def kept_scores(predictions: pd.DataFrame, trained: NDArray[np.int64]) -> dict[str, float]:
    """`classification_scores` of the predictions kept beside a record.

    Args:
        predictions: frame with the columns target, target_probability, top_classes and
            top_probabilities.
        trained: classes of the training set.
    """
    return classification_scores(
        predictions["target"].to_numpy(),
        np.stack(predictions["top_classes"].to_list()),
        np.stack(predictions["top_probabilities"].to_list())[:, 0],
        predictions["target_probability"].to_numpy(),
        trained,
    )


def _classification(
    target: NDArray[np.int64],
    ranked: NDArray[np.int64],
    confidence: NDArray[np.floating],
    true_probability: NDArray[np.floating],
) -> dict[str, float]:
    from sklearn.metrics import f1_score, recall_score

    if not len(target):
        return dict.fromkeys(CLASSIFICATION, float("nan"))
    first = ranked[:, 0]
    return {
        "accuracy": float(np.mean(first == target)),
        "balanced_accuracy": float(
            recall_score(target, first, labels=np.unique(target), average="macro", zero_division=0)
        ),
        "macro_f1": float(f1_score(target, first, average="macro", zero_division=0)),
        "top5_accuracy": float(np.mean((ranked[:, :5] == target[:, None]).any(axis=1))),
        "log_loss": float(np.mean(point_log_loss(true_probability))),
        "ece": calibration_error(first == target, confidence),
    }


def point_log_loss(true_probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log loss of each point, `(n,)`.

    Args:
        true_probability: `(n,)` probability of the true class of each point.
    """
    return -np.log(np.maximum(true_probability.astype(np.float64), FLOOR))


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.floating]) -> float:
    """Expected calibration error of the most probable class.

    Guo, Pleiss, Sun and Weinberger 2017, On calibration of modern neural networks, ICML, eq. 3.

    Args:
        right: `(n,)` whether the most probable class is the true one.
        confidence: `(n,)` probability of the most probable class.

    Example:
        >>> import numpy as np
        >>> calibration_error(np.array([True, False]), np.array([0.75, 0.75]))
        0.25
    """
    gap: NDArray[np.float64] = right - confidence.astype(np.float64)
    sums = np.bincount(calibration_bin(confidence), weights=gap, minlength=CALIBRATION_BINS)
    return float(np.abs(sums).sum() / len(gap))


def calibration_bin(confidence: NDArray[np.floating]) -> NDArray[np.int64]:
    """Bin of each confidence, `(n,)` from 0: (0, 1/15], (1/15, 2/15], ..., (14/15, 1].

    Edges are compared in float32, in which predictions are kept, so that three votes of five lie
    on an edge and not beyond it.
    """
    edges = (np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS).astype(np.float32)
    return np.searchsorted(edges, confidence.astype(np.float32), side="left").astype(np.int64)


def rank_classes(
    probabilities: NDArray[np.floating], classes: NDArray[np.int64], k: int = TOP_K
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` most probable classes of each point and their probabilities.

    Equal probabilities are ordered by class index, so that ties are broken the same everywhere.

    Args:
        probabilities: `(n, C)` probabilities, all finite.
        classes: `(C,)` class index of each column.
        k: number of classes to keep; short rows are padded with -1 and 0.

    Returns:
        `(n, k)` class indices and `(n, k)` float32 probabilities, most probable first.

    Example:
        >>> import numpy as np
        >>> ranked, weights = rank_classes(np.array([[0.2, 0.8]]), np.array([4, 7]), k=3)
        >>> ranked
        array([[ 7,  4, -1]])
    """
    kept = min(k, probabilities.shape[1])
    ranked = np.full((len(probabilities), k), -1, dtype=np.int64)
    weights = np.zeros((len(probabilities), k), dtype=np.float32)
    # A few searches for the first maximum are cheaper than sorting hundreds of classes.
    left, rows = probabilities.copy(), np.arange(len(probabilities))
    for place in range(kept):
        best = left.argmax(axis=1)
        ranked[:, place] = classes[best]
        weights[:, place] = left[rows, best]
        left[rows, best] = -np.inf
    return ranked, weights
