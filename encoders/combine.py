"""Combinations of encoders: the embeddings of `a+b` are concatenated as standardised blocks."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.dates import Times, TimeUnit
from satclip_bench.core.errors import BenchError, EncoderError, RowsError
from satclip_bench.core.sphere import SwappedCoordinatesWarning
from satclip_bench.encoders.base import Embedding, EncoderCard, LocationEncoder
from satclip_bench.encoders.lookup.partial import PartialEncoder, UncoveredPointsWarning
from satclip_bench.encoders.timed import TimedEncoder

REFERENCE_POINTS = 2048
"""Number of points over which blocks are standardised; the same points for all tasks and splits."""


def fibonacci_lattice(points: int) -> NDArray[np.float64]:
    """Points spread evenly over the sphere, `(points, 2)` lonlat.

    The points form a lattice of equal-area rings, each turned by the golden angle (Swinbank and
    Purser 2006, QJRMS).

    >>> fibonacci_lattice(2).round(2)
    array([[-68.75,  30.  ],
           [153.74, -30.  ]])
    """
    i = np.arange(points) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * i / points))
    golden = (1 + 5**0.5) / 2
    lon = np.mod(360 * i / golden, 360) - 180
    return np.stack([lon, lat], axis=1)


class Combined(TimedEncoder):
    """Concatenation of the embeddings of several encoders, each standardised as a block.

    The mean of each column over a lattice of points on the sphere is subtracted, and each block is
    divided by one number, so that its mean squared length over these points is 1. Blocks then have
    the same weight in a distance, for any number of columns, and columns keep their relative
    weights within a block. No data of a task is used. A block that is constant over the lattice is
    only centred. For an encoder with partial coverage, only the points that it covers are used, and
    for a table of embeddings, up to as many of its own rows in place of the lattice. A
    combination inside a combination is standardised a second time. An encoder that takes a month
    or a year is standardised with its own, and then given those of the points.

    Args:
        parts: at least two encoders with different names.

    Raises:
        BenchError: there are fewer than two encoders, one occurs twice, or two take another month
            or year for points without a date.

    >>> from satclip_bench.encoders import get_encoder
    >>> Combined([get_encoder("wrap"), get_encoder("harmonics.l3")]).encode([[13.4, 52.5]]).shape
    (1, 13)
    """

    def __init__(self, parts: Sequence[LocationEncoder]) -> None:
        names = [part.card.name for part in parts]
        if len(names) < 2 or len(set(names)) < len(names):
            raise BenchError(
                f"{'+'.join(names) or 'nothing'!r} cannot be combined: give two or more "
                "different encoders, as in 'geoclip+harmonics.l10'"
            )
        self.parts = tuple(parts)
        own = [part.card.name for part in parts if _reference_points(part, 1) is not None]
        self.card = _card([part.card for part in parts], own)

    @property
    @override
    def weights_sha256(self) -> str:
        """SHA-256 of the parts' hashes in order; empty if no part has weights."""
        hashes = [str(getattr(part, "weights_sha256", "")) for part in self.parts]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest() if any(hashes) else ""

    @cached_property
    def _standards(self) -> list[tuple[NDArray[np.float64], float]]:
        """The mean of each column and the scale of each block, for each part."""
        lattice = fibonacci_lattice(REFERENCE_POINTS)
        standards = []
        for part in self.parts:
            own = _reference_points(part, REFERENCE_POINTS)
            with warnings.catch_warnings():
                # These are not the user's points.
                warnings.simplefilter("ignore", UncoveredPointsWarning)
                warnings.simplefilter("ignore", SwappedCoordinatesWarning)
                try:
                    block = part.encode(lattice if own is None else own).astype(np.float64)
                except RowsError as error:
                    # These rows are not those of the user's points either.
                    raise EncoderError(
                        f"{part.card.name} cannot be combined with other encoders: of the points "
                        f"over which blocks are standardised, {error}"
                    ) from error
            if isinstance(part, PartialEncoder):
                # Rows of zeros stand for uncovered points.
                block = block[block.any(axis=1)]
                if not len(block):
                    raise EncoderError(
                        f"{part.card.name} cannot be combined with other encoders: it covers none "
                        f"of the {REFERENCE_POINTS} points over which blocks are standardised"
                    )
            mean = block.mean(axis=0)
            length = float(np.sqrt(((block - mean) ** 2).sum(axis=1).mean()))
            constant = length <= 1e-6 * float(np.linalg.norm(mean))
            standards.append((mean, 1.0 if constant else length))
        return standards

    @override
    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.float64]:
        blocks = []
        for part, (mean, length) in zip(self.parts, self._standards, strict=True):
            with warnings.catch_warnings():
                # `encode` has already warned about the whole input.
                warnings.simplefilter("ignore", SwappedCoordinatesWarning)
                encode: Callable[..., Embedding] = part.encode
                given = {unit: times[unit] for unit in part.card.time}
                block = encode(lonlat, batch_size=len(lonlat), **given)
            blocks.append((block - mean) / length)
        return np.concatenate(blocks, axis=1)


def _reference_points(part: LocationEncoder, max_places: int) -> NDArray[np.float64] | None:
    """Places over which an encoder is standardised in place of the lattice; None if there are none.

    Args:
        part: encoder of a combination.
        max_places: maximum number of places.
    """
    return part.reference_points(max_places) if isinstance(part, PartialEncoder) else None


def _card(cards: Sequence[EncoderCard], own_points: Sequence[str]) -> EncoderCard:
    def joined(values: Sequence[str]) -> str:
        return "; ".join(dict.fromkeys(value for value in values if value))

    parameters: dict[str, str | int | float] = {"reference_points": REFERENCE_POINTS}
    for card in cards:
        parameters[f"{card.name}: version"] = card.version
        parameters |= {f"{card.name}: {key}": value for key, value in card.parameters.items()}
        if card.name in own_points:
            parameters[f"{card.name}: standardised over"] = "its rows"
    return EncoderCard(
        name="+".join(card.name for card in cards),
        title=" + ".join(card.title for card in cards),
        dimension=sum(card.dimension for card in cards),
        description="Standardised blocks side by side: " + ", ".join(card.title for card in cards),
        citation=joined([card.citation for card in cards]),
        licence=joined([card.licence for card in cards]),
        training_data=joined([card.training_data for card in cards]),
        contaminates=tuple(dict.fromkeys(task for card in cards for task in card.contaminates)),
        time=_time(cards),
        recipe_tasks=tuple(dict.fromkeys(task for card in cards for task in card.recipe_tasks)),
        parameters=parameters,
        verified=all(card.verified for card in cards),
    )


def _time(cards: Sequence[EncoderCard]) -> dict[TimeUnit, int]:
    """What a combination takes of a date: all that any of its parts takes."""
    time: dict[TimeUnit, int] = {}
    for card in cards:
        for unit, undated in card.time.items():
            if time.setdefault(unit, undated) != undated:
                raise BenchError(
                    f"{card.name} cannot be combined with the others: for points without a date it "
                    f"takes the {unit} {undated}, and another encoder {time[unit]}"
                )
    return time
