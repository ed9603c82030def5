"""Pages of the leaderboard in headless Chromium: sorting, filters, links, accessibility."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from satclip_bench.benchmarks.profiles.files import read_profiles
from satclip_bench.benchmarks.report.known_intervals import read_intervals
from satclip_bench.benchmarks.report.page.folder import write_site
from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.site import picture_paths, profiles_of
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.committed import read_table
from tests.benchmarks.report.page.hostile import HOSTILE, hostile

RESULTS = Path(__file__).parents[4] / "results"
COMMITTED = RESULTS / "leaderboard"
RUNS = ("leaderboard", "spatial", "probes")
FIGURE = COMMITTED / "figures" / "gap.linear.png"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

PAGES = (
    "index.html",
    "encoders/geoclip.html",
    "encoders/baseline.gp.html",
    "tasks/biomes.html",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of three committed runs; every picture is the same."""
    site = Site(tuple(map(committed_run, RUNS)))
    out = tmp_path_factory.mktemp("site")

    def draw(folder: Path) -> list[str]:
        paths = sorted(picture_paths(site).values())
        for path in paths:
            (folder / path).parent.mkdir(exist_ok=True)
            shutil.copy(FIGURE, folder / path)
        return paths

    write_site(site, out, draw, profiles_of(site, read_profiles()))
    return out


