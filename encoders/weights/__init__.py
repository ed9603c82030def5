"""Weights files: where they are kept, and how they are read."""
