"""Files with random damage: each is read, or refused with an error of the project's own.

Every reader of records, cards and checkpoints gets copies of an intact file in which bytes are
flipped, removed, repeated or replaced, and, where the file is JSON, values are exchanged for others
or removed. What a reader may raise is BenchError; some answer that there is no such file.

SATCLIP_BENCH_DAMAGED=N makes N copies for each reader instead of `COPIES`. With N=1000, which takes
minutes, 14,000 files were read or refused.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.report.manifest import is_current
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.record_files import read_record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.download.lock import lock_file, read_lock
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import CACHE_VARIABLE
from satclip_bench.encoders.lookup.retrieval import load_database
from satclip_bench.encoders.pretraining.checkpoints import NAME, State, load_state, save_state
from satclip_bench.encoders.weights.files import load_lightning, load_state_dict
from satclip_bench.encoders.weights.keras import read_dense
from satclip_bench.encoders.weights.tensors import load_safetensors
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.benchmarks.cli.program import SMALL
from tests.benchmarks.runs.cached import add_to_cache
from tests.encoders.pretraining.small import config as small_config
from tests.encoders.weights.keras_files import write_weights

COPIES = int(os.environ.get("SATCLIP_BENCH_DAMAGED", "60"))
"""Number of damaged copies for each reader."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    "",
    "x" * 300,
    "../..",
    "\0",
    "\ud800",
    [],
    {},
    [[]],
)
"""Values that take the place of others in JSON."""

Read = Callable[[Path], object]


class Case(NamedTuple):
    """An intact file, and what reads it."""

    path: Path
    read: Read


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Every kind of file, as the project writes it, and its reader."""
    folder = tmp_path_factory.mktemp("intact")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        table = folder / "farms.csv"
        rng = np.random.default_rng(0)
        lon, lat, y = rng.uniform(-60, 60, (3, 60)).round(3)
        pd.DataFrame({"lon": lon, "lat": lat, "y": y}).to_csv(table, index=False)
        out = folder / "run"
        names = ["--tasks", "median_income,farms.y", "--encoders", "baseline.mean"]
        options = [*SMALL[2:], "--task-file", str(table), "--target", "y", "--out", str(out)]
        assert main(["run", *names, *options]) == 0
        with EmbeddingCache() as cache:
            cached = add_to_cache(cache, "a.npy", b"x" * 100)
    (record,) = (out / "records/median_income").rglob("*.json")
    whole = read_record(record)
    lock_file(folder, "a.bin", "0" * 64, "https://example.org")
    config = small_config()
    save_state(folder, config, "0" * 64, State(1, {"w": torch.zeros(3)}, [{"loss": 1.0}]))
    tensors = {"net.weight": torch.arange(12.0).reshape(3, 4), "net.bias": torch.zeros(3)}
    lightning = {"state_dict": tensors, "hyper_parameters": {"legendre_polys": 10}}
    torch.save(lightning, folder / "lightning.ckpt")
    torch.save(tensors, folder / "state.pth", _use_new_zipfile_serialization=False)
    from safetensors.torch import save_file

    save_file(tensors, folder / "x.safetensors")
    np.savez(
        folder / "database.npz",
        locs=np.zeros((3, 2)),
        image_embeddings=np.ones((3, 1024)),
        satclip_embeddings=np.ones((3, 256)),
    )
    kernel = np.ones((4, 3), np.float32)
    write_weights(folder / "dense.h5", [("d", [kernel, kernel[0]])])

    def find_cached(path: Path) -> object:
        with EmbeddingCache() as embeddings:
            return embeddings.find(path.name)

    card = UserTable(table, "y").card_path
    return {
        "record": Case(record, read_record),
        "predictions": Case(
            record.with_suffix(".parquet"), lambda _: Store(out).predictions(whole)
        ),
        "plan": Case(out / "plan.json", lambda _: Store(out).read()),
        "remembered task": Case(out / "tasks/farms.y.json", lambda _: adopt(out)),
        "manifest": Case(out / "reports.json", lambda _: is_current(out, "x")),
        "card of a user table": Case(card, lambda _: UserTableTask(UserTable(table, "y")).load()),
        "hashes of downloads": Case(folder / "lock.json", lambda _: read_lock(folder)),
        "cached embedding": Case(cached, find_cached),
        "checkpoint of a pretraining": Case(
            folder / NAME, lambda _: load_state(folder, config, "0" * 64)
        ),
        "Lightning checkpoint": Case(folder / "lightning.ckpt", load_lightning),
        "old PyTorch file": Case(folder / "state.pth", load_state_dict),
        "safetensors": Case(folder / "x.safetensors", load_safetensors),
        "database of RANGE": Case(folder / "database.npz", load_database),
        "Keras weights": Case(folder / "dense.h5", lambda path: read_dense(path, [(4, 3)])),
    }


KINDS = (
    *("record", "predictions", "plan", "remembered task", "manifest", "card of a user table"),
    *("hashes of downloads", "cached embedding", "checkpoint of a pretraining"),
    *("Lightning checkpoint", "old PyTorch file", "safetensors", "database of RANGE"),
    "Keras weights",
)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A copy with one kind of damage, at random places."""
    size = len(content)
    start, end = sorted(rng.integers(0, size + 1, 2))
    match rng.integers(7):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:end] + content[start:]
        case 3:
            return content[:start] + bytes(end - start) + content[end:]
        case 4:
            return content[:start] + rng.bytes(int(end - start)) + content[end:]
        case _:
            flipped = bytearray(content)
            for place in rng.integers(0, size, rng.integers(1, 9)):
                flipped[place] ^= 1 << rng.integers(8)
            return bytes(flipped)


def edited(content: bytes, rng: np.random.Generator) -> bytes:
    """A copy of JSON in which some values are others, are missing or stand under other names."""
    whole = json.loads(content)
    for _ in range(rng.integers(1, 4)):
        places = [*_places(whole)]
        if not places:
            break
        where, key = places[rng.integers(len(places))]
        value = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
        match rng.integers(4):
            case 0:
                del where[key]
            case 1 if isinstance(where, dict):
                where[str(VALUES[rng.integers(6, 11)])] = where.pop(key)
            case _:
                where[key] = value
    return json.dumps(whole).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container inside a value with each of its keys or indices."""
    if isinstance(value, dict | list):
        for key in [*value] if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def is_refused(case: Case) -> bool:
    """Whether the reader refuses the file; any other exception than BenchError is passed on."""
    try:
        case.read(case.path)
    except BenchError:
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(
    kind: str, cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases[kind]
    monkeypatch.setenv(CACHE_VARIABLE, str(cases["cached embedding"].path.parents[1]))
    intact = case.path.read_bytes()
    assert not is_refused(case)
    is_json = case.path.suffix == ".json"
    for seed in range(COPIES):
        rng = np.random.default_rng([seed, KINDS.index(kind)])
        damage = edited if is_json and seed % 2 else damaged
        # The name of the file stays, since readers look for others beside it.
        case.path.write_bytes(damage(intact, rng))
        try:
            is_refused(case)
        except BaseException as error:
            raise AssertionError(f"copy {seed} of the {kind} is not refused") from error
        finally:
            case.path.write_bytes(intact)
    assert not is_refused(case)


def test_every_reader_refuses_or_ignores_an_empty_file(
    cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(cases["cached embedding"].path.parents[1]))
    assert set(cases) == set(KINDS)
    ignored = {"plan", "manifest", "cached embedding"}
    for kind, case in cases.items():
        intact = case.path.read_bytes()
        case.path.write_bytes(b"")
        assert is_refused(case) == (kind not in ignored), kind
        case.path.write_bytes(intact)
