"""A task in one of its editions, which loads its table."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.base import Edition, EditionCard, TaskCard, TaskTable
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION, read_table


class Task:
    """A task in one edition. The table is read when `load` is first called.

    Args:
        card: the task's card.
        edition: which edition `load` reads.
        data_dir: folder with the files of tables that do not ship; by default `data` in the cache.

    Raises:
        TaskError: the task has no such edition.
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
        """The card of this edition."""
        return self.card.editions[self.edition]

    def load(self) -> TaskTable:
        """The table, verified against the card.

        Raises:
            TaskError: this edition does not ship and has not been placed.
            IntegrityError: the file's content is not the card's.
        """
        return self._table

    @cached_property
    def _table(self) -> TaskTable:
        if not self.edition_card.variants:
            path = OPEN_EDITION / self.edition_card.file
            return read_table(path, self.card, self.edition)
        from satclip_bench.tasks.paper_edition.loading import data_folder, load_paper

        return load_paper(self.card, data_folder(self.data_dir))
