"""The command `embed`, as a user runs it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pyarrow import csv

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import embed as command
from satclip_bench.benchmarks.commands.embedding_writers import METADATA_KEY
from satclip_bench.core import point_files
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import process_mark
from satclip_bench.core.point_files import open_points
from satclip_bench.encoders import get_encoder

LONLAT = np.array([[13.4, 52.5], [-70.25, -33.5], [180, 0], [0, 90], [359, 1]])


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "fips": ["01001", "01003", "02013", "", "5"],
            "Longitude": LONLAT[:, 0],
            "lat": LONLAT[:, 1],
            "n": range(5),
        }
    )


def geo(crs: str = "EPSG:4326") -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(LONLAT[:4, 0], LONLAT[:4, 1], crs="EPSG:4326")
    return gpd.GeoDataFrame({"n": range(4)}, geometry=points).to_crs(crs)


def write(path: Path) -> Path:
    if path.suffix == ".csv":
        frame().to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    elif path.name == "points.parquet":
        frame().to_parquet(path)
    elif path.suffix == ".parquet":
        geo("EPSG:4326").to_parquet(path)
    else:
        geo("EPSG:4326" if path.suffix == ".geojson" else "EPSG:3857")[:3].to_file(path)
    return path


def embed(points: Path, out: Path, *options: str, encoder: str = "cartesian3d") -> int:
    arguments = ["embed", "--encoder", encoder, "--points", str(points), "--out", str(out)]
    return main([*arguments, *options])


def encoder_file(folder: Path, body: str, name: str = "mine") -> str:
    """A custom encoder of one column in a new file, as `FILE:CLASS`."""
    source = folder / "mine.py"
    source.write_text(
        "import numpy as np\n"
        "from satclip_bench.encoders import Encoder, EncoderCard\n"
        "class Mine(Encoder):\n"
        f"    card = EncoderCard(name='{name}', title='Mine', dimension=1)\n"
        "    def forward(self, lonlat):\n"
        f"        {body}\n"
    )
    return f"{source}:Mine"


def test_temporary_files_of_killed_processes_are_deleted(tmp_path: Path) -> None:
    points, out = write(tmp_path / "points.csv"), tmp_path / "o[1].parquet"
    # Numbers of processes are smaller than this one.
    killed = tmp_path / f".{out.name}.{process_mark(2**22 + 1)}abcdefgh.part"
    others = [
        tmp_path / f".{out.name}.{process_mark()}abcdefgh.part",
        tmp_path / f".o1.parquet.{process_mark(2**22 + 1)}abcdefgh.part",
    ]
    for path in (killed, *others):
        path.write_text("")
    assert embed(points, out) == 0
    assert not killed.exists()
    assert all(path.exists() for path in others)


def vectors(table: pd.DataFrame) -> NDArray[np.float32]:
    values: NDArray[np.float32] = table.filter(regex=r"^e\d+$").to_numpy()
    return values


@pytest.mark.parametrize(
    "name",
    [
        "points.csv",
        "points.parquet",
        "geo.parquet",
        "points.gpkg",
        "points.geojson",
        "points.fgb",
        "points.shp",
    ],
)
def test_every_format_gives_the_embedding_of_its_points(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out" / "embeddings.parquet"
    assert embed(write(tmp_path / name), out) == 0
    table = pd.read_parquet(out).sort_values("n")
    lonlat = LONLAT[: len(table)]
    assert len(table) >= 3
    expected = get_encoder("cartesian3d").encode(lonlat)
    assert np.abs(vectors(table) - expected).max() < 1e-6
    assert vectors(table).dtype == np.float32
    if name != "points.csv" and name != "points.parquet":
        assert np.abs(table[["lon", "lat"]].to_numpy() - lonlat).max() < 1e-6


def test_columns_are_kept_digit_for_digit(tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    embed(write(tmp_path / "points.csv"), out)
    table = pd.read_parquet(out)
    assert list(table["fips"].fillna("")) == ["01001", "01003", "02013", "", "5"]
    assert list(table.columns) == ["fips", "Longitude", "lat", "n", "e0", "e1", "e2"]


def test_the_card_travels_with_the_file(tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    embed(write(tmp_path / "points.csv"), out, encoder="harmonics.l7")
    about = json.loads(pq.read_schema(out).metadata[METADATA_KEY])
    assert about["card"]["name"] == "harmonics.l7"
    assert about["weights_sha256"] == ""
    assert len(pq.read_schema(out).names) == 4 + 49


def test_parts_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"lon": rng.uniform(-180, 180, 1000), "lat": rng.uniform(-90, 90, 1000)})
    for path in (tmp_path / "p.csv", tmp_path / "p.parquet"):
        points.to_csv(path) if path.suffix == ".csv" else points.to_parquet(path)
        embed(path, tmp_path / "whole.parquet")
        monkeypatch.setattr(command, "BATCH_VALUES", 1)
        embed(path, tmp_path / "parts.parquet")
        monkeypatch.undo()
        assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == 4
        whole, parts = (pd.read_parquet(tmp_path / f"{n}.parquet") for n in ("whole", "parts"))
        pd.testing.assert_frame_equal(whole, parts)
        assert np.array_equal(whole["lat"], points["lat"])


def test_the_same_command_gives_the_same_bytes(tmp_path: Path) -> None:
    points = write(tmp_path / "points.csv")
    for name in ("a", "b"):
        embed(points, tmp_path / f"{name}.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "xy.csv"
    frame().rename(columns={"Longitude": "x", "lat": "y"}).to_csv(path, index=False)
    out = tmp_path / "e.parquet"
    assert embed(path, out) == 2
    assert embed(path, out, "--lon", "x", "--lat", "y") == 0
    assert (
        np.abs(vectors(pd.read_parquet(out)) - get_encoder("cartesian3d").encode(LONLAT)).max()
        < 1e-6
    )


def test_rows_are_counted_over_the_whole_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH_VALUES", 1)
    path = tmp_path / "p.csv"
    path.write_text("lon,lat\n" + "100,0\n" * 700 + "100,95\n")
    assert embed(path, tmp_path / "e.parquet") == 2
    assert "row 700: 100, 95" in capsys.readouterr().err
    path.write_text("lon,lat\n" + "100,0\n" * 700 + "100,45\n")
    custom = encoder_file(tmp_path, "return 1 / (lonlat[:, 1:] - 45)")
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert embed(path, tmp_path / "e.parquet", encoder=custom) == 2
    assert "such as row 700" in capsys.readouterr().err


def test_quoted_line_breaks_stay_in_their_cells(tmp_path: Path) -> None:
    """Also where the file is longer than one of Arrow's blocks."""
    path, rows = tmp_path / "p.csv", 1_500_000
    path.write_text("lon,lat,note\n" + '1,2,"x\n3,4,y"\n' * rows)
    assert embed(path, tmp_path / "e.parquet", encoder="direct") == 0
    table = pq.read_table(tmp_path / "e.parquet", columns=["lon", "note"])
    assert len(table) == rows
    assert set(table["note"].to_pylist()) == {"x\n3,4,y"}


