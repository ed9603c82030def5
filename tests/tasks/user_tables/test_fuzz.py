"""Random tables in random formats: either a table or an error that says what to do."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satclip_bench.core.errors import BenchError
from satclip_bench.core.read_options import ReadOptions
from satclip_bench.tasks import check_task
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask

EXAMPLES = 150
"""Number of tables that the committed test makes."""

UNFORESEEN = "cannot be read: (?!Arrow|BadGzipFile|EOFError|UnicodeDecodeError)"
"""What a message has that `open_points` made of an exception that damaged files do not explain."""

HEADERS = ["lon", "lat", "Longitude", " LAT ", "decimalLongitude", "decimalLatitude", "y", "split"]
CELLS = [
    st.floats(-400, 400).map(lambda x: f"{x:.5g}"),
    st.floats(-80, 80).map(lambda x: f"{x:.4f}"),
    st.floats(-80, 80).map(lambda x: f"{x:.4f}".replace(".", ",")),
    st.integers(-(10**20), 10**20).map(str),
    st.integers(0, 4).map(str),
    st.sampled_from(["NA", "N/A", "nan", "NULL", "None", "-", ".", "?", "#N/A", "", " ", "inf"]),
    st.sampled_from(["2020-01-01", "1,234.5", "1.234,5", "12 %", "<0.5", "true", "False", "1e400"]),
    st.sampled_from(["train", "test", "rye", "maize", "[red]", "Größe", '"', "a;b", "x,y", "\t"]),
    st.text(max_size=6),
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"]
SUFFIXES = [".csv", ".tsv", ".txt", ".csv.gz"]


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str, str | None, str]:
    """Content, suffix, --sep and --target of a text file that may be a table of points."""
    sep = draw(st.sampled_from([",", ";", "\t", "|", " ", ":"]))
    rows = draw(st.integers(0, 12)) * draw(st.sampled_from([1, 5]))
    usual = [["lon", "lat", "y"], ["decimalLatitude", "decimalLongitude", "y", "split"]]
    names = draw(
        st.one_of(
            st.sampled_from(usual),
            st.lists(st.one_of(st.sampled_from(HEADERS), st.text(max_size=4)), max_size=6),
        )
    )
    columns = [
        draw(st.lists(draw(st.sampled_from(CELLS)), min_size=rows, max_size=rows)) for _ in names
    ]
    if draw(st.booleans()):
        # Most of the time one odd cell, not a column of them, is what goes wrong.
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        for i, name in enumerate(names):
            if name.strip().lower() not in ("y", "split"):
                values = rng.uniform(-80, 80, rows)
                columns[i] = [*map(str, values.round(3))]
    quoting = draw(st.booleans())
    lines = [names, *zip(*columns, strict=True)] if columns else [names]
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(
        sep.join(
            '"' + cell.replace('"', '""') + '"' if quoting or sep in cell else cell for cell in line
        )
        for line in lines
    )
    content = text.encode(draw(st.sampled_from(ENCODINGS)), errors="replace")
    if draw(st.integers(0, 9)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    suffix = draw(st.sampled_from(SUFFIXES))
    if suffix.endswith(".gz") and draw(st.integers(0, 4)):
        import gzip

        content = gzip.compress(content)
    return (
        content,
        suffix,
        draw(st.sampled_from([None, None, sep])),
        draw(st.sampled_from(["y", *names])),
    )


def attempt(folder: Path, file: tuple[bytes, str, str | None, str]) -> bool:
    """Whether a file makes a task; any other exception than BenchError is passed on."""
    content, suffix, sep, target = file
    path = folder / f"points{suffix}"
    path.write_bytes(content)
    try:
        task = UserTableTask(UserTable(path, target, ReadOptions(sep=sep)))
    except BenchError as error:
        if re.search(UNFORESEEN, str(error)):
            raise AssertionError("an unforeseen exception was wrapped") from error
        assert not [*folder.glob("*.card.json")], "a refused table gets no card"
        return False
    check_task(task)
    again = UserTableTask(UserTable(path, target, ReadOptions(sep=sep)))
    assert not again.made
    assert again.load().sha256 == task.load().sha256
    assert np.array_equal(again.load().target, task.load().target)
    return True


BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@BOUNDED
@given(files())
def check_file(file: tuple[bytes, str, str | None, str]) -> None:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        OUTCOMES.append(attempt(Path(folder), file))


OUTCOMES: list[bool] = []


def test_a_random_file_is_a_table_or_a_clear_error() -> None:
    OUTCOMES.clear()
    check_file()
    assert 0 < sum(OUTCOMES) < len(OUTCOMES), "both kinds of outcome were seen"


def test_the_fuzz_would_notice_another_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    module = "satclip_bench.tasks.user_tables.task.read_rows"
    monkeypatch.setattr(module, broken)
    with pytest.raises(KeyError):
        check_file()
