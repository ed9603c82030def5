"""Identity of encoders and of their embeddings: hashes, and the settings of records."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines import baseline_card
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.core.dates import Dates, Times, TimeUnit
from satclip_bench.core.device import on_gpu
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.custom.fingerprint import fingerprint
from satclip_bench.tasks import TaskTable


def is_outside(encoder: LocationEncoder) -> bool:
    """Whether an encoder is a custom one, from a file or from another package."""
    if isinstance(encoder, Combined):
        return any(map(is_outside, encoder.parts))
    return not type(encoder).__module__.startswith("satclip_bench.encoders.")


def source_sha256(encoder: LocationEncoder) -> str:
    """SHA-256 of the file that defines the encoder's class; empty if there is no such file.

    For a combination of encoders, the hash of its parts' hashes in order.
    """
    if isinstance(encoder, Combined):
        return sha256_bytes("\n".join(map(source_sha256, encoder.parts)).encode())
    try:
        source = inspect.getsourcefile(type(encoder))
    except (TypeError, OSError):
        # A TypeError for a class in a C extension, an OSError for one that a notebook defines.
        source = None
    return sha256_file(Path(source)) if source and Path(source).is_file() else ""


def weights_sha256(encoder: LocationEncoder) -> str:
    """SHA-256 of the weights of an encoder; empty if it has no weights or does not report it."""
    digest = getattr(encoder, "weights_sha256", "")
    return digest if isinstance(digest, str) else ""


def encoder_hashes(encoder: LocationEncoder) -> tuple[int, str, str]:
    """Version of an encoder, and SHA-256 of a custom one's source file and of the weights.

    The hashes are empty for the suite's own encoders and for encoders without weights.
    """
    source = source_sha256(encoder) if is_outside(encoder) else ""
    return encoder.card.version, source, weights_sha256(encoder)


def times_of(encoder: LocationEncoder, table: TaskTable) -> dict[TimeUnit, NDArray[np.int64]]:
    """Months or years that an encoder is given: those that it takes and the table has."""
    times: Times = table.dates.times if table.dates else {}
    return {unit: times[unit] for unit in encoder.card.time if unit in times}


def time_settings(time: Mapping[TimeUnit, int], dates: Dates | None) -> dict[TimeUnit, str | int]:
    """The setting of a record that says what an encoder is given of the dates of a table.

    Args:
        time: units on the encoder's card, with its own values.
        dates: dates of the table; None if it has none.

    >>> time_settings({"month": 6}, None)
    {'month': 6}
    """
    times: Times = dates.times if dates else {}
    return {
        unit: f"column {dates.column}" if dates and unit in times else undated
        for unit, undated in time.items()
    }


def embedding_key(encoder: LocationEncoder, table: TaskTable) -> str:
    """Hash of everything that can change an embedding by one of the suite's own encoders."""
    card = encoder.card
    settings = {
        "encoder": card.name,
        "version": card.version,
        "parameters": dict(card.parameters),
        "weights": weights_sha256(encoder),
        "source": source_sha256(encoder),
        "task": table.card.name,
        "data": table.sha256,
        "points": table.points_sha256,
        "numpy": version("numpy"),
        "torch": version("torch"),
    }
    if times := times_of(encoder, table):
        settings["times"] = {u: sha256_bytes(v.astype("<i8").tobytes()) for u, v in times.items()}
    if on_gpu():
        # Without this setting on CPUs, embeddings from before it existed keep their names.
        settings["device"] = "cuda"
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def encoder_settings(
    name: str, encoder: LocationEncoder | None, *, embedded: bool = True
) -> dict[str, object]:
    """The settings of a record that describe its encoder or baseline.

    A custom encoder embeds 256 fixed points, because its source alone does not tell what it
    computes.

    Args:
        name: name under which the record is kept.
        encoder: the encoder; None for a baseline.
        embedded: whether a custom encoder can embed the fixed points; if not, that setting is
            left empty.

    Raises:
        BenchError: a custom encoder cannot embed the fixed points, or depends on chance, on the
            order of the points or on the batch.
    """
    if encoder is None:
        card = baseline_card(name)
        return {
            "encoder": name,
            "encoder_version": card.version,
            "encoder_parameters": {},
            "encoder_source_sha256": "",
            "weights_sha256": "",
            "dtype": "none",
        }
    embedding_sha256 = ""
    if embedded and is_outside(encoder):
        with thread_limit(1):
            embedding_sha256 = fingerprint(encoder)
    version, source, weights = encoder_hashes(encoder)
    return {
        "encoder": name,
        "encoder_version": version,
        "encoder_parameters": encoder.card.parameters,
        "encoder_source_sha256": source,
        "encoder_embedding_sha256": embedding_sha256,
        "weights_sha256": weights,
        "dtype": "float32",
    }
