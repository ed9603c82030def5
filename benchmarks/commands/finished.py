"""Results of a folder as reports show them: of its run or committed table, and of submissions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.metrics.replicates import RunReplicates
from satclip_bench.benchmarks.ranking.known_intervals import KnownIntervals
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice
from satclip_bench.benchmarks.report.known_intervals import FILE as SCORES
from satclip_bench.benchmarks.report.known_intervals import read_intervals
from satclip_bench.benchmarks.report.results import BoardName, Results
from satclip_bench.benchmarks.runs.columns import MEASURED
from satclip_bench.benchmarks.runs.committed import read_table, select_rows
from satclip_bench.benchmarks.runs.committed_bootstrap import read_bootstrap
from satclip_bench.benchmarks.runs.reading import ALL, Reading, RecordFilter
from satclip_bench.benchmarks.runs.replicates import load_replicates, replicate_sources
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.species.column import BOARD, SpeciesColumn
from satclip_bench.benchmarks.submissions.board import FOLDER as ENTRIES
from satclip_bench.benchmarks.submissions.board import (
    frame_of,
    joined,
    outdated,
    replicates_of,
    submissions,
)
from satclip_bench.benchmarks.submissions.entry import Entry
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_folder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finished:
    """Results of a folder; entries that were merged into it stand beside those of its run.

    Attributes:
        store: store of the folder.
        reading: records of its plan; without any, its committed `results.parquet` is shown.
        own: tidy table of its run.
        entries: merged entries of the same cells.
        notices: lines about entries and scores of species that are not shown.
        species: scores of `species` that become a column of the run's board, if any.
    """

    store: Store
    reading: Reading
    own: pd.DataFrame
    entries: tuple[Entry, ...]
    notices: tuple[str, ...]
    species: SpeciesColumn | None = None

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Tidy table of all of them that the store's filter selects, with the column `source`.

        Raises:
            BenchError: the filter selects nothing.
        """
        import pandas as pd

        frame = self.own
        if self.entries:
            measured = frame.assign(source=MEASURED)
            frame = pd.concat([measured, frame_of(self.entries)], ignore_index=True)
        if self.species:
            column = self.species.frame()
            column = column[column["encoder"].isin(set(frame["encoder"]))]
            if "source" in frame:
                column = column.assign(source=MEASURED)
            frame = pd.concat([frame, column], ignore_index=True)
        return select_rows(frame, self.store.only)

    def replicates(
        self, split: str | None = None, probe: str | None = None, *, keep: bool = False
    ) -> RunReplicates | None:
        """Bootstrap scores; cells whose predictions cannot be read are named.

        Args:
            split: split to read; all by default.
            probe: probe to read, always with the baselines; all by default.
            keep: whether the scores are kept in the folder, whose lock the caller holds.
        """
        console = Console(stderr=True)
        unreadable: list[str] = []
        if not self.reading.records:
            own = read_bootstrap(self.store.folder, self.own)
        else:
            own = load_replicates(self.store, split, probe, unreadable.append, self.reading, keep)
        of_species = None
        if self.species:
            of_species = self.species.replicates(split, probe, unreadable.append)
        for message in unreadable:
            print_plain(f"no interval: {message}", console, "yellow")
        if own is None:
            return None
        return joined(joined(own, replicates_of(self.entries, split, probe)), of_species)

    def bootstrap_sources(self) -> tuple[str | None, ...]:
        """Hashes of what the bootstrap scores of the run and its entries are made from.

        None for a cell whose predictions are missing or damaged.
        """
        entries = sha256_folder(self.store.folder / ENTRIES, "*.parquet")
        return (*replicate_sources(self.store, self.reading), entries)

    @cached_property
    def intervals(self) -> KnownIntervals | None:
        """Intervals and ties of a committed table, whose predictions are not there.

        None if the store's filter leaves out seeds, because they are of the means over all.

        Raises:
            BenchError: the file that keeps them cannot be read.
        """
        if self.reading.records or self._leaves_out_seeds:
            return None
        return read_intervals(self._scores)

    @property
    def _scores(self) -> Path:
        return self.store.folder / "tables" / SCORES

    @cached_property
    def _leaves_out_seeds(self) -> bool:
        seeds = set(map(int, self.own["seed"].unique()))
        return self.store.only.chosen_seeds(seeds) < seeds

    def results(
        self,
        board: BoardName | None = None,
        *,
        contaminated: bool = True,
        score: ScoreChoice | None = None,
        keep: bool = False,
    ) -> Results:
        """Boards of these results, with intervals where bootstrap scores or their table have them.

        Args:
            board: split and probe whose bootstrap scores are read; all by default.
            contaminated: as in `Results.from_frame`.
            score: score to show; None for the default of each split.
            keep: as in `replicates`.
        """
        replicates = self.replicates(*(board or (None, None)), keep=keep)
        committed = not self.reading.records and replicates is None
        if committed and self._leaves_out_seeds and self._scores.is_file():
            print_plain(
                f"no intervals: those of {self._scores} are of all seeds, and --seeds chooses some",
                Console(stderr=True),
                "yellow",
            )
        return Results.from_frame(
            self.frame,
            replicates,
            contaminated=contaminated,
            score=score,
            intervals=self.intervals,
        )

    def print_notices(self) -> None:
        """Print which records and entries are left out."""
        console = Console(stderr=True)
        print_notices(self.reading, console)
        for notice in self.notices:
            print_plain(notice, console, "yellow")


