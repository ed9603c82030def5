"""Builds the open edition from pinned packages: `python -m satclip_bench.tasks.builder`."""
