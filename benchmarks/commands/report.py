"""The commands `leaderboard`, `tables` and `figures`: reports of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.commands.finished import beside_entries, open_finished, read_finished
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice
from satclip_bench.benchmarks.report.figure_kinds import DEFAULT, FROM_RECORDS
from satclip_bench.benchmarks.report.folds import folds_table
from satclip_bench.benchmarks.report.gaps import gaps_table
from satclip_bench.benchmarks.report.known_intervals import FILE as SCORES
from satclip_bench.benchmarks.report.known_intervals import read_intervals
from satclip_bench.benchmarks.report.results import BoardName, Results, choose_board
from satclip_bench.benchmarks.report.terminal import print_board, print_text_table
from satclip_bench.benchmarks.runs.kept_replicates import keeps_replicates
from satclip_bench.benchmarks.runs.reading import ALL, Reading, RecordFilter
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import available_tables
from satclip_bench.benchmarks.species.column import BOARD, SpeciesColumn
from satclip_bench.core.errors import BenchError
from satclip_bench.core.threads import one_blas_thread

if TYPE_CHECKING:
    from satclip_bench.benchmarks.report.drawing import Format

BoardTable = Literal["scores", "ranks", "gaps", "folds"]
"""What `leaderboard` prints of a board: its scores, ratings over all tasks, differences to the best
of each task, or the median and worst fold."""


@one_blas_thread()
def leaderboard(
    out: Path,
    split: str | None,
    probe: str | None,
    *,
    table: BoardTable = "scores",
    contaminated: bool = True,
    score: ScoreChoice | None = None,
    only: RecordFilter = ALL,
    species: SpeciesColumn | None = None,
) -> int:
    """Print the leaderboard of a split and probe; by default the first that the run has.

    Args:
        out: folder of the run.
        split: name of the split.
        probe: name of the probe.
        table: what to print of the board.
        contaminated: whether encoders trained on the data of one of the tasks take part, and those
            whose recipe was chosen with its labels.
        score: score to show; None for the default of the split.
        only: tasks, encoders and seeds to show.
        species: scores of `species` to show as a column beside the run's tasks.

    Returns:
        The exit code.
    """
    adopt(out)
    finished = read_finished(out, only, species=species)
    name = choose_board(finished.frame, split, probe)
    if species and name != BOARD:
        raise BenchError(
            f"scores of species are a column of the board of split {BOARD[0]!r} and probe "
            f"{BOARD[1]!r} alone, not of {name[0]!r} and {name[1]!r}: leave out --species"
        )
    # The bootstrap scores of the other boards are not needed and take time.
    results = finished.results(name, contaminated=contaminated, score=score)
    console = Console()
    shown = [part for _, part in results.parts if name in part.boards]
    for number, part in enumerate(shown):
        if number:
            console.print()
        _print(part, name, table, console)
    finished.print_notices()
    return 0


def _print(results: Results, name: BoardName, table: BoardTable, console: Console) -> None:
    board = results.board(*name)
    if table == "ranks":
        print_text_table(results.ranks(*name).text, console)
    elif table == "gaps":
        print_text_table(gaps_table(board), console)
    elif table == "folds":
        folds = folds_table(board)
        if folds is None:
            raise BenchError(f"split {board.split!r} has a single fold: leave out --folds")
        print_text_table(folds, console)
    else:
        print_board(board, console)


@one_blas_thread()
def tables(
    out: Path,
    only: RecordFilter = ALL,
    score: ScoreChoice | None = None,
    species: SpeciesColumn | None = None,
) -> int:
    """Write the tables of a run, with a score or the default of each split.

    Args:
        out: folder of the run.
        only: tasks, encoders and seeds to show.
        score: score to show; None for the default of each split.
        species: scores of `species` to show as a column beside the run's tasks.

    Returns:
        The exit code.
    """
    from satclip_bench.benchmarks.report.tables import write_tables

    results = load_results(out, only, score, species)
    list_paths(replace_reports(out, lambda folder: write_tables(results, folder / "tables")))
    return 0


@one_blas_thread()
def figures(
    out: Path,
    only: RecordFilter = ALL,
    kinds: Sequence[str] = DEFAULT,
    formats: Sequence[Format] = ("png",),
) -> int:
    """Draw figures of a run, and say which are left out.

    Args:
        out: folder of the run.
        only: tasks, encoders, splits, probes and seeds to show.
        kinds: kinds to draw, of `report.figure_kinds`.
        formats: formats of the files.

    Returns:
        The exit code.

    Raises:
        BenchError: the run has none of these figures; the message says why.
    """
    from satclip_bench.benchmarks.report.figures import left_out

    finished = open_finished(out, only)
    results = finished.results()
    sentences = list(left_out(results, kinds))

    def write(folder: Path) -> tuple[Path, ...]:
        from satclip_bench.benchmarks.report.drawing import CAPTIONS
        from satclip_bench.benchmarks.report.figures import write_drawings

        path = out / "figures" / CAPTIONS
        earlier = path.read_text() if path.is_file() else ""
        drawn = _draw(results, folder / "figures", kinds, formats, earlier)
        if not set(kinds) & set(FROM_RECORDS):
            return drawn
        from satclip_bench.benchmarks.commands.record_figures import record_drawings

        made = folder / "figures" / CAPTIONS
        earlier = made.read_text() if made.is_file() else earlier
        store = finished.store
        records = store.records(finished.reading) if finished.reading.records else ()
        drawings = record_drawings(store, records, results, kinds, sentences.append)
        more = write_drawings(drawings, folder / "figures", formats, earlier)
        return tuple(dict.fromkeys([*drawn, *more]))

    paths = replace_reports(out, write)
    if not paths:
        if not sentences:
            sentences.append(f"the tables or predictions for {', '.join(kinds)} are not there")
        if only.splits or only.probes:
            sentences.append("--split and --probe leave out the others of the run")
        raise BenchError("nothing is drawn: " + "; ".join(sentences))
    list_paths(paths)
    for sentence in sentences:
        Console().print(Text(sentence), soft_wrap=True, highlight=False)
    return 0


def replace_reports(out: Path, write: Callable[[Path], tuple[Path, ...]]) -> tuple[Path, ...]:
    """Replace files of a run by those that `write` makes in a folder; all of them or none.

    Args:
        out: folder of the run.
        write: function that writes files to a folder and returns their paths.

    Returns:
        Paths of the files in the run's folder.
    """
    from satclip_bench.benchmarks.report.manifest import move, staging

    with staging(out) as folder:
        names = [path.relative_to(folder) for path in write(folder)]
        return move(folder, out, map(str, names))


@one_blas_thread()
def update_reports(store: Store, reading: Reading) -> Results:
    """Write the table of a run, and its reports unless they are complete and of these results.

    Must be called under the run's lock.

    Args:
        store: store of the run.
        reading: the records to report.

    Returns:
        The results that the reports show; without bootstrap scores, but with their intervals, if
        the reports were there.
    """
    from satclip_bench.benchmarks.report.manifest import (
        fingerprint,
        is_current,
        publish,
        staging,
        sweep,
    )

    out = store.folder
    finished = beside_entries(store, reading, store.write_table(reading))
    sources = finished.bootstrap_sources()
    results = Results.from_frame(finished.frame)
    sweep(out)
    made_from = fingerprint(results, available_tables(results.cards), sources)
    current = is_current(out, made_from)
    if current and None not in sources and keeps_replicates(out):
        # The tables have the intervals that would be made again from the bootstrap scores.
        return replace(results, intervals=read_intervals(out / "tables" / SCORES))
    results = finished.results(keep=True)
    if not current:
        from satclip_bench.benchmarks.report.tables import write_tables

        with staging(out) as folder:
            write_tables(results, folder / "tables")
            _draw(results, folder / "figures")
            publish(folder, out, made_from)
    return results


@one_blas_thread()
def print_boards(results: Results, out: Path, console: Console) -> None:
    """Print the leaderboards of a run, split by split.

    Args:
        results: results of the run.
        out: folder of the run.
        console: console to print on.
    """
    for split in dict.fromkeys(split for split, _ in results.boards):
        for _, part in results.parts:
            if split in {name for name, _ in part.boards}:
                print_board(part.board(*choose_board(part.frame, split, None)), console)
                console.print()
    console.print(
        Text.assemble(
            "records, results.parquet, tables/ and figures/ are in ",
            (str(out), "bold"),
            "; other probes: `leaderboard --probe NAME`; differences and ties: "
            "`leaderboard --gaps`",
        )
    )


def load_results(
    out: Path,
    only: RecordFilter,
    score: ScoreChoice | None = None,
    species: SpeciesColumn | None = None,
) -> Results:
    """Results of a finished run with its bootstrap scores; lines on records left out are printed.

    Args:
        out: folder of the run.
        only: tasks, encoders and seeds to read.
        score: score to show; None for the default of each split.
        species: scores of `species` to show as a column beside the run's tasks.
    """
    return open_finished(out, only, species).results(score=score)


def _draw(
    results: Results,
    folder: Path,
    kinds: Sequence[str] = DEFAULT,
    formats: Sequence[Format] = ("png",),
    earlier: str = "",
) -> tuple[Path, ...]:
    """Draw figures of results; `earlier` is a file of captions, which stay, of other figures."""
    from satclip_bench.benchmarks.report.figures import draw_split_maps, write_figures

    tables = available_tables(results.cards) if "maps" in kinds else {}
    drawn = write_figures(results, tables, folder, kinds, formats, earlier)
    if "splits" not in kinds:
        return drawn
    return (*drawn, *draw_split_maps(results.frame, folder / "splits", formats))


def list_paths(paths: tuple[Path, ...]) -> None:
    """Print paths, one a line."""
    console = Console()
    for path in paths:
        print_plain(path, console)
