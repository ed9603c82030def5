"""MOSAIKS and the lookup in tables, compared with plain loops over generated tables.

Tables of the true layout are generated; one of api.mosaiks.org has not been at hand, so the card
says `verified: false`.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import CACHE_VARIABLE, sha256_file
from satclip_bench.core.sphere import EARTH_RADIUS_KM
from satclip_bench.encoders.base import Embedding
from satclip_bench.encoders.check import CORNERS, check_encoder
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.encoders.mosaiks import MAX_KM, MOSAIKS

Float = NDArray[np.float64]


def scattered(rows: int, seed: int = 0) -> Float:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    return np.stack([rng.uniform(-180, 180, rows), lat], axis=1)


def frame(lonlat: Float, columns: int = 5, seed: int = 1) -> pd.DataFrame:
    """A table in the layout of the API's files: Lat, Lon, X_0 and so on."""
    rng = np.random.default_rng(seed)
    values = rng.random((len(lonlat), columns), dtype=np.float32)
    table = pd.DataFrame(values, columns=[f"X_{i}" for i in range(columns)])
    table.insert(0, "Lon", lonlat[:, 0])
    table.insert(0, "Lat", lonlat[:, 1])
    return table


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


def haversine_km(a: Float, b: Float) -> float:
    (lon1, lat1), (lon2, lat2) = np.radians(a), np.radians(b)
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


def naive(table: pd.DataFrame, points: Float, max_km: float = math.inf) -> Embedding:
    """The nearest row for every point, by brute force."""
    features = table[[f"X_{i}" for i in range(table.shape[1] - 2)]].to_numpy(np.float32)
    out = np.zeros((len(points), features.shape[1]), np.float32)
    for i, point in enumerate(points):
        far = [haversine_km(point, place) for place in table[["Lon", "Lat"]].to_numpy()]
        if min(far) <= max_km:
            out[i] = features[int(np.argmin(far))]
    return out


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_the_nearest_row_of_every_format(name: str, tmp_path: Path) -> None:
    table = frame(scattered(300))
    encoder = MOSAIKS(write(table, tmp_path / name), max_km=None)
    points = np.concatenate([scattered(200, seed=5), CORNERS])
    assert encoder.card.dimension == 5
    assert np.array_equal(encoder.encode(points), naive(table, points))
    check_encoder(encoder)


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_the_contract_with_the_default_limit(tmp_path: Path) -> None:
    check_encoder(MOSAIKS(write(frame(CORNERS[:1]), tmp_path / "t.parquet")))


def test_every_place_in_a_cell_of_the_grid_is_covered_and_the_sea_is_not(tmp_path: Path) -> None:
    centres = np.array([[x, y] for x in (10.005, 10.015) for y in (0.005, 0.015)])
    table = frame(centres)
    path = write(table, tmp_path / "t.parquet")
    inside = np.array([[10.0, 0.0], [10.02, 0.02], [10.0099, 0.0001], [10.0101, 0.0001]])
    outside = np.array([[10.05, 0.01], [10.01, -0.02], [-169.995, 0.005]])
    points = np.concatenate([outside[:1], inside, outside[1:]])
    encoder = MOSAIKS(path)
    with pytest.warns(UncoveredPointsWarning, match=r"3 of 7 points \(row 0: 10.05, 0.01; row 5"):
        result = encoder.encode(points, batch_size=2)
    assert np.array_equal(result, naive(table, points, MAX_KM))
    assert not result[[0, 5, 6]].any()
    assert np.array_equal(encoder.encode(inside), result[1:5])
    with pytest.raises(EncoderError, match=r"3 of 7 points \(row 0: 10.05, 0.01; row 5: 10.01"):
        MOSAIKS(path, uncovered="error").encode(points)
    # A degree along the equator is 111.195 km.
    limits = np.array([[10.015 + 0.98 / 111.195, 0.015], [10.015 + 1.02 / 111.195, 0.015]])
    with pytest.warns(UncoveredPointsWarning, match=r"1 of 2 points \(row 1"):
        assert encoder.encode(limits).any(axis=1).tolist() == [True, False]
    assert MOSAIKS(path, max_km=None, uncovered="error").encode(points).all()


