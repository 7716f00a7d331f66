"""The application: where commands are registered and errors become exit codes."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from prefixbench.errors import PrefixbenchError, SpecError

EXIT_COMPLETE, EXIT_FAILED_CELLS, EXIT_USAGE, EXIT_GATE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="prefixbench",
    help="Does the task prefix matter for this model on this task, by how much, and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def register_commands() -> typer.Typer:
    """Import every module of this package; each adds its commands to ``app``."""
    import prefixbench.cli

    for module in pkgutil.iter_modules(prefixbench.cli.__path__):
        importlib.import_module(f"prefixbench.cli.{module.name}")
    return app


def main() -> None:
    """Run the command line; an error meant for the user is one sentence on stderr, never a traceback."""
    try:
        register_commands()()
    except SpecError as error:
        for fault in error.faults:
            sys.stderr.write(f"error: {fault}\n")
        sys.exit(EXIT_USAGE)
    except PrefixbenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
