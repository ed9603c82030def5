"""Settings and card of the k-nearest-neighbours probe, without scikit-learn."""

from __future__ import annotations

from typing import Literal

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings, imported_when_called


class NeighbourSettings(Settings):
    """Fixed hyper-parameters; the default is used if there is no validation data."""

    default_n_neighbors: int = 5
    metric: Literal["euclidean"] = "euclidean"
    weights: Literal["distance"] = "distance"
    standardize: Literal[False] = False


SETTINGS = NeighbourSettings()
NEIGHBOURS = (1, 3, 5, 10, 20)

CARD = ProbeCard(
    name="knn",
    title="k nearest neighbours",
    description=(
        "Neighbours by Euclidean distance between embeddings, weighted by the inverse distance. "
        "Embeddings are not standardised: the probe measures the encoder's own geometry, and "
        "standardising would give nearly constant columns the weight of informative ones. On "
        "coordinates on the unit sphere, it is the nearest-neighbour baseline by chord length. If "
        "some neighbours are at distance 0, only they count. The number of neighbours is chosen "
        "on the validation set by MSE or by accuracy (a log loss is infinite if no neighbour has "
        "the label); labels that are not in the training set count as wrong; of equally good "
        "numbers, the smallest is taken. Nothing is refitted on training and validation together. "
        "With inner folds, squared errors or wrong labels are summed over all of them, and all "
        "rows are neighbours of the final estimator."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search={"n_neighbors": NEIGHBOURS},
    bounds=(
        "One query serves all candidates: a tree in few dimensions, otherwise brute force in "
        "blocks, so that the matrix of all distances is never in memory, and neither is a large "
        "training set. Only numbers of neighbours up to the size of the smallest training set are "
        "tried."
    ),
    version=2,
)

PROBE = Probe(
    CARD,
    imported_when_called("satclip_bench.benchmarks.probes.knn:NeighbourRegressor"),
    imported_when_called("satclip_bench.benchmarks.probes.knn:NeighbourClassifier"),
)
