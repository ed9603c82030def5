"""The result record: the outcome of one cell, its key, and the schema of its JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.tasks.base import Edition, TaskType

SCHEMA = 3
"""Raised when records gain what older ones lack; those are still read, and their cells run anew.

2: intervals, scores of probabilities, the block of every prediction.
"""

Setting = str | int | float | None | tuple[Any, ...] | Mapping[str, Any]


class Settings(Card):
    """Everything that can change a record's scores, and nothing else. The key is its hash."""

    task: str
    edition: Edition
    data_sha256: str = Field(description="of the table's file; empty if it could not be read")
    encoder: str = Field(description="encoder or baseline")
    encoder_version: int
    encoder_parameters: Mapping[str, str | int | float]
    encoder_source_sha256: str = Field(
        description="of the file that defines it, for an encoder from outside; else empty"
    )
    weights_sha256: str = Field(description="empty for an encoder without weights")
    dtype: Literal["float32", "none"] = Field(description="of the embedding; none for a baseline")
    split: str
    split_version: int
    split_settings: Mapping[str, str | int | float]
    fold: str = Field(description="'0', or the region held out; '-' if folds could not be made")
    fold_sha256: str = Field(description="of the three index sets")
    probe: str = Field(description="'none' for a baseline")
    probe_version: int
    probe_settings: Mapping[str, Setting]
    probe_search: Mapping[str, Setting]
    protocol: str = Field(description="name/version")
    seed: int

    @property
    def key(self) -> str:
        """SHA-256 of the settings in canonical JSON."""
        canonical = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def identity(self) -> tuple[str, ...]:
        """What a person would call the same cell, whatever version of its parts produced it."""
        return (
            self.task,
            self.edition,
            self.encoder,
            self.split,
            self.fold,
            self.probe,
            str(self.seed),
            self.protocol,
        )


class Counts(Card):
    """How many points each part of the fold holds."""

    train: int = 0
    validation: int = 0
    test: int = 0
    unseen: int = Field(0, description="test points of a class that the training part never saw")


class Provenance(Card):
    """How a record came to be. None of it is part of the key."""

    finished: str = Field(description="date and time in UTC, ISO 8601")
    seconds_fit: float = 0.0
    seconds_predict: float = 0.0
    versions: Mapping[str, str] = Field(default_factory=dict)
    git_commit: str = ""
    machine: str = ""


class Record(Card):
    """The outcome of one cell."""

    schema_version: int = SCHEMA
    key: str
    settings: Settings
    task_type: TaskType
    encoder_title: str = Field("", description="what tables call the encoder")
    metric: str = Field(description="the score that tables show for this task")
    status: Literal["done", "failed"]
    reason: str = Field("", description="why it failed; empty if it did not")
    scores: Mapping[str, float | None] = Field(
        default_factory=dict, description="metric to value; null where it is not defined"
    )
    intervals: Mapping[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="metric to its 95 % interval by the bootstrap of spatial blocks; absent where "
        "the test part lies in too few blocks",
    )
    contaminated: bool = Field(
        False, description="whether the encoder was trained on this task's data or near copies"
    )
    caveat: str = Field(
        "", description="how the table differs from what its edition promises; empty if it does not"
    )
    best_params: Mapping[str, Any] = Field(
        default_factory=dict, description="what the probe chose on the validation part"
    )
    counts: Counts = Counts()
    predictions_sha256: str = Field("", description="of the Parquet file beside the record")
    provenance: Provenance

    def to_json(self) -> bytes:
        """The record as it is written."""
        return (
            json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, allow_nan=False)
            + "\n"
        ).encode()


def json_schema() -> dict[str, Any]:
    """The JSON schema of a record, as committed beside this module."""
    return Record.model_json_schema(mode="serialization")


if __name__ == "__main__":
    # Writes record.schema.json: python -m satclip_bench.benchmarks.runs.record > that file.
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n")
