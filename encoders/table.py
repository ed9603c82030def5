"""Precomputed embeddings from a user's file: a table, arrays, a GeoTIFF or tiles of TESSERA."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import missing_file, sha256_file
from satclip_bench.core.point_files import file_stem, file_suffix
from satclip_bench.core.read_options import ReadOptions
from satclip_bench.encoders.alphaearth import CONTAMINATES, dequantise
from satclip_bench.encoders.base import EncoderCard, LocationEncoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.custom.names import name_problem
from satclip_bench.encoders.lookup import arrays, raster
from satclip_bench.encoders.lookup.columns import embedding_columns
from satclip_bench.encoders.lookup.identified import read_identified
from satclip_bench.encoders.lookup.nearest import NearestRows, require_max_km
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.raster import Raster
from satclip_bench.encoders.lookup.table import Columns, EmbeddedPlaces, list_columns, read_rows
from satclip_bench.encoders.lookup.tessera import TesseraTiles

FAMILY = "table"
"""First part of the names of these encoders."""

Match = Literal["nearest", "exact"]
"""How a point finds its row: the nearest one within a distance, or one at the same place."""

VERSION = 1
"""Version of these encoders, increased when the same file starts to give other numbers."""

MAX_KM = 1.0
"""Default largest distance to a row."""

EXACT_KM = 2e-5
"""Distance of 2 cm up to which a point and a row are at the same place: coordinates that were
written with seven decimals differ by at most 1.6 cm."""

AXES = [f"A{axis:02d}" for axis in range(64)]
"""Columns of AlphaEarth's embedding."""


