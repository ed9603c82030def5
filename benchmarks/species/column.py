"""Scores of `species` as a column of the board of another run: random splits, linear probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.runs.reading import Reading
from satclip_bench.benchmarks.runs.replicates import load_replicates
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks.inaturalist import CARD

if TYPE_CHECKING:
    import pandas as pd

    from satclip_bench.benchmarks.species.evaluation import Split, Way

SPLIT: Split = "competition"
"""Split whose scores become the column: as under random splits, photographs for training and for
testing come from the same places."""

BOARD = ("random", "linear")
"""Split and probe of the board that has the column. Without a hidden layer, softmax regression is a
linear probe."""


@dataclass(frozen=True)
class SpeciesColumn:
    """Scores of one way, in a folder that the command `species` wrote.

    Attributes:
        store: store of the folder.
        reading: records of its plan.
        way: how species are ranked; takes the place of the probe.
    """

    store: Store
    reading: Reading
    way: Way

    def frame(self) -> pd.DataFrame:
        """Rows of the tidy table, as rows of the board `BOARD`, with a caveat that says so.

        Raises:
            BenchError: the folder has no scores of this way under the competition's split.
        """
        frame = self.store.frame(self.reading)
        here = frame["task"].eq(CARD.name) & frame["split"].eq(SPLIT) & frame["probe"].eq(self.way)
        if not here.any():
            ways = sorted(set(frame.loc[frame["split"] == SPLIT, "probe"]) - {"none"})
            raise BenchError(
                f"{self.store.folder} has no scores of the way {self.way!r} under the split "
                f"{SPLIT!r}; ways that it has: {', '.join(ways) or 'none'}. `species` makes them"
            )
        caveat = f"the {SPLIT}'s own split, and the way {self.way!r} of `species` as the probe"
        split, probe = BOARD
        return frame[here].assign(split=split, probe=probe, caveat=caveat)

    def replicates(
        self, split: str | None, probe: str | None, unreadable: Callable[[str], None]
    ) -> RunReplicates | None:
        """Bootstrap scores with the labels of `frame`; None if there are none.

        Args:
            split: split of the board to read; all by default.
            probe: probe of the board to read; all by default.
            unreadable: called with a message about every cell whose predictions are missing or
                damaged.
        """
        if split not in (None, BOARD[0]) or probe not in (None, BOARD[1]):
            return None
        read = load_replicates(self.store, SPLIT, self.way, unreadable, self.reading)
        return None if read is None else _on_board(read, self.way)


def species_column(folder: Path, way: Way) -> SpeciesColumn:
    """The column of a folder that the command `species` wrote.

    Args:
        folder: folder of the results of `species`.
        way: how species are ranked.
    """
    store = Store(folder)
    return SpeciesColumn(store, store.read(), way)


def _on_board(read: RunReplicates, way: Way) -> RunReplicates:
    import pandas as pd

    if read.score.index is None:
        raise ValueError("the bootstrap scores of a run have labels")
    labels = read.score.index.to_frame(index=False)
    here = (labels["task"].eq(CARD.name) & labels["probe"].eq(way)).to_numpy()
    index = pd.MultiIndex.from_frame(labels[here].assign(split=BOARD[0], probe=BOARD[1]))
    parts = (read.score, read.loss, read.reference)
    return RunReplicates(*(Replicates(part.scores[here], index) for part in parts))
