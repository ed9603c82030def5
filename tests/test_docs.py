"""Tests of README.md, of the pages under docs/, and of CITATION.cff."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest
import yaml

from satclip_bench.benchmarks.cli.parser import COMMANDS, make_parser
from satclip_bench.encoders import check_encoder, encoder_from_file

ROOT = Path(__file__).parent.parent


def is_built(page: Path) -> bool:
    """Whether a page was written by `make docs`, and is not part of the repository."""
    return bool({"_build", "reference"} & {*page.relative_to(ROOT / "docs").parts})


README = (ROOT / "README.md").read_text()
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(path for path in (ROOT / "docs").rglob("*.md") if not is_built(path)),
        *(ROOT / "results").glob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
MAX_WORDS = 750


FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
"""A block of code: its language, and its lines."""


def without_code(text: str) -> str:
    return FENCE.sub("", text)


def link_targets(text: str) -> list[str]:
    """Targets of links and images of a page that lie in the repository."""
    prose = re.sub(r"`[^`\n]*`", "", without_code(text))
    links = re.findall(r"\]\(<?([^)\s>]+)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [link for link in links if not re.match(r"[a-z][a-z+.-]*:", link)]


def anchors(text: str) -> set[str]:
    """Anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#{1,6} +(.+?) *$", without_code(text), flags=re.MULTILINE)
    plain = [re.sub(r"[`*]|\[|\]\([^)]*\)", "", title) for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def python_blocks(text: str) -> list[str]:
    return [code for language, code in FENCE.findall(text) if language == "python"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_images_resolve(page: Path) -> None:
    for link in link_targets(page.read_text()):
        place, _, anchor = unquote(link).partition("#")
        target = page.parent / place if place else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{link}: no such heading"


def test_links_are_found() -> None:
    text = '[a](b.md#c) ![d](e.png) <img src="f.png"> `[g](h)` [i](https://j.org)\n```\n[k](l)\n```'
    assert link_targets(text) == ["b.md#c", "e.png", "f.png"]
    assert anchors("# Where `files` lie\n## Held-out region: how?") == {
        "where-files-lie",
        "held-out-region-how",
    }


def test_every_page_is_on_the_map() -> None:
    linked = set(link_targets((ROOT / "docs" / "index.md").read_text()))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= linked, f"docs/index.md has no link to {sorted(pages - linked)}"


def test_every_page_is_once_in_the_table_of_contents_of_the_site() -> None:
    toc = (ROOT / "docs" / "_toc.yml").read_text()
    entries = re.findall(r"(?:file|root): (\S+)", toc)
    listed = set(entries)
    assert len(entries) == len(listed)
    pages = {page.relative_to(ROOT).with_suffix("").as_posix() for page in PAGES}
    pages |= {
        page.relative_to(ROOT).with_suffix("").as_posix()
        for page in (ROOT / "docs" / "notebooks").glob("*.ipynb")
    }
    assert pages == {page for page in listed if not page.startswith("docs/reference/")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_rows_of_tables_have_as_many_cells_as_their_header(page: Path) -> None:
    width = None
    for line in without_code(page.read_text()).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        if width is None:
            width = cells
        assert cells == width, line


def test_readme_is_short() -> None:
    tables = r"<!-- (board|held-out) -->.*?<!-- /\1 -->"
    prose = re.sub(tables, "", without_code(README), flags=re.DOTALL)
    prose = re.sub(r"<[^>]*>|\]\([^)]*\)|[#*|]", " ", prose)
    assert len(prose.split()) <= MAX_WORDS


def test_boards_of_the_pages_are_those_of_the_committed_tables(
    page_boards: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert page_boards.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_of_a_page_imports_names_that_exist(page: Path) -> None:
    for block in python_blocks(page.read_text()):
        for node in ast.walk(ast.parse(block)):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if isinstance(node, ast.ImportFrom) and module and module.startswith("satclip_bench"):
                for alias in node.names:
                    assert hasattr(importlib.import_module(module), alias.name), alias.name


@pytest.mark.parametrize(
    "page",
    # A changelog also names what was there before.
    [page for page in PAGES if page.name != "CHANGELOG.md"],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_files_and_modules_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    folders = "benchmarks|core|docs|encoders|examples|satclip_bench|tasks|tests"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", without_code(text)):
        assert (ROOT / path).exists(), f"{path} does not exist"
    for module in re.findall(r"\bsatclip_bench(?:\.[a-z_]\w*)+", text):
        parts = module.split(".")
        found = ROOT.joinpath(*parts).is_dir() or ROOT.joinpath(*parts).with_suffix(".py").is_file()
        name_in_it = ROOT.joinpath(*parts[:-1])
        assert found or name_in_it.is_dir() or name_in_it.with_suffix(".py").is_file(), module


def command_lines(text: str) -> list[list[str]]:
    """Arguments of every call of the command line in a page's code, continued lines joined.

    An ellipsis at the end of a call stands for further options and is left out. Variables of the
    shell have a value that is a number, a name and a path.
    """
    blocks = [code for language, code in FENCE.findall(text) if language in ("", "sh")]
    indented = re.findall(r"^    (.*)$", without_code(text), re.MULTILINE)
    lines = "\n".join([*blocks, *indented]).replace("\\\n", " ").splitlines()
    calls = [re.search(r"(?:run_benchmarks\.py|^satclip-bench)(?: |$)(.*)", line) for line in lines]
    words = [shlex.split(re.sub(r"\$\w+", "1", call[1]), comments=True) for call in calls if call]
    return [call[:-1] if call[-1:] == ["..."] else call for call in words]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_command_lines_of_a_page_can_be_parsed(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in command_lines(page.read_text()):
        if arguments == ["COMMAND"]:
            continue
        command = [] if arguments and not arguments[0].startswith("-") else ["run"]
        try:
            make_parser().parse_args([*command, *arguments])
        except SystemExit:
            pytest.fail(f"{shlex.join(arguments)}: {capsys.readouterr().err}")


def test_command_lines_are_found() -> None:
    text = (
        "```sh\npython run_benchmarks.py run --seeds 0 \\\n  --jobs 2  # two\nsatclip-bench\n```\n"
    )
    expected = [["run", "--seeds", "0", "--jobs", "2"], []]
    assert command_lines(text) == expected
    # Blocks of other languages, before and after, hide no call and have none themselves.
    other = "```python\nx = 1  # satclip-bench is no call here\n```\n\n"
    assert command_lines(f"{other}satclip-bench in prose\n\n{text}{other}") == expected
    placeholders = '```sh\nsatclip-bench run --jobs "$CORES" --out parts/$task ...\n```\n'
    assert command_lines(placeholders) == [["run", "--jobs", "1", "--out", "parts/1"]]


def test_every_command_has_an_example() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    shown = {arguments[0] for arguments in command_lines(page) if arguments}
    assert {command.name for command in COMMANDS} <= shown


@pytest.fixture
def page_boards(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = ROOT / "docs" / "studies" / "page_boards.py"
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location("page_boards", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cells_of_a_board_are_read(page_boards: ModuleType) -> None:
    text = (
        "# title\n\n| Encoder | Mean rank | Elev. (R²) |\n| --- | ---: | ---: |\n"
        "| A | 1.0 ± 0.1 | **.832** ± .005<br><sub>\\[.74, .89\\]</sub> |\n"
        "| *baselines* |  |  |\n| *B* | 2.0 | <u>-.229</u><br><sub>\\[-.62, -.08\\]</sub> |\n"
    )
    cells = page_boards.read_board(text)
    assert list(cells) == ["A", "*B*"]
    assert page_boards.score(cells["A"]["Elev."]) == "**.832**"
    assert page_boards.score(cells["*B*"]["Elev."]) == "-.229"
    assert page_boards.score(cells["A"]["Mean rank"]) == "1.0"


def test_marked_values_are_cells_and_parts_of_notes(
    page_boards: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run" / "tables"
    folder.mkdir(parents=True)
    (folder / "board.linear.md").write_text(
        "# title\n\n| Encoder | Elev. (R²) | change |\n| --- | ---: | ---: |\n"
        "| *GP* | **.832** ± .005<br><sub>\\[.74, .89\\]</sub> | 9.2 \\[8.1, 10.4\\] |\n\n"
        "## second\n\n| Encoder | Elev. (R²) |\n| --- | ---: |\n| *GP* | best |\n\n"
        "Change beyond the noise: 25 of 75.\n"
    )
    monkeypatch.setattr(page_boards, "RESULTS", tmp_path)
    assert page_boards.value("run/board.linear | GP | Elev.") == ".832"
    assert page_boards.value("run/board.linear | GP | change") == "9.2"
    assert page_boards.value(r"run/board.linear | /noise: (\d+ of \d+)/") == "25 of 75"
    page = "a <!-- value: run/board.linear | GP | Elev. -->.1<!-- /value --> b"
    assert page_boards.with_values(page) == page.replace(">.1<", ">.832<")
    for wrong in (
        "run/board.linear | GP | Nothing",
        "run/none | GP | Elev.",
        "run/board.linear | /x/",
    ):
        with pytest.raises(ValueError, match="have no value"):
            page_boards.value(wrong)


def test_a_readme_without_markers_is_refused(page_boards: ModuleType) -> None:
    with pytest.raises(ValueError, match="markers"):
        page_boards.with_block("no board", "board", "| a |")


def test_encoder_of_the_readme_passes(tmp_path: Path) -> None:
    (block,) = (block for block in python_blocks(README) if block.startswith("# mine.py"))
    (tmp_path / "mine.py").write_text(block)
    check_encoder(encoder_from_file(f"{tmp_path / 'mine.py'}:Waves"))


def test_five_lines_of_the_readme_print_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = re.search(r"(import satclip_bench as sb.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    monkeypatch.chdir(tmp_path)
    exec(shown[1], {})  # noqa: S102
    assert capsys.readouterr().out == shown[2]


def test_citation_is_valid_and_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version"} <= citation.keys()
    assert citation["authors"] == [{"name": "The satclip-bench maintainers"}]
    (paper,) = citation["references"]
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Klemmer", "Rolf", "Robinson", "Mackey", "Rußwurm"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["version"] in (ROOT / "CHANGELOG.md").read_text()
