"""What is read from the tables that users have: nulls, separators, encodings, layers, columns."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
from shapely import MultiPoint

from satclip_bench.benchmarks.cli import main
from satclip_bench.core.errors import BenchError
from satclip_bench.core.read_options import ReadOptions
from satclip_bench.tasks.base import TaskTable
from satclip_bench.tasks.user_tables.columns import read_rows
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.tasks.user_tables.test_table_file import points

FRAME = points(300)[["lon", "lat", "yield"]].round(5)
TEXT = FRAME.map(str)


def load(path: Path, **options: str) -> TaskTable:
    return UserTableTask(UserTable(path, "yield", ReadOptions(**options))).load()


def with_cell(row: int, column: str, cell: str) -> pd.DataFrame:
    frame = TEXT.copy()
    frame.loc[row, column] = cell
    return frame


@pytest.mark.parametrize(
    "token",
    ["NA", "N/A", "nan", "NaN", "null", "NULL", "None", "-", ".", "?", "#N/A", "", "n/a", " NA "],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_null_tokens_are_no_value(tmp_path: Path, token: str, suffix: str) -> None:
    path, frame = tmp_path / f"t{suffix}", with_cell(5, "yield", token)
    if suffix == ".parquet":
        frame.assign(lon=FRAME["lon"], lat=FRAME["lat"]).to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    table = load(path)
    assert table.card.task_type == "regression"
    assert np.array_equal(table.target, FRAME["yield"].drop(index=5))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1,5", "row 7: '1,5'. Write numbers with decimal points"),
        ("16,138.0", "row 7: '16,138.0'"),
        ("12 %", "row 7: '12 %'"),
        ("<0.5", "row 7: '<0.5'"),
        ("broken", "row 7: 'broken'. Correct these cells, or leave them empty"),
    ],
)
def test_a_stray_text_among_numbers_is_named(tmp_path: Path, cell: str, words: str) -> None:
    path = tmp_path / "t.csv"
    with_cell(7, "yield", cell).to_csv(path, index=False)
    with pytest.raises(BenchError) as caught:
        load(path)
    assert f"{path}: most of the column 'yield' are numbers" in str(caught.value)
    assert words in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"], "no card is left"


def test_columns_of_damaged_numbers_and_dates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    TEXT.assign(**{"yield": TEXT["yield"].str.replace(".", ",")}).to_csv(path, index=False)
    with pytest.raises(BenchError, match=r"all look like numbers: row 0: .* and 297 more"):
        load(path)
    TEXT.assign(**{"yield": TEXT["yield"] + "%"}).to_csv(path, index=False)
    with pytest.raises(BenchError, match=r"row 0: '[\d.]+%'; .* Write numbers without units and"):
        load(path)
    TEXT.assign(**{"yield": [f"2020-03-{1 + i % 28}" for i in range(300)]}).to_csv(path)
    with pytest.raises(BenchError, match="holds dates, such as '2020-03-1'"):
        load(path)


@pytest.mark.parametrize(
    ("name", "sep", "encoding", "decimal"),
    [
        ("t.csv", ";", "utf-8", "."),
        ("t.csv", ";", "utf-8-sig", ","),
        ("t.csv", "\t", "utf-16", "."),
        ("t.tsv", "\t", "utf-8", ","),
        ("t.txt", "|", "utf-8", "."),
        ("t.csv.gz", ",", "utf-8", "."),
        ("t.tsv.gz", "\t", "utf-8", "."),
    ],
)
def test_text_files_are_recognised(
    tmp_path: Path, name: str, sep: str, encoding: str, decimal: str
) -> None:
    path = tmp_path / name
    FRAME.to_csv(path, index=False, sep=sep, encoding=encoding, decimal=decimal)
    table = load(path)
    assert np.array_equal(table.lonlat, FRAME[["lon", "lat"]])
    assert np.array_equal(table.target, FRAME["yield"])
    assert table.card.name == "t.yield"


def test_other_separators_and_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    FRAME.rename(columns={"lon": "x", "lat": "Y"}).to_csv(path, index=False, sep=":")
    with pytest.raises(BenchError, match="--lon and --lat"):
        load(path)
    assert len(load(path, sep=":", lon="x", lat="Y")) == 300
    with pytest.raises(BenchError, match="'ab' cannot separate columns"):
        load(path, sep="ab")
    excel = tmp_path / "excel.csv"
    excel.write_text("sep=;\n" + FRAME.to_csv(index=False, sep=";"))
    assert len(load(excel)) == 300
    blanks = tmp_path / "blanks.csv"
    FRAME.rename(columns={"lon": " Longitude "}).to_csv(blanks, index=False)
    assert len(load(blanks)) == 300


def test_the_key_depends_on_the_columns_of_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    FRAME.assign(x=FRAME["lon"] + 1).to_csv(path, index=False)
    assert load(path).sha256 != load(path, lon="x", lat="lat").sha256


def test_a_download_of_gbif_is_read(tmp_path: Path) -> None:
    """It is called .csv, is separated by tabs, and does not quote values."""
    path = tmp_path / "0001.csv"
    names = {"lon": "decimalLongitude", "lat": "decimalLatitude"}
    lines = FRAME.rename(columns=names).assign(locality='"Hof, beim').to_csv(sep="\t", index=False)
    path.write_text(lines.replace('"""Hof, beim"', '"Hof, beim'))
    assert path.read_text().count('\t"Hof, beim\n') == 300
    assert np.array_equal(load(path).lonlat, FRAME[["lon", "lat"]])
    again = tmp_path / "again.csv"
    FRAME.rename(columns=names).to_csv(again, sep="\t", index=False, quoting=csv.QUOTE_ALL)
    assert np.array_equal(load(again).lonlat, FRAME[["lon", "lat"]])


