"""Rows proposed for partner fields that have none."""
