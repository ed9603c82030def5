"""Folds whose test points are as far from the training set as predictions are from the sample.

k-fold nearest-neighbour-distance matching, kNNDM: Linnenbrink, Milà, Ludwig and Meyer 2024, Geosci.
Model Dev. 17, 5897-5912, after Milà, Mateu, Pebesma and Meyer 2022, Methods Ecol. Evol. 13,
1304-1316.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats import ks_2samp, wasserstein_distance

from satclip_bench.benchmarks.splits.base import (
    Fold,
    Index,
    SplitCard,
    SplitInputs,
    nested_fold,
)
from satclip_bench.benchmarks.splits.inner_folds import MIN_INNER_TRAIN_FRACTION, large_enough
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import chord_to_km, unit_vectors

FOLDS = 5
MAX_FOLD_FRACTION = 0.5
"""Maximum fraction of the points in one fold (`maxp` in the paper)."""
SIGNIFICANCE_LEVEL = 0.05
"""Significance level of the test for clustering."""
N_CLUSTER_COUNTS = 16
KMEANS_ITERATIONS = 4
KMEANS_SAMPLE_SIZE = 5_000
MIN_POINTS = 10

Float = NDArray[np.float64]


class NndmSplit:
    """Five folds by nearest-neighbour-distance matching (kNNDM).

    Folds are spatial to the extent that the sample is clustered in the prediction domain.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat, domain = rng.uniform(0, 10, (200, 2)), rng.uniform(0, 60, (2000, 2))
        >>> points = SplitInputs(lonlat, np.zeros(200), domain=domain)
        >>> [fold.name for fold in NndmSplit().folds(points, seed=0)]
        ['0', '1', '2', '3', '4']
    """

    card = SplitCard(
        name="nndm",
        title="Nearest-neighbour-distance matching",
        description=f"{FOLDS} folds whose test points are about as far from the nearest training "
        "point as places of the prediction domain are from the nearest sample (kNNDM, Linnenbrink "
        "et al. 2024): the score to expect of a map. The domain of a global task is the land "
        "without Antarctica, represented by the points of another open table; the domain of a "
        "regional task, or of a global one at sea, is the area that its points cover. If the "
        "sample is not clustered in the domain (Kolmogorov-Smirnov test, "
        f"{SIGNIFICANCE_LEVEL:g}), folds are random. Otherwise, the points are clustered by "
        f"k-means, with {N_CLUSTER_COUNTS} numbers of clusters between {FOLDS} and the number of "
        "points; clusters are assigned to folds along the first principal direction of the points; "
        "and of these foldings and a random one, the folding with the smallest Wasserstein "
        "distance between the two distributions is used. The training set consists of the other "
        "four folds, and settings are chosen by an inner cross-validation that holds out each of "
        "the four in turn, except where it would train on less than "
        f"{MIN_INNER_TRAIN_FRACTION:.0%} of the training set. Classes are not considered and can "
        "be missing from the training set.",
        settings={
            "n_folds": FOLDS,
            "max_fold_fraction": MAX_FOLD_FRACTION,
            "significance_level": SIGNIFICANCE_LEVEL,
            "n_cluster_counts": N_CLUSTER_COUNTS,
            "kmeans_iterations": KMEANS_ITERATIONS,
            "kmeans_sample_size": KMEANS_SAMPLE_SIZE,
        },
        domain=True,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds, named after their numbers.

        Raises:
            BenchError: there is no domain, or there are too few points.
        """
        fold_of = best_folding(points, seed).fold
        folds = []
        for number in range(FOLDS):
            others = [other for other in range(FOLDS) if other != number]
            train, test = np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number)
            # No more than one of the four can hold nearly all of the training set.
            inner = large_enough(
                (
                    (train[fold_of[train] != other], train[fold_of[train] == other])
                    for other in others
                ),
                train,
            )
            folds.append(nested_fold(str(number), train, test, inner))
        return tuple(folds)


@dataclass(frozen=True)
class Folding:
    """An assignment of points to folds, with its distances.

    Args:
        n_clusters: number of clusters of the points; 0 for random folds.
        fold: `(N,)` fold in which each point is tested.
        domain_km: `(M,)` km from places of the domain to the nearest sample, ascending.
        test_km: `(N,)` km from each point to the nearest training point when it is tested.
        wasserstein_km: Wasserstein-1 distance between the two distributions of distances, which is
            the area between their cumulative distribution functions.
    """

    n_clusters: int
    fold: Index
    domain_km: Float
    test_km: Float
    wasserstein_km: float


def best_folding(points: SplitInputs, seed: int) -> Folding:
    """The folding with the smallest Wasserstein distance; of equally good ones, the first.

    Raises:
        BenchError: there is no domain, or there are fewer than ten points or five places.
    """
    return min(candidate_foldings(points, seed), key=lambda folding: folding.wasserstein_km)


