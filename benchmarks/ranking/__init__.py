"""Ranks, ratings and tests, computed from a tidy frame of results."""
