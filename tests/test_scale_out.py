"""The recipes of docs/scale-out.md, run with stand-ins for sbatch, dask and satclip-bench."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from satclip_bench.benchmarks.cli.parser import make_parser
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite

PAGE = Path(__file__).parent.parent / "docs" / "scale-out.md"
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None or sys.platform == "win32", reason="needs bash")

SBATCH = """#!/bin/bash
# Runs each job of an array at once, as Slurm would on nodes of its own.
array=0; cpus=1; wrap=
for word in "$@"; do
  case "$word" in
    --array=*) array=${word#*=} ;;
    --cpus-per-task=*) cpus=${word#*=} ;;
    --wrap) wrap=next ;;
    --*) ;;
    *) script=$word; if [ "$wrap" = next ]; then wrap=$word; fi ;;
  esac
done
if [ -z "$wrap" ]; then
  array=$(sed -n 's/^#SBATCH --array=//p' "$script")
  cpus=$(sed -n 's/^#SBATCH --cpus-per-task=//p' "$script")
fi
for task in $(seq ${array%-*} ${array#*-}); do
  export SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=$cpus
  if [ -n "$wrap" ]; then bash -euc "$wrap"; else bash -eu "$script"; fi || exit
done
"""

SATCLIP_BENCH = """#!/bin/bash
printf 'satclip-bench %s\\n' "${*@Q}" >> "$LOG"
out=${*: -1}
name=$(basename "$out")
mkdir -p "$out/records/$name"
case $name in bi*) mkdir -p "$out/packed" && touch "$out/packed/00001.$name.parquet" ;; esac
"""

DASK = """#!/bin/bash
printf 'dask %s\\n' "${*@Q}" >> "$LOG"
"""


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)


def run_recipe(folder: Path, *recipes: str) -> list[list[str]]:
    """Run recipes in a folder. Returns the words of each call of dask and satclip-bench."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("satclip-bench", SATCLIP_BENCH), ("dask", DASK)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    log = folder / "log"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for recipe in recipes:
        subprocess.run(
            [str(BASH), "-euc", f"{recipe}\nwait"],
            cwd=folder,
            env=os.environ | {"PATH": path, "LOG": str(log)},
            check=True,
        )
    return [shlex.split(line) for line in log.read_text().splitlines()]


def require_dask_options(calls: list[list[str]]) -> list[str]:
    """Have Dask parse the calls of its commands. Returns their names."""
    scheduler = pytest.importorskip("distributed.cli.dask_scheduler")
    worker = pytest.importorskip("distributed.cli.dask_worker")
    mains = {"scheduler": scheduler.main, "worker": worker.main}
    for _, command, *words in calls:
        mains[command].make_context(command, list(words))
    return [command for _, command, *_ in calls]


def test_the_job_array_runs_every_task_once_and_the_last_command_all_of_them(
    tmp_path: Path,
) -> None:
    (script,) = (block for block in blocks() if block.startswith("#!/bin/bash"))
    (merge,) = (block for block in blocks() if block.startswith("sbatch --wait board.sh"))
    (tmp_path / "board.sh").write_text(script)
    calls = run_recipe(tmp_path, merge)
    *parts, last = (make_parser().parse_args(words) for _, *words in calls)
    suite = get_suite("open-full")
    tasks = sorted({task for block in suite.blocks for task in block.tasks})
    assert sorted(task for part in parts for task in part.tasks) == tasks
    assert {(part.suite, part.device, part.jobs) for part in parts} == {("open-full", "cpu", 16)}
    assert (last.suite, last.device, last.tasks, last.out) == (
        "open-full",
        "cpu",
        [],
        Path("board"),
    )
    assert {path.name for path in (tmp_path / "board" / "records").iterdir()} == {*tasks, "board"}
    (packed,) = (tmp_path / "board" / "packed").iterdir()
    assert packed.name == "00001.biomes.parquet"


def test_the_clusters_are_started_with_options_that_dask_knows(tmp_path: Path) -> None:
    calls = run_recipe(tmp_path, *(block for block in blocks() if "dask " in block))
    runs = [make_parser().parse_args(words) for name, *words in calls if name != "dask"]
    assert [run.scheduler for run in runs] == ["scheduler.json"]
    names = require_dask_options([call for call in calls if call[0] == "dask"])
    assert sorted(names) == ["scheduler"] * 2 + ["worker"] * 5


def test_records_of_parts_copied_together_are_a_finished_run(tmp_path: Path) -> None:
    selection = Selection(["median_income"], ["wrap", "baseline.mean"], ["random"], ["linear"], [0])
    cells = make_plan(get_suite("open"), selection)
    for i, cell in enumerate(cells):
        evaluate([cell], Store(tmp_path / f"part{i}"))
        shutil.copytree(
            tmp_path / f"part{i}" / "records", tmp_path / "all" / "records", dirs_exist_ok=True
        )

    class Stages(Callbacks):
        @override
        def start(self, stage: str, total: int) -> None:
            assert total == 0, f"{total} {stage} are computed again"

    outcomes = evaluate(cells, Store(tmp_path / "all"), callbacks=Stages())
    assert all(outcome.complete for outcome in outcomes)
