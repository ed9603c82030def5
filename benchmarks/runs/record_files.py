"""Reading of records from JSON, and of the predictions beside them."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from satclip_bench.benchmarks.runs.record import (
    INTERVALS_BY_KIND,
    SCHEMA,
    Record,
    migrated,
    without_scores_over_classes,
)
from satclip_bench.core.card import problems
from satclip_bench.core.errors import RecordError
from satclip_bench.core.files import sha256_bytes


class NewerRecordError(RecordError):
    """A record that a newer version of this package has written."""


def read_record(path: Path) -> Record:
    """Read a record, also of an earlier version. Raises RecordError if the file is not one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read: {error.strerror or error}. Its record counts once it can be; "
            "until then, the same command computes its cell again."
        ) from error
    try:
        return parse_record(content)
    except NewerRecordError as error:
        raise RecordError(
            f"{path} cannot be read: {error}, or run the same command again to compute its cell "
            "with this version."
        ) from error
    except RecordError as error:
        raise RecordError(
            f"{path} is not a record that this version can read: {error}. Delete it, and run the "
            "same command again to compute its cell."
        ) from error


def parse_record(text: bytes | str) -> Record:
    """A record from JSON, also of an earlier version. Raises RecordError if it is not one."""
    try:
        record = _with_fields_of_today(text) or _of_any_version(text)
        if record.key != record.settings.key:
            raise ValueError("its key is not that of its settings")
    except ValidationError as error:
        raise RecordError(problems(error)) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(str(error).splitlines()[0]) from error
    return record


def _with_fields_of_today(text: bytes | str) -> Record | None:
    """A record that needs no migration, in a third of the time; None if it does, or is damaged."""
    try:
        record = Record.model_validate_json(text)
    except ValidationError:
        return None
    if record.schema_version == SCHEMA:
        return record
    # Later versions add fields that have defaults, and leave intervals out.
    if INTERVALS_BY_KIND <= record.schema_version < SCHEMA:
        intervals = without_scores_over_classes(record.intervals)
        return record.model_copy(update={"schema_version": SCHEMA, "intervals": intervals})
    return None


def _of_any_version(text: bytes | str) -> Record:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise TypeError("it is not a JSON object")
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA:
        raise NewerRecordError(
            f"it was written by a newer version of satclip-bench (records of version {version}, of "
            f"which this one reads those up to {SCHEMA}). Update satclip-bench"
        )
    # Half a surrogate pair can stand in JSON, but not in a Parquet file.
    json.dumps(content, ensure_ascii=False).encode()
    return Record.model_validate(migrated(content))


def read_predictions(path: Path, sha256: str) -> bytes | str:
    """The bytes of a file of predictions, or what is wrong with them, as the end of a sentence.

    Args:
        path: the file.
        sha256: hash that its record has of them.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return "are gone"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if sha256_bytes(content) != sha256:
        return "are damaged, or belong to another record"
    return content
