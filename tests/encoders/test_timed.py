"""Encoders that take a month or a year: what they are given, alone, combined and in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import satclip_bench as sb
from satclip_bench.benchmarks.runs.embeddings import embedding_key, times_of
from satclip_bench.core.dates import Dates, Times
from satclip_bench.core.errors import BenchError, CoordinateError, EncoderError
from satclip_bench.encoders import EncoderCard, check_encoder, get_encoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.custom.fingerprint import fingerprint
from satclip_bench.encoders.timed import TimedEncoder
from satclip_bench.tasks import get_task, registry
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.encoders.tensor_files import LONLAT
from tests.tasks.test_dates import name_dates
from tests.tasks.user_tables.test_table_file import points, write


class Season(TimedEncoder):
    """Longitude, and a month and a year on two scales."""

    card = EncoderCard(name="season", title="Season", dimension=3, time={"month": 6, "year": 2020})

    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.float64]:
        turn = np.radians(lonlat[:, 0])
        season = np.cos(2 * np.pi * times["month"] / 12)
        return np.stack([np.cos(turn), season, times["year"] / 1000], axis=1)


class Deaf(Season):
    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.float64]:
        return super().forward_at(lonlat, {**times, "year": np.full(len(lonlat), 2020)})


class Other(Season):
    card = Season.card.model_copy(update={"name": "other", "time": {"month": 7}})


class Careless(Season):
    """An encoder that does not look at what it is given."""

    def encode(self, lonlat: Any, batch_size: int = 8192, *, month: Any = 6, year: Any = 2020):  # type: ignore[no-untyped-def]
        place = get_encoder("wrap").encode(lonlat)[:, :1]
        wide = np.zeros((len(place), 2)) + np.stack(np.broadcast_arrays(month, year), axis=-1)
        return np.concatenate([place, wide], axis=1).astype(np.float32)


def test_the_contract() -> None:
    check_encoder(Season())
    check_encoder(Combined([Season(), get_encoder("wrap")]))


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        (Deaf(), "its card says that it takes the year, which changes nothing"),
        (Careless(), "it accepted the month 0"),
    ],
)
def test_encoders_that_break_the_contract_are_found(encoder: Season, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        check_encoder(encoder)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"month": [1, 13, 2]}, "13 in row 1 is not a month from 1 to 12"),
        ({"month": [1, 1e300, 2]}, r"1e\+300 in row 1 is not a month"),
        ({"month": [1, 2.5, 2]}, "2.5 in row 1 is not a month"),
        ({"month": [1, np.nan, 2]}, "nan in row 1 is not a month"),
        ({"month": 3}, r"months of shape \(\) for 3 points"),
        ({"month": [1, 2]}, r"months of shape \(2,\) for 3 points"),
        ({"month": ["1", "2", "3"]}, "months of <U1, not numbers"),
        ({"year": [2020, 20, 2021]}, "20 in row 1 is not a year from 1800 to 2200"),
    ],
)
def test_what_is_no_date_is_refused(given: dict[str, Any], words: str) -> None:
    lonlat = np.zeros((3, 2))
    with pytest.raises(EncoderError, match=words):
        Season().encode(lonlat, **given)
    with pytest.raises(CoordinateError):
        Season().encode(np.full((3, 2), 99.0), **given)


def test_a_unit_that_is_not_on_the_card_is_refused() -> None:
    with pytest.raises(EncoderError, match="'other' takes month, and was given a year"):
        Other().encode([[0, 0]], year=[2020])
    with pytest.raises(EncoderError, match="takes no date, and was given a month"):
        Combined([get_encoder("wrap"), get_encoder("direct")]).encode([[0, 0]], month=[1])


def test_a_combination_gives_its_parts_the_dates() -> None:
    both = Combined([get_encoder("wrap"), Season()])
    assert both.card.time == {"month": 6, "year": 2020}
    months, years = np.arange(len(LONLAT)) % 12 + 1, np.full(len(LONLAT), 1990)
    mean, length = both._standards[1]
    own = Season().encode(LONLAT, month=months, year=years)
    block = both.encode(LONLAT, month=months, year=years)[:, 4:]
    assert block == pytest.approx((own - mean) / length, abs=1e-6)
    with pytest.raises(BenchError, match="takes the month 7, and another encoder 6"):
        Combined([Season(), Other()])


def test_the_fingerprint_sees_the_dates() -> None:
    assert fingerprint(Season()) != fingerprint(Deaf())


SCRIPT = """\
import numpy as np
from satclip_bench.encoders import EncoderCard
from satclip_bench.encoders.timed import TimedEncoder

class Season(TimedEncoder):
    card = EncoderCard(name="season", title="Season", dimension=2, time={"month": 6})

    def forward_at(self, lonlat, times):
        angle = 2 * np.pi * times["month"] / 12
        return np.stack([np.sin(angle), np.cos(angle)], axis=1)
"""


@pytest.fixture
def _no_added_tasks() -> Iterator[None]:
    yield
    registry._added.clear()


@pytest.mark.usefixtures("_no_added_tasks")
def test_a_run_gives_an_encoder_the_months_of_the_task(tmp_path: Path) -> None:
    month = np.arange(400) % 12 + 1
    table = points(400).assign(seen=month, size=np.cos(2 * np.pi * month / 12))
    file = UserTable(write(table, tmp_path / "t.csv"), "size")
    (tmp_path / "season.py").write_text(SCRIPT)
    options: dict[str, Any] = {"out": tmp_path / "out", "progress": False}
    scores, settings = [], []
    for column in ("", "seen"):
        UserTableTask(file)
        name_dates(file, column)
        encoder = f"{tmp_path / 'season.py'}:Season"
        frame = sb.evaluate([encoder, "wrap"], tasks=[(file.path, "size")], **options)
        by_encoder = frame[frame["metric"] == "r2"].set_index("encoder")["value"]
        scores.append(by_encoder["season"])
        assert by_encoder["wrap"] < 0.2
    for path in (tmp_path / "out").rglob("records/**/*.json"):
        content = json.loads(path.read_text())["settings"]
        settings.append((content["encoder"], json.dumps(content["encoder_time"])))
    assert scores[0] < 0.01
    assert scores[1] == pytest.approx(1)
    season = {'{"month": 6}', '{"month": "column seen"}'}
    assert {(e, t) for e, t in settings} == {("wrap", "{}")} | {("season", t) for t in season}


def test_the_cache_tells_dates_apart() -> None:
    table = get_task("median_income").load()
    names = []
    for start in (0, 1):
        month = (np.arange(len(table)) + start) % 12 + 1
        dated = replace(table, dates=Dates("day", {"month": month}))
        names.append(embedding_key(Season(), dated))
        wrap = get_encoder("wrap")
        assert times_of(Season(), dated)["month"].tolist() == month.tolist()
        assert not times_of(wrap, dated)
        assert embedding_key(wrap, dated) == embedding_key(wrap, table)
    assert len({*names, embedding_key(Season(), table)}) == 3
