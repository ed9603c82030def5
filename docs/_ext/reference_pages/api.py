"""Pages of the Python interface: directives that Sphinx fills from docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from reference_pages.markdown import code_block, prose, table


def api_page(name: str, thing: object, module: str = "satclip_bench") -> str:
    """Page of a public function or class.

    Args:
        name: name under which `module` has it.
        thing: the function or class itself.
        module: module that readers import it from.
    """
    parts = [f"# {name}"]
    if not inspect.isclass(thing):
        parts.append(_directive("autofunction", f"{module}.{name}"))
    elif issubclass(thing, BaseModel):
        parts += [_directive("autoclass", f"{module}.{name}"), "## Fields", field_table(thing)]
    else:
        parts.append(_directive("autoclass", f"{module}.{name}", ":members:"))
    return "\n\n".join(parts) + "\n"


def _directive(name: str, argument: str, *options: str) -> str:
    """A directive of Sphinx's autodoc in a page of MyST Markdown."""
    lines = [f".. {name}:: {argument}", *(f"   {option}" for option in options)]
    return code_block("\n".join(lines), "{eval-rst}")


def field_table(card: type[BaseModel]) -> str:
    """Fields of a class of cards: name, type, default and description."""
    rows = []
    for name, field in card.model_fields.items():
        if field.is_required():
            default = "required"
        elif field.default is PydanticUndefined:
            default = "`{}`"
        else:
            default = f"`{field.default!r}`"
        kind = _short(inspect.formatannotation(field.annotation))
        rows.append([f"`{name}`", f"`{kind}`", default, prose(field.description or "")])
    return table(["Field", "Type", "Default", "Description"], rows)


def _short(annotation: str) -> str:
    """An annotation without the modules of its names, and without the bars of a table.

    >>> _short("collections.abc.Mapping[str, str | int]")
    'Mapping[str, str or int]'
    """
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", annotation).replace(" | ", " or ")


def api_index(groups: Sequence[tuple[str, Sequence[str]]], module: str = "satclip_bench") -> str:
    """Page with all public names in groups, each with the first line of its docstring."""
    parts = [
        "# Python interface",
        "`import satclip_bench as sb` gives these names; everything else is internal.",
    ]
    for title, names in groups:
        listed = "\n".join(f"   ~{module}.{name}" for name in names)
        parts += [
            f"## {title}",
            code_block(f".. autosummary::\n   :nosignatures:\n\n{listed}", "{eval-rst}"),
        ]
    return "\n\n".join(parts) + "\n"
