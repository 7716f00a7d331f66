"""The application: where commands are registered and errors become exit codes."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from prefixbench.errors import PrefixbenchError, SpecError
from prefixbench.files import is_address
from prefixbench.plain import clean_text, strip_credentials

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter  # Typer's own copy of click; nothing public names its types

EXIT_COMPLETE, EXIT_FAILED_CELLS, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
EXIT_READER_GONE = 141

GROUPS = {
    "Before a sweep": ("list", "prefixes", "data", "plan", "doctor"),
    "Run it": ("sweep", "merge", "search-prefix"),
    "Read it": ("report", "compare", "audit"),
    "Decide": ("gate", "choose", "reindex", "recipe", "claims"),
    "Hand it on": ("export", "publish"),
    "Look after": ("cache", "twins"),
}
"""Commands in the order one meets them; one that stands nowhere here is listed last."""


def parse_cache(named: str) -> Path:
    """The cache folder that ``--cache`` names; for an address, the one that this machine keeps for it.

    Raises:
        CacheError: The address cannot be reached.
    """
    if not is_address(named):
        return Path(named)
    from prefixbench.vectors.mirror import open_cache

    return open_cache(named)


CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Cache folder, or an address to share vectors at.",
        envvar="PREFIXBENCH_CACHE",
        show_default=False,
        metavar="<path|url>",
        parser=parse_cache,
    ),
]


class Commands(TyperGroup):
    """Every command, in the order one works; none of them ends the program on its own."""

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        known = [name for names in GROUPS.values() for name in names]
        return sorted(self.commands, key=lambda name: known.index(name) if name in known else len(known))

    @override
    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        grouped = {name for names in GROUPS.values() for name in names}
        more = tuple(name for name in self.commands if name not in grouped)
        width = max(len(name) for name in self.commands)
        for heading, names in (*GROUPS.items(), ("More", more)):
            rows = [
                (name.ljust(width), self.commands[name].get_short_help_str(200))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

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
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes cut what does not fit; plain help wraps it
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"prefixbench {version('prefixbench')}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Does the task prefix matter for this model on this task, by how much, and how sure are we?"""


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
        _run_commands()
    except BrokenPipeError:
        _leave_reader()
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


def _run_commands() -> None:
    try:
        register_commands()()
    finally:
        sys.stdout.flush()  # a reader that went away is found here, not while the interpreter ends


def _leave_reader() -> None:
    """End as any program whose reader has seen enough (``| head``): silent."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(EXIT_READER_GONE)


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
