"""Dates of points in the command `embed`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import embed as command

SEASON = """
import numpy as np
from satclip_bench.encoders import EncoderCard
from satclip_bench.encoders.timed import TimedEncoder

class Season(TimedEncoder):
    card = EncoderCard(name="season", title="Season", dimension=2, time={"month": 6})

    def forward_at(self, lonlat, times):
        return np.stack([lonlat[:, 0], times["month"]], axis=1)

class Annual(TimedEncoder):
    card = EncoderCard(name="annual", title="Annual", dimension=2, time={"year": 2020, "month": 1})

    def forward_at(self, lonlat, times):
        return np.stack([times["year"], times["month"]], axis=1).astype("float32")
"""


@pytest.fixture
def encoders(tmp_path: Path) -> Path:
    """File with encoders whose embeddings are months and years."""
    path = tmp_path / "season.py"
    path.write_text(SEASON)
    return path


def write(path: Path, dates: list[object]) -> Path:
    table = pd.DataFrame({"lon": np.arange(len(dates)) / 4, "lat": 1.5, "observed": dates})
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


def embed(encoder: str, points: Path, *options: str) -> int:
    out = points.with_name("out.npy")
    return main(
        ["embed", "--encoder", encoder, "--points", str(points), "--out", str(out), *options]
    )


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "dates",
    [
        ["2024-02-29", "2023-12-01", "1999-07-31"],
        ["2024-02", "2023-12", "1999-07"],
        [2, 12, 7],
        ["2024-02-29T23:59:59+01:00", "2023-12-01 00:00", "1999-07-31"],
    ],
)
def test_every_point_gets_its_month(
    encoders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dates: list[object],
    ending: str,
) -> None:
    monkeypatch.setattr(command, "MAX_BATCH_ROWS", 256)
    points = write(tmp_path / f"points{ending}", dates * 200)
    assert embed(f"{encoders}:Season", points, "--date", "observed") == 0
    embedding = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(embedding[:, 1], np.tile([2, 12, 7], 200))
    np.testing.assert_array_equal(embedding[:, 0], np.arange(600) / 4)


def test_months_and_years_reach_an_encoder_that_takes_both(encoders: Path, tmp_path: Path) -> None:
    points = write(tmp_path / "points.csv", ["2024-02-29", "1999-12-01"])
    assert embed(f"{encoders}:Annual", points, "--date", "observed") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), [[2024, 2], [1999, 12]])


def test_without_dates_the_card_decides(encoders: Path, tmp_path: Path) -> None:
    points = write(tmp_path / "points.csv", ["2024-02-29", "1999-12-01"])
    assert embed(f"{encoders}:Season", points) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy")[:, 1], [6, 6])


@pytest.mark.parametrize(
    ("encoder", "dates", "column", "words"),
    [
        ("wrap", ["2024-02-29"], "observed", "'wrap' takes no date: leave out --date"),
        ("Season", ["2024-02-29"], "observd", "no column 'observd'; it has lon, lat, observed"),
        ("Season", ["2024-02-29", "2023-02-29"], "observed", "'2023-02-29' in row 1"),
        ("Season", ["2024-02-29", None], "observed", "no date in 1 of 2 rows, such as row 1"),
        ("Season", ["2024-02-29", "winter"], "observed", "'winter' in row 1"),
        ("Season", [3, 13], "observed", "13 in row 1"),
        ("Season", [2024, 1999], "observed", "gives no month, which the encoder 'season' takes"),
        ("Annual", [1, 2], "observed", "gives no year, which the encoder 'annual' takes"),
        ("Season", [3] * 256 + [13], "observed", "13 in row 256"),
        ("Season", [3] * 256 + ["2024-02-29"], "observed", "from months to months and years"),
    ],
)
def test_what_is_wrong_with_dates_is_explained_and_nothing_is_written(
    encoders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    encoder: str,
    dates: list[object],
    column: str,
    words: str,
) -> None:
    monkeypatch.setattr(command, "MAX_BATCH_ROWS", 256)
    points = write(tmp_path / "points.csv", dates)
    spec = encoder if encoder == "wrap" else f"{encoders}:{encoder}"
    assert embed(spec, points, "--date", column) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("form", [pa.string(), pa.large_string()])
def test_numbers_in_text_columns_are_read(
    encoders: Path, tmp_path: Path, form: pa.DataType
) -> None:
    points = tmp_path / "p.parquet"
    columns = {"lon": pa.array([1.0, 2.0]), "lat": pa.array([3.0, 4.0])}
    pq.write_table(pa.table(columns | {"observed": pa.array(["5", "11"], form)}), points)
    assert embed(f"{encoders}:Season", points, "--date", "observed") == 0
    assert np.load(tmp_path / "out.npy")[:, 1].tolist() == [5, 11]
