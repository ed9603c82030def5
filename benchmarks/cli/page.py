"""The options of `leaderboard` that belong to its --html."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.core.errors import BenchError


def add_page_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the pages of --html show besides the boards of --out."""
    parser.add_argument(
        "--beside",
        nargs="+",
        type=Path,
        default=(),
        metavar="DIR",
        help="with --html: folders of further runs whose boards the same site shows, such as "
        "results/wide (default: the run of --out alone)",
    )
    parser.add_argument(
        "--profiles",
        nargs="+",
        type=Path,
        default=(),
        metavar="FILE",
        help="with --html: files that `info ENCODER --profile --json` printed, whose profiles the "
        "pages of these encoders show (default: the profiles that ship, of the default encoders)",
    )
    parser.add_argument(
        "--embedding-maps",
        action="store_true",
        help="with --html: also draw a map of every embedding whose weights are downloaded, which "
        "takes up to a minute per encoder",
    )


def require_no_page_options(options: argparse.Namespace) -> None:
    """Refuse the options of the pages where no pages are written.

    Raises:
        BenchError: one of them was given.
    """
    given = (
        ("--beside", options.beside),
        ("--profiles", options.profiles),
        ("--embedding-maps", options.embedding_maps),
    )
    for name, value in given:
        if value:
            raise BenchError(f"{name} belongs to --html DIR: give both, or neither")
