"""The application: where commands are registered and errors become exit codes."""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from prefixbench.errors import PrefixbenchError, SpecError
from prefixbench.plain import clean_text, strip_credentials

EXIT_COMPLETE, EXIT_FAILED_CELLS, EXIT_USAGE, EXIT_GATE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130


class Commands(TyperGroup):
    """Every command; none of them ends the program on its own."""

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            PrefixbenchError: Code of a task or a model called for the program's end, whose number would be taken for
                an exit code of ours.
        """
        try:
            return super().invoke(ctx)
        except SystemExit as ended:
            raise PrefixbenchError(
                f"code of a task or a model ended the program (SystemExit {ended.code}); nothing was judged."
            ) from ended


app = typer.Typer(
    name="prefixbench",
    cls=Commands,
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal shows ? for what it has no sign for
    try:
        register_commands()()
    except SpecError as error:
        _refuse(*error.faults)
    except PrefixbenchError as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("the machine ran out of memory.")
    except OSError as error:
        _refuse(describe_os_error(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _refuse(*sentences: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it
        for sentence in sentences:
            sys.stderr.write(f"error: {clean_text(strip_credentials(sentence))}\n")
    sys.exit(EXIT_USAGE)


def describe_os_error(error: OSError) -> str:
    """Return one sentence on what the system refused: a read-only or full disk, a folder where a file is meant."""
    path = error.filename2 or error.filename
    reason = error.strerror or str(error) or type(error).__name__
    return f"{path}: {reason}." if path else f"the system refused what was asked of it: {reason}."
