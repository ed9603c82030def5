"""Names of custom encoders: which can be chosen on the command line, and which are taken."""

from __future__ import annotations

from satclip_bench.core.registry import is_wildcard


def name_problem(name: str) -> str:
    """Reason why an encoder cannot have a name; empty if it can.

    Args:
        name: name on an encoder's card, or of an entry point.

    >>> name_problem("mine"), name_problem("mine,2")
    ('', 'it contains a comma, which separates names')
    """
    if not name.strip():
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with a space"
    if not name.isprintable():
        return "it contains characters that cannot be printed"
    if name.startswith("-"):
        return "it begins with a dash, like an option"
    if is_wildcard(name):
        return "it contains a wildcard: *, ? or ["
    if "," in name:
        return "it contains a comma, which separates names"
    if "+" in name:
        return "it contains a plus sign, which joins encoders"
    if "/" in name or "\\" in name:
        return "it contains a slash, which separates folders"
    if name in (".", ".."):
        return "it is the name of a folder"
    return ""
