"""Events <-> files: one schema, one format a file."""
