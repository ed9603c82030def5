"""The papers' own tables, read from files that do not ship."""
