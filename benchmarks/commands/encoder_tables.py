"""Makes encoders of files with precomputed embeddings, as the command line names them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import LocationEncoder, combine_named
from satclip_bench.encoders.table import MAX_KM, Match, TableEncoder, default_variant


@dataclass(frozen=True)
class TableRequest:
    """Files of `--encoder-table`, and the options that say how they are read.

    Attributes:
        files: the files.
        names: second parts of the encoders' names, one per file, or none.
        columns, lon, lat, sep, layer, locations, match, max_km: as in `TableEncoder`, for all
            files.
    """

    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    columns: str | None = None
    lon: str | None = None
    lat: str | None = None
    sep: str | None = None
    layer: str | None = None
    locations: Path | None = None
    match: Match = "nearest"
    max_km: float | None = MAX_KM

    @property
    def inputs(self) -> dict[str, tuple[Path | None, ...]]:
        """Files that are read, by the option that names them."""
        return {"--encoder-table": self.files, "--table-locations": (self.locations,)}


NO_TABLES = TableRequest()


def make_tables(request: TableRequest) -> list[tuple[str, LocationEncoder]]:
    """The encoders of the files, each with a description for messages.

    Raises:
        BenchError: the numbers of files and names do not match, or a file cannot be used.
    """
    files, names = request.files, request.names
    if names and len(names) != len(files):
        raise BenchError(
            f"{len(files)} --encoder-table and {len(names)} --table-name do not match: give one "
            "name for every file, or none"
        )
    return [
        (
            f"--encoder-table {file}",
            TableEncoder(
                name or default_variant(file),
                file,
                columns=request.columns,
                lon=request.lon,
                lat=request.lat,
                sep=request.sep,
                layer=request.layer,
                locations=request.locations,
                match=request.match,
                max_km=request.max_km,
            ),
        )
        for file, name in zip(files, names or [""] * len(files), strict=True)
    ]


def table_options(request: TableRequest, name: str) -> str:
    """Options of `run` that make the encoder of a request's only file again.

    Args:
        request: one file.
        name: second part of the encoder's name.

    >>> table_options(TableRequest((Path("my farms.csv"),), max_km=5.0), "farms")
    "--encoder-table 'my farms.csv' --table-name farms --table-max-km 5"
    """
    values = {
        "encoder-table": request.files[0],
        "table-name": name,
        "table-columns": request.columns,
        "table-lon": request.lon,
        "table-lat": request.lat,
        "table-sep": request.sep,
        "table-layer": request.layer,
        "table-locations": request.locations,
        "table-match": None if request.match == "nearest" else request.match,
    }
    given = [f"--{option} {shlex.quote(str(v))}" for option, v in values.items() if v is not None]
    if request.max_km is None:
        given.append("--table-max-km none")
    elif request.max_km != MAX_KM:
        given.append(f"--table-max-km {request.max_km:.15g}")
    return " ".join(given)


def make_table(request: TableRequest, name: str | None = None) -> LocationEncoder:
    """The encoder of the only file of a request, or a combination with it.

    Args:
        request: one file.
        name: combination that has the encoder, such as `geoclip+table.farms`; None for the encoder
            alone.

    Raises:
        BenchError: there are several files, the file cannot be used, or the name does not have its
            encoder as a part.
    """
    if len(request.files) != 1:
        raise BenchError(f"give one --encoder-table, not {len(request.files)}")
    ((_, encoder),) = make_tables(request)
    if name is None or name == encoder.card.name:
        return encoder
    if "+" not in name:
        raise BenchError(
            f"{name} and --encoder-table are two encoders: leave one of them out, or join them "
            f"with a plus, as {name}+{encoder.card.name}"
        )
    return combine_named(name, {encoder.card.name: encoder})
