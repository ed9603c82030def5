"""Probabilities of species, a batch of photographs at a time, and the rank of each one's own.

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
    """Something that gives each photograph a probability of every species."""

    def of(self, rows: Integers) -> Probabilities:
        """`(n, C)`, not below 0; a row need not sum to 1."""
        ...


@dataclass(frozen=True)
class Fitted:
    """A softmax regression.

    Attributes:
        layers: its weights.
        inputs: what it was fitted on.
        uniform: whether photographs that `inputs` does not know have all species alike, as in the
            literature on geographical priors; otherwise what is missing stands at its mean.
    """

    layers: Layers
    inputs: Inputs
    uniform: bool

    def of(self, rows: Integers) -> Probabilities:
        """Probabilities of every species."""
        from satclip_bench.benchmarks.probes.estimators import softmax
        from satclip_bench.benchmarks.probes.perceptron import forward

        found = softmax(forward(self.layers, self.inputs.take(rows)))
        if self.uniform:
            found[~self.inputs.known[rows]] = 1 / found.shape[1]
        return found


@dataclass(frozen=True)
class Given:
    """Probabilities that were made elsewhere, such as an image classifier's.

    Attributes:
        values: `(M, C)`, dense or sparse.
        row: `(N,)` for each photograph its row of `values`; -1 where there is none.
    """

    values: NDArray[np.floating[Any]] | csr_array
    row: Integers

    def of(self, rows: Integers) -> Probabilities:
        """Probabilities of every species."""
        chosen = self.values[self.row[rows]]
        dense = chosen if isinstance(chosen, np.ndarray) else chosen.toarray()
        return np.asarray(dense, dtype=np.float64)


def own_ranks(rows: Integers, species: Integers, factors: Sequence[Likelihood]) -> Integers:
    """How many species come before a photograph's own, `(n,)`, by the product of `factors`.

    Equal products are ordered by class index, so that a tie is broken the same everywhere; a
    uniform row therefore ranks a species by its index.

    Args:
        rows: `(n,)` photographs.
        species: `(N,)` class indices of all photographs.
        factors: one or more.
    """
    ranks = []
    for batch in batches(rows):
        product = reduce(np.multiply, (factor.of(batch) for factor in factors))
        label = species[batch][:, None]
        own = np.take_along_axis(product, label, axis=1)
        earlier = np.arange(product.shape[1]) < label
        ranks.append(((product > own) | ((product == own) & earlier)).sum(axis=1))
    return np.concatenate(ranks).astype(np.int64)
