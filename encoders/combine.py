"""Encoders side by side: `a+b` says which ones complement each other."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.sphere import SwappedCoordinatesWarning
from satclip_bench.encoders.base import Encoder, EncoderCard, LocationEncoder
from satclip_bench.encoders.lookup.partial import PartialEncoder, UncoveredPointsWarning

REFERENCE_POINTS = 2048
"""Points over which blocks are standardised. They are the same for every task and split."""


def fibonacci_lattice(points: int) -> NDArray[np.float64]:
    """Points spread evenly over the sphere, `(points, 2)` lonlat.

    The lattice of equal-area rings turned by the golden angle (Swinbank and Purser 2006, QJRMS).
    """
    i = np.arange(points) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * i / points))
    golden = (1 + 5**0.5) / 2
    lon = np.mod(360 * i / golden, 360) - 180
    return np.stack([lon, lat], axis=1)


class Combined(Encoder):
    """The embeddings of several encoders, concatenated after each is standardised as a block.

    Every column loses its mean over a lattice of points on the sphere, and every block is divided
    by one number, so that its mean squared length over these points is 1: blocks weigh alike in a
    distance however many columns they have, and columns keep their weights within a block. Nothing
    of a task is looked at. A block that is constant over the lattice is only centred; of an encoder
    that knows a part of the world, the points count that it knows. A combination within a
    combination is standardised once more.

    Args:
        parts: at least two encoders with different names.

    Raises:
        BenchError: fewer than two, or the same twice.
    """

    def __init__(self, parts: Sequence[LocationEncoder]) -> None:
        names = [part.card.name for part in parts]
        if len(names) < 2 or len(set(names)) < len(names):
            raise BenchError(
                f"{'+'.join(names) or 'nothing'!r} cannot be combined: give two or more "
                "different encoders, as in 'geoclip+harmonics.l10'"
            )
        self.parts = tuple(parts)
        self.card = _card([part.card for part in parts])

    @property
    @override
    def weights_sha256(self) -> str:
        """Of the parts' hashes, in order; empty if no part has weights."""
        hashes = [str(getattr(part, "weights_sha256", "")) for part in self.parts]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest() if any(hashes) else ""

    @cached_property
    def _standards(self) -> list[tuple[NDArray[np.float64], float]]:
        """Mean of each column and scale of each block."""
        lattice = fibonacci_lattice(REFERENCE_POINTS)
        standards = []
        for part in self.parts:
            with warnings.catch_warnings():
                # That a part knows nothing of the lattice's points says nothing of the user's.
                warnings.simplefilter("ignore", UncoveredPointsWarning)
                block = part.encode(lattice).astype(np.float64)
            if isinstance(part, PartialEncoder):
                # Zeros stand for what it knows nothing of.
                block = block[block.any(axis=1)]
                if not len(block):
                    raise EncoderError(
                        f"{part.card.name} knows nothing of any of the {REFERENCE_POINTS} points "
                        "of the earth over which blocks are standardised, and cannot be combined"
                    )
            mean = block.mean(axis=0)
            length = float(np.sqrt(((block - mean) ** 2).sum(axis=1).mean()))
            constant = length <= 1e-6 * float(np.linalg.norm(mean))
            standards.append((mean, 1.0 if constant else length))
        return standards

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        blocks = []
        for part, (mean, length) in zip(self.parts, self._standards, strict=True):
            with warnings.catch_warnings():
                # `encode` has said it of the whole.
                warnings.simplefilter("ignore", SwappedCoordinatesWarning)
                block = part.encode(lonlat, batch_size=len(lonlat))
            blocks.append((block - mean) / length)
        return np.concatenate(blocks, axis=1)


def _card(cards: Sequence[EncoderCard]) -> EncoderCard:
    def joined(values: Sequence[str]) -> str:
        return "; ".join(dict.fromkeys(value for value in values if value))

    parameters: dict[str, str | int | float] = {"reference_points": REFERENCE_POINTS}
    for card in cards:
        parameters[f"{card.name}: version"] = card.version
        parameters |= {f"{card.name}: {key}": value for key, value in card.parameters.items()}
    return EncoderCard(
        name="+".join(card.name for card in cards),
        title=" + ".join(card.title for card in cards),
        dimension=sum(card.dimension for card in cards),
        description="Standardised blocks side by side: " + ", ".join(card.title for card in cards),
        citation=joined([card.citation for card in cards]),
        licence=joined([card.licence for card in cards]),
        training_data=joined([card.training_data for card in cards]),
        contaminates=tuple(dict.fromkeys(task for card in cards for task in card.contaminates)),
        parameters=parameters,
        verified=all(card.verified for card in cards),
    )
