"""Pages of the leaderboard without a browser: content, escaping, file names, the folder."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_bench.benchmarks.report.page.folder import SiteFiles, write_site
from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.plots import score_axis
from satclip_bench.benchmarks.report.page.site import site_files
from satclip_bench.benchmarks.report.page.words import page_names
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.core.errors import BenchError
from tests.benchmarks.cli.program import bench
from tests.benchmarks.frames import frame
from tests.benchmarks.report.page.hostile import HOSTILE, hostile

ROOT = Path(__file__).parents[4]
COMMITTED = ROOT / "results" / "leaderboard"


class Page(HTMLParser):
    """Tags of a page, where its links lead, and the names of its places."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.events: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.events.add(name)
            elif name in ("href", "src"):
                self.links.append(value or "")
            elif name == "id":
                self.ids.append(value or "")
            elif name in ("aria-label", "aria-labelledby"):
                self.labels.append(f"{tag} {value}")


def no_pictures(_: Path) -> tuple[str, ...]:
    return ()


def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {name: Page(content) for name, content in files.items() if name.endswith(".html")}


def site_of(*folders: Path) -> Site:
    """Site of committed runs, without intervals."""
    runs = (Run(f.name, Results.from_frame(read_table(f / "results.parquet"))) for f in folders)
    return Site(tuple(runs))


def one_run(results: Results) -> Site:
    return Site((Run("mine", results),))


@pytest.fixture(scope="module")
def committed_site() -> Site:
    return site_of(
        *(ROOT / "results" / name for name in ("leaderboard", "spatial", "probes", "wide", "full"))
    )


@pytest.fixture(scope="module")
def committed(committed_site: Site) -> dict[str, bytes]:
    return dict(site_files(committed_site))


def test_every_link_leads_to_a_file_and_a_place_of_the_site(committed: dict[str, bytes]) -> None:
    parsed = pages(committed)
    for name, page in parsed.items():
        assert len(page.ids) == len(set(page.ids)), name
        assert len(page.labels) == len(set(page.labels)), name
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("https", "http"):
                # Only the sources of tasks; nothing is loaded from them.
                assert name.startswith("tasks/")
                continue
            if parts.scheme == "data":
                continue
            target = _resolve(name, unquote(parts.path)) if parts.path else name
            assert target in committed, (name, link)
            assert not parts.fragment or unquote(parts.fragment) in parsed[target].ids, (name, link)


def test_pages_say_how_a_profile_is_measured() -> None:
    site = one_run(hostile())
    files = {name: content for name, content in site_files(site) if name.endswith(".html")}
    custom = [text for text in (f.decode() for f in files.values()) if "FILE.py" in text]
    assert custom
    for content in custom:
        assert "<code>satclip-bench info FILE.py:CLASS --profile --json" in content
        assert "satclip-bench info FILE.py:CLASS --map draws it" in content
        # Few lists of records are not folded.
        assert "<summary>Records of" not in content
        assert "<details id=" in content


def test_long_lists_of_records_are_folded_by_run(committed: dict[str, bytes]) -> None:
    content = committed["encoders/geoclip.html"].decode()
    before, *runs = re.split(r"<summary>Records of (?=\d+ scores)", content)
    assert len(runs) == 5
    assert "<details id=" not in before
    for run in runs:
        assert int(run.split(" ")[0]) == run.count("<details id=")


