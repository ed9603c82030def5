"""Warnings of the project as lines for a user, without the line of code that raised them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PACKAGE = "satclip_bench"


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings of the project as `warning: ...`; those of other packages as Python does."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category.__module__.partition(".")[0] == PACKAGE:
                sys.stderr.write(f"warning: {message}\n")
            else:
                shown(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
