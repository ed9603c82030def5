"""Pages of the site as files: the front page, one page per encoder and one per task."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import partial
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.report.board import Board, Row, gaps
from satclip_bench.benchmarks.report.page.cards import card_of, encoder_facts, task_facts
from satclip_bench.benchmarks.report.page.model import Leader, Line, Site, anchor
from satclip_bench.benchmarks.report.page.plots import Axis, score_axis
from satclip_bench.benchmarks.report.page.words import (
    family,
    page_names,
    probe_words,
    split_words,
)
from satclip_bench.benchmarks.report.results import Results, choose_board
from satclip_bench.benchmarks.report.scores_table import scores_bytes, scores_frame
from satclip_bench.benchmarks.report.wording import listed, number, separate_board
from satclip_bench.benchmarks.runs.tidy import parquet_bytes
from satclip_bench.encoders import EncoderCard
from satclip_bench.tasks import TaskCard

PACKAGE = "satclip_bench.benchmarks.report.page"


def site_files(results: Results, pictures: Set[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files of the site; the same results give the same bytes.

    Args:
        results: results of the run.
        pictures: paths of the pictures that the folder of the site has.

    Raises:
        BenchError: the frame is empty.
    """
    site = Site(results)
    yield from _assets()
    yield from data_files(results)
    render = _renderer(site, pictures)
    yield "index.html", render("index.html.j2", root="", **_front(site))
    encoders, tasks = page_names(site.encoders), page_names(site.tasks)
    for name, page in encoders.items():
        yield f"encoders/{page}.html", render("encoder.html.j2", root="../", **_encoder(site, name))
    for name, page in tasks.items():
        yield f"tasks/{page}.html", render("task.html.j2", root="../", **_task(site, name))


def data_files(results: Results) -> Iterator[tuple[str, bytes]]:
    """The tables of the run as CSV and Parquet: one row per record and metric, and all scores."""
    import pyarrow as pa

    table = pa.Table.from_pandas(results.frame, preserve_index=False)
    yield "data/results.parquet", parquet_bytes(table)
    yield "data/results.csv", results.frame.to_csv(index=False, lineterminator="\n").encode()
    yield "data/scores.parquet", scores_bytes(results)
    yield "data/scores.csv", scores_frame(results).to_csv(index=False, lineterminator="\n").encode()


def picture_paths(results: Results) -> Mapping[tuple[str, str], str]:
    """Paths of all pictures: of an `embedding` by encoder, a `map` and `histogram` by task."""
    site = Site(results)
    encoders, tasks = page_names(site.encoders), page_names(site.tasks)
    paths = {
        ("embedding", name): f"encoders/{page}.png"
        for name, page in encoders.items()
        if not is_baseline(name)
    }
    for name, page in tasks.items():
        paths |= {(what, name): f"tasks/{page}.{what}.png" for what in ("map", "histogram")}
    return paths


def _assets() -> Iterator[tuple[str, bytes]]:
    """Style and scripts: those of this project, and DataTables as itables carries it."""
    for name in ("page.css", "page.js"):
        yield f"assets/{name}", (files(PACKAGE) / "assets" / name).read_bytes()
    # Browsers refuse to load a module from a file, but take one from a data URL.
    module = b64encode((files("itables") / "html" / "dt_bundle.js").read_bytes()).decode()
    script = f'window.datatables = import("data:text/javascript;base64,{module}");\n'
    yield "assets/datatables.js", script.encode()


def _renderer(site: Site, pictures: Set[str]) -> Callable[..., bytes]:
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {
        "site": site,
        "encoder_pages": page_names(site.encoders),
        "task_pages": page_names(site.tasks),
        "pictures": pictures,
        "anchor": anchor,
        "family": family,
        "is_baseline": is_baseline,
        "probe_words": probe_words,
        "split_words": split_words,
        "zip": partial(zip, strict=True),
    }
    environment.filters |= {
        "number": number,
        "listed": listed,
        "python": repr,
        "first_upper": lambda text: text[:1].upper() + text[1:],
        "with_others": _with_others,
    }
    environment.tests["nan"] = lambda value: bool(np.isnan(value))

    def render(template: str, **context: Any) -> bytes:
        return environment.get_template(template).render(**context).encode()

    return render