def _resolve(page: str, link: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / link).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_numbers_are_those_of_the_board_and_lead_to_all_of_its_records(
    committed_site: Site,
) -> None:
    site = committed_site
    results = site.runs[0].results
    board = results.board("held-out-region", "linear")
    leader = site.leads("held-out-region", "biomes")
    assert leader is not None
    assert [line.row.name for line in leader.best] == ["geoclip"]
    rows = results.frame.query(
        "task == 'biomes' and encoder == 'geoclip' and split == 'held-out-region' "
        "and probe == 'linear' and metric == 'skill'"
    )
    assert {entry.key for entry in leader.best[0].records} == set(rows["key"])
    assert leader.best[0].score == next(
        score
        for row in board.rows
        if row.name == "geoclip"
        for card, score in zip(board.tasks, row.scores, strict=True)
        if card.name == "biomes"
    )
    # Without predictions no tie can be claimed or denied under a split of one seed.
    assert not leader.tested
    # Every record of every run stands behind a score, and no score is without records.
    for run in site.runs:
        lines = [line for line in site.lines if line.run == run.name]
        keys = {entry.key for line in lines for entry in line.records}
        assert keys == set(run.results.frame["key"])
        assert all(line.records for line in lines)


def test_the_best_encoder_is_named_where_a_baseline_leads() -> None:
    order = ("direct", "wrap", "geoclip", "baseline.mean", "baseline.knn")
    table = frame(lambda encoder, *_: 0.1 * order.index(encoder))
    site = one_run(Results.from_frame(table))
    leader = site.leader(site.boards[0], "biomes")
    assert leader is not None
    assert leader.best[0].row.name == "baseline.knn"
    assert leader.encoder is not None
    assert leader.encoder.row.name == "geoclip"
    assert leader.encoder.place == 3


def test_hostile_names_are_escaped_and_files_stay_in_the_folder(tmp_path: Path) -> None:
    site = Site((Run(HOSTILE, hostile()),))
    files = dict(site_files(site))
    clean = pages(dict(site_files(one_run(Results.from_frame(frame())))))
    tags = set().union(*(page.tags for page in clean.values()))
    for name, page in pages(files).items():
        assert page.tags <= tags, name
        assert not page.events, name
        assert b"<script>alert" not in files[name]
        assert not any("script:" in link for link in page.links)
    assert "&lt;script&gt;" in files["index.html"].decode()
    write_site(site, tmp_path / "site", no_pictures)
    assert {path.parent.name for path in tmp_path.rglob("*") if path.is_file()} == {
        *("site", "assets", "data", "encoders", "tasks")
    }
    assert not list((tmp_path / "site").rglob("con.html"))


@given(st.lists(st.text(max_size=100), max_size=8))
def test_page_names_are_plain_and_differ_on_any_file_system(names: list[str]) -> None:
    made = page_names(names)
    assert made.keys() == set(names)
    assert len({page.casefold() for page in made.values()}) == len(made)
    for page in made.values():
        assert page.isascii()
        assert not set(page) & set("/\\<>:\"|?*% &#'")
        assert 0 < len(page) <= 80
        assert not page.startswith(".")


def test_a_page_keeps_its_name_when_others_join() -> None:
    assert page_names(["wrap"])["wrap"] == page_names(["Wrap", "wrap", "WRAP"])["wrap"]


@given(st.lists(st.floats(-1e6, 10, allow_subnormal=False) | st.just(float("nan")), max_size=5))
def test_positions_on_an_axis_are_in_its_width_and_in_order(scores: list[float]) -> None:
    axis = score_axis(scores)
    known = sorted(score for score in scores if not np.isnan(score))
    places = [axis(score) for score in known]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def test_the_same_results_give_the_same_pages_in_any_order_of_rows() -> None:
    files = (
        dict(site_files(one_run(hostile(shuffled=shuffled)))) for shuffled in (False, False, True)
    )
    once, again, other = files
    assert once == again
    assert all(other[name] == content for name, content in once.items() if ".html" in name)


