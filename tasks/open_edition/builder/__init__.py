"""Builds the shipped tables from pinned distributions: `python -m tasks.open_edition.builder`."""
