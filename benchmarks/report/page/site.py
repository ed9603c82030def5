"""Pages of the site as files: the front page, one page per encoder and one per task."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from functools import partial
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.profiles.profile import Profile
from satclip_bench.benchmarks.report.board import Board, Row, gaps
from satclip_bench.benchmarks.report.page.cards import card_of, encoder_facts, task_facts
from satclip_bench.benchmarks.report.page.lines import Line, anchor
from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.plots import Axis, score_axis
from satclip_bench.benchmarks.report.page.words import (
    family,
    info_arguments,
    page_names,
    probe_words,
    split_words,
)
from satclip_bench.benchmarks.report.profile_figures import AREAS
from satclip_bench.benchmarks.report.profile_words import profile_table
from satclip_bench.benchmarks.report.results import Results, choose_board
from satclip_bench.benchmarks.report.scores_table import scores_frame
from satclip_bench.benchmarks.report.wording import listed, number, separate_board
from satclip_bench.benchmarks.runs.tidy import frame_bytes
from satclip_bench.encoders import EncoderCard
from satclip_bench.tasks import TaskCard

if TYPE_CHECKING:
    pass

PACKAGE = "satclip_bench.benchmarks.report.page"

MAX_OPEN = 40
"""Maximum number of lists of records that a page shows one below the other; more are folded."""

_OF_ENCODER, _OF_TASK = ("embedding", "profile"), ("map", "histogram")
_NO_PROFILES: Mapping[str, Profile] = MappingProxyType({})


def site_files(
    site: Site, pictures: Set[str] = frozenset(), profiles: Mapping[str, Profile] = _NO_PROFILES
) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files of the site; the same results give the same bytes.

    Args:
        site: runs to show.
        pictures: paths of the pictures that the folder of the site has.
        profiles: profiles of encoders by name, as `profiles_of` selects them.

    Raises:
        BenchError: the frame of a run is empty.
    """
    yield from _assets()
    for run, name in _run_files(site):
        yield from _data_files(name, run.results)
    render = _renderer(site, pictures)
    yield "index.html", render("index.html.j2", root="", **_front(site))
    paths = picture_paths(site)
    for name, page in page_names(site.encoders).items():
        context = _encoder(site, name, profiles.get(name), paths)
        yield f"encoders/{page}.html", render("encoder.html.j2", root="../", **context)
    for name, page in page_names(site.tasks).items():
        context = _task(site, name, paths)
        yield f"tasks/{page}.html", render("task.html.j2", root="../", **context)


def _run_files(site: Site) -> tuple[tuple[Run, str], ...]:
    """Runs, and the first part of the names of their files."""
    names = page_names(run.name for run in site.runs)
    return tuple((run, names[run.name]) for run in site.runs)


def _data_files(name: str, results: Results) -> Iterator[tuple[str, bytes]]:
    """The tables of a run as CSV and Parquet: one row per record and metric, and all scores."""
    for what, frame in (("results", results.frame), ("scores", scores_frame(results))):
        yield f"data/{name}.{what}.parquet", frame_bytes(frame)
        text = frame.to_csv(index=False, lineterminator="\n")
        yield f"data/{name}.{what}.csv", text.encode()


def picture_paths(site: Site) -> Mapping[tuple[str, str], str]:
    """Paths of all pictures by what they show and its name.

    Of an encoder an `embedding` and a `profile`, of a task a `map` and a `histogram`.
    """
    encoders, tasks = page_names(site.encoders), page_names(site.tasks)
    paths: dict[tuple[str, str], str] = {}
    for name, page in encoders.items():
        if not is_baseline(name):
            paths |= {(what, name): f"encoders/{page}.{what}.png" for what in _OF_ENCODER}
    for name, page in tasks.items():
        paths |= {(what, name): f"tasks/{page}.{what}.png" for what in _OF_TASK}
    return paths


