"""Runs: suites, plans, cells, the engine that evaluates them, and the store of their records."""
