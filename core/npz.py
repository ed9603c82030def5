"""Errors for a damaged `.npz` file or another zip file of arrays, which share no base class."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError),
    # NumPy parses the header of an array as a Python literal.
    *(SyntaxError, tokenize.TokenError),
    # An array that claims more values than its file has.
    MemoryError,
)
"""What `np.load` and reading an array can raise for a file that is damaged, or is another one."""
