"""Programs beside the engine: a simulated partner, a made-up portfolio."""
