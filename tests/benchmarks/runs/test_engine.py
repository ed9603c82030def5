"""The engine: what is run, what is kept, what fails, and what callbacks hear of it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.runs import cell as cell_module
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.executors import InProcess, make_executor
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.run_folder import SCRATCH, scratch_folder
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.workers import TimeLimitError
from satclip_bench.core.device import DEVICE_VARIABLE, device_title
from satclip_bench.core.errors import BenchError, UnfinishedError
from satclip_bench.encoders import Encoder, EncoderCard, LocationEncoder
from satclip_bench.tasks import add_task, registry
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.tasks.user_tables.test_table_file import points, write

TASK = "median_income"


class Broken(Encoder):
    card = EncoderCard(name="broken", title="Broken", dimension=2)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        raise RuntimeError("out of cheese")


class Log(Callbacks):
    def __init__(self) -> None:
        self.stages: dict[str, int] = {}
        self.steps: list[str] = []
        self.failures: list[tuple[str, str]] = []

    @override
    def start(self, stage: str, total: int) -> None:
        self.stages[stage] = total

    @override
    def advance(self, stage: str, title: str) -> None:
        self.steps.append(stage)

    @override
    def failed(self, title: str, reason: str) -> None:
        self.failures.append((title, reason))


def plan(*encoders: str, own: dict[str, LocationEncoder] | None = None) -> list[Cell]:
    selection = Selection([TASK], encoders, ["random"], ["linear"], [0, 1], own=own or {})
    return list(make_plan(get_suite("open"), selection))


def test_every_cell_is_computed_once_and_its_record_kept(tmp_path: Path) -> None:
    cells, log = plan("wrap", "baseline.mean"), Log()
    outcomes = evaluate(cells, Store(tmp_path), callbacks=log)
    assert [outcome.unit for outcome in outcomes] == cells
    assert all(outcome.complete for outcome in outcomes)
    # Both seeds of the encoder share its embedding; a baseline needs none.
    assert log.stages == {"embeddings": 1, "cells": 4}
    assert log.steps == ["embeddings", *["cells"] * 4]
    saved = {r.key: r for r in Store(tmp_path).records()}
    for outcome in outcomes:
        assert outcome.records == {key: saved[key] for key in outcome.records}
        assert Store(tmp_path).predictions(*outcome.records.values()).size

    again = Log()
    repeated = evaluate(cells, Store(tmp_path), callbacks=again)
    assert again.stages == {"embeddings": 0, "cells": 0}
    assert [o.records for o in repeated] == [o.records for o in outcomes]


def test_an_encoder_that_raises_fails_its_own_cells(tmp_path: Path) -> None:
    own: dict[str, LocationEncoder] = {"broken": Broken()}
    cells, log = plan("wrap", "broken", own=own), Log()
    outcomes = evaluate(cells, Store(tmp_path), own, log)
    by_name = {name: [o for o in outcomes if o.unit.encoder == name] for name in ("wrap", "broken")}
    assert all(o.complete and not o.reason for o in by_name["wrap"])
    for outcome in by_name["broken"]:
        assert outcome.records == {}
        assert "RuntimeError on 256 fixed points" in outcome.reason
        assert outcome.reason.endswith("out of cheese")
    assert [title for title, _ in log.failures] == [o.unit.title for o in by_name["broken"]]
    failed = [r for r in Store(tmp_path).records() if r.status == "failed"]
    assert [r.reason for r in failed] == [o.reason for o in by_name["broken"]]
    assert not any(Store(tmp_path).done(r.settings) for r in failed)


def test_a_cell_with_a_known_problem_is_recorded_and_not_run(tmp_path: Path) -> None:
    (cell, _) = plan("wrap")
    (outcome,) = evaluate([replace(cell, problem="there is no table")], Store(tmp_path))
    assert outcome.reason == "there is no table"
    (record,) = Store(tmp_path).records()
    assert (record.status, record.reason) == ("failed", "there is no table")


@pytest.fixture
def farms(tmp_path: Path) -> Iterator[UserTable]:
    """A user table with a card, whose task is registered."""
    file = UserTable(write(points(300), tmp_path / "farms.csv"), "yield")
    add_task(UserTableTask(file))
    yield file
    registry._added.clear()


@pytest.mark.parametrize("lost", ["table", "card", "both", "damaged card"])
def test_a_user_table_that_is_lost_during_a_run_fails_its_own_cells(
    tmp_path: Path, farms: UserTable, lost: str
) -> None:
    selection = Selection(
        ["farms.yield", TASK],
        ["baseline.mean"],
        ["random"],
        seeds=[0],
        files={"farms.yield": farms},
    )
    cells = make_plan(get_suite("open"), selection)
    if lost in ("table", "both"):
        farms.path.unlink()
    if lost in ("card", "both"):
        farms.card_path.unlink()
    if lost == "damaged card":
        farms.card_path.write_text("{")
    store = Store(tmp_path / "run")
    reasons = {o.unit.settings.task: o.reason for o in evaluate(cells, store)}
    assert reasons[TASK] == ""
    # A card that is missing is made again, from the same table.
    assert bool(reasons["farms.yield"]) == (lost != "card")
    records = {r.settings.task: r for r in store.records()}
    assert {task: r.reason for task, r in records.items()} == reasons
    assert records["farms.yield"].metric == "r2"


def test_a_fold_that_has_changed_since_it_was_planned_is_refused(tmp_path: Path) -> None:
    (cell, _) = plan("baseline.mean")
    other = cell.settings.model_copy(update={"fold_sha256": "0" * 64})
    (outcome,) = evaluate([replace(cell, settings=other)], Store(tmp_path))
    assert "has other rows than when the run was planned" in outcome.reason


def test_a_probe_that_raises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("satclip_bench.benchmarks.runs.cell.make_probe", raises)
    (cell, _) = plan("wrap")
    (outcome,) = evaluate([cell], Store(tmp_path))
    assert outcome.reason == "probe 'linear' raised ValueError: no such thing"


def fitted_with(monkeypatch: pytest.MonkeyPatch, **attributes: object) -> None:
    """Let the fits of probes end with these attributes."""

    def make(*arguments: Any) -> Any:
        probe: Any = make_probe(*arguments)
        fit = probe.fit

        def changed(*data: Any, **options: Any) -> Any:
            fit(*data, **options)
            for name, value in attributes.items():
                setattr(probe, name, value)
            return probe

        probe.fit = changed
        return probe

    monkeypatch.setattr(cell_module, "make_probe", make)


def test_numbers_of_numpy_are_recorded_as_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"k": np.int64(3), "alpha": np.float32(0.5), "p": np.bool_(True), "w": np.arange(2)}
    fitted_with(monkeypatch, best_params_=params, converged_=np.bool_(False))
    (cell, _) = plan("wrap")
    (outcome,) = evaluate([cell], Store(tmp_path))
    assert outcome.reason == ""
    (record,) = Store(tmp_path).records()
    assert record.best_params == {"k": 3, "alpha": 0.5, "p": True, "w": [0, 1]}
    assert record.converged is False
    assert outcome.records == {record.key: record}


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"fit_info_": {"loss": float("nan")}}, "fit_info_['loss'] is nan, which cannot be"),
        ({"best_params_": {"kernel": {"scale": np.inf}}}, "best_params_['kernel']['scale'] is inf"),
        ({"best_params_": {"model": Log()}}, "best_params_['model'] is <"),
        ({"best_params_": {"name": "\udce9"}}, "best_params_['name'] is '\\udce9'"),
        ({"best_params_": None}, "best_params: Input should be a valid dictionary"),
    ],
)
def test_a_result_that_cannot_be_recorded_fails_its_own_cell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attributes: dict[str, object],
    words: str,
) -> None:
    fitted_with(monkeypatch, **attributes)
    cells = plan("wrap", "baseline.mean")
    outcomes = evaluate(cells, Store(tmp_path))
    for outcome in outcomes:
        assert (words in outcome.reason) == (outcome.unit.encoder == "wrap")
    records = Store(tmp_path).records()
    assert {r.reason for r in records} == {o.reason for o in outcomes}
    # A failed cell has no predictions.
    predictions = list(tmp_path.rglob("*.parquet"))
    assert len(predictions) == sum(r.status == "done" for r in records)


def test_a_record_that_cannot_be_written_fails_its_own_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other units than cells pass on what their protocol gives.
    monkeypatch.setattr(cell_module, "json_value", lambda value, _: value)
    fitted_with(monkeypatch, fit_info_={"loss": float("nan")})
    cells = plan("wrap", "baseline.mean")
    outcomes = evaluate(cells, Store(tmp_path))
    failed = [o for o in outcomes if o.reason]
    assert {o.unit.encoder for o in failed} == {"wrap"}
    assert all("its record cannot be written as JSON" in o.reason for o in failed)
    assert all(o.complete for o in outcomes if not o.reason)
    assert len(list(tmp_path.rglob("*.parquet"))) == len(outcomes) - len(failed)


def test_a_cell_whose_memory_runs_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: object) -> None:
        raise MemoryError("Unable to allocate 2.00 TiB")

    monkeypatch.setattr("satclip_bench.benchmarks.runs.cell.make_probe", raises)
    (cell, _) = plan("wrap")
    (outcome,) = evaluate([cell], Store(tmp_path))
    assert outcome.reason.startswith("probe 'linear' ran out of memory (Unable to allocate 2.00")
    assert "--jobs" in outcome.reason


def test_a_gpu_whose_memory_runs_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("satclip_bench.benchmarks.runs.cell.make_probe", raises)
    (cell, _) = plan("wrap")
    (outcome,) = evaluate([cell], Store(tmp_path))
    assert outcome.reason.startswith("probe 'linear' ran out of the GPU's memory: run fewer cells")
    assert "--device cpu" in outcome.reason


def test_records_name_the_device_which_workers_inherit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, "auto")
    expected = device_title()
    for jobs in (1, 2):
        store = Store(tmp_path / str(jobs))
        evaluate(plan("baseline.mean"), store, executor=make_executor(jobs))
        assert {r.provenance.device for r in store.records()} == {expected}
    monkeypatch.setenv(DEVICE_VARIABLE, "gpu")
    with pytest.raises(BenchError, match="a device is auto, cpu, cuda or cuda:N, not 'gpu'"):
        evaluate(plan("wrap"), Store(tmp_path / "c"))


def test_an_interrupt_stops_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("satclip_bench.benchmarks.runs.cell.make_probe", interrupted)
    cells = plan("baseline.mean", "wrap")
    with pytest.raises(KeyboardInterrupt):
        evaluate(cells, Store(tmp_path))
    assert {r.settings.encoder for r in Store(tmp_path).records()} <= {"baseline.mean"}


class OutOfProcesses(InProcess):
    """An executor that gets no further process after the first cell."""

    @override
    def run(self, work: Any, scratch: Path, warn: Any) -> Any:
        first, *_ = work
        yield first, work[first].function(work[first].embedding)
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


def test_a_system_that_refuses_a_process_ends_the_run_and_keeps_its_cells(tmp_path: Path) -> None:
    store = Store(tmp_path)
    refused = pytest.raises(UnfinishedError, match=r"temporarily unavailable\. Finished cells are")
    with refused, store.lock():
        evaluate(plan("baseline.mean"), store, executor=OutOfProcesses())
    assert len(store.records()) == 1
    assert not (tmp_path / SCRATCH).exists()


class EndedTooLate(InProcess):
    """An executor that ends every process for its time after it has saved its record."""

    @override
    def run(self, work: Any, scratch: Path, warn: Any) -> Any:
        for number, item in work.items():
            item.function(item.embedding)
            yield number, TimeLimitError("it took longer than 1 s")


def test_a_cell_that_was_saved_before_its_process_was_ended_is_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock():
        outcomes = evaluate(plan("baseline.mean"), store, executor=EndedTooLate())
    assert {(outcome.complete, outcome.reason) for outcome in outcomes} == {(True, "")}
    assert {record.status for record in store.records()} == {"done"}


def test_a_scratch_folder_that_another_process_still_reads_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / SCRATCH / ".nfs0001"
    left.parent.mkdir()
    left.touch()
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with scratch_folder(tmp_path) as empty:
        assert list(empty.iterdir()) == []
    assert left.exists()


def test_a_reader_that_has_gone_is_no_error_of_the_executor(tmp_path: Path) -> None:
    class Gone(Callbacks):
        @override
        def advance(self, stage: str, title: str) -> None:
            raise BrokenPipeError

    store = Store(tmp_path)
    with pytest.raises(BrokenPipeError), store.lock():
        evaluate(plan("baseline.mean"), store, callbacks=Gone())
