"""How records are made and kept: suites, plans, cells, executors and the store."""