def read_finished(
    folder: Path,
    only: RecordFilter = ALL,
    species: SpeciesColumn | None = None,
) -> Finished:
    """Read the results of a folder.

    Args:
        folder: folder of a run, or of committed results.
        only: tasks, encoders and seeds to show.
        species: scores of `species` to show as a column beside the run's tasks.

    Raises:
        BenchError: the folder, or that of `species`, has nothing to show; the message says why.
    """
    from satclip_bench.benchmarks.runs.tidy import tidy_frame

    store = Store(folder, only)
    reading = store.read()
    if reading.records:
        own = tidy_frame(reading.records)
    elif store.table_path.is_file() and reading.finds_no_records:
        own = read_table(store.table_path)
    else:
        # Raises, and says why there is nothing to show.
        own = store.frame(reading)
    return beside_entries(store, reading, own, species)


def open_finished(
    folder: Path, only: RecordFilter = ALL, species: SpeciesColumn | None = None
) -> Finished:
    """Read the results of a folder with its user tables, and print lines on what is left out.

    Arguments and errors are those of `read_finished`.
    """
    adopt(folder)
    finished = read_finished(folder, only, species)
    finished.print_notices()
    return finished


def beside_entries(
    store: Store, reading: Reading, own: pd.DataFrame, species: SpeciesColumn | None = None
) -> Finished:
    """Results of a folder whose records are read already.

    Args:
        store: store of the folder.
        reading: records of its plan.
        own: tidy table of its run.
        species: scores of `species` to show as a column beside the run's tasks.

    Raises:
        BenchError: an entry is damaged, or the run has no board for the scores of species.
    """
    entries, notices = [], []
    for entry in submissions(store.folder):
        if reason := outdated(entry, own):
            notices.append(f"the entry {entry.name} is not shown: {reason}")
        else:
            entries.append(entry)
    if species:
        notices += _left_out(species, own)
    return Finished(store, reading, own, tuple(entries), tuple(notices), species)


def _left_out(species: SpeciesColumn, own: pd.DataFrame) -> list[str]:
    """Notices about a board that the run does not have, and encoders that are not in the run.

    Raises:
        BenchError: the run has no board for the column.
    """
    split, probe = BOARD
    if not (own["split"].eq(split) & own["probe"].eq(probe)).any():
        raise BenchError(
            f"the run has no board of split {split!r} and probe {probe!r}, on which the scores of "
            "species would be a column: leave out --species"
        )
    encoders = dict.fromkeys(map(str, species.frame()["encoder"]))
    others = [name for name in encoders if name not in set(own["encoder"])]
    if not others:
        return []
    return [
        f"scores of {', '.join(others)} in {species.store.folder} are not shown: the run does not "
        "have these encoders"
    ]
