"""Stop runs by signals at random moments: each has to end with one message and no process left.

    python docs/studies/signal_test.py --runs 24 --seed 0 --scheduler local

starts a small run in two worker processes, or with `--scheduler local` on a Dask cluster on this
machine, again and again, and sends Ctrl-C three times, SIGTERM or SIGHUP to all of its processes,
as a terminal or a batch system does. Each run has to end with the exit code of the signal, a
message that says what is kept, no traceback, and none of its processes left. Needs POSIX.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from satclip_bench.core.signals import SIGNALS

ROOT = Path(__file__).parents[2]
RUN = ["--tasks", "median_income", "--encoders", "wrap", "--splits", "random", "--jobs", "2"]
RUN += ["--probes", "linear,knn,lightgbm", "--seeds", "0-7", "--out", "r"]
STOPS = ([signal.SIGINT] * 3, [signal.SIGTERM], [signal.SIGHUP])
"""What is sent to a run, each in turn."""


def main(argv: Sequence[str] | None = None) -> int:
    """Stop runs, print what was wrong with each, and return 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24, help="number of runs (default: 24)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    parser.add_argument("--scheduler", choices=["local"], help="run on a Dask cluster")
    options = parser.parse_args(argv)
    command = [sys.executable, str(ROOT / "run_benchmarks.py"), "run", *RUN]
    command += ["--scheduler", options.scheduler] if options.scheduler else []
    rng, stops, wrong = np.random.default_rng(options.seed), 0, 0
    with tempfile.TemporaryDirectory() as name:
        start = time.monotonic()
        subprocess.run(command, cwd=name, check=True, capture_output=True)
        seconds = time.monotonic() - start
    while stops < options.runs:
        signals = STOPS[stops % len(STOPS)]
        # Before that, Python has not read the program.
        delay = rng.uniform(min(1.0, seconds / 4), seconds)
        problems = stopped(command, signals, delay)
        if problems is None:
            continue
        stops += 1
        wrong += bool(problems)
        print(f"{signals[0].name} after {delay:.2f} s: {', '.join(problems) or 'as expected'}")
    print(f"{options.runs} runs, {wrong} of them not as expected")
    return int(wrong > 0)


def stopped(
    command: Sequence[str], signals: Sequence[signal.Signals], delay: float
) -> list[str] | None:
    """Stop a run, and say what is wrong with how it ended; None if it was done before."""
    with tempfile.TemporaryDirectory() as name:
        run = subprocess.Popen(
            command,
            cwd=name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,
        )
        time.sleep(delay)
        processes = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []
        for number in signals:
            if run.poll() is None:
                os.killpg(run.pid, number)
                time.sleep(0.05)
        try:
            _, message = run.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
            return ["it did not end"]
    if run.returncode == 0:
        return None
    expected = 128 + signals[0]
    problems = [] if run.returncode == expected else [f"exit code {run.returncode}"]
    problems += [] if "finished cells are kept" in message else ["no message"]
    problems += ["a traceback"] if "Traceback" in message else []
    _, left = psutil.wait_procs(processes, timeout=5)
    return problems + ([f"{len(left)} processes left"] if left else [])


def default_signals() -> None:
    """Undo what the shell that runs this may ignore, as `nohup` does."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
