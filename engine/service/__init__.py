"""Unattended runs: registered activations, when they are due, and who runs them."""
