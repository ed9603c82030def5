"""The paper editions: the tables that papers used, read from files that do not ship."""
