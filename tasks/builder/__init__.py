"""Builds the shipped tables from pinned distributions: `python -m satclip_bench.tasks.builder`."""
