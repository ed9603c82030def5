"""Names of functions and classes in the pickles of a checkpoint, found without loading them."""

from __future__ import annotations

import io
import pickletools
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

from satclip_bench.core.npz import DAMAGE

MAX_PICKLE = 2**27
"""Bytes of a pickle that are searched for names."""

PICKLES_OF_OLD_FILE = 5
"""Number of pickles at the beginning of a checkpoint that is not a zip file: a magic number, the
protocol, facts of the system, the content, and the keys of its tensors, whose values follow
(`torch.serialization._legacy_save`)."""

_PLAIN = ("torch.", "collections.OrderedDict", "argparse.Namespace", "pathlib.Po", "pathlib.PureP")
"""Beginnings of the names that checkpoints of tensors contain."""


class PickledNames(NamedTuple):
    """Result of a search for names.

    Attributes:
        names: names of functions and classes that are not of tensors, sorted; those before any
            damage.
        complete: whether all pickles were read that PyTorch would load.
    """

    names: list[str]
    complete: bool


def pickled_names(path: Path) -> PickledNames:
    """Search the pickles of a file for names of functions and classes.

    Args:
        path: PyTorch checkpoint or pickle file.
    """
    names: set[str] = set()
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            # A damaged text can look like a Python literal with an invalid escape sequence.
            warnings.simplefilter("ignore")
            # PyTorch tells the formats apart by these bytes, also if a zip file begins further on.
            zipped = stream.read(4) == b"PK\x03\x04"
            stream.seek(0)
            pickles = _of_zip(path) if zipped else [stream.read(MAX_PICKLE)]
            complete = bool(pickles)
            for pickled in pickles:
                whole = _search(pickled, names)
                complete &= whole >= (1 if zipped else PICKLES_OF_OLD_FILE)
    except DAMAGE:
        complete = False
    return PickledNames(sorted(n for n in names if not n.startswith(_PLAIN)), complete)


def _of_zip(path: Path) -> list[bytes]:
    """The pickles of a zip file; raises ValueError if one is too large to be searched."""
    with zipfile.ZipFile(path) as archive:
        # PyTorch finds this member without regard to case.
        members = [m for m in archive.infolist() if m.filename.lower().endswith("data.pkl")]
        if any(member.file_size > MAX_PICKLE for member in members):
            raise ValueError("a pickle is too large")
        return [archive.read(member) for member in members]


def _search(pickled: bytes, names: set[str]) -> int:
    """Add the names in one or more consecutive pickles to a set, up to any damage.

    Returns:
        Number of pickles that were read to their ends.
    """
    stream = io.BytesIO(pickled)
    whole = 0
    try:
        while stream.tell() < len(pickled):
            texts: list[str] = []
            memo: dict[int, str] = {}
            latest = ""
            for opcode, argument, _ in pickletools.genops(stream):
                match opcode.name:
                    case "GLOBAL" | "INST":
                        names.add(str(argument).replace(" ", "."))
                    case "STACK_GLOBAL":
                        names.add(".".join(texts[-2:]))
                    case "MEMOIZE":
                        memo[len(memo)] = latest
                    case "BINGET" | "LONG_BINGET":
                        texts.append(memo.get(argument or 0, ""))
                latest = argument if isinstance(argument, str) else ""
                if latest:
                    texts.append(latest)
            whole += 1
    except DAMAGE:
        # After the pickles, an old checkpoint has the values of its tensors.
        return whole
    return whole
