"""Sphinx extension that writes the reference pages before a build.

Tasks, encoders, splits, probes and suites come from their cards, commands from the parser of the
command line, and the Python interface from docstrings, so that none of it is written twice. Code
spans on other pages that name one of these things become links to its page.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reference_pages.links import LinkNames
from reference_pages.pages import SHIPPED, all_pages, write_pages
from reference_pages.pictures import draw_pictures

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

FOLDER = Path(__file__).parents[2] / "reference"
"""Folder of the written pages, which git ignores."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    # Before sphinx_external_toc, which looks for the pages that _toc.yml names.
    app.connect("config-inited", _write, priority=100)
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Sphinx, config: Config) -> None:
    write_pages(FOLDER, all_pages())
    draw_pictures(FOLDER / "tasks", SHIPPED)
