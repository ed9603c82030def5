"""Months and years of the points of a file, for the command `embed`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from satclip_bench.core.dates import Times
from satclip_bench.core.errors import BenchError
from satclip_bench.core.point_files import PointBatch
from satclip_bench.core.points import shown_names
from satclip_bench.encoders import EncoderCard
from satclip_bench.tasks.dates import ADVICE, read_dates


class DateColumn:
    """The column of a file of points that gives an encoder the date of each point.

    Args:
        name: name of the column.
        card: card of the encoder, which names the units that it takes.
        path: file of points, for messages.

    Raises:
        BenchError: the encoder takes no date.
    """

    def __init__(self, name: str, card: EncoderCard, path: Path) -> None:
        if not card.time:
            raise BenchError(f"the encoder {card.name!r} takes no date: leave out --date")
        self._name, self._card, self._path = name, card, path
        self._form: frozenset[str] = frozenset()

    def times(self, batch: PointBatch, first_row: int) -> Times:
        """Months and years of the points of a batch, as far as the encoder takes them, `(n,)` each.

        Args:
            batch: consecutive rows of the file.
            first_row: row number of the first of them, for messages.

        Raises:
            BenchError: there is no such column, a row has no date or an invalid one, the column
                does not give what the encoder takes, or batches have dates of different forms.
        """
        import pandas as pd

        names = batch.columns.column_names
        if self._name not in names:
            shown = shown_names(names, self._name, limit=10)
            raise BenchError(f"{self._path} has no column {self._name!r}; it has {shown}")
        column = batch.columns.column(self._name).to_pandas()
        column = column.rename(self._name).set_axis(range(first_row, first_row + len(column)))
        if _is_text(batch.columns.schema.field(self._name).type):
            # Columns of text files are text: years and months, too.
            numbers = pd.to_numeric(column, errors="coerce")
            column = column if numbers.isna().any() else numbers
        times = read_dates(column, str(self._path)).times
        if missing := [unit for unit in self._card.time if unit not in times]:
            raise BenchError(
                f"{self._path}: the column {self._name!r} gives no {' and no '.join(missing)}, "
                f"which the encoder {self._card.name!r} takes. {ADVICE}"
            )
        form = frozenset(times)
        if self._form and form != self._form:
            raise BenchError(
                f"{self._path}: the column {self._name!r} changes its form at row {first_row}, "
                f"from {_listed(self._form)} to {_listed(form)}: give all rows the same"
            )
        self._form = form
        return {unit: times[unit] for unit in self._card.time}


def _is_text(form: pa.DataType) -> bool:
    if pa.types.is_dictionary(form):
        form = form.value_type
    return bool(pa.types.is_string(form) or pa.types.is_large_string(form))


def _listed(units: frozenset[str]) -> str:
    return " and ".join(f"{unit}s" for unit in sorted(units))
