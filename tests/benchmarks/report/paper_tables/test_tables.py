"""Tables for papers: every style in every format, and what is said of gaps."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.report.paper_tables.layout import list_styles, style_layout
from satclip_bench.benchmarks.report.paper_tables.make import WRITERS, Format, make_tables
from satclip_bench.benchmarks.report.paper_tables.model import PaperTable
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.wording import DASH, number
from satclip_bench.core.errors import BenchError
from tests.benchmarks.frames import fail, frame, with_losses
from tests.benchmarks.ranking.test_ratings import replicates

HOSTILE = r"""A&B_c 50% {x} \y ~^ #1 $z$ <i>"'|`[/red]*é²"""
LEADERBOARD = Path(__file__).parents[4] / "results/leaderboard/results.parquet"


def table(titles: str = "") -> pd.DataFrame:
    """A run with losses, with probes linear and ridge under random splits."""
    one = with_losses(frame())
    ridge = one[(one["split"] == "random") & (one["probe"] == "linear")].assign(probe="ridge")
    run = pd.concat([one, ridge], ignore_index=True)
    return run.assign(encoder_title=titles) if titles else run


def made(style: str, run: pd.DataFrame) -> tuple[PaperTable, ...]:
    return make_tables(Results.from_frame(run), style_layout(style)).tables


@cache
def standard(style: str, titles: str = "") -> tuple[PaperTable, ...]:
    """Tables of `table`, made once."""
    return made(style, table(titles))


def text(style: str, form: Format, titles: str = "") -> str:
    return WRITERS[form][1](standard(style, titles))


@pytest.fixture(scope="module")
def committed() -> dict[str, tuple[PaperTable, ...]]:
    """Tables of the first three seeds of the committed reference run, by style."""
    run = reference()
    return {style: made(style, run) for style in list_styles()}


def reference() -> pd.DataFrame:
    run = pd.read_parquet(LEADERBOARD)
    return run[run["seed"] < 3]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_style_compiles_and_fits_the_page(
    tmp_path: Path, committed: dict[str, tuple[PaperTable, ...]]
) -> None:
    parts = [WRITERS["latex"][1](tables) for tables in committed.values()]
    parts += [text(style, "latex", HOSTILE) for style in ("range", "overview")]
    whole = (
        r"\documentclass{article}\usepackage[a4paper,margin=2.2cm]{geometry}"
        r"\usepackage{booktabs,xcolor}\begin{document}"
        + r"\clearpage ".join(parts)
        + r"\end{document}"
    )
    (tmp_path / "all.tex").write_text(whole)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Float too large" not in log
    assert not re.search(r"Overfull \\hbox", log), log


def test_best_and_second_are_marked_with_their_ties() -> None:
    run = with_losses(frame())
    layout = style_layout("satclip")
    results = Results.from_frame(run, replicates(run, noise=0.001))
    tables = make_tables(results, layout).tables
    entries = {
        (c.entry.encoder, c.entry.task): c.entry.place
        for c in tables[0].cells
        if c.entry is not None and c.entry.source == "measured"
    }
    # Better encoders come later in ENCODERS, by far more than the noise.
    assert entries["geoclip", "elevation"] == "best"
    assert entries["wrap", "elevation"] == "second"
    assert entries["direct", "elevation"] == ""
    noisy = Results.from_frame(run, replicates(run, noise=5.0))
    places = [c.entry.place for c in make_tables(noisy, layout).tables[0].cells if c.entry]
    assert set(places) == {"best", ""}


@pytest.mark.parametrize("style", ["range", "overview"])
def test_the_same_bytes_whatever_the_order_of_rows(style: str) -> None:
    run = fail(table(), "direct", "biomes")
    one, other = made(style, run), made(style, run.sample(frac=1, random_state=3))
    for _, write in WRITERS.values():
        assert write(one) == write(other)
        assert not re.search(r"\b(nan|inf)\b", write(one), re.IGNORECASE)


@pytest.mark.parametrize("style", ["satclip", "range", "overview"])
def test_captions_name_protocol_splits_and_seeds_and_the_edition(style: str) -> None:
    for one in standard(style):
        assert "probe" in one.caption
        assert "3 seeds" in one.caption
        assert "protocol p/1" in one.caption
        assert "Open edition: its tables are not those of the papers" in one.caption
        assert len(re.findall(r"\.(?= [A-Z]|$)", one.caption)) <= 3


def test_a_missing_score_is_a_dash_with_its_reason() -> None:
    (one,) = made("range", fail(table(), "geoclip", "biomes", "it raised <b>"))
    cells = {(c.entry.encoder, c.entry.task): c for c in one.cells if c.entry}
    cell = cells["geoclip", "biomes"]
    assert (cell.text, cell.reason) == (DASH, "it raised <b>")
    assert cells["wrap", "countries"].reason == "not run under random"
    assert "Missing: (a) not run under random; (b) it raised <b>." in one.all_notes
    page = WRITERS["html"][1]((one,))
    assert "it raised &lt;b&gt;" in page
    assert "<b></b>" not in page
    assert r"--\textsuperscript{b}" in WRITERS["latex"][1]((one,))