def test_neighbours_across_the_antimeridian_and_the_poles(tmp_path: Path) -> None:
    table = frame(np.array([[179.995, 10], [-170, 10], [30, 89.9], [0, -89.5], [180, -45]]))
    encoder = MOSAIKS(write(table, tmp_path / "t.csv"), max_km=60)
    rows = table[[f"X_{i}" for i in range(5)]].to_numpy(np.float32)
    points = np.array([[-179.995, 10], [180, 10], [-150, 89.9], [0, 90], [77, -90], [-180, -45]])
    assert np.array_equal(encoder.encode(points), rows[[0, 0, 2, 2, 3, 4]])


def test_columns_go_by_their_numbers_and_others_are_left_alone(tmp_path: Path) -> None:
    table = frame(scattered(20), columns=12)
    mixed = table[["X_10", "X_2", *[c for c in table if c not in {"X_10", "X_2"}]]]
    mixed = mixed.rename(columns={"Lon": "longitude", "Lat": "LAT"})
    mixed.insert(0, "Unnamed: 0", range(20))
    mixed["geometry"] = [b"\x01\x01\x00\x00\x00"] * 20
    mixed["continent"] = "none"
    points = scattered(30, seed=3)
    for name in ("t.parquet", "t.csv"):
        encoder = MOSAIKS(write(mixed, tmp_path / name), max_km=None)
        assert encoder.card.dimension == 12
        assert np.array_equal(encoder.encode(points), naive(table, points))


def test_rows_of_the_same_place(tmp_path: Path) -> None:
    table = frame(np.array([[10.0, 50.0], [20.0, 50.0], [180.0, 0.0]]))
    twice = pd.concat([table, table.iloc[[1, 2]]], ignore_index=True)
    twice.loc[4, "Lon"] = -180.0
    points = np.array([[10.0, 50.0], [20.0, 50.0], [-180.0, 0.0]])
    same = MOSAIKS(write(twice, tmp_path / "t.parquet")).encode(points)
    assert np.array_equal(same, naive(table, points))
    twice.loc[3, "X_3"] = 2.0
    with pytest.raises(EncoderError, match=r"row 3 is at 20, 50, as row 1 is.*one year"):
        MOSAIKS(write(twice, tmp_path / "u.parquet")).encode(points)
    # The antimeridian has two longitudes, and a pole has all.
    for one, other in (([180.0, 5.0], [-180.0, 5.0]), ([0.0, 90.0], [170.0, 90.0])):
        path = write(frame(np.array([one, other])), tmp_path / "v.parquet")
        with pytest.raises(EncoderError, match=f"row 1 is at {other[0]:g}, .*, as row 0 is"):
            MOSAIKS(path).encode(points)


