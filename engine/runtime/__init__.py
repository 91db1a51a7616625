"""Everything impure: the source, the state, delivery over HTTP, a run."""
