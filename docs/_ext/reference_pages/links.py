"""Code spans that name something with a reference page, turned into links to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode
from typing_extensions import override

REFERENCE = "docs/reference/"

_LINKED = ("tasks", "encoders", "splits", "probes", "api")


def names_of(docnames: Iterable[str]) -> dict[str, str]:
    """Reference pages by the name that a code span has; names of two things are left out.

    >>> names_of(["docs/reference/encoders/wrap", "docs/reference/encoders/index", "docs/tasks"])
    {'wrap': 'docs/reference/encoders/wrap'}
    >>> names_of(["docs/reference/encoders/random", "docs/reference/splits/random"])
    {}
    """
    pages = [
        page
        for page in docnames
        if page.startswith(REFERENCE)
        and page.removeprefix(REFERENCE).partition("/")[0] in _LINKED
        and not page.endswith("/index")
    ]
    # Names have dots, which `PurePosixPath.stem` would cut off.
    counts = Counter(PurePosixPath(page).name for page in pages)
    return {
        PurePosixPath(page).name: page for page in pages if counts[PurePosixPath(page).name] == 1
    }


class LinkNames(SphinxPostTransform):
    """Links code spans outside headings and links, but not to the page they are on."""

    default_priority = 400

    @override
    def run(self, **kwargs: Any) -> None:
        """Replace the code spans of one page."""
        page = self.env.current_document.docname
        names = names_of(self.env.found_docs)
        for span in list(self.document.findall(nodes.literal)):
            target = names.get(span.astext())
            if target in (None, page) or isinstance(span.parent, nodes.title | nodes.reference):
                continue
            link = make_refnode(self.app.builder, page, target, "", span.deepcopy())
            span.replace_self(link)