def _front(site: Site) -> dict[str, Any]:
    splits = tuple(dict.fromkeys(board.split for board in site.boards))
    return {
        "splits": splits,
        "probes": tuple(dict.fromkeys(board.probe for board in site.boards)),
        "editions": sorted({edition for board in site.boards for edition in board.editions}),
        "shown": choose_board(site.results.frame, None, None),
        "leads": [
            (card, [_leader(site, split, name) for split in splits])
            for name, card in site.tasks.items()
        ],
        "leading_probes": list(
            dict.fromkeys(probe_words(board.probe) for board in site.first_boards)
        ),
        "verified": {name: _verified(name) for name in site.encoders},
        "rows_by_rank": _rows_by_rank,
        "has_seen": lambda row: any(s.contaminated or s.recipe for s in row.scores),
        "missing_reason": _missing_reason,
        "unranked": lambda board: [gaps(row) for row in board.rows if row.missing],
        "separate": lambda board: [n for n in map(separate_board, board.tasks) if n][:1],
    }


def _with_others(count: int) -> str:
    return f"tied with {count} other{'s' * (count != 1)}"


def _leader(site: Site, split: str, task: str) -> Leader | None:
    leaders = (site.leader(board, task) for board in site.first_boards if board.split == split)
    return next((leader for leader in leaders if leader is not None), None)


def _rows_by_rank(board: Board) -> list[Row]:
    """Rows of a board, encoders and baselines together, best mean rank first."""
    return sorted(board.rows, key=lambda row: np.inf if np.isnan(row.rank) else row.rank)


def _missing_reason(row: Row, card: TaskCard) -> str:
    """Why a row has no score of a task."""
    reasons = (missing.reason for missing in row.missing if missing.task == card.name)
    return next(reasons, "not evaluated")


def _encoder(site: Site, name: str) -> dict[str, Any]:
    card, lines = card_of(name), site.of_encoder(name)
    titles = {task.name: task.title for task in site.tasks.values()}
    rows = site.results.frame[site.results.frame["encoder"] == name]
    return {
        "name": name,
        "title": site.encoders[name],
        "card": card,
        "is_encoder": isinstance(card, EncoderCard),
        "facts": encoder_facts(card, titles),
        "lines": lines,
        "axis": _axis(lines),
        "versions": sorted(set(rows["encoder_version"])),
        "weights": sorted(set(rows["weights_sha256"]) - {""}),
        "picture_path": f"encoders/{page_names(site.encoders)[name]}.png",
    }


def _task(site: Site, name: str) -> dict[str, Any]:
    card, boards, page = site.tasks[name], site.of_task(name), page_names(site.tasks)[name]
    editions = dict.fromkeys(
        edition
        for board, _ in boards
        for one, edition in zip(board.tasks, board.editions, strict=True)
        if one.name == name
    )
    return {
        "card": card,
        "facts": [task_facts(card, edition) for edition in editions],
        "sources": [s for n, e in card.editions.items() if n in editions for s in e.sources],
        "boards": boards,
        "opened": {board.label for board in site.first_boards},
        "axes": {board.label: _axis(lines) for board, lines in boards},
        "leader": partial(site.leader, task=name),
        "map": f"tasks/{page}.map.png",
        "histogram": f"tasks/{page}.histogram.png",
    }


def _axis(lines: Iterable[Line]) -> Axis:
    scores = (line.score for line in lines)
    return score_axis([value for s in scores for value in (s.mean, s.low, s.high)])


def _verified(name: str) -> str:
    card = card_of(name)
    if not isinstance(card, EncoderCard):
        return ""
    return "yes" if card.verified else "no"
