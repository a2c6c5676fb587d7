"""Families of problems: what learning them brings, and which part of it."""
