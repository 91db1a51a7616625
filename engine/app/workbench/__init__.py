"""The analyst's workbench: specs as spreadsheets, and what a change of them does."""
