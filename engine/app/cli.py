"""The command line: words in, exit codes out.

Results go to standard output, progress and problems to standard error. Exit codes:
0 done, 1 done but records were rejected, 2 wrong use or wrong spec, 3 stopped by a
brake, 4 partner or source unreachable.
"""

import typer

from engine.app.commands import (
    activations,
    onboarding,
    plans,
    privacy,
    rejects,
    runs,
    service,
    simulated,
    specs,
)

app = typer.Typer(
    help="Keep ERPs and partner systems in step, driven by mapping tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (
    specs,
    plans,
    runs,
    rejects,
    onboarding,
    simulated,
    activations,
    service,
    privacy,
):
    app.add_typer(module.commands)


def main() -> None:
    """Run the command line."""
    app()
