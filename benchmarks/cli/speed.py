"""The options of `speed`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import RUNS, add_device_option, count
from satclip_bench.core.errors import BenchError

DESCRIPTION = """\
Time encoders on random points, in turns with the code that they were released with (packages
rangegeo and geoclip, where installed) and with the matrix products and sines of their networks
alone, which are the limit. Medians are printed, and all times are written to a JSON file. SatCLIP
is timed with random weights of the released shapes.

Probes and baselines are timed on one thread of the CPU, in seconds of the processor, on fold 0 of
the split `random`, in turns with other ways to the same result: logistic regression with
scikit-learn's L-BFGS run until it has the same objective, ridge regression and nearest neighbours
with one scikit-learn estimator for each candidate, perceptrons with a plain loop of torch and with
their matrix products alone, boosted trees with LightGBM's scikit-learn estimator and with the
growing of their trees alone, kriging with its matrix decompositions alone."""

EXAMPLES = """\
examples:
  {program} speed
  {program} speed --encoders geoclip --points 100000 --rounds 10
  {program} speed probes --tasks ecoregions --encoders wrap,geoclip
  {program} speed probes --probes mlp,lightgbm --rounds 9
  {program} speed baselines"""

SUBJECTS = ("encoders", "probes", "baselines")

POINTS = 20_000
MAX_ITERATIONS = 3000

SUBJECTS_OF = {
    "encoders": ("encoders", "probes"),
    "tasks": ("probes", "baselines"),
    "probes": ("probes",),
    "points": ("encoders",),
    "max_iterations": ("probes",),
    "no_reference": ("encoders",),
    "device": ("encoders",),
}
"""What an option applies to; all others apply to everything that is timed."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        nargs="?",
        choices=SUBJECTS,
        default=SUBJECTS[0],
        help="what is timed (default: encoders)",
    )
    parser.add_argument(
        "--encoders",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAMES",
        help="encoders to time, such as geoclip,'satclip.*' (default: those whose released code "
        "they can be compared with; for probes: wrap, harmonics.l40, satclip-bluemarble.l40 and "
        "geoclip)",
    )
    parser.add_argument(
        "--tasks",
        action="append",
        default=[],
        metavar="NAMES",
        help="tasks on which probes or baselines are timed (default: elevation, countries and "
        "ecoregions)",
    )
    parser.add_argument(
        "--probes",
        action="append",
        default=[],
        metavar="NAMES",
        help="probes to time, such as mlp,lightgbm (default: linear, ridge, knn, mlp and lightgbm)",
    )
    parser.add_argument(
        "--points",
        type=count,
        metavar="N",
        help=f"number of points that encoders embed in each round (default: {POINTS})",
    )
    parser.add_argument(
        "--rounds",
        type=count,
        default=5,
        metavar="N",
        help="number of times that each encoder, probe or baseline is timed (default: 5)",
    )
    parser.add_argument(
        "--max-iterations",
        type=count,
        metavar="N",
        help="largest number of iterations of L-BFGS, with which logistic regression is compared "
        f"(default: {MAX_ITERATIONS})",
    )
    parser.add_argument(
        "--no-reference",
        action="store_true",
        help="do not time the released code (default: time it where it is installed)",
    )
    add_device_option(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"JSON file to write (default: {RUNS / 'speed.json'}, {RUNS / 'speed-probes.json'} or "
        f"{RUNS / 'speed-baselines.json'})",
    )


def _call(options: argparse.Namespace) -> int:
    for option, subjects in SUBJECTS_OF.items():
        if getattr(options, option) and options.subject not in subjects:
            raise BenchError(
                f"--{option.replace('_', '-')} does not apply to `speed {options.subject}`, only "
                f"to {' and '.join(f'`speed {subject}`' for subject in subjects)}"
            )
    names = [names for names in options.encoders if names]
    if options.subject != "encoders":
        from satclip_bench.benchmarks.commands.speed_probes import speed_probes

        return speed_probes(
            options.subject,
            options.tasks,
            names,
            options.probes,
            options.rounds,
            options.max_iterations or MAX_ITERATIONS,
            options.out or RUNS / f"speed-{options.subject}.json",
        )
    from satclip_bench.benchmarks.commands.speed import speed
    from satclip_bench.core.device import use_device

    with use_device(options.device):
        return speed(
            names,
            options.points or POINTS,
            options.rounds,
            options.out or RUNS / "speed.json",
            reference=not options.no_reference,
        )


SPEED = Command(
    name="speed",
    group="use and train encoders",
    summary="time encoders, probes and baselines beside other code",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
