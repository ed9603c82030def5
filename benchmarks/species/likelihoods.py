"""Probabilities of species in photographs, and the rank of each photograph's true species.

P(y | image, place) is proportional to P(y | image) P(y | place) where image and place are
independent given the species and species equally frequent: Mac Aodha, Cole and Perona 2019,
Presence-only geographical priors for fine-grained image classification, ICCV, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.species.inputs import Inputs, Integers, batches

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from satclip_bench.benchmarks.probes.perceptron import Layers

Probabilities = NDArray[np.float64]


class Likelihood(Protocol):
    """A model that gives each photograph a probability of every species."""

    def of(self, rows: Integers) -> Probabilities:
        """Probabilities of every species, `(n, C)`, not below 0; rows need not sum to 1."""
        ...


@dataclass(frozen=True)
class Fitted:
    """Probabilities by a fitted softmax regression.

    Attributes:
        layers: weights and biases of the regression.
        inputs: inputs that it was fitted on.
        uniform: whether photographs without inputs get the same probability for all species, as in
            the literature on geographical priors; otherwise missing inputs are set to their mean.
    """

    layers: Layers
    inputs: Inputs
    uniform: bool

    def of(self, rows: Integers) -> Probabilities:
        """Probabilities of every species, `(n, C)`."""
        from scipy.special import softmax

        from satclip_bench.benchmarks.probes.perceptron import forward

        probabilities = np.asarray(softmax(forward(self.layers, self.inputs.take(rows)), axis=1))
        if self.uniform:
            probabilities[~self.inputs.known[rows]] = 1 / probabilities.shape[1]
        return probabilities


@dataclass(frozen=True)
class Given:
    """Probabilities from a file, such as an image classifier's.

    Attributes:
        values: `(M, C)` probabilities, dense or sparse.
        row: `(N,)` row of each photograph in `values`; -1 if it has none.
    """

    values: NDArray[np.floating[Any]] | csr_array
    row: Integers

    def of(self, rows: Integers) -> Probabilities:
        """Probabilities of every species, `(n, C)`."""
        chosen = self.values[self.row[rows]]
        dense = chosen if isinstance(chosen, np.ndarray) else chosen.toarray()
        return np.asarray(dense, dtype=np.float64)


def rank_species(
    rows: Integers, species: Integers, factors: Sequence[Likelihood]
) -> tuple[Integers, Integers]:
    """Rank of each photograph's true species by the product of `factors`, and the first species.

    Equal products are ordered by class index, so that a tie is broken the same everywhere; a
    uniform row therefore ranks a species by its index.

    Args:
        rows: `(n,)` photographs.
        species: `(N,)` class indices of all photographs.
        factors: one or more likelihoods.

    Returns:
        `(n,)` number of species before the true one, and `(n,)` species that is ranked first.
    """
    ranks, first = [], []
    for batch in batches(rows):
        product = reduce(np.multiply, (factor.of(batch) for factor in factors))
        label = species[batch][:, None]
        of_label = np.take_along_axis(product, label, axis=1)
        earlier = np.arange(product.shape[1]) < label
        ranks.append(((product > of_label) | ((product == of_label) & earlier)).sum(axis=1))
        first.append(product.argmax(axis=1))
    return (
        np.concatenate(ranks).astype(np.int64),
        np.concatenate(first).astype(np.int64),
    )


def own_ranks(rows: Integers, species: Integers, factors: Sequence[Likelihood]) -> Integers:
    """Rank of each photograph's true species, `(n,)`: see `rank_species`.

    >>> values = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    >>> own_ranks(np.arange(2), np.array([2, 1]), [Given(values, np.arange(2))]).tolist()
    [1, 1]
    """
    return rank_species(rows, species, factors)[0]
