"""What is hashed of an encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

import __main__
from satclip_bench.benchmarks.runs.embeddings import source_sha256
from satclip_bench.core.files import sha256_file
from tests.benchmarks.runs import waves


def test_the_source_of_an_encoder_is_the_file_of_its_class() -> None:
    assert source_sha256(waves.Waves()) == sha256_file(Path(waves.__file__))


def test_an_encoder_that_a_notebook_defines_has_no_source_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(__main__, "__file__", raising=False)
    monkeypatch.setattr(waves.Waves, "__module__", "__main__")
    assert source_sha256(waves.Waves()) == ""
