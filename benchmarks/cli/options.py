"""Options that several commands share, and parsers of option values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satclip_bench.benchmarks.runs.reading import RecordFilter

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
        help="number of cells to run at the same time, at most two per CPU core; scores do not "
        "depend on it (default: one per CPU core)",
    )


def add_executor_options(parser: argparse._ActionsContainer, limited: str) -> None:
    """Add --jobs, --scheduler and --cell-timeout: where cells are computed, and for how long.

    Args:
        parser: parser or group of options.
        limited: what the time limit says, such as `time limit of a cell`.
    """
    add_jobs_option(parser)
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="compute cells on the workers of a Dask scheduler, such as tcp://node7:8786 or the "
        "path of its scheduler file; `local` starts --jobs workers on this machine; scores do not "
        "depend on it (default: processes without Dask)",
    )
    parser.add_argument("--cell-timeout", type=count, metavar="SECONDS", help=limited)


def add_device_option(parser: argparse._ActionsContainer) -> None:
    """Add --device, where torch's work is done."""
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="device of the work that torch can do: cpu, cuda, cuda:1, or auto for a GPU if there "
        "is one (default: $SATCLIP_BENCH_DEVICE, or auto)",
    )


def add_seeds_option(
    parser: argparse._ActionsContainer, explanation: str, *, default: tuple[int, ...] = ()
) -> None:
    """Add --seeds, a list of seeds such as 0,1,2 or 0-4."""
    parser.add_argument("--seeds", type=seeds, default=default, metavar="LIST", help=explanation)


def add_edition_option(
    parser: argparse._ActionsContainer, explanation: str, *, default: str | None = None
) -> None:
    """Add --edition, which of a task's tables is used."""
    parser.add_argument("--edition", choices=("open", "paper"), default=default, help=explanation)


def add_suite_option(parser: argparse._ActionsContainer, explanation: str) -> None:
    """Add --suite, the name of a suite."""
    parser.add_argument("--suite", default="open", metavar="NAME", help=explanation)


def add_folder_option(
    parser: argparse._ActionsContainer, explanation: str, *, default: Path | None = None
) -> None:
    """Add --out, the folder that a command writes, or reads as the folder of a run."""
    parser.add_argument("--out", type=Path, default=default, metavar="DIR", help=explanation)


def add_records_option(parser: argparse._ActionsContainer, folder: str, table: str) -> None:
    """Add --out, the folder of the records and of the table made of them."""
    default = RUNS / folder
    add_folder_option(
        parser, f"folder for the records and {table} (default: {default})", default=default
    )


def add_run_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add --suite and --out, which select the finished run that a command reads."""
    add_suite_option(
        parser,
        f"read the run in the suite's default folder, {RUNS}/NAME (default: open); --out takes "
        "precedence",
    )
    add_folder_option(
        parser, f"folder of the run to read, such as {RUNS}/quick (default: {RUNS}/<suite>)"
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


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Add --tasks, --encoders and --seeds, which select among the records of a run."""
    for axis, example in (("tasks", "elevation,'bio*'"), ("encoders", "geoclip,'harmonics.*'")):
        add_names_option(
            parser, axis, f"{axis} to show, such as {example} (default: all of the run)"
        )
    add_seeds_option(parser, "seeds to show, such as 0,1,2 or 0-4 (default: all of the run)")


def record_filter(options: argparse.Namespace) -> RecordFilter:
    """The filter that --tasks, --encoders and --seeds describe."""
    from satclip_bench.benchmarks.runs.reading import RecordFilter

    return RecordFilter(options.tasks, options.encoders, options.seeds)


def run_folder(options: argparse.Namespace) -> Path:
    """The folder that --out or, without it, --suite selects."""
    folder: Path = options.out or RUNS / options.suite
    return folder


def count(text: str) -> int:
    """Parse a whole number of 1 or more, and below a billion.

    >>> count("12")
    12
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number of 1 or more, and below a billion"
        )
    return int(text)


MAX_SEED, MAX_SEEDS = 2**32 - 1, 1_000_000
"""The largest seed that NumPy accepts, and the maximum number of seeds in one option."""


def seeds(text: str) -> tuple[int, ...]:
    """Parse a list of seeds from 0 to 2**32 - 1; ranges include both ends, repeats are dropped.

    >>> seeds("7,0-3")
    (7, 0, 1, 2, 3)
    """
    parsed: dict[int, None] = {}
    for item in text.split(","):
        first, dash, last = (word.strip() for word in item.partition("-"))
        ends = [first, last if dash else first]
        if not all(end.isascii() and end.isdecimal() for end in ends):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a list of seeds such as 0,1,2 or 0-4"
            )
        if any(len(end.lstrip("0")) > 10 or int(end) > MAX_SEED for end in ends):
            raise argparse.ArgumentTypeError(
                f"{item.strip()!r} is out of range: seeds are whole numbers from 0 to {MAX_SEED}"
            )
        low, high = map(int, ends)
        if high < low:
            raise argparse.ArgumentTypeError(
                f"{item.strip()!r} runs backwards: give the smaller seed first, as in {high}-{low}"
            )
        if high - low + 1 + len(parsed) > MAX_SEEDS:
            raise argparse.ArgumentTypeError(
                f"{text!r} has more than {MAX_SEEDS:,} seeds, the maximum"
            )
        parsed.update(dict.fromkeys(range(low, high + 1)))
    return tuple(parsed)


def seed(text: str) -> int:
    """Parse one seed from 0 to 2**32 - 1.

    >>> seed("7")
    7
    """
    try:
        parsed = seeds(text)
    except argparse.ArgumentTypeError:
        parsed = ()
    if len(parsed) != 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not one seed, a whole number from 0 to {MAX_SEED}"
        )
    return parsed[0]


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
