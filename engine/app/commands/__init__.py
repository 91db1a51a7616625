"""The commands, by what they are about: each module has a Typer of its own."""
