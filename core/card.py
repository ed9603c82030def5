"""The base class of all cards: data about a task, an encoder, a split, a probe or a file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_COUNT = 2**53
"""The largest count or version, which fits into every column that it is written to."""

Version = Annotated[int, Field(ge=0, le=MAX_COUNT)]
"""Version on a card."""


class Card(BaseModel):
    """A frozen model that refuses unknown fields.

    Examples:
        >>> class PointCard(Card):
        ...     name: str
        >>> PointCard(name="pole")
        PointCard(name='pole')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyedCard(Card):
    """A card with entries that are part of a record's key, which is JSON: its numbers are finite.

    Examples:
        >>> class PointCard(KeyedCard):
        ...     lat: float
        >>> PointCard(lat=90).lat
        90.0
    """

    model_config = ConfigDict(allow_inf_nan=False)


def problems(error: ValidationError, limit: int = 5) -> str:
    """What is wrong with the fields of a card, in one line, without pydantic's own words around it.

    Args:
        error: error that was raised when the card was made.
        limit: number of problems to name.

    >>> class PointCard(Card):
    ...     lat: float
    >>> try:
    ...     PointCard(lat="north")
    ... except ValidationError as error:
    ...     print(problems(error))
    lat: Input should be a valid number, unable to parse string as a number
    """
    named = [
        ": ".join(
            filter(None, [".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")])
        )
        for e in error.errors()
    ]
    more = f"; and {len(named) - limit} more" if len(named) > limit else ""
    return "; ".join(named[:limit]) + more
