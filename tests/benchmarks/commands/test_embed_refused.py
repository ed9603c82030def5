"""Points and files that the command `embed` refuses, with a message that explains it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

from tests.benchmarks.commands.test_embed import embed, geo, write


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("lon,lat\n0,0\n1,nan\n", (), "not finite (row 1: 1, nan)"),
        ("lon,lat\n0,0\n1,\n", (), "not finite"),
        ("lon,lat\n100,0\n100,91\n", (), "beyond 90 degrees of latitude (row 1: 100, 91)"),
        ("lon,lat\n52,120\n48,100\n", (), "look swapped"),
        ("lon,lat\neast,0\n", (), "cannot be read"),
        ("lon:lat\n0:0\n", (), "it has none. Its first columns are lon:lat"),
        ("", (), "is not a text table: it is empty"),
        ("lon,lat\n", (), "has no rows"),
        ("lon,lat,e0\n0,0,0\n", (), "have the names of embedding columns: e0"),
        ("lon,lat\n0,0\n", ("--lon", "x", "--lat", "lat"), "no column 'x'"),
        ("lon,lat\n0,0\n", ("--lon", "lon"), "--lon and --lat, or neither"),
        ("lon,lat\n0,0\n", ("--weights", "w.pth"), "weights"),
        ("lon,lat\n0,0,0\n", (), "cannot be read"),
        ("lon,lat,id,id\n0,0,1,2\n", (), "several columns called id"),
        ("lon,lat\n0,0\n", ("--lon", "lon", "--lat", "lon"), "cannot be both"),
    ],
)
def test_errors_are_explained_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    path, out = tmp_path / "p.csv", tmp_path / "e.parquet"
    path.write_text(text)
    assert embed(path, out, *options) == 2
    assert words in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]


def test_columns_that_contradict_the_geometry_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    geo().assign(LON=100.0).to_parquet(tmp_path / "p.parquet")
    assert embed(tmp_path / "p.parquet", tmp_path / "e.parquet") == 2
    assert "both geometries and columns called LON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("points", "out", "words"),
    [
        ("absent.csv", "e.parquet", "there is no file"),
        ("p.xlsx", "e.parquet", "is a spreadsheet: save the sheet with the points as CSV"),
        ("p.docx", "e.parquet", "should end with .csv, .tsv"),
        ("p.csv", "e.txt", "should end with .parquet, .csv or .npy"),
        ("broken.parquet", "e.parquet", "cannot be read"),
        ("broken.gpkg", "e.parquet", "cannot be read"),
        ("broken.parquet", "broken.parquet", "would overwrite a file of --points"),
    ],
)
def test_unusable_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], points: str, out: str, words: str
) -> None:
    for name in ("broken.parquet", "broken.gpkg", "p.xlsx"):
        (tmp_path / name).write_bytes(b"PAR1 not at all")
    assert embed(tmp_path / points, tmp_path / out) == 2
    assert words in capsys.readouterr().err


def test_weights_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, weights = write(tmp_path / "points.csv"), tmp_path / "weights.npy"
    weights.write_text("mine")
    options = ("--weights", str(weights))
    assert embed(points, weights, *options, encoder="geoclip") == 2
    assert "would overwrite a file of --weights" in capsys.readouterr().err
    assert weights.read_text() == "mine"


@pytest.mark.parametrize("name", ["p.gpkg", "p.parquet"])
def test_geometries_without_a_crs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / name
    bare = geo().set_crs(None, allow_override=True)
    if path.suffix == ".gpkg":
        with pytest.warns(UserWarning, match="crs"):
            bare.to_file(path)
    else:
        bare.to_parquet(path)
    assert embed(path, tmp_path / "e.parquet") == 2
    assert "no CRS" in capsys.readouterr().err


def test_shapes_that_are_not_points_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.gpkg"
    shapes = geo("EPSG:3857")[:3]
    shapes.geometry = shapes.geometry.buffer(10)
    shapes.to_file(path)
    assert embed(path, tmp_path / "e.parquet") == 2
    assert "row 0 is not a point" in capsys.readouterr().err


def test_points_outside_of_their_crs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far = gpd.GeoSeries(gpd.points_from_xy([0, 3e7], [0, 0]), crs="ESRI:54009")
    far.to_file(tmp_path / "p.gpkg")
    assert embed(tmp_path / "p.gpkg", tmp_path / "e.parquet") == 2
    assert "row 1 has no longitude and latitude" in capsys.readouterr().err
