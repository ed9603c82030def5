"""The options of `speed`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import RUNS, add_device_option, count

DESCRIPTION = """\
Time encoders on random points, in turns with the code that they were released with (packages
rangegeo and geoclip, where installed) and with the matrix products of their networks alone.
Medians are printed, and all times are written to a JSON file. SatCLIP is timed with random
weights of the released shapes."""

EXAMPLES = """\
examples:
  {program} speed
  {program} speed --encoders geoclip --points 100000 --rounds 10"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoders",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAMES",
        help="encoders to time, such as geoclip,'satclip.*' (default: those whose released code "
        "they can be compared with)",
    )
    parser.add_argument(
        "--points",
        type=count,
        default=20_000,
        metavar="N",
        help="number of points to embed in each round (default: 20000)",
    )
    parser.add_argument(
        "--rounds",
        type=count,
        default=5,
        metavar="N",
        help="number of times that each encoder is timed (default: 5)",
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
        default=RUNS / "speed.json",
        metavar="FILE",
        help=f"JSON file to write (default: {RUNS / 'speed.json'})",
    )


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.speed import speed
    from satclip_bench.core.device import use_device

    with use_device(options.device):
        return speed(
            [names for names in options.encoders if names],
            options.points,
            options.rounds,
            options.out,
            reference=not options.no_reference,
        )


SPEED = Command(
    name="speed",
    group="use and train encoders",
    summary="time encoders beside the code they were released with",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
