"""A spec tried on one record, again at every change."""
