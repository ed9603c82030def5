"""Opens `.npz` files of embeddings without loading pickled objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.npz import DAMAGE
from satclip_bench.encoders.weights.files import first_line
from satclip_bench.encoders.weights.formats import require_format


@contextmanager
def open_npz(path: Path, hint: str = "") -> Iterator[NpzFile]:
    """The archive of an `.npz` file, to be read within the `with` statement.

    Args:
        path: the file.
        hint: what the message on damage or pickled objects adds, such as who writes such files.

    Raises:
        EncoderError: the file has another format, is damaged, or contains pickled objects, also if
            that shows only when an array is read.
    """
    require_format(path, "an .npz file")
    try:
        # np.load does not close a file that it opened itself if the file is damaged.
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise EncoderError(f"{path} is not an .npz file, but a single array")
            yield archive
    except DAMAGE as error:
        raise EncoderError(
            f"{path} is damaged, or contains pickled objects, which are refused because loading "
            f"them could execute code{hint}: {first_line(error)}"
        ) from error
