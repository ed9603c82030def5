"""Record of a result: the outcome of one cell, its key, and the schema of its JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, FiniteFloat, JsonValue, field_validator, model_validator
from pydantic_core import to_jsonable_python

from satclip_bench.benchmarks.metrics.intervals import IntervalKind
from satclip_bench.core.card import MAX_COUNT, Card, Version
from satclip_bench.core.dates import TimeUnit
from satclip_bench.core.errors import RecordError
from satclip_bench.tasks.base import Edition, TaskType

SCHEMA = 6
"""Version of the layout of a record. Records of an earlier version are still read (`migrated`).

1: scores alone; the cells of such records are run again.
2: adds intervals, scores of probabilities, and the block of every prediction.
3: renames `kind` to `task_type` and `chosen` to `best_params`.
4: intervals by kind, skill over a reference, how the fit ended, and counts of clipped predictions.
5: share of a task's points that an encoder covers.
6: no intervals of scores over classes of which some are rare, and none of the calibration error.
"""

INTERVALS_BY_KIND = 4
"""First version of a record with intervals of several kinds."""

INTERVALS_OF_COMMON_CLASSES = 6
"""First version of a record with intervals of scores over classes only if all are common."""

SCORES_OVER_CLASSES = ("balanced_accuracy", "macro_f1", "ece")
"""Scores whose intervals are left out of records of earlier versions, which do not say how common
the classes are; the same scores over seen classes have a suffix."""

FIRST_COMPLETE = 2
"""The first version whose records count as complete if their key is that of a cell of today.

Cells of protocol `satclip-bench/2` have other keys than those whose records are without skill."""

RENAMED = {"kind": "task_type", "chosen": "best_params"}
"""Fields before version 3, and what they are called since."""

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's legacy generators, and so scikit-learn, accept."""

K = TypeVar("K")
V = TypeVar("V")

Setting = str | int | float | None | tuple[Any, ...] | Mapping[str, Any]


class Settings(Card):
    """Everything that can change a record's scores, and nothing else; the key is its hash."""

    task: str
    edition: Edition
    data_sha256: str = Field(
        description="SHA-256 of the table's file; empty if it could not be read"
    )
    encoder: str = Field(description="name of the encoder or baseline")
    encoder_version: Version
    encoder_parameters: Mapping[str, str | int | float]
    encoder_source_sha256: str = Field(
        description="SHA-256 of the file that defines a custom encoder; empty for the suite's own"
    )
    encoder_embedding_sha256: str = Field(
        "",
        description="SHA-256 of a custom encoder's embedding of 256 fixed points; empty for the "
        "suite's own, and if the encoder could not embed them",
    )
    encoder_time: Mapping[TimeUnit, str | int] = Field(
        default_factory=dict,
        description="what an encoder that takes a month or a year was given: the task's column, "
        "or its own value for a task without dates; empty for all other encoders",
    )
    weights_sha256: str = Field(
        description="SHA-256 of the weights; empty for an encoder without weights"
    )
    dtype: Literal["float32", "none"] = Field(
        description="dtype of the embedding; none for a baseline"
    )
    split: str
    split_version: Version
    split_settings: Mapping[str, str | int | float]
    fold: str = Field(description="'0', or the region held out; '-' if folds could not be made")
    fold_sha256: str = Field(description="SHA-256 of the fold's three index sets")
    probe: str = Field(description="name of the probe; 'none' for a baseline")
    probe_version: Version
    probe_settings: Mapping[str, Setting]
    probe_search: Mapping[str, Setting]
    protocol: str = Field(description="name/version of the protocol")
    seed: int = Field(ge=0, le=MAX_SEED)

    @property
    def key(self) -> str:
        """SHA-256 of the settings in canonical JSON."""
        content = dict(self.__dict__)
        for later in ("encoder_embedding_sha256", "encoder_time"):
            # Records from before these settings existed keep their keys.
            if not content[later]:
                del content[later]
        # What `model_dump(mode="json")` would give, in half the time: nearly all values are JSON.
        canonical = json.dumps(
            content,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
            default=to_jsonable_python,
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def identity(self) -> tuple[str, ...]:
        """Names that identify a cell, regardless of the versions of its parts."""
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
    """Number of points in each set of the fold, and of those that are counted apart."""

    train: int = Field(0, ge=0, le=MAX_COUNT)
    validation: int = Field(0, ge=0, le=MAX_COUNT)
    test: int = Field(0, ge=0, le=MAX_COUNT)
    unseen: int = Field(
        0,
        ge=0,
        le=MAX_COUNT,
        description="test points of a class that is not in the training set",
    )
    shared: int = Field(
        0,
        ge=0,
        le=MAX_COUNT,
        description="test points at the coordinates of a training or validation point",
    )
    clipped: int = Field(
        0,
        ge=0,
        le=MAX_COUNT,
        description="predictions outside the range of the training targets, which were moved to "
        "its end",
    )


class Provenance(Card):
    """When and how a record was computed; none of it is part of the key."""

    finished: str = Field(description="date and time in UTC, ISO 8601")
    seconds_fit: float = Field(
        0.0,
        description="seconds of the processor for choosing settings and fitting; on a GPU, and "
        "in records from before November 2026, seconds of the clock",
    )
    seconds_predict: float = Field(0.0, description="the same for prediction and scoring")
    versions: Mapping[str, str] = Field(default_factory=dict)
    git_commit: str = ""
    machine: str = ""
    device: str = Field(
        "", description="device of the work that torch could do: cpu, or a GPU's number and name"
    )


class Record(Card):
    """The outcome of one cell."""

    schema_version: int = SCHEMA
    key: str
    settings: Settings
    task_type: TaskType
    encoder_title: str = Field("", description="title of the encoder in tables")
    metric: str = Field(description="score that tables show for this task")
    status: Literal["done", "failed"]
    reason: str = Field("", description="reason why it failed; empty if it did not")
    scores: Mapping[str, FiniteFloat | None] = Field(
        default_factory=dict, description="metric to value; null where it is not defined"
    )
    intervals: Mapping[IntervalKind, Mapping[str, tuple[FiniteFloat, FiniteFloat]]] = Field(
        default_factory=dict,
        description="95 % intervals by kind and metric: map, for other points of the same map, by "
        "a bootstrap of points; places, for other places like these, by a bootstrap of spatial "
        "blocks, absent if the test set lies in too few blocks",
    )
    interval_kind: IntervalKind = Field(
        "places", description="kind of interval that tables show for this task and split"
    )
    contaminated: bool = Field(
        False, description="whether the encoder was trained on this task's data or near copies"
    )
    recipe_chosen: bool = Field(
        False,
        description="whether the encoder's recipe (architecture, training data or settings) was "
        "chosen with labels of this task",
    )
    coverage: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the task's points that the encoder covers, the others having an "
        "embedding of zeros; null for an encoder that covers all places",
    )
    caveat: str = Field(
        "", description="how the table differs from the rows of its edition; empty if it does not"
    )
    best_params: Mapping[str, Any] = Field(
        default_factory=dict,
        description="settings that were chosen on the validation set or the inner folds",
    )
    converged: bool | None = Field(
        None,
        description="whether the fit ended because it was good enough, not because a cap was "
        "reached; null if that is not known",
    )
    fit_info: Mapping[str, JsonValue] = Field(
        default_factory=dict, description="how the fit ended, such as its number of iterations"
    )
    counts: Counts = Counts()
    predictions_sha256: str = Field(
        "", description="SHA-256 of the Parquet file of predictions beside the record"
    )
    provenance: Provenance

    @field_validator("reason", "encoder_title", mode="before")
    @classmethod
    def _is_unicode(cls, text: object) -> object:
        # The text of an exception may hold half a surrogate pair, such as from a file's name.
        return text.encode(errors="backslashreplace").decode() if isinstance(text, str) else text

    @model_validator(mode="after")
    def _has_its_score(self) -> Self:
        if self.status == "done" and self.metric not in self.scores:
            raise ValueError(f"it is done, but has no score {self.metric!r}")
        return self

    def to_json(self) -> bytes:
        """The record as bytes of JSON, as it is written to disk.

        Raises:
            RecordError: it has a value that JSON does not have, such as NaN or an object.
        """
        try:
            content = self.model_dump(mode="json")
            text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise RecordError(f"its record cannot be written as JSON: {error}") from error
        return f"{text}\n".encode()


