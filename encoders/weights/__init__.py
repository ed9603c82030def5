"""Weights files: where they are, how they are read."""
