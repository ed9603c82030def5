"""An encoder over a task's points, kept on disk."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from satclip_bench.benchmarks.baselines import baseline_card
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.files import atomic_write, cache_dir, sha256_bytes, sha256_file
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import Embedding, require_embedding
from satclip_bench.encoders.combine import Combined
from satclip_bench.tasks import TaskTable


def embed(encoder: LocationEncoder, table: TaskTable) -> Embedding:
    """The embedding of a task's points, `(N, D)` float32, computed now.

    Raises:
        BenchError: the encoder raised (its own exception is the cause), or what it returned is no
            embedding of these points.
    """
    name = encoder.card.name
    try:
        found = encoder.encode(table.lonlat.copy())
    except BenchError:
        raise
    except Exception as error:
        raise EncoderError(
            f"encoder {name!r} raised {type(error).__name__} on the points of "
            f"{table.card.name!r}: {error}"
        ) from error
    return require_embedding(found, len(table), encoder.card, exact_dtype=True)


def embedding_file(encoder: LocationEncoder, table: TaskTable, scratch: Path) -> Path:
    """A `.npy` file with the embedding of a task's points, computed unless it is kept.

    Embeddings by this package's own encoders are kept in the cache, under a key of everything
    that can change them. What an encoder from outside depends on cannot be known, so that its
    embeddings go to `scratch` and are computed in every run.

    Raises:
        BenchError: as `embed`; or a file cannot be written.
    """
    outside = is_outside(encoder)
    folder = scratch if outside else cache_dir() / "embeddings"
    path = folder / f"{_key(encoder, table)}.npy"
    if not outside and _whole(path):
        return path
    buffer = io.BytesIO()
    np.save(buffer, embed(encoder, table), allow_pickle=False)
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())
    with atomic_write(_digest_path(path)) as stream:
        stream.write(sha256_bytes(buffer.getvalue()).encode())
    return path


def is_outside(encoder: LocationEncoder) -> bool:
    """Whether an encoder is a user's own, from a file or from another package."""
    if isinstance(encoder, Combined):
        return any(map(is_outside, encoder.parts))
    return not type(encoder).__module__.startswith("satclip_bench.encoders.")


def source_sha256(encoder: LocationEncoder) -> str:
    """Hash of the file that defines the encoder's class; empty where there is no such file.

    Of a combination, hash of its parts' hashes in order.
    """
    if isinstance(encoder, Combined):
        return sha256_bytes("\n".join(map(source_sha256, encoder.parts)).encode())
    try:
        source = inspect.getsourcefile(type(encoder))
    except TypeError:
        source = None
    return sha256_file(Path(source)) if source and Path(source).is_file() else ""


def weights_sha256(encoder: LocationEncoder) -> str:
    """Hash of the weights an encoder uses; empty if it has none, or does not say."""
    said = getattr(encoder, "weights_sha256", "")
    return said if isinstance(said, str) else ""


def _key(encoder: LocationEncoder, table: TaskTable) -> str:
    card = encoder.card
    settings = {
        "encoder": card.name,
        "version": card.version,
        "parameters": dict(card.parameters),
        "weights": weights_sha256(encoder),
        "source": source_sha256(encoder),
        "data": table.sha256,
        "numpy": version("numpy"),
        "torch": version("torch"),
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _whole(path: Path) -> bool:
    try:
        return _digest_path(path).read_text() == sha256_file(path)
    except OSError:
        return False


def encoder_settings(name: str, encoder: LocationEncoder | None) -> dict[str, object]:
    """What an encoder, or a baseline where it is None, brings to a record's settings."""
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
    return {
        "encoder": name,
        "encoder_version": encoder.card.version,
        "encoder_parameters": encoder.card.parameters,
        "encoder_source_sha256": source_sha256(encoder) if is_outside(encoder) else "",
        "weights_sha256": weights_sha256(encoder),
        "dtype": "float32",
    }