def broken(fault: str, folder: Path) -> Path:
    table = frame(scattered(40))
    path = folder / "t.parquet"
    if fault == "nan":
        # Pandas would write a null.
        holes = pa.array([np.nan if i == 7 else 0.5 for i in range(40)], pa.float32())
        whole = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(whole.set_column(4, "X_2", holes), path)
        return path
    if fault == "infinite":
        table.loc[[3, 9], "X_2"] = np.inf
    elif fault == "too large":
        table = table.astype({"X_4": np.float64})
        table.loc[3, "X_4"] = 1e300
    elif fault == "null":
        table.loc[11, "X_0"] = np.nan
    elif fault == "csv hole":
        table.loc[7, "X_2"] = np.nan
        path = folder / "t.csv"
    elif fault == "text":
        table["X_1"] = "forest"
    elif fault == "csv text":
        table = table.astype({"X_1": object})
        table.loc[5, "X_1"] = "n/a!"
        path = folder / "t.csv"
    elif fault == "no longitude":
        table = table.drop(columns="Lon")
    elif fault == "two latitudes":
        table["latitude"] = table["Lat"]
    elif fault == "no features":
        table = table[["Lat", "Lon"]]
    elif fault == "gap":
        table = table.drop(columns="X_3")
    elif fault == "twice":
        table["X_04"] = table["X_4"]
    elif fault == "swapped":
        table = table.rename(columns={"Lat": "Lon", "Lon": "Lat"})
    elif fault == "no place":
        table.loc[5, "Lon"] = np.nan
    elif fault == "empty":
        table = table.iloc[:0]
    elif fault in {"truncated", "not parquet"}:
        write(table, path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if fault == "truncated" else b"Lat,Lon,X_0")
        return path
    elif fault == "truncated csv":
        write(table, path := folder / "t.csv")
        path.write_text(path.read_text()[:-30])
        return path
    elif fault == "truncated gz":
        write(table, path := folder / "t.csv.gz")
        path.write_bytes(path.read_bytes()[:-200])
        return path
    elif fault == "no gz":
        path = folder / "t.csv.gz"
        path.write_bytes(gzip.compress(b"")[:4])
        return path
    elif fault == "format":
        path = folder / "t.feather"
        path.write_bytes(b"ARROW1")
        return path
    return write(table, path)


@pytest.mark.filterwarnings("ignore::satclip_bench.core.sphere.SwappedCoordinatesWarning")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("nan", "rows 7 (counted from 0) have values that are missing or not finite"),
        ("infinite", "rows 3, 9 (counted"),
        ("too large", "rows 3 (counted"),
        ("null", "row 11 in X_0"),
        ("csv hole", "rows 7 (counted"),
        ("text", "'X_1' cannot be read as numbers (row 0: 'forest'"),
        ("csv text", "n/a!"),
        ("no longitude", "it has none. Its first columns are Lat, X_0"),
        ("two latitudes", "it has Lat, latitude"),
        ("no features", "no column like"),
        ("gap", "X_4 where number 3 should come"),
        ("twice", "should be numbered"),
        ("swapped", "beyond 90 degrees of latitude"),
        ("no place", "1 of 40 points are not finite (row 5: nan,"),
        ("empty", "no rows"),
        ("truncated", "cannot be read"),
        ("not parquet", "cannot be read"),
        ("truncated csv", "cannot be read"),
        ("truncated gz", "cannot be read"),
        ("no gz", "cannot be read"),
        ("format", "its name should end with .csv"),
    ],
)
def test_bad_tables_are_refused_by_name(fault: str, words: str, tmp_path: Path) -> None:
    path = broken(fault, tmp_path)
    encoder = MOSAIKS(path)
    with pytest.raises(EncoderError) as caught:
        encoder.encode([[0, 0]])
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_the_card_needs_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    encoder = MOSAIKS()
    assert encoder.card.dimension == 4000
    assert dict(encoder.card.parameters) == {"max_km": 1.0, "uncovered": "zeros"}
    assert MOSAIKS(max_km=None).card.parameters["max_km"] == "no limit"
    assert encoder.weights_sha256 == ""
    with pytest.raises(EncoderError, match=r"mosaiks\.parquet.*api\.mosaiks\.org"):
        encoder.encode([[0, 0]])
    (tmp_path / "weights").mkdir()
    path = write(frame(scattered(9), columns=3), tmp_path / "weights" / "mosaiks.parquet")
    cached = MOSAIKS(max_km=None)
    assert cached.card.dimension == 3
    assert cached.weights_sha256 == sha256_file(path)
    assert cached.encode([[0, 0]]).shape == (1, 3)


@pytest.mark.parametrize("limit", [0, -1, math.nan, math.inf])
def test_a_limit_is_a_distance(limit: float) -> None:
    with pytest.raises(EncoderError, match="max_km must be a positive distance, or None"):
        MOSAIKS(max_km=limit)
