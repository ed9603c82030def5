"""The options of encoders that look up precomputed embeddings in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satclip_bench.benchmarks.commands.encoder_tables import TableRequest


def add_table_options(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add --encoder-table and the options that say how its file is read.

    Args:
        parser: parser of the command.
        several: whether --encoder-table can be repeated.
    """
    group = parser.add_argument_group("precomputed embeddings as an encoder")
    repeat = "; can be repeated" if several else ""
    one_each = ", one per file" if several else ""
    group.add_argument(
        "--encoder-table",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="file with precomputed embeddings and their places: CSV, Parquet, GeoParquet, "
        f"GeoPackage, .npz, GeoTIFF, or a folder with tiles of TESSERA{repeat} (default: none)",
    )
    group.add_argument(
        "--table-name",
        action="append",
        default=[],
        metavar="NAME",
        help=f"name of the encoder, which becomes table.NAME{one_each} (default: that of the file)",
    )
    group.add_argument(
        "--table-columns",
        metavar="NAMES",
        help="columns of the embedding, names or wildcards such as 'A*', separated by commas; in "
        ".npz, the array (default: the only columns whose names differ in a number, such as A00 "
        "to A63, or the only column of lists)",
    )
    group.add_argument(
        "--table-lon",
        metavar="COLUMN",
        help="column of longitudes in degrees (default: lon, longitude, lng or decimalLongitude)",
    )
    group.add_argument(
        "--table-lat",
        metavar="COLUMN",
        help="column of latitudes in degrees (default: lat, latitude or decimalLatitude)",
    )
    group.add_argument(
        "--table-sep",
        metavar="CHARACTER",
        help="separator of the columns in a text file (default: the one that fits the header)",
    )
    group.add_argument(
        "--table-layer",
        metavar="NAME",
        help="layer of a GeoPackage or another file with several layers (default: the only one)",
    )
    group.add_argument(
        "--table-locations",
        type=Path,
        metavar="FILE",
        help="file with the columns id, lon and lat, for a table with a column id in place of "
        "coordinates, as NeuCo-Bench has it (default: none)",
    )
    group.add_argument(
        "--table-match",
        choices=("nearest", "exact"),
        default="nearest",
        help="how a point finds its row: the nearest one by great-circle distance, or one at the "
        "same place, within 2 cm (default: nearest)",
    )
    group.add_argument(
        "--table-max-km",
        type=max_km,
        default=1.0,
        metavar="KM",
        help="largest distance from a point to its row in kilometres, such as 0.5, or none for no "
        "limit; points further away are not covered (default: 1)",
    )


def table_request(options: argparse.Namespace) -> TableRequest:
    """The files and options that were given."""
    from satclip_bench.benchmarks.commands.encoder_tables import TableRequest

    return TableRequest(
        files=tuple(options.encoder_table),
        names=tuple(options.table_name),
        columns=options.table_columns,
        lon=options.table_lon,
        lat=options.table_lat,
        sep=options.table_sep,
        layer=options.table_layer,
        locations=options.table_locations,
        match=options.table_match,
        max_km=options.table_max_km,
    )


def max_km(text: str) -> float | None:
    """Parse a distance in kilometres above 0, or `none` for no limit.

    >>> max_km("0.5"), max_km("none")
    (0.5, None)
    """
    if text.lower() == "none":
        return None
    try:
        distance = float(text)
    except ValueError:
        distance = float("nan")
    if not 0 < distance < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a distance in kilometres above 0, or none"
        )
    return distance