def test_other_encodings_and_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    FRAME.assign(name=["Bonn"] * 3 + ["Köln"] * 297).to_csv(path, index=False, encoding="cp1252")
    with pytest.raises(BenchError, match=r"not encoded in UTF-8 \(line 5 has the byte 0xf6"):
        load(path)
    FRAME.to_csv(path, index=False, encoding="utf-16-le")
    with pytest.raises(BenchError, match="zero bytes, so it is not text in UTF-8"):
        load(path)
    with pytest.raises(BenchError, match="is a spreadsheet: save the sheet"):
        load(tmp_path / "t.xlsx")
    with pytest.raises(BenchError, match="is an archive: unpack it"):
        load(tmp_path / "t.zip")
    TEXT.assign(lon=TEXT["lon"].str.replace(".", ",")).to_csv(path, index=False)
    with pytest.raises(BenchError, match=r"'lon' cannot be read as numbers \(row 0: .*decimal"):
        load(path)


def geometries(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs=4326
    )


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
def test_coordinate_columns_beside_geometries_must_agree(tmp_path: Path, suffix: str) -> None:
    def save(frame: gpd.GeoDataFrame, path: Path) -> Path:
        frame.to_parquet(path) if suffix == "parquet" else frame.to_file(path)
        return path

    both = geometries(FRAME)
    rounded = both.assign(lon=both["lon"].round(4), Latitude=both["lat"].map(str))
    assert len(load(save(rounded, tmp_path / f"a.{suffix}"))) == 300
    both.loc[4, "lon"] += 0.01
    with pytest.raises(BenchError, match=r"columns called lon, and they contradict .*row 4"):
        load(save(both, tmp_path / f"b.{suffix}"))


def test_layers_multipoints_and_missing_geometries(tmp_path: Path) -> None:
    frame = geometries(FRAME).drop(columns=["lon", "lat"])
    path = tmp_path / "two.gpkg"
    frame.to_file(path, layer="north")
    frame[:200].to_file(path, layer="south")
    with pytest.raises(BenchError, match=r"several layers: north, south\. Choose one with --layer"):
        load(path)
    assert len(load(path, layer="south")) == 200
    with pytest.raises(BenchError, match="no layer 'west'; it has north, south"):
        load(path, layer="west")
    single = frame.set_geometry([MultiPoint([p]) for p in frame.geometry], crs=4326)
    single.to_file(tmp_path / "single.gpkg")
    assert load(tmp_path / "single.gpkg").lonlat == pytest.approx(FRAME[["lon", "lat"]].to_numpy())
    pairs = frame.set_geometry([MultiPoint([p, (0, 0)]) for p in frame.geometry], crs=4326)
    pairs.to_file(tmp_path / "pairs.gpkg")
    with pytest.raises(BenchError, match="a MultiPoint of 2 points"):
        load(tmp_path / "pairs.gpkg")
    frame.loc[[3, 8], "geometry"] = None
    frame.to_file(tmp_path / "hole.gpkg")
    table = load(tmp_path / "hole.gpkg")
    assert len(table) == 298
    assert "hole.gpkg: 2 rows without a place left out (rows 3, 8)" in table.notes


def test_rows_without_a_place_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame = with_cell(2, "lon", "NA")
    frame.loc[9, "lat"] = ""
    frame.to_csv(path, index=False)
    table = load(path)
    assert "t.csv: 2 rows without a place left out (rows 2, 9)" in table.notes
    assert np.array_equal(table.target, FRAME["yield"].drop(index=[2, 9]))
    frame.loc[20, "lat"] = "91"
    frame.to_csv(path.with_name("u.csv"), index=False)
    with pytest.raises(BenchError, match="row 20: "):
        load(path.with_name("u.csv"))


