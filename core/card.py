"""The base class of all cards: data about a task, an encoder, a split, a probe or a file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Card(BaseModel):
    """A frozen model that refuses unknown fields.

    Examples:
        >>> class PointCard(Card):
        ...     name: str
        >>> PointCard(name="pole")
        PointCard(name='pole')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
