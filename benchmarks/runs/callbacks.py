"""Progress callbacks of planning and evaluation."""

from __future__ import annotations


class Callbacks:
    """Progress callbacks; no-ops by default."""

    def start(self, stage: str, total: int) -> None:
        """Called when a stage starts, `planning`, `embeddings` or `cells`, with its steps."""

    def advance(self, stage: str, title: str) -> None:
        """Called after each step of a stage."""

    def failed(self, title: str, reason: str) -> None:
        """Called when a unit, or the embedding that it needs, could not be computed."""

    def warn(self, message: str) -> None:
        """Called when something is wrong that does not change any score."""
