"""Tables between files and sheets: identity, rows, and how versions of them merge."""
