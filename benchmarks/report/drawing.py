"""Drawing: a figure before it is written to files, with its caption."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from satclip_bench.benchmarks.report.style import figure, save
from satclip_bench.core.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["png", "pdf", "svg"]

CAPTIONS = "captions.md"
"""File with the captions of all figures of a folder."""


@dataclass(frozen=True)
class Drawing:
    """A figure before it is written.

    Attributes:
        name: path in the folder of figures, without an ending.
        width, height: size in inches.
        draw: function that draws it on an empty figure of this size.
        caption: what a reader needs to know; plain text.
    """

    name: str
    width: float
    height: float
    draw: Callable[[Figure], None]
    caption: str

    def write(self, folder: Path, formats: Sequence[Format] = ("png",)) -> tuple[Path, ...]:
        """Write the figure in every format.

        Args:
            folder: folder of figures.
            formats: formats of the files.

        Returns:
            Paths of the files, in the order of the formats.

        Raises:
            BenchError: a file cannot be written.
        """
        with figure(self.width, self.height) as fig:
            self.draw(fig)
            return tuple(save(fig, folder / f"{self.name}.{kind}") for kind in formats)


def write_captions(captions: Mapping[str, str], folder: Path, earlier: str = "") -> Path:
    """Write the captions of figures as Markdown, one section for each, sorted by name.

    Args:
        captions: captions by the figures' names.
        folder: folder of the figures.
        earlier: content of an earlier file; captions of figures that are not drawn again stay.

    Returns:
        Path of the file.
    """
    merged = {**read_captions(earlier), **captions}
    sections = (f"## {name}\n\n{' '.join(merged[name].split())}\n" for name in sorted(merged))
    path = folder / CAPTIONS
    with atomic_write(path) as stream:
        stream.write("\n".join(["# Captions of the figures\n", *sections]).encode())
    return path


def read_captions(text: str) -> dict[str, str]:
    r"""Captions by the figures' names, from the text that `write_captions` wrote.

    >>> read_captions("# Captions\n\n## gap.linear\n\nMean ranks.\n")
    {'gap.linear': 'Mean ranks.'}
    """
    return dict(re.findall(r"^## (.+)\n\n(.*)\n", text, re.MULTILINE))


def sentences(parts: Iterable[str]) -> str:
    """Sentences joined to one paragraph; empty ones are left out.

    >>> sentences(["Ranks.", "", "Over 8 tasks."])
    'Ranks. Over 8 tasks.'
    """
    return " ".join(filter(None, parts))
