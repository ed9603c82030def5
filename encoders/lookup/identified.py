"""Reads embeddings of named samples, whose places another table has.

The layout is that of NeuCo-Bench (Vinge et al. 2025, arXiv 2510.17914): a CSV file with a column
`id` and columns 0, 1, 2 and so on. Ids may be names of files, such as `abc.zarr.zip`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.files import missing_file
from satclip_bench.core.point_files import CSV, file_suffix, open_points
from satclip_bench.core.points import shown_names
from satclip_bench.core.text_tables import text_format
from satclip_bench.encoders.lookup.table import (
    BATCH_ROWS,
    Columns,
    EmbeddedPlaces,
    checked_places,
    matrix,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ID = "id"
"""Name of the column that both tables have."""


def read_identified(
    path: Path,
    locations: Path,
    choose: Callable[[Columns], Sequence[str]],
    sep: str | None = None,
) -> EmbeddedPlaces:
    """Read embeddings by their ids, and join them to the places of another table.

    Ids of the embeddings without a place are an error; places without an embedding are ignored.

    Args:
        path: CSV file with a column `id` and the columns of the embedding.
        locations: table with a column `id`, a longitude and a latitude; any file of points.
        choose: function that gives the columns of the embedding.
        sep: separator of the columns of `path`; by default the one that fits its header.

    Raises:
        EncoderError: a file cannot be read, has no column `id` or an id twice, or an embedding has
            no place; or coordinates or values cannot be used.
    """
    table = _read(path, sep)
    types = {name: table.schema.field(name).type for name in table.column_names if name != ID}
    columns = list(choose(types))
    values, absent = matrix(table, columns, 0, path, ".")
    ids = _ids(table.column(ID))
    _require_unique(ids, path)
    places = _places(locations)
    rows = places.index.get_indexer(ids)
    if (unknown := np.flatnonzero(rows < 0)).size:
        raise EncoderError(
            f"{locations} has no place for {len(unknown):,} of the {len(ids):,} ids of {path}, "
            f"such as {ids[unknown[0]]!r}"
        )
    lonlat = places.to_numpy(np.float64)[rows]
    return checked_places(lonlat, values, absent, columns, f"{path} with {locations.name}")


def _read(path: Path, sep: str | None) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    if file_suffix(path) not in CSV:
        raise EncoderError(
            f"{path} has ids in place of coordinates, so its name should end with {', '.join(CSV)}"
        )
    if not path.is_file():
        raise EncoderError(missing_file(path))
    try:
        form = text_format(path, sep, (ID,))
        if ID not in form.names:
            raise EncoderError(
                f"{path} has no column {ID!r}, by which --table-locations gives places; it has "
                f"{shown_names(form.names, ID)}"
            )
        return csv.read_csv(
            path,
            read_options=csv.ReadOptions(block_size=2**24, encoding=form.encoding),
            parse_options=csv.ParseOptions(delimiter=form.separator),
            convert_options=csv.ConvertOptions(column_types={ID: pa.string()}),
        )
    except EncoderError:
        raise
    except (BenchError, pa.ArrowException, OSError) as error:
        raise EncoderError(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def _places(path: Path) -> pd.DataFrame:
    """Longitudes and latitudes by id."""
    import pandas as pd

    frames = []
    try:
        with open_points(path, BATCH_ROWS) as file:
            for batch in file.batches:
                if ID not in batch.columns.column_names:
                    names = shown_names(batch.columns.column_names, ID)
                    raise EncoderError(f"{path} has no column {ID!r}; it has {names}")
                ids = _ids(batch.columns.column(ID))
                frames.append(pd.DataFrame(batch.lonlat, index=ids))
    except EncoderError:
        raise
    except BenchError as error:
        raise EncoderError(re.sub(r" *Name the right ones.*", "", str(error))) from error
    if not frames:
        raise EncoderError(f"{path} has no rows")
    places = pd.concat(frames)
    _require_unique(places.index, path)
    return places


def _ids(column: pa.ChunkedArray) -> pd.Index[str]:
    """Ids without the endings of files."""
    import pandas as pd

    ids = column.to_pandas().astype("str").str.strip()
    index: pd.Index[str] = pd.Index(ids.str.replace(r"\.zarr(\.zip)?$", "", regex=True))
    return index


def _require_unique(ids: pd.Index[str], path: Path) -> None:
    if not ids.is_unique:
        repeated = ids[ids.duplicated()][0]
        raise EncoderError(f"{path} has the id {repeated!r} more than once")