def migrated(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record of any earlier version under the names that they have today.

    The key and the settings stay as they were: where a setting has changed its name since, the
    key differs from today's, and the cell is run again.

    Args:
        content: fields of a record as read from JSON.

    >>> migrated({"schema_version": 2, "kind": "regression", "chosen": {}})
    {'schema_version': 6, 'task_type': 'regression', 'best_params': {}}
    >>> migrated({"schema_version": 4, "intervals": {"map": {"r2": [0.1, 0.3], "ece": [0, 1]}}})
    {'schema_version': 6, 'intervals': {'map': {'r2': [0.1, 0.3]}}}
    """
    before = content.get("schema_version")
    if not isinstance(before, int) or before >= SCHEMA:
        return content
    renamed = {RENAMED.get(name, name): value for name, value in content.items()}
    if before < INTERVALS_BY_KIND and renamed.get("intervals"):
        # There was one kind, by blocks.
        renamed["intervals"] = {"places": renamed["intervals"]}
    if before < INTERVALS_OF_COMMON_CLASSES and isinstance(renamed.get("intervals"), dict):
        renamed["intervals"] = without_scores_over_classes(renamed["intervals"])
    if before >= FIRST_COMPLETE:
        renamed["schema_version"] = SCHEMA
    return renamed


def without_scores_over_classes(intervals: Mapping[K, Mapping[str, V]]) -> dict[K, dict[str, V]]:
    """Intervals by kind and metric without those of `SCORES_OVER_CLASSES`."""
    return {
        kind: {name: of for name, of in ends.items() if not name.startswith(SCORES_OVER_CLASSES)}
        for kind, ends in intervals.items()
    }


def json_schema() -> dict[str, Any]:
    """The JSON schema of a record, as committed beside this module."""
    return Record.model_json_schema(mode="serialization")


if __name__ == "__main__":
    # Writes record.schema.json: python -m satclip_bench.benchmarks.runs.record > that file.
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n")
