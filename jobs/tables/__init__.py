"""Verbs for tables: rows of generated columns, and what they are worth."""