def test_points_among_decimal_commas_are_not_read_as_decimal_points(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame = TEXT.assign(
        lon=TEXT["lon"].str.replace(".", ","),
        lat=TEXT["lat"].str.replace(".", ","),
        **{"yield": [f"{i // 100 + 1}.{i % 100:03}" for i in range(300)]},
    )
    frame.to_csv(path, index=False, sep=";")
    with pytest.raises(BenchError, match="so points are not read as decimal points"):
        load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a text table: it is empty"),
        (b"\n\n", "is not a text table: it is empty"),
        (b"lon,lat,yield", "has no rows below the names of its columns"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip, so its name should end with .gz"),
        (b"PK\x03\x04rest", "a ZIP archive or a spreadsheet"),
        (b"PAR1rest", "its name should end with .parquet"),
        (b"<!DOCTYPE html><html>404</html>", "a web page came in place of the file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"lon lat yield\n1 2 3\n", "The first line should name the columns"),
        (b"My points\nlon,lat,yield\n1,2,3\n", "The first line should name the columns"),
        (b"\xef\xbb\xbf\xef\xbb\xbflon,lat,yield\n1,2,3\n", r"'\\ufefflon', lat, yield"),
        ("lon,lat,yie\u200bld\n1,2,3\n".encode(), r"it has: lon, lat, 'yie\\u200bld'"),
    ],
)
def test_files_that_are_not_text_tables_are_named(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(BenchError, match=words):
        load(path)


def test_rows_with_missing_places_do_not_count_as_bad_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame = TEXT.copy()
    frame.loc[0, "lon"] = ""
    frame.loc[1, "lon"] = "inf"
    frame.to_csv(path, index=False)
    with pytest.raises(BenchError, match=r"1 of 300 points are not finite \(row 1: inf"):
        load(path)


def test_columns_that_are_not_used_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.assign(other=TEXT["yield"]).to_parquet(path)
    assert [*read_rows(UserTable(path, "yield")).frame] == ["lon", "lat", "yield"]
    frame = read_rows(UserTable(path, "yield"), "other", "none").frame
    assert [*frame] == ["lon", "lat", "yield", "other"]
    assert np.array_equal(frame["other"], FRAME["yield"])


def test_a_link_is_called_by_its_own_name(tmp_path: Path) -> None:
    """A cache of a hub has links to files whose names are hashes."""
    blob, link = tmp_path / "blobs" / "0a1b", tmp_path / "farms.csv"
    blob.parent.mkdir()
    blob.write_text(FRAME.to_csv(index=False))
    link.symlink_to(blob)
    options = ["--encoders", "direct", "--splits", "random", "--probes", "linear", "--dry-run"]
    code = main(
        [
            "run",
            "--task-file",
            str(link),
            "--target",
            "yield",
            *options,
            "--out",
            str(tmp_path / "r"),
        ]
    )
    assert code == 0


def test_systems_without_longitude_and_latitude_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.gpkg"
    frame = FRAME.assign(height=0.0)
    solid = gpd.GeoDataFrame(
        frame,
        geometry=gpd.points_from_xy(frame["lon"], frame["lat"], frame["height"]),
        crs="EPSG:4979",
    )
    solid.to_crs("EPSG:4978").to_file(path)
    with pytest.raises(BenchError, match="counts from the centre of the earth"):
        load(path)
    local = geometries(FRAME).set_crs('LOCAL_CS["site",UNIT["m",1]]', allow_override=True)
    local.to_file(path)
    with pytest.raises(BenchError, match="cannot be converted to longitude and latitude"):
        load(path)


def test_vector_files_without_points_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.gpkg"
    pyogrio.write_dataframe(FRAME, path)
    with pytest.raises(BenchError, match="has no geometries in its layer 't'"):
        load(path)
    records = tmp_path / "t.json"
    FRAME.to_json(records, orient="records")
    with pytest.raises(BenchError, match=r"format\. GeoJSON has a FeatureCollection$"):
        load(records)
    short = tmp_path / "t.fgb"
    geometries(FRAME).to_file(short)
    short.write_bytes(short.read_bytes()[:5000])
    with pytest.raises(BenchError, match=r"is damaged: it has 300 rows, of which \d+ can be read"):
        load(short)


def test_geoparquet_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    geometries(FRAME).to_parquet(path, geometry_encoding="geoarrow", schema_version="1.1.0")
    with pytest.raises(BenchError, match=r"encoding 'point', and only WKB is read"):
        load(path)
    for metadata in (b"{", b"[]", b'{"primary_column": "geometry", "columns": {}}'):
        table = pa.Table.from_pandas(FRAME).replace_schema_metadata({b"geo": metadata})
        pq.write_table(table, path)
        with pytest.raises(BenchError, match="damaged GeoParquet metadata"):
            load(path)
        assert len(load(path, lon="lon", lat="lat")) == 300
        path.with_name("t.yield.card.json").unlink()


def test_the_index_of_a_data_frame_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for name in ("yield", "lon"):
        FRAME.set_index(name).to_parquet(path)
        table = load(path)
        assert np.array_equal(table.target, FRAME["yield"])
        assert np.array_equal(table.lonlat, FRAME[["lon", "lat"]])
        path.with_name("t.yield.card.json").unlink()
