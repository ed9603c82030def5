"""A task in one of its editions, with a method that loads its table."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.base import Edition, EditionCard, TaskCard, TaskTable
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION, read_table
from satclip_bench.tasks.paper_edition.loading import data_folder, load_paper


class Task:
    """A task in one edition. The table is read on the first call of `load`.

    Args:
        card: card of the task.
        edition: edition that `load` reads.
        data_dir: folder with the files of tables that do not ship; by default `data` in the cache.

    Raises:
        TaskError: the task does not have this edition.
    """

    def __init__(
        self, card: TaskCard, edition: Edition = "open", data_dir: Path | None = None
    ) -> None:
        if edition not in card.editions:
            raise TaskError(
                f"task {card.name!r} has no {edition} edition; it has: "
                f"{', '.join(card.editions) or 'none'}. {card.needs}".rstrip()
            )
        self.card = card
        self.edition: Edition = edition
        self.data_dir = data_dir

    @property
    def edition_card(self) -> EditionCard:
        """Card of this edition."""
        return self.card.editions[self.edition]

    def load(self) -> TaskTable:
        """Load the table and verify it against the card. Later calls return the same object.

        Raises:
            TaskError: this edition does not ship, and its files are not in the data folder.
            IntegrityError: the content of a file is not the one on the card.
        """
        return self._table

    @cached_property
    def _table(self) -> TaskTable:
        if not self.edition_card.variants:
            path = OPEN_EDITION / self.edition_card.file
            return read_table(path, self.card, self.edition)
        return load_paper(self.card, data_folder(self.data_dir))
