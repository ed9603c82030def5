"""Errors of pyarrow for a damaged Parquet file, and what to say of them."""

from __future__ import annotations

DAMAGE = (OSError, ValueError, NotImplementedError)
"""What reading a Parquet file can raise if it is missing, damaged, or another file. A damaged file
can ask for an encoding that pyarrow does not know, which is a NotImplementedError."""

MAX_REASON = 200
"""Maximum number of characters of a reason."""


def reason(error: Exception) -> str:
    r"""First line of the message of an error, without a full stop; its type if it has none.

    >>> reason(ValueError("Invalid magic bytes.\nIs this a Parquet file?"))
    'Invalid magic bytes'
    >>> reason(OSError())
    'OSError'
    """
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")[:MAX_REASON]
