"""Scores a detector on annotated pictures."""
