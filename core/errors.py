"""Errors that a user can act on."""

from __future__ import annotations


class BenchError(Exception):
    """Something the user can mend: bad input, a missing file, a name that does not exist.

    The command line prints its message without a traceback and exits with 2.
    A message says what happened, where, and what to do.
    """


class UnknownNameError(BenchError, LookupError):
    """A name or pattern that no registered entry answers to."""


class IntegrityError(BenchError):
    """A file whose content is not the content that was asked for."""


class CoordinateError(BenchError, ValueError):
    """Longitudes or latitudes that are not points on the sphere."""


class EncoderError(BenchError):
    """An encoder that raised, or returned something that is not an embedding."""


class TaskError(BenchError):
    """A task whose table is not what its card says."""


class RecordError(BenchError):
    """A record on disk that cannot be read as one."""
