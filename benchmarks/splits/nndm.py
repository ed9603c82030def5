"""Folds whose test points lie as far from training as predictions will lie from the sample.

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

from satclip_bench.benchmarks.splits.base import Fold, Index, SplitCard, SplitInputs
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import chord_to_km, unit_vectors

FOLDS = 5
LARGEST = 0.5
"""No fold holds more than this share of the points (the paper's `maxp`)."""
LEVEL = 0.05
"""Of the test for clustering."""
CANDIDATES = 16
ROUNDS = 4
FITTED = 5_000
LEAST = 10

Float = NDArray[np.float64]


class NndmSplit:
    """Five folds, spatial as far as the sample is clustered in the prediction domain."""

    card = SplitCard(
        name="nndm",
        title="Nearest-neighbour-distance matching",
        description=f"{FOLDS} folds whose test points lie about as far from the nearest training "
        "point as places of the prediction domain lie from the nearest sample (kNNDM, Linnenbrink "
        "et al. 2024): the score to expect of a map. The domain of a global task is land without "
        "Antarctica, by the points of another open table; of a regional one the area that its "
        f"points cover. Where the sample is not clustered in it (Kolmogorov-Smirnov, {LEVEL:g}), "
        f"folds are random; elsewhere k-means clusters of the points, in {CANDIDATES} numbers from "
        f"{FOLDS} to that of the points, are dealt to the folds along their first principal "
        "direction, and of these foldings and the random one that with the smallest Wasserstein "
        "distance between the two distributions is taken. Each fold is validation once, for the "
        "one before it; distances are to what is trained on then. Classes are not looked at: they "
        "can be missing from training.",
        settings={
            "n_folds": FOLDS,
            "max_fold_fraction": LARGEST,
            "significance_level": LEVEL,
            "n_cluster_counts": CANDIDATES,
            "kmeans_iterations": ROUNDS,
            "kmeans_sample_size": FITTED,
        },
        domain=True,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Five folds, by number.

        Raises:
            BenchError: there is no domain, or there are too few points.
        """
        fold_of = match(points, seed).fold
        return tuple(
            Fold(
                str(number),
                np.flatnonzero((fold_of != number) & (fold_of != following)),
                np.flatnonzero(fold_of == following),
                np.flatnonzero(fold_of == number),
            )
            for number, following in ((i, (i + 1) % FOLDS) for i in range(FOLDS))
        )


@dataclass(frozen=True)
class Candidate:
    """A folding that was looked at.

    Attributes:
        clusters: how many its points were put into; 0 for random folds.
        fold: `(N,)` the fold each point is tested in.
        wanted: `(M,)` km from places of the domain to the nearest sample, ascending.
        found: `(N,)` km from each point to the nearest training point where it is tested.
        km: Wasserstein-1 distance between the two: the area between their cumulative curves.
    """

    clusters: int
    fold: Index
    wanted: Float
    found: Float
    km: float


def match(points: SplitInputs, seed: int) -> Candidate:
    """The folding whose distances match best; of equals the first.

    Raises:
        BenchError: as `candidates`.
    """
    return min(candidates(points, seed), key=lambda c: c.km)


def candidates(points: SplitInputs, seed: int) -> tuple[Candidate, ...]:
    """All foldings that are looked at: spatial ones where the sample is clustered, and random.

    The sample is clustered if its points lie nearer to one another than places of the domain lie to
    them, by a one-sided Kolmogorov-Smirnov test, as in the reference implementation (CAST).

    Raises:
        BenchError: there is no domain, or there are fewer than ten points or five places.
    """
    if points.domain is None or not len(points.domain):
        raise BenchError("nndm needs places where predictions are wanted (`SplitInputs.domain`)")
    vectors = unit_vectors(points.lonlat)
    places = len(np.unique(points.lonlat, axis=0))
    if len(vectors) < LEAST or places < FOLDS:
        raise BenchError(
            f"nndm needs {LEAST} points or more in {FOLDS} different places; there are "
            f"{len(vectors)} in {places}"
        )
    tree = KDTree(vectors)
    wanted = np.sort(chord_to_km(np.asarray(tree.query(unit_vectors(points.domain))[0])))
    rng = np.random.default_rng(seed)
    random = rng.permutation(len(vectors)) % FOLDS
    foldings = {0: random}
    among = chord_to_km(np.asarray(tree.query(vectors, k=2)[0])[:, 1])
    if ks_2samp(among, wanted, alternative="greater", method="asymp").pvalue < LEVEL:
        numbers = np.geomspace(FOLDS, len(vectors) - 2, CANDIDATES)
        spatial = {
            q: deal(vectors, clusters(vectors, q, rng)) for q in dict.fromkeys(map(round, numbers))
        }
        foldings = {q: fold for q, fold in spatial.items() if _usable(fold)} | foldings
    return tuple(_measure(q, fold, vectors, wanted) for q, fold in foldings.items())


def _usable(fold: Index) -> bool:
    sizes = np.bincount(fold, minlength=FOLDS)
    return bool(sizes.min() > 0 and sizes.max() <= LARGEST * len(fold))


def _measure(number: int, fold: Index, vectors: Float, wanted: Float) -> Candidate:
    found = distances(vectors, fold)
    km = wasserstein_distance(found, wanted)
    return Candidate(number, fold, wanted, found, float(km))


def distances(vectors: Float, fold: Index) -> Float:
    """Km from each point to the nearest training point when its fold is tested, `(N,)`.

    Training is neither that fold nor the one after it, which validates.

    Args:
        vectors: `(N, 3)` on the unit sphere.
        fold: `(N,)` in 0 to 4, all of them there.
    """
    chord = np.empty(len(vectors))
    for number in range(FOLDS):
        test = fold == number
        train = ~test & (fold != (number + 1) % FOLDS)
        chord[test] = KDTree(vectors[train]).query(vectors[test])[0]
    return chord_to_km(chord)


def clusters(vectors: Float, number: int, rng: np.random.Generator) -> Index:
    """Points in compact groups, `(N,)` from 0 to at most `number` - 1, by k-means on the sphere.

    A few rounds of Lloyd's from random points, on no more points than are needed: groups need to
    be compact, not the best there are.
    """
    some = min(len(vectors), max(FITTED, 4 * number))
    fitted = vectors[np.sort(rng.choice(len(vectors), some, replace=False))]
    centres = fitted[rng.choice(some, number, replace=False)]
    for _ in range(ROUNDS):
        label = KDTree(centres).query(fitted)[1]
        sums = np.stack([np.bincount(label, axis) for axis in fitted.T], axis=1)
        length = np.linalg.norm(sums, axis=1)
        centres = sums[length > 0] / length[length > 0, None]
    return np.unique(KDTree(centres).query(vectors)[1], return_inverse=True)[1]


def deal(vectors: Float, label: Index) -> Index:
    """The fold of each point, `(N,)`, so that every cluster lies in one.

    As the reference implementation does: clusters that hold a fifth of the points or more are folds
    of their own; the others go to the remaining folds in turns, in the order of their centroids
    along the first principal direction of all points.

    Args:
        vectors: `(N, 3)` on the unit sphere.
        label: `(N,)` cluster numbers without gaps.
    """
    offsets = vectors - vectors.mean(axis=0)
    along = offsets @ np.linalg.eigh(offsets.T @ offsets)[1][:, -1]
    # An axis has no sign of its own: without a rule it would change with the library.
    along *= np.sign(along[0]) or 1
    counts = np.bincount(label)
    order = np.argsort(np.bincount(label, along) / counts, kind="stable")
    large = counts[order] * FOLDS >= len(label)
    number = np.empty(len(counts), dtype=np.int64)
    number[order[large]] = np.arange(large.sum())
    rest = order[~large]
    number[rest] = np.resize(np.arange(large.sum(), FOLDS), len(rest))
    return number[label]