class _Page(HTMLParser):
    """Checks that every element is closed in order, and collects texts and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [str(v) for k, v in attrs if k == "id"]
        self.labels += [str(v) for k, v in attrs if k == "aria-labelledby"]
        self.addresses += [str(v) for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("style", ["range", "overview"])
def test_html_is_well_formed_loads_nothing_and_shows_hostile_names(style: str) -> None:
    page = _Page()
    page.feed(text(style, "html", HOSTILE))
    assert page.open == []
    assert page.addresses == []
    assert len(set(page.ids)) == len(page.ids)
    assert len(set(page.labels)) == len(page.labels)
    assert set(page.labels) <= set(page.ids)
    assert HOSTILE in page.texts


def test_no_note_is_empty(committed: dict[str, tuple[PaperTable, ...]]) -> None:
    notes = [note for tables in committed.values() for one in tables for note in one.all_notes]
    assert notes
    assert not [note for note in notes if not note.rstrip(": ") or note.endswith(":")]


def test_csv_has_all_digits_and_both_sources() -> None:
    rows = list(csv.DictReader(io.StringIO(text("range", "csv"))))
    measured = [row for row in rows if row["source"] == "measured"]
    run = table()
    own = run[(run["probe"] == "ridge") & (run["metric"] == "r2") & (run["encoder"] == "wrap")]
    mean = own[own["task"] == "elevation"]["value"].mean()
    (wrap,) = (r for r in measured if (r["encoder"], r["task"]) == ("wrap", "elevation"))
    assert float(wrap["value"]) == pytest.approx(mean, rel=1e-12)
    assert (wrap["low"], wrap["metric"], wrap["probe"]) == ("", "r2", "ridge")
    (published,) = (
        r
        for r in rows
        if r["source"] != "measured" and (r["encoder"], r["task"]) == ("Wrap", "biomes")
    )
    assert float(published["value"]) == pytest.approx(0.344)
    assert published["source"] == "RANGE (CVPR 2025), Table 2"


def test_an_ablation_has_differences_to_the_reference_of_each_group(
    committed: dict[str, tuple[PaperTable, ...]],
) -> None:
    (one,) = committed["ablation"]
    frame = reference()
    own = frame[(frame["split"] == "random") & (frame["probe"] == "linear")]
    means = own[own["metric"] == "r2"].groupby(["encoder", "task"])["value"].mean()
    checked = 0
    for cell in one.cells:
        entry = cell.entry
        if entry is None or entry.metric != "r2" or np.isnan(entry.difference):
            continue
        expected = means[entry.encoder, entry.task] - means[entry.reference, entry.task]
        assert entry.difference == pytest.approx(expected, abs=1e-8)
        assert entry.encoder != entry.reference or cell.below == ("ref.",)
        checked += 1
    assert checked > 20


def test_the_overview_is_over_the_tasks_that_all_splits_have(
    committed: dict[str, tuple[PaperTable, ...]],
) -> None:
    (one,) = committed["overview"]
    frame = reference()
    shared = set(frame.loc[frame["split"] == "held-out-region", "task"])
    assert 0 < len(shared) < frame["task"].nunique()
    assert f"over {len(shared)} tasks" in one.caption
    rows = frame[
        (frame["split"] == "random")
        & (frame["encoder"] == "wrap")
        & (frame["probe"] == "linear")
        & (frame["metric"] == "skill")
        & frame["task"].isin(shared)
    ]
    mean = rows.groupby("task")["value"].mean().mean()
    (skill,) = (
        c
        for c in one.cells
        if c.entry
        and (c.entry.encoder, c.entry.split, c.entry.metric) == ("wrap", "random", "skill")
    )
    assert skill.entry is not None
    assert skill.entry.value == pytest.approx(mean, abs=1e-6)
    assert skill.text == number(mean, 2)


def test_wins_count_ties_once_for_everybody() -> None:
    run = with_losses(frame(lambda encoder, task, seed, fold: 0.5))
    one = made("satclip", run)[0]
    counts = [
        cell.text
        for block in one.blocks
        for section in block.sections
        for row in section.rows
        if row.style == "count"
        for cell in row.cells
        if cell.text
    ]
    assert counts == ["0 (3)"] * 5


@pytest.mark.parametrize("style", ["satclip", "range", "overview"])
def test_one_encoder_one_task_and_a_missing_split(style: str) -> None:
    run = table()
    small = run[(run["encoder"] == "wrap") & (run["task"] == "elevation")]
    assert made(style, small)
    regions = run[run["split"] == "held-out-region"]
    if style == "range":
        with pytest.raises(BenchError, match="the run has no split 'random'"):
            made(style, regions)
    else:
        assert made(style, regions)


def test_failures_only() -> None:
    run = table()
    for encoder in run["encoder"].unique():
        for task in run["task"].unique():
            run = fail(run, encoder, task)
    for style in ("satclip", "range", "overview"):
        for one in made(style, run):
            assert all(cell.text in (DASH, "", "0 (0)") or cell.entry for cell in one.cells)


def test_versions_of_a_protocol_do_not_share_a_table() -> None:
    run = table()
    run.loc[run["split"] == "held-out-region", "protocol"] = "p/2"
    for style in list_styles():
        with pytest.raises(BenchError, match="p/1 and p/2"):
            made(style, run)
