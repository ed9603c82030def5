"""Tables for papers: layouts as YAML files, and their tables in four formats."""