def candidate_foldings(points: SplitInputs, seed: int) -> tuple[Folding, ...]:
    """All foldings that are compared: spatial ones if the sample is clustered, and a random one.

    The sample is clustered if its points are nearer to one another than places of the domain are to
    them, by a one-sided Kolmogorov-Smirnov test, as in the reference implementation (CAST).

    Raises:
        BenchError: there is no domain, or there are fewer than ten points or five places.
    """
    if points.domain is None or not len(points.domain):
        raise BenchError("nndm needs places where predictions are wanted (`SplitInputs.domain`)")
    vectors = unit_vectors(points.lonlat)
    places = len(np.unique(points.lonlat, axis=0))
    if len(vectors) < MIN_POINTS or places < FOLDS:
        raise BenchError(
            f"nndm needs {MIN_POINTS} points or more in {FOLDS} different places; there are "
            f"{len(vectors)} in {places}"
        )
    tree = KDTree(vectors)
    domain_km = np.sort(chord_to_km(np.asarray(tree.query(unit_vectors(points.domain))[0])))
    rng = np.random.default_rng(seed)
    random = rng.permutation(len(vectors)) % FOLDS
    foldings = {0: random}
    sample_km = chord_to_km(np.asarray(tree.query(vectors, k=2)[0])[:, 1])
    test = ks_2samp(sample_km, domain_km, alternative="greater", method="asymp")
    if test.pvalue < SIGNIFICANCE_LEVEL:
        counts = np.geomspace(FOLDS, len(vectors) - 2, N_CLUSTER_COUNTS)
        spatial = {
            count: assign_folds(vectors, kmeans(vectors, count, rng))
            for count in dict.fromkeys(map(round, counts))
        }
        foldings = {n: fold for n, fold in spatial.items() if _balanced(fold)} | foldings
    return tuple(_measure(n, fold, vectors, domain_km) for n, fold in foldings.items())


def _balanced(fold: Index) -> bool:
    sizes = np.bincount(fold, minlength=FOLDS)
    return bool(sizes.min() > 0 and sizes.max() <= MAX_FOLD_FRACTION * len(fold))


def _measure(n_clusters: int, fold: Index, vectors: Float, domain_km: Float) -> Folding:
    test_km = training_distances(vectors, fold)
    wasserstein_km = wasserstein_distance(test_km, domain_km)
    return Folding(n_clusters, fold, domain_km, test_km, float(wasserstein_km))


def training_distances(vectors: Float, fold: Index) -> Float:
    """Km from each point to the nearest point of another fold, `(N,)`: of its training set.

    Args:
        vectors: `(N, 3)` unit vectors of the points.
        fold: `(N,)` folds from 0 to 4, each with at least one point.
    """
    chord = np.empty(len(vectors))
    for number in range(FOLDS):
        test = fold == number
        chord[test] = KDTree(vectors[~test]).query(vectors[test])[0]
    return chord_to_km(chord)


def kmeans(vectors: Float, count: int, rng: np.random.Generator) -> Index:
    """Cluster points by k-means on the sphere: cluster numbers `(N,)` from 0 to at most count - 1.

    A few of Lloyd's iterations from random points, on a sample of the points: clusters need to be
    compact, not optimal.

    Args:
        vectors: `(N, 3)` unit vectors of the points.
        count: number of clusters; fewer remain if some are empty.
        rng: source of the sample and of the first centres.
    """
    size = min(len(vectors), max(KMEANS_SAMPLE_SIZE, 4 * count))
    sample = vectors[np.sort(rng.choice(len(vectors), size, replace=False))]
    centres = sample[rng.choice(size, count, replace=False)]
    for _ in range(KMEANS_ITERATIONS):
        label = KDTree(centres).query(sample)[1]
        sums = np.stack([np.bincount(label, axis) for axis in sample.T], axis=1)
        length = np.linalg.norm(sums, axis=1)
        centres = sums[length > 0] / length[length > 0, None]
    return np.unique(KDTree(centres).query(vectors)[1], return_inverse=True)[1]


def assign_folds(vectors: Float, label: Index) -> Index:
    """Fold of each point, `(N,)`, with every cluster in one fold.

    As in the reference implementation, a cluster of a fifth of the points or more is a fold by
    itself; the other clusters are assigned to the remaining folds in turn, in the order of their
    centroids along the first principal direction of all points.

    Args:
        vectors: `(N, 3)` unit vectors of the points.
        label: `(N,)` cluster numbers without gaps.
    """
    offsets = vectors - vectors.mean(axis=0)
    along = offsets @ np.linalg.eigh(offsets.T @ offsets)[1][:, -1]
    # The sign of an eigenvector depends on the library; without a rule, so would the folds.
    along *= np.sign(along[0]) or 1
    counts = np.bincount(label)
    order = np.argsort(np.bincount(label, along) / counts, kind="stable")
    large = counts[order] * FOLDS >= len(label)
    number = np.empty(len(counts), dtype=np.int64)
    number[order[large]] = np.arange(large.sum())
    rest = order[~large]
    number[rest] = np.resize(np.arange(large.sum(), FOLDS), len(rest))
    return number[label]
