"""Files in the cache of embeddings, for tests."""

from __future__ import annotations

from pathlib import Path

from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.core.files import sha256_bytes


def add_to_cache(cache: EmbeddingCache, name: str, content: bytes) -> Path:
    """Add a file with some content to the cache, and return its path there."""
    file = cache.folder.parent / "new"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    path = cache.add(name, file, sha256_bytes(content))
    assert path is not None
    assert not file.exists()
    return path
