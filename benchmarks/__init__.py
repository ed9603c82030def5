"""The engine: what is run, how it is scored, how results are kept and shown."""
