"""Encoders of precomputed embeddings: files of each format, compared with loops over all rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.embeddings import embedding_key, encoder_settings
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.sphere import great_circle_km
from satclip_bench.encoders import check_encoder, get_encoder, list_encoders
from satclip_bench.encoders.lookup.columns import embedding_columns
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.encoders.table import TableEncoder, default_variant
from satclip_bench.tasks import get_task
from tests.encoders.test_alphaearth import (
    AXES,
    PIXEL,
    SOUTH,
    WEST,
    geotiff,
    lonlat_of,
    quantised,
    restored,
)

Float = NDArray[np.float64]


def scattered(rows: int, seed: int = 0) -> Float:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    return np.stack([rng.uniform(-180, 180, rows), lat], axis=1)


def frame(lonlat: Float, columns: int = 3, seed: int = 1) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(len(lonlat), columns)).astype(np.float32)
    table = pd.DataFrame(values, columns=[f"e{i}" for i in range(columns)])
    return table.assign(name="place", lon=lonlat[:, 0], lat=lonlat[:, 1])


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix in (".gpkg", ".geoparquet"):
        geometry = gpd.points_from_xy(table["lon"], table["lat"])
        places = gpd.GeoDataFrame(table, geometry=geometry, crs="EPSG:4326")
        if path.suffix == ".gpkg":
            places.to_file(path)
        else:
            places.to_crs("EPSG:3857").drop(columns=["lon", "lat"]).to_parquet(path)
    elif path.suffix == ".npz":
        values = table.filter(regex=r"^e\d+$").to_numpy()
        np.savez(path, vectors=values, lonlat=table[["lon", "lat"]].to_numpy())
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


def naive(table: pd.DataFrame, points: Float, max_km: float) -> NDArray[np.float32]:
    """Embeddings by a loop over all pairs of points and rows."""
    values = table.filter(regex=r"^e\d+$").to_numpy(np.float32)
    out = np.zeros((len(points), values.shape[1]), np.float32)
    for i, point in enumerate(points):
        places = table[["lon", "lat"]].to_numpy()
        km = great_circle_km(np.broadcast_to(point, places.shape), places)
        if km.min() <= max_km:
            out[i] = values[np.argmin(km)]
    return out


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.parquet", "t.gpkg", "t.geoparquet", "t.npz"]
)
def test_every_format_gives_the_nearest_row(name: str, tmp_path: Path) -> None:
    table, points = frame(scattered(80)), scattered(60, seed=2)
    path = write(table, tmp_path / name)
    encoder = get_encoder("table.mine", file=path, max_km=900)
    expected = naive(table, points, 900)
    assert 5 < (~expected.any(axis=1)).sum() < 55, "the limit matters"
    assert encoder.encode(points) == pytest.approx(expected, abs=1e-6)
    assert encoder.card.name == "table.mine"


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.integers(1, 40),
    max_km=st.floats(0.01, 20_000),
    seed=st.integers(0, 99),
)
def test_any_table_gives_the_nearest_row(
    rows: int, max_km: float, seed: int, tmp_path: Path
) -> None:
    table, points = frame(scattered(rows, seed)), scattered(9, seed + 100)
    path = write(table, tmp_path / "t.npz")
    result = TableEncoder("mine", path, max_km=max_km).encode(points)
    assert np.array_equal(result, naive(table, points, max_km))


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_the_contract(tmp_path: Path) -> None:
    path = write(frame(scattered(50)), tmp_path / "t.parquet")
    for options in ({"max_km": None}, {"max_km": 500}, {"match": "exact"}):
        check_encoder(TableEncoder("mine", path, **options))
    assert not any(name.startswith("table") for name in list_encoders())


def test_exact_match_is_at_the_same_place(tmp_path: Path) -> None:
    places = scattered(30)
    encoder = TableEncoder("mine", write(frame(places), tmp_path / "t.csv"), match="exact")
    assert encoder.encode(places.round(7)).any(axis=1).all()
    metre = places + np.array([0, 1e-5])
    with pytest.warns(UncoveredPointsWarning, match="30 of 30 points"):
        assert not encoder.encode(metre).any()
    why = encoder.why_uncovered(metre)
    assert "The nearest row is 1.11 m away" in why
    assert "--table-match nearest covers" in why


def test_a_changed_file_or_option_is_another_encoder(tmp_path: Path) -> None:
    table = frame(scattered(30))
    path = write(table, tmp_path / "t.parquet")
    task = get_task("median_income").load()
    keys, settings_of = set(), []
    for options in ({}, {"max_km": 2}, {"columns": "e0,e1"}, {"match": "exact"}):
        encoder = TableEncoder("mine", path, **options)
        keys.add(embedding_key(encoder, task))
        settings_of.append(encoder_settings("table.mine", encoder))
    table["e2"] += 1
    changed = TableEncoder("mine", write(table, path))
    keys.add(embedding_key(changed, task))
    settings_of.append(encoder_settings("table.mine", changed))
    assert len(keys) == len({str(one) for one in settings_of}) == 5
    again = TableEncoder("other.name", write(table, tmp_path / "copy.parquet"))
    assert again.weights_sha256 == changed.weights_sha256
    assert dict(again.card.parameters) == dict(changed.card.parameters), "no path is in them"


def test_columns_are_found_or_chosen() -> None:
    assert embedding_columns(["id", "10", "2", "1", "0"], "1*", "t") == ["10", "1"]
    assert embedding_columns([*AXES, "year"], None, "t") == AXES
    numbers = [str(i) for i in range(12)]
    assert embedding_columns(["id", *sorted(numbers)], None, "t") == numbers
    assert embedding_columns(["b2", "b1", "geo"], None, "t") == ["b1", "b2"]
    assert embedding_columns(["x", "v"], None, "t", lists=["v"]) == ["v"]
    with pytest.raises(EncoderError, match=r"several columns .*: a0 to a1; b0 to b1"):
        embedding_columns(["a0", "a1", "b0", "b1"], None, "t")
    with pytest.raises(EncoderError, match=r"no columns with numbered names.*it has a0, a2"):
        embedding_columns(["a0", "a2"], None, "t")
    with pytest.raises(BenchError, match=r"no column is called 'f0'\. Did you mean"):
        embedding_columns(["e0", "e1"], "f0", "t")
    assert default_variant(Path("a/b.c.csv.gz")) == "b.c"


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 3)])
def test_a_column_of_lists(kind: pa.DataType, tmp_path: Path) -> None:
    places, values = scattered(40), frame(scattered(40)).filter(regex="^e").to_numpy()
    vectors: list[Any] = [*values.tolist()]
    vectors[7] = None
    table = pa.table(
        {
            "centre_lon": places[:, 0],
            "centre_lat": places[:, 1],
            "vector": pa.array(vectors, kind),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    encoder = TableEncoder("mine", tmp_path / "t.parquet", lon="centre_lon", lat="centre_lat")
    with pytest.warns(UncoveredPointsWarning, match="1 of 40"):
        result = encoder.encode(places)
    expected = values.copy()
    expected[7] = 0
    assert result == pytest.approx(expected, abs=1e-6)
    assert "1 rows without an embedding left out" in encoder.card.description
    vectors[9] = vectors[9][:2]
    if not pa.types.is_fixed_size_list(kind):
        ragged = table.set_column(2, "vector", pa.array(vectors, kind))
        pq.write_table(ragged, tmp_path / "r.parquet")
        with pytest.raises(EncoderError, match="'vector' have 2 to 3 values"):
            TableEncoder("mine", tmp_path / "r.parquet", lon="centre_lon", lat="centre_lat")


@pytest.mark.parametrize("number", [pa.int8(), pa.int16(), pa.float32()])
def test_values_missing_in_lists_are_errors(number: pa.DataType, tmp_path: Path) -> None:
    places = scattered(4)
    vectors: list[list[int | None]] = [[1, 2], [3, None], [5, 6], [None, 8]]
    for kind in (pa.list_(number), pa.list_(number, 2), pa.large_list(number)):
        table = pa.table({"lon": places[:, 0], "lat": places[:, 1], "v": pa.array(vectors, kind)})
        pq.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(EncoderError, match=r"rows 1, 3 \(counted from 0\).* row 1 in 1\."):
            TableEncoder("mine", tmp_path / "t.parquet")


def test_rows_without_an_embedding_are_left_out(tmp_path: Path) -> None:
    table = frame(scattered(30))
    table.loc[[4, 8], ["e0", "e1", "e2"]] = np.nan
    again = pd.concat([table, table.iloc[[2]]], ignore_index=True)
    for name in ("t.csv", "t.parquet", "t.npz"):
        encoder = TableEncoder("mine", write(again, tmp_path / name))
        with pytest.warns(UncoveredPointsWarning, match="2 of 30"):
            result = encoder.encode(table[["lon", "lat"]].to_numpy())
        assert np.flatnonzero(~result.any(axis=1)).tolist() == [4, 8]
        assert "1 repeated rows left out" in encoder.card.description


def broken(fault: str, table: pd.DataFrame) -> pd.DataFrame:
    if fault == "no coordinates":
        return table.drop(columns=["lon", "lat"])
    if fault == "other coordinates":
        return table.rename(columns={"lon": "x", "lat": "y"})
    if fault == "swapped":
        return table.rename(columns={"lon": "lat", "lat": "lon"})
    if fault == "no rows":
        return table.iloc[:0]
    if fault == "twice":
        return pd.concat([table, table.iloc[[3]].assign(e1=9.0)], ignore_index=True)
    if fault == "hole":
        table.loc[5, "e1"] = np.nan
    elif fault == "empty column":
        table["e1"] = np.nan
    elif fault == "infinite":
        table.loc[5, "e2"] = np.inf
    elif fault == "text":
        table["e1"] = table["e1"].astype(str)
        table.loc[6, "e1"] = "about 3"
    elif fault == "no place":
        table.loc[5, "lat"] = np.nan
    return table


@pytest.mark.filterwarnings("ignore::satclip_bench.core.sphere.SwappedCoordinatesWarning")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no coordinates", "--table-lon and --table-lat"),
        ("other coordinates", "Its first columns are e0, e1, e2, name, x, y"),
        ("swapped", "the columns look swapped; longitude comes first"),
        ("no rows", "has no rows"),
        ("twice", r"row 30 is at .*, as row 3 is. Keep one row per place"),
        ("hole", r"rows 5 \(counted from 0\) have values that are missing .*row 5 in e1"),
        ("empty column", "no row has a finite value in e1. Choose other columns"),
        ("infinite", "row 5 in e2"),
        ("text", r"'e1' cannot be read as numbers \(row 6: 'about 3'\)"),
        ("no place", r"1 of 30 points are not finite \(row 5"),
    ],
)
def test_bad_tables_are_refused(fault: str, words: str, suffix: str, tmp_path: Path) -> None:
    path = write(broken(fault, frame(scattered(30))), tmp_path / f"t{suffix}")
    with pytest.raises(EncoderError, match=words) as caught:
        TableEncoder("mine", path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"v": np.ones((4, 2))}, "should have an array called lonlat"),
        ({"v": np.ones((4, 2)), "lonlat": np.zeros((3, 2))}, "v has 4 rows, and there are 3"),
        ({"v": np.ones((4, 2)), "lon": np.zeros(4), "lat": np.zeros(3)}, "lat has 3"),
        ({"v": np.ones(4), "lonlat": np.zeros((4, 2))}, "no arrays of two dimensions"),
        (
            {"v": np.ones((4, 2)), "w": np.ones((4, 2)), "lonlat": np.zeros((4, 2))},
            "2 arrays of two .* --table-columns",
        ),
        ({"v": np.array([["a"]]), "lonlat": np.zeros((1, 2))}, "v is <U1 of shape"),
        ({"v": np.ones((0, 2)), "lonlat": np.zeros((0, 2))}, "has no rows"),
    ],
)
def test_bad_arrays_are_refused(
    arrays: dict[str, NDArray[Any]], words: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match=words):
        TableEncoder("mine", tmp_path / "t.npz")


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", v=np.array([{}], dtype=object), lonlat=np.zeros((1, 2)))
    with pytest.raises(EncoderError, match="pickled objects"):
        TableEncoder("mine", tmp_path / "t.npz")


def test_options_that_do_not_apply_are_refused(tmp_path: Path) -> None:
    path = write(frame(scattered(9)), tmp_path / "t.parquet")
    tiff = geotiff(tmp_path / "t.tif", quantised(8, 8))
    for file, options, words in (
        (path, {"sep": ";"}, "leave out --table-sep"),
        (write(frame(scattered(9)), tmp_path / "t.npz"), {"layer": "a"}, "leave out --table-layer"),
        (tiff, {"columns": "A*"}, "leave out --table-columns"),
        (path, {"locations": path, "lon": "x"}, "has ids: leave out --table-lon"),
        (path, {"match": "best"}, "match is nearest or exact"),
        (path, {"max_km": 0}, "max_km must be a positive distance"),
        (tmp_path / "none.csv", {}, "there is no file"),
        (tmp_path, {}, "has no tiles of TESSERA"),
    ):
        with pytest.raises(BenchError, match=words):
            TableEncoder("mine", file, **options)
    with pytest.raises(BenchError, match="contains a comma"):
        TableEncoder("a,b", path)
    with pytest.raises(BenchError, match=r"table\.mine is made from a file: give --encoder-table"):
        get_encoder("table.mine")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_bytes_of_alphaearth_are_dequantised(suffix: str, tmp_path: Path) -> None:
    places, values = scattered(20), quantised(1, 20).reshape(64, -1).T.copy()
    values[3] = -128
    expected = np.array([[restored(int(byte)) for byte in row] for row in values])
    expected[3] = 0
    table = pd.DataFrame(values, columns=AXES).assign(lon=places[:, 0], lat=places[:, 1])
    encoder = TableEncoder("aef", write(table, tmp_path / f"t{suffix}"))
    with pytest.warns(UncoveredPointsWarning, match="1 of 20"):
        assert encoder.encode(places) == pytest.approx(expected, abs=1e-6)
    assert "AlphaEarth" in encoder.card.description
    assert "elevation" in encoder.card.contaminates
    # Numbers that are not bytes are embeddings already.
    floats = pd.DataFrame(expected[4:], columns=AXES).assign(lon=places[4:, 0], lat=places[4:, 1])
    same = TableEncoder("aef", write(floats, tmp_path / f"f{suffix}"))
    assert same.encode(places[4:]) == pytest.approx(expected[4:], abs=1e-5)


def test_a_geotiff_is_read_by_pixel(tmp_path: Path) -> None:
    pixels = quantised(40, 40)
    lonlat = lonlat_of(WEST + PIXEL * np.array([3.5, 20.5]), SOUTH + PIXEL * np.array([7.5, 9.5]))
    encoder = TableEncoder("aef", geotiff(tmp_path / "t.tif", pixels))
    expected = [[restored(int(b)) for b in pixels[:, 7, 3]]]
    assert encoder.encode(lonlat)[:1] == pytest.approx(np.array(expected), abs=1e-6)
    # Bytes of anything else are numbers.
    other = TableEncoder("other", geotiff(tmp_path / "o.tif", pixels[:5]))
    assert other.encode(lonlat).tolist() == pixels[:5, [7, 9], [3, 20]].T.tolist()


def test_embeddings_of_samples_are_joined_by_id(tmp_path: Path) -> None:
    places, values = scattered(30), frame(scattered(30), columns=12)
    numbered = values.filter(regex="^e").rename(columns=lambda name: name[1:])
    ids = [f"sample_{i:03d}" for i in range(30)]
    table = pd.concat([pd.Series(ids, name="id") + ".zarr.zip", numbered], axis=1)
    table[["id", *sorted(numbered.columns)]].to_csv(tmp_path / "neuco.csv", index=False)
    where = pd.DataFrame({"id": ids, "lon": places[:, 0], "lat": places[:, 1]})
    where.sample(frac=1, random_state=0).to_csv(tmp_path / "where.csv", index=False)
    options: dict[str, Any] = {"locations": tmp_path / "where.csv"}
    encoder = TableEncoder("neuco", tmp_path / "neuco.csv", **options)
    assert encoder.encode(places) == pytest.approx(numbered.to_numpy(), abs=1e-5)

    where.iloc[1:].to_csv(tmp_path / "where.csv", index=False)
    with pytest.raises(EncoderError, match=r"no place for 1 of the 30 ids .*'sample_000'"):
        TableEncoder("neuco", tmp_path / "neuco.csv", **options)
    where.iloc[[0, *range(30)]].to_csv(tmp_path / "where.csv", index=False)
    with pytest.raises(EncoderError, match=r"where\.csv has the id 'sample_000' more than once"):
        TableEncoder("neuco", tmp_path / "neuco.csv", **options)
    where.rename(columns={"id": "key"}).to_csv(tmp_path / "where.csv", index=False)
    with pytest.raises(EncoderError, match=r"where\.csv has no column 'id'"):
        TableEncoder("neuco", tmp_path / "neuco.csv", **options)
    with pytest.raises(EncoderError, match="should have one column called lon"):
        TableEncoder("neuco", tmp_path / "neuco.csv")


def test_swapped_columns_that_are_valid_are_suspected(tmp_path: Path) -> None:
    places = np.stack([np.linspace(5, 15, 20), np.linspace(45, 55, 20)], axis=1)
    encoder = TableEncoder("mine", write(frame(places[:, ::-1]), tmp_path / "t.csv"))
    assert "With lon and lat of the table swapped" in encoder.why_uncovered(places)
    assert "greater --table-max-km" in encoder.why_uncovered(places + 20)
