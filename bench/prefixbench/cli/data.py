"""``prefixbench data``: data of one's own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefixbench.cli.app import app

data_app = typer.Typer(no_args_is_help=True, help="Make a set to measure on from documents alone.")
app.add_typer(data_app, name="data")


@data_app.command("make")
def make_command(
    folder: Annotated[Path, typer.Argument(help="Where it is put; must not exist yet.")],
    *,
    documents: Annotated[str, typer.Option("--from", metavar="PATH", help="Documents: a file, a folder, hf://….")],
    way: Annotated[
        str | None, typer.Option("--by", help="title, heading or sentence; told from the documents if absent.")
    ] = None,
    queries: Annotated[int, typer.Option(help="Queries kept at most.", min=10)] = 1_000,
    seed: Annotated[int, typer.Option(help="Seeds which are kept.", min=0)] = 42,
) -> None:
    """Make documents ask about themselves: title for body, heading for section, first sentence for rest."""
    from prefixbench.data.make import describe_made, make_data

    made = make_data(folder, documents, way, queries, seed)
    sys.stdout.write(
        f"{describe_made(made)}\nnext: prefixbench sweep --models MODEL --data {shlex.quote(str(folder))}\n"
    )