def test_an_earlier_site_is_replaced_and_other_folders_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site(one_run(Results.from_frame(frame())), out, no_pictures)
    assert (out / "encoders" / "wrap.html").is_file()
    other = Results.from_frame(frame(encoders=("direct", "geoclip")))
    write_site(one_run(other), out, no_pictures)
    assert not (out / "encoders" / "wrap.html").exists()
    assert (out / "encoders" / "direct.html").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("\\section{}")
    with pytest.raises(BenchError, match="is not empty and holds no earlier leaderboard page"):
        write_site(one_run(Results.from_frame(frame())), tmp_path / "mine", no_pictures)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_list_of_files_cannot_delete_others(tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (out / "notes.txt").write_text("mine")
    (out / "site.json").write_text('{"files": ["../mine.txt", "notes.txt", "data/../notes.txt"]}')
    write_site(one_run(Results.from_frame(frame())), out, no_pictures)
    assert (tmp_path / "mine.txt").is_file()
    assert (out / "notes.txt").is_file()


def test_the_committed_table_gives_a_site_by_one_command(tmp_path: Path) -> None:
    options = ("--html", "a", "--tasks", "biomes")
    done = bench("leaderboard", "--out", COMMITTED, *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "index.html" in done.stdout
    index = (tmp_path / "a" / "index.html").read_text()
    assert "Another continent or region" in index
    # The interval of a mean rank, from the bootstrap scores of the run.
    ranks = bench("leaderboard", "--out", COMMITTED, "--ranks", "--tasks", "biomes", cwd=tmp_path)
    line = next(line for line in ranks.stdout.splitlines() if "GeoCLIP" in line)
    rank, interval = re.findall(r"\d+\.\d(?= \[)|\[\d+\.\d, \d+\.\d\]", line)[:2]
    assert f'>{rank}<small class="interval">{interval}</small>' in index
    assert 'src="../tasks/biomes.map.png"' in (tmp_path / "a" / "tasks" / "biomes.html").read_text()
    listed = {*SiteFiles.model_validate_json((tmp_path / "a" / "site.json").read_bytes()).files}
    written = {p.relative_to(tmp_path / "a").as_posix() for p in (tmp_path / "a").rglob("*.*")}
    assert written == listed | {"site.json"}
    assert {"tasks/biomes.map.png", "tasks/biomes.histogram.png"} <= listed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "random"], "leave out --split and --probe"),
        (["--gaps"], "not allowed with argument"),
    ],
)
def test_options_of_one_board_do_not_go_with_all_boards(
    options: list[str], message: str, tmp_path: Path
) -> None:
    done = bench("leaderboard", "--out", COMMITTED, "--html", "a", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "a").exists()


def test_options_of_the_pages_need_html_and_runs_need_names(tmp_path: Path) -> None:
    options = ("leaderboard", "--out", COMMITTED, "--beside")
    alone = bench(*options, COMMITTED, cwd=tmp_path)
    assert alone.returncode == 2
    assert "--beside belongs to --html DIR" in alone.stderr
    (tmp_path / "leaderboard").mkdir()
    doubled = bench(*options, "leaderboard", "--html", "a", cwd=tmp_path)
    assert doubled.returncode == 2
    assert "two folders are called 'leaderboard'" in doubled.stderr
    twice = bench(*options, COMMITTED, "--html", "a", cwd=tmp_path)
    assert "leaderboard is given twice" in twice.stderr


def test_folders_without_results_and_tables_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = bench("leaderboard", "--out", "empty", "--html", "a", cwd=tmp_path)
    assert empty.returncode == 2
    assert "there are no records in empty" in empty.stderr
    for name, content in (("text", b"not a table"), ("other", None), ("old", None)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "results.parquet"
        if content is not None:
            path.write_bytes(content)
        elif name == "other":
            pd.DataFrame({"a": [1]}).to_parquet(path)
        else:
            frame().drop(columns=["key"]).to_parquet(path)
        done = bench("leaderboard", "--out", name, "--html", "a", cwd=tmp_path)
        assert done.returncode == 2
        assert "results.parquet" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_table_of_an_earlier_version_gets_the_columns_that_it_does_not_have(
    tmp_path: Path,
) -> None:
    path = tmp_path / "results.parquet"
    frame().drop(columns=["n_shared", "converged", "recipe_chosen"]).to_parquet(path)
    table = read_table(path)
    assert "index.html" in dict(site_files(one_run(Results.from_frame(table))))
