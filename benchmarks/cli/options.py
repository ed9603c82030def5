"""Options that several commands share, and parsers of option values."""

from __future__ import annotations

import argparse
from pathlib import Path

RUNS = Path("results/runs")


def add_names_option(
    parser: argparse._ActionsContainer, axis: str, explanation: str, *, required: bool = False
) -> None:
    """Add an option that takes names, wildcards or comma-separated lists and can be repeated."""
    parser.add_argument(
        f"--{axis}",
        action="append",
        default=[],
        required=required,
        metavar="NAMES",
        help=explanation,
    )


def add_data_dir_option(parser: argparse._ActionsContainer) -> None:
    """Add --data-dir, the folder with the tables that are not part of the repository."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder with the papers' tables, one subfolder per task, as `download --data-dir DIR` "
        "writes it (default: the data folder of the cache, $SATCLIP_BENCH_CACHE)",
    )


def add_reading_options(parser: argparse._ActionsContainer) -> None:
    """Add --lon, --lat, --sep and --layer, which say how a file of points is read."""
    parser.add_argument(
        "--lon",
        metavar="COLUMN",
        help="column of longitudes in degrees (default: lon, longitude, lng or decimalLongitude, "
        "in any case)",
    )
    parser.add_argument(
        "--lat",
        metavar="COLUMN",
        help="column of latitudes in degrees (default: lat, latitude or decimalLatitude, in any "
        "case)",
    )
    parser.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="separator of the columns in a text file, such as ';' or 'tab' (default: the one of "
        "comma, semicolon, tab and bar that fits the header)",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="layer to read from a GeoPackage or another file with several layers (default: the "
        "only one)",
    )


def add_jobs_option(parser: argparse._ActionsContainer) -> None:
    """Add --jobs, the number of worker processes."""
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="number of cells to run at the same time; scores do not depend on it "
        "(default: one per CPU core)",
    )


def add_run_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add --suite and --out, which select the finished run that a command reads."""
    parser.add_argument(
        "--suite",
        default="open",
        metavar="NAME",
        help=f"read the run in the suite's default folder, {RUNS}/NAME (default: open); "
        "--out takes precedence",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"folder of the run to read, such as {RUNS}/quick (default: {RUNS}/<suite>)",
    )


def add_board_options(parser: argparse.ArgumentParser) -> None:
    """Add --split and --probe, which select one board of a run."""
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="split to show, such as held-out-region (default: random, or else the first one "
        "in the run)",
    )
    parser.add_argument(
        "--probe",
        metavar="NAME",
        help="probe to show, such as mlp (default: linear, or else the first one in the run)",
    )


def run_folder(options: argparse.Namespace) -> Path:
    """The folder that --out or, without it, --suite selects."""
    folder: Path = options.out or RUNS / options.suite
    return folder


def count(text: str) -> int:
    """Parse a whole number of 1 or more.

    >>> count("12")
    12
    """
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def seeds(text: str) -> tuple[int, ...]:
    """Parse a list of seeds; ranges include both ends, and repeats are dropped.

    >>> seeds("7,0-3")
    (7, 0, 1, 2, 3)
    """
    parsed: list[int] = []
    for item in text.split(","):
        first, dash, last = item.strip().partition("-")
        try:
            parsed += range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a list of seeds such as 0,1,2 or 0-4"
            ) from None
    if not parsed:
        raise argparse.ArgumentTypeError(f"{text!r} contains no seed")
    return tuple(dict.fromkeys(parsed))


def radius_km(text: str) -> float:
    """Parse a radius in kilometres, above 0 and up to 2500.

    >>> radius_km("250")
    250.0
    """
    try:
        radius = float(text)
    except ValueError:
        radius = float("nan")
    # The neighbourhoods of SRI are twice as wide, and must be discs on a hemisphere.
    if not 0 < radius <= 2500:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a radius in kilometres above 0 and up to 2500"
        )
    return radius
