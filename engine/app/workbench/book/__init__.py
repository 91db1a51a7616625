"""Specs as a workbook that people like to work in, and the marks of a check."""