def profiles_of(site: Site, profiles: Mapping[str, Profile]) -> Mapping[str, Profile]:
    """Profiles of the encoders whose records are of the same version and weights."""
    fitting = {}
    for name in site.encoders.keys() & profiles.keys():
        one, frame = profiles[name], site.frame_of("encoder", name)
        measured = set(zip(frame["encoder_version"], frame["weights_sha256"], strict=True))
        if measured == {(one.version, one.weights_sha256)}:
            fitting[name] = one
    return fitting


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
        "run_files": {run.name: name for run, name in _run_files(site)},
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
    boards = [b.board for b in site.boards]
    splits = tuple(dict.fromkeys(board.split for board in boards))
    leads = [
        (card, [site.leads(split, name) for split in splits]) for name, card in site.tasks.items()
    ]
    lines = [line for _, of in leads for leader in of if leader for line in leader.best]
    shown = choose_board(site.runs[0].results.frame, None, None)
    return {
        "splits": splits,
        "probes": tuple(dict.fromkeys(board.probe for board in boards)),
        "editions": sorted({edition for board in boards for edition in board.editions}),
        "shown": shown,
        "leads": leads,
        "leading_probes": list(dict.fromkeys(line.probe_words for line in lines)),
        "verified": {name: _verified(name, site.submitted) for name in site.encoders},
        "run_words": _run_words,
        "rows_by_rank": _rows_by_rank,
        "has_seen": lambda row: any(s.contaminated or s.recipe for s in row.scores),
        "missing_reason": _missing_reason,
        "unranked": lambda board: [gaps(row) for row in board.rows if row.missing],
        "separate": lambda board: [n for n in map(separate_board, board.tasks) if n][:1],
    }


def _run_words(run: Run) -> str:
    """Name of a run with the numbers of its tasks and splits."""
    frame = run.results.frame
    counts = (
        f"{number} {word}{'s' * (number != 1)}"
        for word in ("task", "split")
        for number in [frame[word].nunique()]
    )
    return f"{run.name}: {', '.join(counts)}"


def _with_others(count: int) -> str:
    return f"tied with {count} other{'s' * (count != 1)}"


def _rows_by_rank(board: Board) -> list[Row]:
    """Rows of a board, encoders and baselines together, best mean rank first."""
    return sorted(board.rows, key=lambda row: np.inf if np.isnan(row.rank) else row.rank)


def _missing_reason(row: Row, card: TaskCard) -> str:
    """Why a row has no score of a task."""
    reasons = (missing.reason for missing in row.missing if missing.task == card.name)
    return next(reasons, "not evaluated")


def _encoder(
    site: Site, name: str, profile: Profile | None, paths: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    card, lines = card_of(name), site.of_encoder(name)
    titles = {task.name: task.title for task in site.tasks.values()}
    rows = site.frame_of("encoder", name)
    return {
        "name": name,
        "title": site.encoders[name],
        "card": card,
        "is_encoder": isinstance(card, EncoderCard),
        "arguments": info_arguments(name, registered=card is not None),
        "max_open": MAX_OPEN,
        "facts": encoder_facts(card, titles),
        "lines": lines,
        "runs": list(dict.fromkeys(line.run for line in lines)),
        "axis": _axis(lines),
        "versions": sorted(set(rows["encoder_version"])),
        "weights": sorted(set(rows["weights_sha256"]) - {""}),
        "embedding_map": paths.get(("embedding", name), ""),
        "profile": profile_table(profile) if profile else None,
        "profile_areas": [AREAS[area] for area in profile.areas] if profile else [],
        "profile_figure": paths.get(("profile", name), ""),
        "profile_seed": profile.seed if profile else 0,
    }


def _task(site: Site, name: str, paths: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    card, boards = site.tasks[name], site.of_task(name)
    editions = dict.fromkeys(
        edition
        for shown, _ in boards
        for one, edition in zip(shown.board.tasks, shown.board.editions, strict=True)
        if one.name == name
    )
    first_board, ids = boards[0][0], {shown.id for shown, _ in boards}
    opened = ids & {b.id for b in site.first_boards if b.run == first_board.run}
    return {
        "card": card,
        "facts": [task_facts(card, edition) for edition in editions],
        "sources": [s for n, e in card.editions.items() if n in editions for s in e.sources],
        "boards": boards,
        "opened": opened or {first_board.id},
        "axes": {shown.id: _axis(lines) for shown, lines in boards},
        "leader": partial(site.leader, task=name),
        "map": paths["map", name],
        "histogram": paths["histogram", name],
    }


def _axis(lines: Iterable[Line]) -> Axis:
    scores = (line.score for line in lines)
    return score_axis([value for s in scores for value in (s.mean, s.low, s.high)])


def _verified(name: str, submitted: Set[str]) -> str:
    """Whether an encoder was run with its real weights: yes (or it needs none), no, or unknown.

    Nothing is known of custom encoders, and of what others have submitted.
    """
    card = card_of(name)
    if is_baseline(name):
        return "yes"
    if not isinstance(card, EncoderCard) or name in submitted:
        return "unknown"
    return "yes" if card.verified else "no"
