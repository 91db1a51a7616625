"""Sheets of any kind read, checked, compared and taken into the files."""
