"""Remote files: their cards, how they are fetched, verified and unpacked."""
