"""The command line, called as a user calls it: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import psutil

from satclip_bench.benchmarks.cli import main
from satclip_bench.core.signals import SIGNALS

ROOT = Path(__file__).parents[3]
SMALL = ["--tasks", "median_income", "--splits", "random", "--probes", "linear", "--seeds", "0"]
# Worker processes would take longer to start than to compute a few cells.
SMALL += ["--jobs", "1"]


@dataclass(frozen=True)
class Finished:
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


def bench(*arguments: str | Path, cwd: Path, **env: str) -> Finished:
    """Call the command line in a folder, in this process, which has imported most of it already.

    Args:
        arguments: words after the program's name.
        cwd: working folder of the call.
        env: environment variables of the call.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, {"COLUMNS": "130"} | env),
    ):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return Finished(code, out.getvalue(), err.getvalue())


def command_line(*arguments: str | Path) -> list[str]:
    """Words that call the command line in a process of its own."""
    return [sys.executable, str(ROOT / "run_benchmarks.py"), *map(str, arguments)]


def started(command: Sequence[str], cwd: Path) -> subprocess.Popen[str]:
    """A program in a session of its own: `os.killpg` sends a signal to all of its processes."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_default_signals,
    )


def _default_signals() -> None:
    """Undo what the shell that runs the tests may ignore, as `nohup` does."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def children(program: int, word: str) -> list[psutil.Process]:
    """Processes that a program has started with a word in their command."""
    started_by_it = psutil.Process(program).children()
    return [child for child in started_by_it if word in " ".join(child.cmdline())]
