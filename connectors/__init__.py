"""Feldwerk's connectors: how a partner is reached. They never know a field."""
