"""Errors that a user can act on."""

from __future__ import annotations

from collections.abc import Sequence


class BenchError(Exception):
    """An error the user can fix: bad input, a missing file, a name that does not exist.

    The command line prints its message without a traceback and exits with 2.
    A message says what happened, where, and what to do.
    """


ASK_PERMISSION = "Change its permissions or those of its folder, or choose another one"
"""What a user can do about a file or folder that the system does not let them use."""

FAILURES: tuple[type[BaseException], ...] = (Exception, SystemExit, GeneratorExit)
"""What a user's code can raise that is a failure of it alone; an interrupt is not among them."""


class UnfinishedError(BenchError):
    """An error that ended a command midway; what was finished before is kept.

    The command line exits with 1.
    """


class UnknownNameError(BenchError, LookupError):
    """A name or pattern that matches no registered entry."""


class IntegrityError(BenchError):
    """A file whose content is not the expected one."""


class UnwritableError(BenchError):
    """A file or folder that cannot be written."""


class CoordinateError(BenchError, ValueError):
    """Longitudes or latitudes that are not points on the sphere."""


class EncoderError(BenchError):
    """An encoder that raised, or returned something that is not an embedding."""


class RowsError(EncoderError):
    """An error of an encoder about some points, named by their rows.

    An encoder that was given a batch knows the rows in that batch only: the caller raises the
    error again with `renumbered`.

    Args:
        pieces: text before each row, and after the last one.
        rows: rows to be named, one less than there are pieces.

    Examples:
        >>> error = RowsError(["not finite in row ", ""], [2])
        >>> print(error, "/", error.renumbered([70, 80, 90]))
        not finite in row 2 / not finite in row 90
    """

    def __init__(self, pieces: Sequence[str], rows: Sequence[int]) -> None:
        self.pieces, self.rows = tuple(pieces), tuple(map(int, rows))
        named = [f"{text}{row}" for text, row in zip(self.pieces, self.rows, strict=False)]
        super().__init__("".join([*named, self.pieces[-1]]))

    def __reduce__(self) -> tuple[type[RowsError], tuple[tuple[str, ...], tuple[int, ...]]]:
        # By default, an exception that comes from another process is made from its message.
        return type(self), (self.pieces, self.rows)

    def renumbered(self, numbers: Sequence[int]) -> RowsError:
        """The same error with other numbers of rows.

        Args:
            numbers: number in the whole input of each row of the batch.
        """
        if max(self.rows, default=0) >= len(numbers):
            # They are rows of other points, on which the encoder called another one.
            return self
        return RowsError(self.pieces, [numbers[row] for row in self.rows])


class TaskError(BenchError):
    """A task whose table does not match its card."""


class RecordError(BenchError):
    """A file of records that is damaged or has another layout."""
