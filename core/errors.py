"""Errors that a user can act on."""

from __future__ import annotations


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


class TaskError(BenchError):
    """A task whose table does not match its card."""


class RecordError(BenchError):
    """A file of records that is damaged or has another layout."""
