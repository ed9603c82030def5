"""Configuration of the documentation site; `make docs` builds it.

The source folder is the repository's root, so that links between pages, such as ../README.md, are
the same on the site as in the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

_DOCS = Path(__file__).parent
sys.path.insert(0, str(_DOCS / "_ext"))

import satclip_bench  # noqa: E402

project = "satclip-bench"
author = "The satclip-bench maintainers"
copyright = f"2026, {author}"  # noqa: A001
version = release = satclip_bench.__version__

extensions = [
    "myst_nb",
    "reference_pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_external_toc",
]

# What a page is; everything else in the repository is left alone.
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**.md",
    "docs/notebooks/*.ipynb",
    "examples/README.md",
    "examples/*/README.md",
    "results/README.md",
    "results/*/tables/*.md",
]
exclude_patterns = [
    *(".*", "**/.*", "**/__pycache__"),
    *("satclip_bench", "benchmarks", "core", "encoders", "tasks", "tests"),
    *("docs/_*", "results/runs", "results/pretrained", "build", "*.egg-info"),
]
external_toc_path = "docs/_toc.yml"
external_toc_exclude_missing = False

# Anchors of headings as on GitHub; links to files that are not pages become downloads.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath", "html_image"]

nb_execution_mode = "auto"  # runs notebooks without outputs, and the committed ones have none
nb_execution_raise_on_error = True
nb_execution_timeout = 600

# Docstrings are in Google's style, with names in single backticks.
default_role = "code"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 70
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# References to other packages would need their inventories from the network.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "satclip-bench"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_site_root"]
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_nav_level": 1,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}

# `make docs-links` asks every address on the pages; it needs the network, `make docs` does not.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False