def test_text_that_looks_like_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('lon,lat,country\n17,-22,NA\n1,2,"null"\n1,2,\n')
    assert embed(path, tmp_path / "e.parquet") == 0
    table = pq.read_table(tmp_path / "e.parquet")
    assert table["country"].to_pylist() == ["NA", "null", ""]


def test_an_error_of_a_custom_encoder_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    custom = encoder_file(tmp_path, "raise KeyError('x')", name="bad")
    points = write(tmp_path / "points.csv")
    assert embed(points, tmp_path / "e.parquet", encoder=custom) == 2
    assert "encoder 'bad' raised KeyError on rows 0 to 4" in capsys.readouterr().err


def test_a_custom_encoder_from_a_file(tmp_path: Path) -> None:
    custom = encoder_file(tmp_path, "return np.sin(np.radians(lonlat[:, :1]))")
    out = tmp_path / "e.parquet"
    assert embed(write(tmp_path / "points.csv"), out, encoder=custom) == 0
    assert pd.read_parquet(out)["e0"].iloc[0] == pytest.approx(np.sin(np.radians(13.4)))


def test_an_interrupted_reader_leaves_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "points.csv")
    with open_points(path, 2) as file:
        assert file.rows is None
        assert [len(part.lonlat) for part in file.batches] == [2, 2, 1]
    with pytest.raises(BenchError, match="should end with"), open_points(tmp_path / "x.doc", 2):
        pass
    assert point_files.CSV == (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


@pytest.mark.parametrize("rows", [1, 5, 300, 1000])
def test_npy_holds_the_embedding_alone(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH_VALUES", 1)
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-180, 180, rows), rng.uniform(-90, 90, rows)], axis=1)
    pd.DataFrame(lonlat, columns=["lon", "lat"]).to_csv(tmp_path / "p.csv", index=False)
    assert embed(tmp_path / "p.csv", tmp_path / "e.npy", encoder="harmonics.l5") == 0
    embedding = np.load(tmp_path / "e.npy", allow_pickle=False)
    assert (embedding.shape, embedding.dtype) == ((rows, 25), np.float32)
    assert np.array_equal(embedding, get_encoder("harmonics.l5").encode(lonlat))


def test_csv_holds_the_columns_of_the_input_and_every_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH_VALUES", 1)
    rng = np.random.default_rng(0)
    points = pd.DataFrame(
        {
            "code": [f'0{i}, "{i}"' for i in range(600)],
            "lon": rng.uniform(-180, 180, 600),
            "lat": rng.uniform(-90, 90, 600),
        }
    )
    points.to_parquet(tmp_path / "p.parquet")
    assert embed(tmp_path / "p.parquet", tmp_path / "e.csv") == 0
    table = csv.read_csv(tmp_path / "e.csv").to_pandas()
    pd.testing.assert_frame_equal(table[["code", "lon", "lat"]], points, check_exact=True)
    expected = get_encoder("cartesian3d").encode(points[["lon", "lat"]].to_numpy())
    assert np.array_equal(vectors(table).astype(np.float32), expected)


def test_a_column_that_csv_cannot_hold_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.DataFrame({"lon": [1.0], "lat": [2.0], "tags": [["a", "b"]]}).to_parquet(
        tmp_path / "p.parquet"
    )
    assert embed(tmp_path / "p.parquet", tmp_path / "e.csv") == 2
    assert "cannot be written as CSV" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


@pytest.mark.parametrize("ending", ["parquet", "npy"])
def test_wide_embeddings_take_seconds(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"lon": rng.uniform(-180, 180, 600), "lat": rng.uniform(-90, 90, 600)})
    points.to_csv(tmp_path / "p.csv", index=False)
    out = tmp_path / f"e.{ending}"
    start = time.process_time()
    assert embed(tmp_path / "p.csv", out, encoder="harmonics.l200") == 0
    # Column by column, it took more than 300 s.
    assert time.process_time() - start < 60
    if ending == "parquet":
        names = pq.read_schema(out).names
        assert (names[:3], names[-1], len(names)) == (["lon", "lat", "e0"], "e39999", 40_002)
        last = pd.read_parquet(out, columns=["e39999"])["e39999"].to_numpy()
    else:
        last = np.load(out)[:, -1]
    expected = get_encoder("harmonics.l200").encode(points)[:, -1]
    assert np.array_equal(last, expected)
