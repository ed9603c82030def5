"""Signals that end a run: exit codes, messages, and what is left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.figure import Figure

from satclip_bench.__main__ import run
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.cli.parser import EXIT_CODES, make_parser
from satclip_bench.benchmarks.runs.run_folder import SCRATCH
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.files import process_mark
from tests.benchmarks.cli.program import ROOT, SMALL, bench, children, command_line, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX signals")

MANY = ["--tasks", "median_income", "--encoders", "wrap", "--splits", "random", "--jobs", "2"]
MANY += ["--probes", "linear,knn,lightgbm", "--seeds", "0-7", "--out", "r"]


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGTERM], 143),
        ([signal.SIGHUP], 129),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], 130),
    ],
)
def test_a_signal_ends_a_run_and_all_its_processes(
    tmp_path: Path, signals: list[signal.Signals], code: int
) -> None:
    run = started(command_line("run", *MANY), tmp_path)
    wait_for(run, lambda: has_record(tmp_path / "r"))
    for number in signals:
        os.killpg(run.pid, number)
        time.sleep(0.05)
    # Processes that live on would keep the pipes open.
    _, message = run.communicate(timeout=60)
    assert run.returncode == code
    assert code in EXIT_CODES
    assert "finished cells are kept" in message
    assert "Traceback" not in message, message
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "r" / SCRATCH).exists()
    assert Store(tmp_path / "r").records()


@pytest.mark.parametrize("moment", ["workers start", "cells run"])
def test_ctrl_c_ends_a_local_dask_cluster_with_one_message(tmp_path: Path, moment: str) -> None:
    """A terminal sends it to all of its processes, which would print tracebacks."""
    run = started(command_line("run", *MANY, "--scheduler", "local"), tmp_path)
    reached = {
        "workers start": lambda: len(children(run.pid, "spawn_main")) == 2,
        "cells run": lambda: has_record(tmp_path / "r"),
    }
    wait_for(run, reached[moment])
    os.killpg(run.pid, signal.SIGINT)
    _, message = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "finished cells are kept" in message
    assert "Traceback" not in message, message
    assert not (tmp_path / "r" / SCRATCH).exists()


def wait_for(run: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait until a run that goes on has come to some point."""
    end = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < end
        assert run.poll() is None
        time.sleep(0.02)


def has_record(folder: Path) -> bool:
    return any((folder / "records").rglob("*.json"))


def test_the_next_run_deletes_temporary_files_of_a_killed_one(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    left = [
        folder / f"records/.a.json.{process_mark(int(ended.stdout))}abcdefgh.part",
        folder / f".results.parquet.{process_mark(int(ended.stdout))}abcdefgh.part",
        folder / SCRATCH / "x.npy",
    ]
    kept = [
        folder / f"tables/.b.md.{process_mark()}abcdefgh.part",
        # Of another machine, of another program, and of a user.
        folder / f"tables/.b.md.00000000-{int(ended.stdout)}-abcdefgh.part",
        folder / ".film.mp4.part",
        folder / ".scratch/thesis.txt",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    done = bench("run", *SMALL, "--encoders", "wrap", "--out", "r", "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)
    left[-1].parent.mkdir()
    again = bench("run", *SMALL, "--encoders", "wrap", "--out", "r", "--jobs", "1", cwd=tmp_path)
    assert "0 to run" in again.stderr
    assert not left[-1].parent.exists(), "also if no cell is missing"


def test_a_reader_that_has_gone_is_not_a_failure(tmp_path: Path) -> None:
    for arguments in (["list", "encoders"], ["list", "tasks", "--json"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            command_line(*arguments),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_a_process_without_output_does_its_work(tmp_path: Path, closed: tuple[int, ...]) -> None:
    path = tmp_path / "p.csv"
    path.write_text("lon,lat\n7,50\n")
    out = tmp_path / "e.csv"
    embed = command_line("embed", "--encoder", "wrap", "--points", path, "--out", out)
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'exec "$@" {" ".join(f"{number}>&-" for number in closed)}',
            "sh",
            *embed,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert len(out.read_text().splitlines()) == 2


def test_an_interrupt_while_modules_are_imported_is_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    name = "satclip_bench.benchmarks.cli"
    monkeypatch.setitem(sys.modules, name, Interrupted(name))
    assert run() == 130


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full, which Linux has")
def test_an_output_device_that_is_full_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    for arguments in (["list", "tasks"], ["info", "geoclip", "--json"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                command_line(*arguments),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_ascii_terminal_shows_question_marks(tmp_path: Path) -> None:
    done = bench("list", "encoders", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "geoclip" in done.stdout


def test_a_disk_that_fills_up_after_some_cells_is_not_a_wrong_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from satclip_bench.core.errors import BenchError

    def full(*_: object) -> None:
        raise BenchError("r/x.json cannot be written: No space left on device.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Store, "save", full)
    code = main(["run", *SMALL, "--encoders", "baseline.mean", "--out", "r", "--jobs", "1"])
    assert code == 1
    assert "No space left on device. Finished cells are kept." in capsys.readouterr().err


def test_a_disk_that_fills_up_while_figures_are_drawn_keeps_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    arguments = ["run", *SMALL, "--encoders", "baseline.mean", "--out", "r"]
    with monkeypatch.context() as patch:
        patch.setattr(Figure, "savefig", full)
        assert main(arguments) == 1
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert "records of all cells are kept; the same command writes results.parquet" in message
    assert "Traceback" not in message
    assert not list(Path("r").rglob("*.part"))
    assert main(arguments) == 0
    assert "1 done, 0 to run" in capsys.readouterr().err
    assert Path("r/figures/maps/median_income.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--taks", "air"], "no option is called '--taks'. Did you mean '--tasks'"),
        (["--taks=air"], "Did you mean '--tasks'"),
        (["embed", "--encodr", "wrap"], "Did you mean '--encoder'"),
        (["run", "--task_file", "x.csv"], "Did you mean '--task-file'"),
        (["leaderboard", "-split", "random"], "Did you mean '--split'"),
        (["run", "elevation"], "unexpected argument 'elevation'"),
        (["run", "--jobs", "\N{SUPERSCRIPT TWO}"], "is not a whole number of 1 or more"),
        (["run", "--jobs", "9" * 5000], "is not a whole number of 1 or more"),
    ],
)
def test_options_that_do_not_exist_are_answered_with_similar_ones(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert words in message
    assert len(message.splitlines()) == 2


def test_the_help_lists_every_exit_code() -> None:
    text = make_parser().format_help()
    page = (ROOT / "docs/command-line.md").read_text()
    for code, meaning in EXIT_CODES.items():
        assert f"  {code:<4} {meaning}" in text
        assert f"| {code} | " in page
