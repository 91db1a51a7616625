"""Feldwerk's engine: mapping tables in, checked and compiled transformers out."""