def committed_run(name: str) -> Run:
    frame = read_table(RESULTS / name / "results.parquet")
    intervals = read_intervals(RESULTS / name / "tables" / "scores.parquet")
    return Run(name, Results.from_frame(frame, intervals=intervals))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser, which at the end has asked no server and written no error."""
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda request: problems.extend(_elsewhere(request.url)))
    yield page
    page.close()
    assert problems == []


def _elsewhere(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:")) else [url]


def show(page: Page, site: Path, name: str) -> Page:
    page.goto((site / name).as_uri())
    page.wait_for_function("window.tablesAreSortable")
    return page


def first_column(page: Page) -> list[str]:
    return page.locator(".board:not([hidden]) tbody th a").all_inner_texts()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_a_stranger_finds_the_best_encoder_for_biomes_on_another_continent(
    width: int, height: int, page: Page, site: Path
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    show(page, site, "index.html")
    page.get_by_label("For the task").select_option("Biomes")
    page.get_by_label("where test points lie").select_option("another continent or region")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("GeoCLIP .445")
    box = answer.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= height
    answer.get_by_role("link", name=".445").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("GeoCLIP")
    # The list of records, in that of all scores of a run.
    expect(page.locator("details[open]")).to_have_count(2)
    opened = page.locator("details[open] details[open]")
    expect(opened).to_have_count(1)
    expect(opened.locator("tbody tr")).to_have_count(6)
    key = opened.locator("tbody code").first.inner_text()
    assert key in (site / "data" / "leaderboard.results.csv").read_text()


def test_answers_are_those_of_the_table_of_leaders(page: Page, site: Path) -> None:
    show(page, site, "index.html")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Biomes"))
    headings = page.locator(".leads thead th").all_inner_texts()
    column = next(i for i, text in enumerate(headings) if "Other blocks of 10" in text)
    page.get_by_label("For the task").select_option("Biomes")
    page.get_by_label("where test points lie").select_option("other blocks of 10°")
    cell = row.first.locator("th, td").nth(column)
    expect(page.locator("#answer")).to_have_text(cell.text_content() or "")


def test_columns_are_sorted_by_mouse_and_by_keyboard(page: Page, site: Path) -> None:
    show(page, site, "index.html")
    assert first_column(page)[:2] == ["GP on the sphere", "IDW on the sphere"]
    heading = page.locator(".board:not([hidden]) thead th").filter(has_text="Cal. hous.")
    heading.click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    by_score = first_column(page)
    assert by_score[:4] == [
        *("GP on the sphere", "k-NN on the sphere", "IDW on the sphere", "GeoCLIP")
    ]
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert first_column(page) == by_score[::-1]


def test_runs_are_chosen_and_their_splits_and_probes_offered(page: Page, site: Path) -> None:
    show(page, site, "index.html")
    board = page.locator(".board:not([hidden])")
    expect(board).to_have_count(1)
    page.locator("[name=run]").select_option("probes")
    expect(page.locator("[name=probe]")).to_have_value("lightgbm")
    expect(page.locator("[name=split] option[value='blocks.10']")).to_be_disabled()
    expect(board.locator("h3")).to_contain_text("probes")
    page.locator("[name=run]").select_option("spatial")
    page.locator("[name=split]").select_option("buffered.10-500")
    assert "Untrained SIREN L=10" in first_column(page)
    page.reload()
    expect(page.locator("[name=run]")).to_have_value("spatial")
    expect(board).to_have_count(1)
    expect(board.locator("h3")).to_contain_text("at least 500 km away")


def test_the_rows_of_an_encoder_are_searched(page: Page, site: Path) -> None:
    show(page, site, "encoders/geoclip.html")
    page.locator("[name=words]").fill("biomes  continent")
    expect(page.locator(".search [role=status]")).to_contain_text("2 of ")
    rows = page.locator(".searchable tbody tr").all_inner_texts()
    assert all("Biomes" in row and "another continent" in row for row in rows)


def test_the_front_page_is_used_by_keyboard_alone(page: Page, site: Path) -> None:
    show(page, site, "index.html")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("name", "task")
    page.keyboard.type("Bio")
    expect(page.locator("#answer")).to_contain_text("GeoCLIP .445")
    page.get_by_role("link", name="Boards").press("Enter")
    heading = page.locator(".board:not([hidden]) thead th").filter(has_text="Elev.")
    for _ in range(20):
        page.keyboard.press("Tab")
        # Every stop can be seen.
        style = "e => getComputedStyle(e).outlineStyle"
        assert page.locator(":focus").evaluate(style) != "none"
        if heading.locator(":focus").count():
            break
    expect(heading.locator(":focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    page.locator(".board:not([hidden]) tbody th a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("GP on the sphere")


def test_filters_choose_the_board_and_its_rows(page: Page, site: Path) -> None:
    show(page, site, "index.html")
    page.locator("[name=probe]").select_option("ridge")
    expect(page.locator(".board:not([hidden]) h3")).to_contain_text("ridge")
    page.locator("[name=split]").select_option("held-out-region")
    # This split has the linear probe alone.
    expect(page.locator("[name=probe]")).to_have_value("linear")
    assert first_column(page)[0] == "GeoCLIP"
    page.locator("[name=family]").select_option("harmonics")
    assert first_column(page) == ["Spherical harmonics L=10", "Spherical harmonics L=40"]
    expect(page.locator("#status")).to_contain_text("2 of 12 rows")
    page.locator("[name=family]").select_option("")
    page.locator("[name=seen]").select_option("no")
    assert not any("SatCLIP" in name for name in first_column(page))
    page.locator("[name=search]").fill("GEO")
    assert first_column(page) == ["GeoCLIP"]
    # The address names the board, so that it can be shared.
    assert "split=held-out-region" in page.url
    page.reload()
    expect(page.locator("[name=split]")).to_have_value("held-out-region")


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible_and_fit_a_phone(name: str, page: Page, site: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    show(page, site, name)
    every = "document.querySelectorAll('.notes, main > section details')"
    page.evaluate(f"{every}.forEach(one => {{ one.dataset.was = one.open; one.open = true; }})")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.evaluate(f"{every}.forEach(one => {{ one.open = one.dataset.was === 'true'; }})")
    # Score and name of a row stand side by side before anything is scrolled.
    for column in page.locator("th[data-kind=score]:visible").all()[:1]:
        box = column.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    assert violations(page, {}) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, {"runOnly": ["color-contrast"]}) == []


def violations(page: Page, options: dict[str, object]) -> list[str]:
    """What axe-core objects to on a page, of any impact, with the first place of each."""
    # Styles are not loaded a second time, which a browser refuses for files.
    found = page.evaluate("options => axe.run(options)", {"preload": False} | options)
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html']}" for v in found["violations"]]


def test_hostile_names_run_nothing(page: Page, tmp_path: Path) -> None:
    write_site(Site((Run(HOSTILE, hostile()),)), tmp_path, lambda _: ())
    show(page, tmp_path, "index.html")
    page.locator(".leads").get_by_role("link", name=HOSTILE).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    show(page, tmp_path, "index.html")
    assert HOSTILE in first_column(page)
    page.locator(".board:not([hidden])").get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    page.wait_for_function("window.tablesAreSortable")
