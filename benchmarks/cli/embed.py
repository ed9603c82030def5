"""The options of `embed`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.encoder_table import add_table_options, table_request
from satclip_bench.benchmarks.cli.options import add_device_option, add_reading_options

DESCRIPTION = """\
Embed the points of a file with one encoder. The file is CSV or Parquet with columns of
longitudes and latitudes, or GeoPackage, GeoParquet, GeoJSON, FlatGeobuf or Shapefile with
point geometries in any CRS. It is read piece by piece, so that tens of millions of rows fit
into memory. The ending of --out chooses the format of the result:

  .parquet  the columns of the input (those of a CSV file as text), and e0, e1, ... as float32,
            with the encoder's card in the file's metadata
  .csv      the same columns as text
  .npy      the embedding alone, one row per point in the order of the input, float32"""

EXAMPLES = """\
examples:
  {program} embed --encoder geoclip --points my.csv --out embeddings.parquet
  {program} embed --encoder my.py:MyEncoder --points my.csv --lon x --lat y --out e.parquet
  {program} embed --encoder wrap --points my.csv --out embeddings.npy
  {program} embed --encoder climplicit.dated --points my.csv --date observed --out e.parquet
  {program} embed --encoder-table tiles/ --points my.csv --out embeddings.parquet"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="encoder, such as geoclip (`list encoders` shows all), or FILE.py:CLASS for a custom "
        "one; with --encoder-table, a combination such as geoclip+table.NAME (default: that of "
        "--encoder-table)",
    )
    parser.add_argument(
        "--points",
        type=Path,
        required=True,
        metavar="FILE",
        help="file with the points, such as my.csv; required",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="file to write: .parquet, .csv or .npy, such as embeddings.parquet; required",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="weights file to use instead of the encoder's downloaded weights (default: those)",
    )
    parser.add_argument(
        "--date",
        metavar="COLUMN",
        help="column with the date of each point, such as observed, for an encoder that takes a "
        "month or a year (default: none, and the encoder's own value)",
    )
    add_reading_options(parser)
    add_table_options(parser)
    add_device_option(parser)


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.embed import embed_file
    from satclip_bench.core.device import use_device
    from satclip_bench.core.errors import BenchError

    if options.encoder is None and not options.encoder_table:
        raise BenchError("name one encoder: --encoder NAME, or --encoder-table FILE")
    with use_device(options.device):
        return embed_file(
            options.encoder,
            options.points,
            options.out,
            table=table_request(options) if options.encoder_table else None,
            weights=options.weights,
            date=options.date,
            lon=options.lon,
            lat=options.lat,
            sep=options.sep,
            layer=options.layer,
        )


EMBED = Command(
    name="embed",
    group="use and train encoders",
    summary="embed the points of a file with one encoder",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