class TableEncoder(PartialEncoder):
    """Precomputed embeddings of a file, looked up by place.

    The file is read when the encoder is made. Its hash and the options are part of every record's
    key, so that a changed file is another encoder.

    Args:
        variant: second part of the encoder's name, such as `farms` for `table.farms`.
        file: CSV, Parquet, GeoParquet, GeoPackage or another vector file of points with the
            embedding in columns, or in one column of lists; `.npz` with arrays; GeoTIFF; or a
            folder of TESSERA's tiles.
        columns: columns of the embedding, names or wildcards separated by commas, such as `A*`; by
            default the only columns with numbered names or the only column of lists. For `.npz`,
            the name of the array.
        lon: column of longitudes in degrees; by default one with a usual name.
        lat: column of latitudes in degrees; by default one with a usual name.
        sep: separator of a text file; by default the one that fits its header.
        layer: layer of a vector file; by default the only one.
        locations: table with the columns `id`, `lon` and `lat`, if `file` has a column `id` in
            place of coordinates, as for NeuCo-Bench.
        match: `nearest` for the nearest row, by great-circle distance; `exact` for a row at the
            same place.
        max_km: largest distance to the nearest row in km; None for no limit.
        uncovered: treatment of points without a row or pixel: `zeros` or `error`.

    Raises:
        BenchError: the file cannot be read, its columns cannot be told, or an option does not
            apply to it; the message says what to do.

    AlphaEarth's bytes (columns A00 to A63, or a GeoTIFF of 64 int8 bands) are dequantised.
    """

    def __init__(
        self,
        variant: str,
        file: str | Path,
        columns: str | None = None,
        lon: str | None = None,
        lat: str | None = None,
        sep: str | None = None,
        layer: str | None = None,
        locations: str | Path | None = None,
        match: Match = "nearest",
        max_km: float | None = MAX_KM,
        uncovered: Uncovered = "zeros",
    ) -> None:
        super().__init__(uncovered)
        if problem := name_problem(variant):
            raise EncoderError(f"{variant!r} cannot be the name of an encoder: {problem}")
        if match not in get_args(Match):
            raise EncoderError(f"match is {' or '.join(get_args(Match))}, not {match!r}")
        require_max_km(max_km)
        path = Path(file).expanduser()
        where = None if locations is None else Path(locations).expanduser()
        options = ReadOptions(lon=lon, lat=lat, sep=sep, layer=layer)
        self._match = match
        self._limit_km = EXACT_KM if match == "exact" else max_km
        self._source, facts = _open(path, where, columns, options, self._limit_km)
        self._alphaearth = facts.alphaearth
        source = self._source
        self._sha256 = source.sha256 if isinstance(source, TesseraTiles) else sha256_file(path)
        parameters: dict[str, str | int | float] = {"uncovered": uncovered}
        if isinstance(self._source, NearestRows):
            parameters["match"] = match
            if match == "nearest":
                parameters["max_km"] = "no limit" if max_km is None else max_km
        if isinstance(self._source, Raster):
            parameters |= self._source.parameters
        given = {"columns": columns, **options.model_dump()}
        parameters |= {name: value for name, value in given.items() if value is not None}
        if where is not None:
            parameters["locations_sha256"] = sha256_file(where)
        self.card = EncoderCard(
            name=f"{FAMILY}.{variant}",
            title=f"Table {variant}",
            dimension=facts.dimension,
            description=f"Precomputed embeddings from {path.name}: {facts.description}. Other "
            "points are not covered: their embedding is zeros with a warning, or an error if "
            "uncovered is `error`.",
            licence="that of the file",
            training_data="unknown: the embeddings were computed elsewhere",
            contaminates=CONTAMINATES if facts.alphaearth else (),
            parameters=parameters,
            version=VERSION,
        )

    @property
    @override
    def weights_sha256(self) -> str:
        """SHA-256 of the file, or of all tiles, as it was when the encoder was made."""
        return self._sha256

    @override
    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        if isinstance(self._source, TesseraTiles):
            return self._source.groups(lonlat)
        if isinstance(self._source, Raster):
            return self._source.tiles(lonlat)
        return super().groups(lonlat)

    @override
    def reference_points(self, max_places: int) -> NDArray[np.float64] | None:
        # A table of one region covers hardly any of the points spread over the sphere.
        return (
            self._source.some_places(max_places) if isinstance(self._source, NearestRows) else None
        )

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        values, covered = self._source.look_up(lonlat)
        embedding = np.full(values.shape, np.nan, dtype=np.float32)
        # The bytes of a table were dequantised when it was read.
        is_bytes = self._alphaearth and values.dtype == np.int8
        found = values[covered]
        embedding[covered] = dequantise(found, self.card.name) if is_bytes else found
        return embedding

    def covered(self, lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each point has a row or pixel, `(n,)`.

        Args:
            lonlat: `(n, 2)` degrees, longitude first.
        """
        return self._source.look_up(lonlat)[1]

    @override
    def why_uncovered(self, lonlat: NDArray[np.float64]) -> str:
        if not isinstance(self._source, NearestRows):
            return ""
        nearest = float(self._source.distance_km(lonlat).min())
        why = f"The nearest row is {_distance(nearest)} away from a point, "
        why += f"and the limit is {_distance(self._limit_km or np.inf)}."
        swapped = lonlat[np.abs(lonlat[:, 0]) <= 90][:, ::-1]
        if self._source.covers(swapped).any():
            return f"{why} With lon and lat of the table swapped, points would be covered."
        if self._match == "exact":
            return f"{why} --table-match nearest covers points that are further away."
        return f"{why} A greater --table-max-km covers more points."


class _Facts(NamedTuple):
    """What the card says about a file."""

    dimension: int
    description: str
    alphaearth: bool = False


def _open(
    path: Path,
    locations: Path | None,
    columns: str | None,
    options: ReadOptions,
    limit_km: float | None,
) -> tuple[NearestRows | Raster | TesseraTiles, _Facts]:
    is_table = not path.is_dir() and file_suffix(path) not in raster.SUFFIXES
    if not is_table:
        given = [n for n, value in options.model_dump().items() if value is not None]
        given += ["columns"] * (columns is not None) + ["locations"] * (locations is not None)
        if given:
            raise EncoderError(f"{path} is not a table: leave out --table-{given[0]}")
    if path.is_dir():
        tiles = TesseraTiles(path)
        return tiles, _Facts(tiles.bands, f"pixels of {len(tiles):,} tiles of TESSERA")
    if not path.is_file():
        raise EncoderError(missing_file(path))
    if not is_table:
        pixels = Raster(path)
        bytes_of_alphaearth = pixels.bands == len(AXES) and pixels.dtype == "int8"
        return pixels, _Facts(pixels.bands, "pixels", alphaearth=bytes_of_alphaearth)
    places = _read(path, locations, columns, options)
    alphaearth = list(places.columns) == AXES
    values = _dequantised(places.values, str(path)) if alphaearth else places.values
    left_out = f", {places.masked:,} rows without an embedding left out" if places.masked else ""
    left_out += f", {places.repeated:,} repeated rows left out" if places.repeated else ""
    within = "without a limit" if limit_km is None else f"within {_distance(limit_km)}"
    what = "AlphaEarth, " if alphaearth else ""
    names = _range(places.columns)
    return NearestRows(places.lonlat, values, limit_km), _Facts(
        values.shape[1],
        f"{what}the nearest of {len(values):,} places {within}, columns {names}{left_out}",
        alphaearth=alphaearth,
    )


def _read(
    path: Path, locations: Path | None, columns: str | None, options: ReadOptions
) -> EmbeddedPlaces:
    def choose(types: Columns) -> list[str]:
        return embedding_columns([*types], columns, str(path), list_columns(types))

    if locations is not None:
        for name in ("lon", "lat", "layer"):
            if getattr(options, name) is not None:
                raise EncoderError(f"{path} has ids: leave out --table-{name}")
        return read_identified(path, locations, choose, options.sep)
    if file_suffix(path) == arrays.SUFFIX:
        for name in ("sep", "layer"):
            if getattr(options, name) is not None:
                raise EncoderError(f"{path} has arrays: leave out --table-{name}")
        return arrays.read_arrays(path, columns, options.lon, options.lat)
    return read_rows(path, choose, options)


def _dequantised(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    """AlphaEarth's embedding, from bytes in any number format, or from numbers as they are."""
    if values.dtype != np.int8:
        largest = np.abs(values).max()
        if 1 < largest <= 128 and (values % 1 == 0).all():
            values = values.astype(np.int8)
    return dequantise(values, where)


def _range(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _distance(km: float) -> str:
    """A distance in words.

    >>> _distance(0.00002), _distance(0.25), _distance(12.345)
    ('2 cm', '250 m', '12.3 km')
    """
    if km < 1e-3:
        return f"{km * 1e5:.3g} cm"
    return f"{km * 1e3:.3g} m" if km < 1 else f"{km:.3g} km"


def joined_tables(encoder: LocationEncoder) -> tuple[TableEncoder, ...]:
    """The tables in a combination; none for any other encoder."""
    parts = encoder.parts if isinstance(encoder, Combined) else ()
    return tuple(part for part in parts if isinstance(part, TableEncoder))


def default_variant(file: Path) -> str:
    """Second part of the name of an encoder that a file makes: the file's name without its ending.

    >>> default_variant(Path("data/my farms.parquet"))
    'my-farms'
    """
    stem = file.name if file.is_dir() else file_stem(file)
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "file"


def from_variant(variant: str, **options: Any) -> TableEncoder:
    """Make the encoder `table.<name>` of a file.

    Raises:
        EncoderError: no file is given, or it cannot be used.
    """
    if "file" not in options:
        raise EncoderError(
            f"the encoder {FAMILY}.{variant} is made from a file: give --encoder-table FILE "
            f"--table-name {variant}, or in Python "
            f'get_encoder("{FAMILY}.{variant}", file="embeddings.parquet")'
        )
    return TableEncoder(variant, **options)
