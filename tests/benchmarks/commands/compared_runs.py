"""Runs of six cells for the tests of the command `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from satclip_bench.benchmarks import cli
from satclip_bench.benchmarks.runs.comparison import STATES
from satclip_bench.benchmarks.runs.record import Provenance, Record, Settings
from satclip_bench.benchmarks.runs.store import Store

SETTINGS = Settings(
    task="elevation",
    edition="open",
    data_sha256="d" * 64,
    encoder="wrap",
    encoder_version=1,
    encoder_parameters={},
    encoder_source_sha256="",
    weights_sha256="",
    dtype="float32",
    split="random",
    split_version=1,
    split_settings={},
    fold="0",
    fold_sha256="f" * 64,
    probe="mlp",
    probe_version=1,
    probe_settings={},
    probe_search={},
    protocol="satclip-bench/2",
    seed=0,
)
CELLS = tuple(
    SETTINGS.model_copy(update={"encoder": encoder, "probe": probe, "seed": seed})
    for encoder, probe in (("wrap", "mlp"), ("wrap", "linear"), ("baseline.gp", "none"))
    for seed in (0, 1)
)


def record(settings: Settings, **changes: Any) -> Record:
    base = {
        "key": settings.key,
        "settings": settings,
        "task_type": "regression",
        "metric": "r2",
        "status": "done",
        "scores": {"r2": 0.5, "rmse": 200.0, "skill": None},
        "provenance": Provenance(finished="2026-01-01"),
    }
    return Record.model_validate(base | changes)


def write(folder: Path, *records: Record) -> Path:
    store = Store(folder)
    for one in records:
        store.save(one, None)
    store.write_table()
    return folder


def scores(r2: float = 0.5, rmse: float = 200.0, skill: float | None = None) -> dict[str, Any]:
    return {"scores": {"r2": r2, "rmse": rmse, "skill": skill}}


def run(folder: Path, changes: dict[int, dict[str, Any]], left_out: tuple[int, ...] = ()) -> Path:
    """A run like the reference, in which some records have other fields or are missing."""
    kept = [i for i in range(len(CELLS)) if i not in left_out]
    return write(folder, *(record(CELLS[i], **changes.get(i, {})) for i in kept))


def compare(
    capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str, dict[str, Any]]:
    """Exit code, text and JSON of the command."""
    code = cli.main(["compare", *map(str, arguments)])
    text = " ".join(capsys.readouterr().out.split())
    assert cli.main(["compare", *map(str, arguments), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code
    assert document["verdict"] in text
    assert list(document["cells"]) == list(STATES)
    return code, text, document
